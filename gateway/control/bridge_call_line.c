/* A bridged call and its line. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/process/log.h"
#include "policy/utf8.h"

static void note_foreign(struct bridge_side *side, uint64_t packets)
{
    struct event e;
    event_begin(&e, "media.foreign", side->call->principal, &side->call->id);
    event_text(&e, "leg", bridge_side_name(side));
    event_integer(&e, "packets", (int64_t)packets);
    event_note(&e, side->call->control->audit);
}

static void note_strays(struct bridge_call *call, bool last)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct bridge_side *side = &call->side[i];
        const struct sockaddr_storage *peer =
            side->media == BRIDGE_T38 ? &side->t38.peer : &side->audio.peer;
        uint64_t more = media_strays_report(&side->strays, peer, control_now_ms(), last);
        if (more)
            note_foreign(side, more);
        if (last)
            media_strays_close(&side->strays);
    }
}

static void watch_strays(struct bridge_side *side)
{
    int rc = media_strays_open(&side->strays, side->call->control->ports.address, side->local.port);
    if (rc < 0)
        log_write(LOG_LEVEL_WARNING, "datagrams of strangers cannot be counted: %s", strerror(-rc));
}

static void on_progress(struct bridge_call *call, const struct msg_bridge_progress *m)
{
    struct bridge_side *side = m->leg < BRIDGE_LEGS ? &call->side[m->leg] : NULL;
    if (!side || call->ending)
        return;
    note_strays(call, false);
    bridge_trace_progress(call, m);
    switch ((enum bridge_progress)m->kind) {
    case BRIDGE_MEDIA_SEEN:
        watch_strays(side);
        break;
    case BRIDGE_FAX_TONES:
        bridge_call_is_fax(call);
        break;
    case BRIDGE_FOREIGN:
        note_foreign(side, m->value);
        break;
    case BRIDGE_TRAINED:
        call->trained = true;
        break;
    case BRIDGE_PAGE:
        break;
    }
}

static void on_ready(struct bridge_call *call, const struct msg_call_ready *m)
{
    if (call->ending || call->line_ready)
        return;
    uv_timer_stop(&call->timer);
    if (m->status < 0) {
        call->refuse_code = 503;
        bridge_call_end(call, "%s", m->reason[0] ? m->reason : strerror(-m->status));
        return;
    }
    call->line_ready = true;
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        memcpy(call->side[i].local.fingerprint, m->fingerprint,
               sizeof call->side[i].local.fingerprint);
    bridge_call_find(call);
}

static void on_done(struct bridge_call *call, const struct msg_bridge_done *m)
{
    call->done = *m;
    call->line_done = true;
    note_strays(call, true);
    if (call->ending)
        bridge_call_line_over(call);
    else
        bridge_call_end(call, "%s", m->result == 0 ? "" : m->text);
}

/* A line may be in a peer's hands: its texts end and are text. */
static void end_text(char *text, size_t size)
{
    text[size - 1] = '\0';
    (void)utf8_clean(text);
}

static void on_line_message(void *user, struct ipc_message *m)
{
    struct bridge_call *call = user;
    struct msg_call_ready ready;
    struct msg_bridge_done done;
    struct msg_page_sealed page;
    const struct msg_call_trace *trace = ipc_message_body(m, MSG_CALL_TRACE, sizeof *trace);
    const struct msg_bridge_progress *progress =
        ipc_message_body(m, MSG_BRIDGE_PROGRESS, sizeof *progress);
    if (progress) {
        on_progress(call, progress);
    } else if (trace) {
        call_recorder_take(call->recorder, &trace->trace);
    } else if (ipc_message_body(m, MSG_CALL_READY, sizeof ready)) {
        memcpy(&ready, m->body, sizeof ready);
        end_text(ready.reason, sizeof ready.reason);
        on_ready(call, &ready);
    } else if (ipc_message_body(m, MSG_PAGE_SEALED, sizeof page)) {
        memcpy(&page, m->body, sizeof page);
        end_text(page.reason, sizeof page.reason);
        bridge_copy_page(call, &page);
    } else if (ipc_message_body(m, MSG_BRIDGE_DONE, sizeof done)) {
        memcpy(&done, m->body, sizeof done);
        end_text(done.text, sizeof done.text);
        end_text(done.capture_text, sizeof done.capture_text);
        for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
            end_text(done.legs[i].protection, sizeof done.legs[i].protection);
            end_text(done.legs[i].ident, sizeof done.legs[i].ident);
        }
        on_done(call, &done);
    } else {
        log_write(LOG_LEVEL_ERROR, "a line sent an unexpected message %u", m->header.type);
    }
}

static void on_line_lost(void *user)
{
    struct bridge_call *call = user;
    call->line_call = 0;
    call->line_lost = true;
    call_recorder_note(call->recorder, TRACE_LINE_LOST, TRACE_HERE, 0, 0, 0);
    call->refuse_code = 503;
    if (call->ending)
        bridge_call_line_over(call);
    else
        bridge_call_end(call, "the line process died");
}

static void on_prepare_timeout(struct bridge_call *call)
{
    call->refuse_code = 503;
    bridge_call_end(call, "the line did not prepare the call in time");
}

static void fill_start(const struct bridge_call *call, struct msg_bridge_start *start)
{
    const struct config *config = call->control->config;
    memset(start, 0, sizeof *start);
    start->call = call->line_call;
    start->ecm = config->fax.ecm;
    start->capture = call->copy.vault_fd >= 0;
    start->max_rate = (uint32_t)config->fax.max_rate;
    start->max_pages = (uint32_t)config->fax.max_pages;
    start->no_media_timeout_ms = (uint32_t)config->fax.no_media_timeout_ms;
    start->phase_limit_ms[0] = (uint32_t)config->fax.max_before_ms;
    start->phase_limit_ms[1] = (uint32_t)config->fax.max_training_ms;
    start->phase_limit_ms[2] = (uint32_t)config->fax.max_page_ms;
    start->phase_limit_ms[3] = (uint32_t)config->fax.max_after_page_ms;
    start->cpu_limit_us_per_s = (uint32_t)config->fax.max_cpu_ms_per_s * 1000;
    start->begun_ms = call_recorder_begun_ms(call->recorder);
    memcpy(start->fax_id, call->id.octets, sizeof start->fax_id);
    memcpy(start->data_key, call->copy.data_key, sizeof start->data_key);
}

static int open_ports(struct bridge_call *call)
{
    int rc = 0;
    for (unsigned i = 0; i < BRIDGE_LEGS && rc == 0; i++)
        rc = media_ports_open(&call->control->ports, &call->side[i].fd, &call->side[i].local.port);
    return rc;
}

static int send_start(struct bridge_call *call)
{
    struct msg_bridge_start start;
    int descriptors[] = {call->side[0].fd, call->side[1].fd, call->copy.vault_fd};
    fill_start(call, &start);
    int rc = line_pool_send(call->line, MSG_BRIDGE_START, &start, sizeof start, descriptors,
                            call->copy.vault_fd >= 0 ? BRIDGE_LEGS + 1 : BRIDGE_LEGS);
    OPENSSL_cleanse(&start, sizeof start);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        close(call->side[i].fd);
        call->side[i].fd = -1;
    }
    return rc;
}

int bridge_call_start_line(struct bridge_call *call)
{
    const struct line_call_handlers handlers = {on_line_message, on_line_lost, call};
    int rc = open_ports(call);
    if (rc == 0)
        rc = line_pool_attach(call->control->lines, &handlers, &call->line, &call->line_call);
    if (call->copy.vault_fd >= 0)
        call_recorder_key(call->recorder, call->copy.data_key, &call->id, BRIDGE_ATTEMPT);
    if (rc == 0)
        rc = send_start(call);
    OPENSSL_cleanse(call->copy.data_key, sizeof call->copy.data_key);
    if (call->copy.vault_fd >= 0)
        close(call->copy.vault_fd);
    call->copy.vault_fd = -1;
    if (rc == 0)
        bridge_call_timer(call, BRIDGE_PREPARE_MS, on_prepare_timeout);
    return rc;
}

/* --- media --- */

static void fill_t38(const struct bridge_side *side, struct msg_call_media *media)
{
    const struct config_media *config = &side->call->control->config->media;
    media->peer = side->t38.peer;
    media->latch = side->t38.latch;
    media->t38_version = side->t38.version;
    if (side->t38.recovery == MEDIA_REDUNDANCY)
        media->redundancy = (uint8_t)config->redundancy;
    if (side->t38.recovery == MEDIA_FEC) {
        media->fec_packets = (uint8_t)config->fec_packets;
        media->fec_fields = (uint8_t)config->fec_fields;
    }
    if (side->t38.dtls) {
        media->transport = MEDIA_TRANSPORT_UDPTL_DTLS;
        media->dtls_active = side->t38.active;
        memcpy(media->fingerprint, side->t38.fingerprint, sizeof media->fingerprint);
    }
    media->max_datagram = side->t38.max_datagram;
    media->max_rate = side->t38.max_bit_rate;
}

static void fill_audio(const struct bridge_side *side, struct msg_call_media *media)
{
    media->peer = side->audio.peer;
    media->latch = side->audio.latch;
    media->transport = side->audio.srtp_suite ? MEDIA_TRANSPORT_SRTP : MEDIA_TRANSPORT_RTP;
    media->srtp_suite = side->audio.srtp_suite;
    memcpy(media->srtp_send_key, side->audio.send_key, sizeof media->srtp_send_key);
    memcpy(media->srtp_receive_key, side->audio.receive_key, sizeof media->srtp_receive_key);
    media->audio_payload = side->audio.payload_type;
    media->audio_flags = side->audio.a_law ? MEDIA_AUDIO_A_LAW : 0;
    if (side->audio.rtcp)
        media->audio_flags |= MEDIA_AUDIO_RTCP;
}

void bridge_call_tell_media(struct bridge_side *side)
{
    struct bridge_call *call = side->call;
    struct msg_bridge_media m;
    memset(&m, 0, sizeof m);
    m.call = call->line_call;
    m.leg = side->index;
    if (side->media == BRIDGE_T38)
        fill_t38(side, &m.media);
    else
        fill_audio(side, &m.media);
    if (m.media.latch) /* its socket may be open to all again, and must be the only one */
        media_strays_close(&side->strays);
    bridge_trace_note(side, TRACE_AGREED, TRACE_HERE,
                      side->media == BRIDGE_T38 ? TRACE_MEDIA_T38 : TRACE_MEDIA_AUDIO, 0);
    int rc = call->line_call ? line_pool_send(call->line, MSG_BRIDGE_MEDIA, &m, sizeof m, NULL, 0)
                             : -EPIPE;
    OPENSSL_cleanse(&m, sizeof m);
    if (rc < 0)
        bridge_call_end(call, "the line takes no messages");
    else
        call->media_told = true;
}
