#include "gateway/control/call_recorder.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/trace_store.h"
#include "gateway/process/log.h"
#include "gateway/sip/sip_trace.h"
#include "policy/text_code.h"

enum { CALL_IDS = 8, DIGEST_OCTETS = 32 };

_Static_assert(TRACE_PARTY_PEER == (int)SIP_PARTY_PEER &&
                   TRACE_PARTY_LOCAL == (int)SIP_PARTY_LOCAL &&
                   TRACE_PARTY_TIMEOUT == (int)SIP_PARTY_TIMEOUT &&
                   TRACE_PARTY_NETWORK == (int)SIP_PARTY_TRANSPORT,
               "traces hold the numbers of the signalling's parties");

/* The messages of one Call-ID. */
struct followed {
    struct call_recorder *recorder;
    struct sip_trace sip;
    uint8_t leg; /* of a bridged call: TRACE_CALLER or TRACE_CALLED */
};

struct call_recorder {
    struct control *control;
    struct call_recorder *next; /* of those that wait to be sealed */
    struct fax_id fax;
    uint16_t attempt;
    bool outbound, may_cut;
    uint64_t begun_ms;
    uint64_t begun_wall_ms;
    struct followed followed[CALL_IDS];
    unsigned follows;
    struct vault_sealer *sealer;
    struct call_trace own;
    struct call_trace line; /* empty: it never came */
    uv_timer_t timer;
    char principal[POLICY_NAME_TEXT];
    struct trace_head head;
    /* outcome of sealing */
    int status;
    struct trace_place place;
    size_t octets;
    uint8_t digest[DIGEST_OCTETS];
};

/* Several traces are sealed in one go, and only one go is under way: so nobody else appends. */
struct batch {
    uv_work_t work;
    struct control *control;
    const char *vault;
    struct call_recorder *recorders[CALL_RECORDER_BATCH];
    size_t count;
};

static uint64_t steady_ms(void)
{
    return uv_hrtime() / 1000000u;
}

struct call_recorder *call_recorder_new(struct control *control, bool outbound)
{
    struct call_recorder *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->control = control;
    r->outbound = outbound;
    r->begun_ms = steady_ms();
    r->begun_wall_ms = (uint64_t)control_now_ms();
    uv_timer_init(&control->loop, &r->timer);
    r->timer.data = r;
    return r;
}

uint64_t call_recorder_begun_ms(const struct call_recorder *r)
{
    return r ? r->begun_ms : steady_ms();
}

void call_recorder_key(struct call_recorder *r, const uint8_t *data_key, const struct fax_id *fax,
                       uint16_t attempt)
{
    if (!r || r->sealer)
        return;
    r->fax = *fax;
    r->attempt = attempt;
    int rc = vault_sealer_new(data_key, fax->octets, VAULT_STREAM_TRACE, attempt, &r->sealer);
    if (rc < 0)
        log_write(LOG_LEVEL_WARNING, "a call goes without a trace: %d", rc);
}

static void note(struct call_recorder *r, const struct trace_entry *what)
{
    struct trace_entry entry = *what;
    entry.at_ms = (uint32_t)(steady_ms() - r->begun_ms);
    call_trace_note(&r->own, &entry);
}

void call_recorder_note(struct call_recorder *r, enum trace_kind kind, unsigned direction,
                        unsigned code, uint32_t value, uint32_t detail)
{
    const struct trace_entry entry = {.kind = (uint8_t)kind,
                                      .direction = (uint8_t)direction,
                                      .code = (uint16_t)code,
                                      .value = value,
                                      .detail = detail};
    if (r)
        note(r, &entry);
}

/* --- messages --- */

static uint32_t t38_flags(const struct sdp_media *m)
{
    const struct sdp_t38 *t = &m->t38;
    uint32_t flags = t->udp_ec == SDP_T38_EC_FEC          ? TRACE_T38_FEC
                     : t->udp_ec == SDP_T38_EC_REDUNDANCY ? TRACE_T38_REDUNDANCY
                                                          : 0;
    flags |= t->rate_management == SDP_T38_LOCAL_TCF ? TRACE_T38_LOCAL_TCF : 0;
    flags |= t->fill_bit_removal ? TRACE_T38_FILL_BIT_REMOVAL : 0;
    flags |= t->transcoding_mmr ? TRACE_T38_MMR : 0;
    flags |= t->transcoding_jbig ? TRACE_T38_JBIG : 0;
    flags |= m->has_fingerprint ? TRACE_T38_DTLS : 0;
    flags |= t->express ? TRACE_T38_EXPRESS : 0;
    flags |= m->direction == SDP_INACTIVE ? TRACE_T38_INACTIVE : 0;
    return flags | (t->max_datagram < UINT16_MAX ? t->max_datagram : UINT16_MAX) << 16;
}

static uint32_t audio_flags(const struct sdp_media *m)
{
    uint32_t flags = m->crypto_count > 0 ? TRACE_SRTP : 0;
    flags |= m->direction != SDP_SENDRECV ? TRACE_INACTIVE : 0;
    for (uint32_t i = 0; i < m->format_count && i < SDP_FORMATS_MAX; i++) {
        if (!strcmp(m->formats[i].encoding, "PCMA"))
            flags |= TRACE_PCMA;
        else if (!strcmp(m->formats[i].encoding, "PCMU"))
            flags |= TRACE_PCMU;
    }
    return flags;
}

static void note_sdp(struct call_recorder *r, const struct sdp_session *sdp, uint8_t direction)
{
    for (uint32_t i = 0; i < sdp->media_count && i < SDP_MEDIA_MAX; i++) {
        const struct sdp_media *m = &sdp->media[i];
        struct trace_entry e = {.kind = TRACE_SDP_OTHER, .direction = direction, .code = m->port};
        if (m->kind == SDP_IMAGE) {
            e.kind = TRACE_SDP_T38;
            e.value = (m->t38.max_bit_rate & 0xFFFFFF) | (uint32_t)m->t38.version << 24;
            e.detail = t38_flags(m);
        } else if (m->kind == SDP_AUDIO) {
            e.kind = TRACE_SDP_AUDIO;
            e.value = audio_flags(m);
        }
        note(r, &e);
    }
}

static void on_message(void *user, const struct sip_trace_message *m)
{
    struct followed *f = user;
    struct call_recorder *r = f->recorder;
    uint32_t method = call_trace_method(m->method, m->method_length);
    uint32_t leg = (uint32_t)(f - r->followed) << TRACE_SIP_LEG_SHIFT;
    struct trace_entry e = {
        .at_ms = (uint32_t)(steady_ms() - r->begun_ms),
        .kind = m->status ? TRACE_SIP_RESPONSE : TRACE_SIP_REQUEST,
        .direction = (uint8_t)((m->sent ? TRACE_SENT : TRACE_RECEIVED) | f->leg),
        .code = (uint16_t)(m->status ? (uint32_t)m->status : method),
        .value = m->cseq,
        .detail = (uint32_t)m->protocol | leg,
    };
    if (m->status)
        e.detail |= method << TRACE_SIP_METHOD_SHIFT;
    if (!call_trace_note_sip(&r->own, &e))
        return;
    if (m->q850_cause)
        note(r, &(struct trace_entry){.kind = TRACE_SIP_REASON,
                                      .direction = e.direction,
                                      .code = (uint16_t)m->q850_cause});
    if (m->sip_cause)
        note(r, &(struct trace_entry){.kind = TRACE_SIP_REASON,
                                      .direction = e.direction,
                                      .code = (uint16_t)m->sip_cause,
                                      .value = 1});
    if (m->sdp)
        note_sdp(r, m->sdp, e.direction);
}

void call_recorder_follow_leg(struct call_recorder *r, const char *call_id,
                              enum trace_direction leg)
{
    if (!r || r->follows == CALL_IDS || !r->control->sip)
        return;
    struct followed *f = &r->followed[r->follows++];
    f->recorder = r;
    f->leg = (uint8_t)leg;
    sip_trace_start(r->control->sip, &f->sip, call_id, on_message, f);
}

void call_recorder_follow(struct call_recorder *r, const char *call_id)
{
    call_recorder_follow_leg(r, call_id, TRACE_HERE);
}

void call_recorder_take(struct call_recorder *r, const struct call_trace *line)
{
    if (!r || line->count > TRACE_ENTRIES_MAX || line->next >= TRACE_ENTRIES_MAX / 2)
        return;
    r->line = *line;
}

void call_recorder_facts(const struct call_recorder *r, struct verdict_facts *facts)
{
    if (r)
        verdict_facts_trace(facts, &r->own, &r->line);
}

/* --- sealing --- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void stop_following(struct call_recorder *r)
{
    for (unsigned i = 0; i < r->follows; i++)
        sip_trace_stop(r->control->sip, &r->followed[i].sip);
}

void call_recorder_free(struct call_recorder *r)
{
    if (!r)
        return;
    stop_following(r);
    vault_sealer_free(r->sealer);
    r->sealer = NULL;
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void seal_one(struct call_recorder *r, const char *vault)
{
    uint8_t octets[TRACE_OCTETS_MAX];
    r->octets = call_trace_encode(&r->head, &r->own, &r->line, octets, sizeof octets);
    r->status = -EIO;
    if (r->octets > 0 && EVP_Digest(octets, r->octets, r->digest, NULL, EVP_sha256(), NULL) == 1)
        r->status =
            trace_store_append(vault, &r->fax, r->sealer, octets, r->octets, r->may_cut, &r->place);
    OPENSSL_cleanse(octets, sizeof octets);
}

static void seal_work(uv_work_t *work)
{
    struct batch *b = work->data;
    for (size_t i = 0; i < b->count; i++)
        seal_one(b->recorders[i], b->vault);
}

static void record(const struct call_recorder *r)
{
    struct event e;
    char digest[2 * DIGEST_OCTETS + 1];
    if (r->status == -ENOENT) /* disposed of meanwhile */
        return;
    if (r->status < 0) {
        log_write(LOG_LEVEL_WARNING, "a trace could not be sealed: %s", strerror(-r->status));
        return;
    }
    hex_encode(r->digest, sizeof r->digest, digest);
    event_begin(&e, "trace.sealed", r->principal, &r->fax);
    event_integer(&e, "attempt", r->attempt);
    event_integer(&e, "octets", (int64_t)r->octets);
    event_integer(&e, "offset", (int64_t)r->place.offset);
    event_integer(&e, "length", r->place.length);
    event_text(&e, "digest", digest);
    event_note(&e, r->control->audit);
}

static void seal_waiting(struct control *control);

static void on_sealed(uv_work_t *work, int cancelled)
{
    struct batch *b = work->data;
    struct control *control = b->control;
    for (size_t i = 0; i < b->count; i++) {
        if (cancelled < 0)
            b->recorders[i]->status = cancelled;
        record(b->recorders[i]);
        call_recorder_free(b->recorders[i]);
        control->traces_left--;
    }
    free(b);
    control->traces_sealing = false;
    seal_waiting(control);
}

static void drop_waiting(struct control *control)
{
    struct call_recorder *r;
    log_write(LOG_LEVEL_WARNING, "traces could not be sealed: %s", strerror(ENOMEM));
    while ((r = control->traces_waiting)) {
        control->traces_waiting = r->next;
        control->traces_left--;
        call_recorder_free(r);
    }
}

static void seal_waiting(struct control *control)
{
    if (control->traces_sealing || !control->traces_waiting)
        return;
    struct batch *b = calloc(1, sizeof *b);
    if (!b) {
        drop_waiting(control);
        return;
    }
    b->control = control;
    b->vault = control->context->paths->vault;
    b->work.data = b;
    while (control->traces_waiting && b->count < CALL_RECORDER_BATCH) {
        b->recorders[b->count++] = control->traces_waiting;
        control->traces_waiting = control->traces_waiting->next;
    }
    control->traces_sealing = true;
    int rc = uv_queue_work(&control->loop, &b->work, seal_work, on_sealed);
    if (rc < 0)
        on_sealed(&b->work, rc);
}

/* Those that linger are in the list already, so that a stop finds them. */
static void on_timer(uv_timer_t *timer)
{
    struct call_recorder *r = timer->data, **at = &r->control->traces_lingering;
    while (*at && *at != r)
        at = &(*at)->next;
    if (*at)
        *at = r->next;
    stop_following(r); /* from here on the pool reads it */
    r->next = r->control->traces_waiting;
    r->control->traces_waiting = r;
    seal_waiting(r->control);
}

void call_recorder_seal(struct call_recorder *r, const struct call_recorder_end *end)
{
    if (!r)
        return;
    struct control *control = r->control;
    if (!r->sealer) {
        call_recorder_free(r);
        return;
    }
    unsigned digits = (unsigned)control->config->trace.number_digits;
    r->may_cut = end->may_cut;
    snprintf(r->principal, sizeof r->principal, "%s", end->principal);
    r->head.begun_ms = r->begun_wall_ms;
    r->head.attempt = r->attempt;
    r->head.outbound = r->outbound;
    r->head.retry = (uint8_t)end->verdict->retry;
    r->head.side = (uint8_t)end->verdict->side;
    call_trace_mask(end->from, digits, r->head.from);
    call_trace_mask(end->to, digits, r->head.to);
    snprintf(r->head.trunk, sizeof r->head.trunk, "%s", end->trunk);
    snprintf(r->head.state, sizeof r->head.state, "%s", end->state);
    snprintf(r->head.verdict, sizeof r->head.verdict, "%s", end->verdict->sentence);
    r->next = control->traces_lingering;
    control->traces_lingering = r;
    control->traces_left++;
    uv_timer_start(&r->timer, on_timer, control->stopping ? 0 : CALL_RECORDER_LINGER_MS, 0);
}

size_t call_recorders_hurry(struct control *control)
{
    for (struct call_recorder *r = control->traces_lingering; r; r = r->next)
        uv_timer_start(&r->timer, on_timer, 0, 0);
    return control->traces_left;
}
