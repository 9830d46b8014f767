#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/process/log.h"
#include "policy/text_code.h"
#include "policy/utf8.h"

static void tell(struct fax_call *call, const char *kind, json_t *line)
{
    fax_watchers_tell(call->control->watchers, &call->fax, kind,
                      call->outbound ? "sending" : "receiving", line, false);
}

/* --- received pages: sealed by the line, journalled here, then confirmed by the line --- */

struct page_wait {
    struct fax_call *call;
    uint32_t page;
};

static void answer_page(struct fax_call *call, uint32_t page, int status)
{
    const struct msg_page_journaled answer = {
        .call = call->line_call, .page = page, .status = status};
    if (!call->line_call)
        return;
    if (line_pool_send(call->line, MSG_PAGE_JOURNALED, &answer, sizeof answer, NULL, 0) < 0)
        log_write(LOG_LEVEL_ERROR, "a line takes no messages");
}

static void on_page_journalled(void *user, int status, uint64_t index)
{
    struct page_wait *wait = user;
    struct fax_call *call = wait->call;
    (void)index;
    call->page_asked = false;
    if (status == 0) {
        call->pages_stored = wait->page;
    } else {
        call->page_refused = true;
        snprintf(call->reason, sizeof call->reason, "page %u could not be recorded: %s", wait->page,
                 strerror(-status));
    }
    answer_page(call, wait->page, status);
    free(wait);
    fax_call_release(call);
}

static void on_page_sealed(struct fax_call *call, const struct msg_page_sealed *m)
{
    char digest[65];
    struct event e;
    if (call->outbound || call->page_asked || m->page != call->pages_stored + 1) {
        answer_page(call, m->page, -EPROTO);
        fax_call_end(call, "the line reports page %u out of turn", m->page);
        return;
    }
    if (m->status < 0) {
        call->page_refused = true;
        snprintf(call->reason, sizeof call->reason, "page %u was not stored: %.120s", m->page,
                 m->reason[0] ? m->reason : strerror(-m->status));
        answer_page(call, m->page, m->status);
        return;
    }
    struct page_wait *wait = calloc(1, sizeof *wait);
    if (!wait) {
        answer_page(call, m->page, -ENOMEM);
        return;
    }
    wait->call = call;
    wait->page = m->page;
    hex_encode(m->digest, 32, digest);
    event_begin(&e, "page.received", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_integer(&e, "page", m->page);
    event_integer(&e, "width", m->width);
    event_integer(&e, "rows", m->rows);
    event_integer(&e, "x_dpi", m->x_dpi);
    event_integer(&e, "y_dpi", m->y_dpi);
    event_integer(&e, "coding", m->coding);
    event_integer(&e, "octets", m->octets);
    event_integer(&e, "offset", (int64_t)m->offset);
    event_integer(&e, "length", m->length);
    event_text(&e, "digest", digest);
    call->pending++;
    call->page_asked = true;
    int rc = event_append(&e, call->control->audit, on_page_journalled, wait);
    if (rc < 0)
        on_page_journalled(wait, rc, 0);
}

/* --- progress --- */

int fax_call_record_confirmed(struct fax_call *call, uint32_t page, audit_done_cb *done, void *user)
{
    struct event e;
    event_begin(&e, call->outbound ? "page.sent" : "page.confirmed", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_integer(&e, "page", page);
    return event_append(&e, call->control->audit, done, user);
}

static void record_confirmed(struct fax_call *call);

static void on_confirmed_recorded(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    (void)index;
    call->confirming = false;
    /* What cannot be recorded is confirmed all the same: it is tried again with the next page, or
     * with the end of the call. */
    if (status == 0) {
        call->pages_recorded++;
        record_confirmed(call);
    }
    fax_call_release(call);
}

/* One after the other, so that the log has the pages in their order also when one cannot be
 * recorded at first. */
static void record_confirmed(struct fax_call *call)
{
    if (call->confirming || call->ending || call->pages_recorded >= call->pages_confirmed)
        return;
    call->confirming = true;
    call->pending++;
    int rc = fax_call_record_confirmed(call, call->pages_recorded + 1, on_confirmed_recorded, call);
    if (rc < 0)
        on_confirmed_recorded(call, rc, 0);
}

static void note_confirmed(struct fax_call *call, uint32_t page)
{
    if (page > call->pages_confirmed)
        call->pages_confirmed = page;
    if (call->page_pending == page)
        call->page_pending = 0;
    record_confirmed(call);
    tell(call, "confirmed", json_pack("{s:i}", "page", (int)page));
}

/* What came to its media port from elsewhere; last: the call is over. */
static void note_strays(struct fax_call *call, bool last)
{
    uint64_t more = media_strays_report(&call->strays, &call->t38.peer, control_now_ms(), last);
    if (more)
        fax_call_record_foreign(call, more > UINT32_MAX ? UINT32_MAX : (uint32_t)more);
    if (last)
        media_strays_close(&call->strays);
}

/* The line's socket is connected by now. Without this one strangers are ignored uncounted. */
static void watch_strays(struct fax_call *call)
{
    int rc = media_strays_open(&call->strays, call->control->ports.address, call->local.port);
    if (rc < 0)
        log_write(LOG_LEVEL_WARNING, "datagrams of strangers cannot be counted: %s", strerror(-rc));
}

/* For a line that dies before its own trace comes. */
static void note_progress(struct fax_call *call, const struct msg_call_progress *m)
{
    static const struct {
        enum call_progress progress;
        enum trace_kind kind;
        unsigned direction;
    } told[] = {
        {PROGRESS_TRAINED, TRACE_TRAINED, TRACE_HERE},
        {PROGRESS_PAGE_BEGIN, TRACE_PAGE_BEGIN, TRACE_HERE},
        {PROGRESS_PAGE_PENDING, TRACE_PAGE_PENDING, TRACE_HERE},
        {PROGRESS_PAGE_CONFIRMED, TRACE_PAGE_CONFIRMED, TRACE_HERE},
        {PROGRESS_MEDIA_SEEN, TRACE_MEDIA_FIRST, TRACE_RECEIVED},
        {PROGRESS_FAX_TONES, TRACE_TONES, TRACE_RECEIVED},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].progress == (enum call_progress)m->kind)
            call_recorder_note(call->recorder, told[i].kind, told[i].direction | TRACE_TOLD, 0,
                               m->kind == PROGRESS_TRAINED ? m->rate : m->page, 0);
}

static void on_progress(struct fax_call *call, const struct msg_call_progress *m)
{
    note_strays(call, false);
    note_progress(call, m);
    switch ((enum call_progress)m->kind) {
    case PROGRESS_TRAINED:
        fax_call_trained(call);
        tell(call, "trained", json_pack("{s:i,s:s}", "rate", (int)m->rate, "modem", m->modem));
        break;
    case PROGRESS_PEER_IDENT:
        break;
    case PROGRESS_MEDIA_SEEN:
        watch_strays(call);
        tell(call, "training", json_object());
        break;
    case PROGRESS_FAX_TONES:
        fax_call_tones(call);
        break;
    case PROGRESS_FOREIGN:
        fax_call_record_foreign(call, m->page);
        break;
    case PROGRESS_PAGE_BEGIN:
        tell(call, "page", json_pack("{s:i,s:i}", "page", (int)m->page, "pages", (int)call->pages));
        break;
    case PROGRESS_PAGE_PENDING:
        call->page_pending = m->page;
        break;
    case PROGRESS_PAGE_CONFIRMED:
        note_confirmed(call, m->page);
        break;
    }
}

static void on_ready(struct fax_call *call, const struct msg_call_ready *m)
{
    if (call->ending)
        return;
    uv_timer_stop(&call->timer);
    if (m->status < 0) {
        /* The trace of the call that brought the pages may just be written behind them. */
        call->local_fault = call->local_fault || call->source_attempt;
        fax_call_end(call, "%s", m->reason[0] ? m->reason : strerror(-m->status));
        return;
    }
    memcpy(call->local.fingerprint, m->fingerprint, sizeof call->local.fingerprint);
    if (RAND_bytes((unsigned char *)call->local.srtp_keys, sizeof call->local.srtp_keys) != 1) {
        fax_call_end(call, "no keys can be made");
        return;
    }
    if (!call->outbound) {
        fax_call_in_answer(call);
    } else if (m->pages != call->pages) {
        fax_call_end(call, "the vault file holds %u pages of %u", m->pages, call->pages);
    } else {
        fax_call_out_dial(call);
    }
}

static void on_done(struct fax_call *call, const struct msg_call_done *m)
{
    call->done = *m;
    call->line_done = true;
    call->page_pending = m->page_pending;
    note_strays(call, true);
    uint32_t most = call->outbound ? call->pages : call->pages_stored;
    uint32_t confirmed = m->pages < most ? m->pages : most;
    if (confirmed > call->pages_confirmed)
        call->pages_confirmed = confirmed;
    line_pool_detach(call->line, call->line_call);
    call->line_call = 0;
    if (call->ending) {
        uv_timer_stop(&call->timer);
        fax_call_record_end(call);
        return;
    }
    fax_call_end(call, "%s", m->result == 0 ? "" : m->text);
}

/* A line parses what peers send and may be in their hands: its texts end and are text. */
static void end_text(struct ipc_message *m, size_t offset, size_t size)
{
    char *text = (char *)m->body + offset;
    text[size - 1] = '\0';
    (void)utf8_clean(text);
}

#define END_TEXT(m, type, field)                                                                   \
    end_text(m, offsetof(struct type, field), sizeof((struct type *)0)->field)

static void end_texts(struct ipc_message *m)
{
    if (ipc_message_body(m, MSG_CALL_READY, sizeof(struct msg_call_ready))) {
        END_TEXT(m, msg_call_ready, reason);
    } else if (ipc_message_body(m, MSG_CALL_PROGRESS, sizeof(struct msg_call_progress))) {
        END_TEXT(m, msg_call_progress, modem);
        END_TEXT(m, msg_call_progress, ident);
    } else if (ipc_message_body(m, MSG_PAGE_SEALED, sizeof(struct msg_page_sealed))) {
        END_TEXT(m, msg_page_sealed, reason);
    } else if (ipc_message_body(m, MSG_CALL_DONE, sizeof(struct msg_call_done))) {
        END_TEXT(m, msg_call_done, peer_ident);
        END_TEXT(m, msg_call_done, modem);
        END_TEXT(m, msg_call_done, text);
        END_TEXT(m, msg_call_done, protection);
    }
}

static void on_line_message(void *user, struct ipc_message *m)
{
    struct fax_call *call = user;
    end_texts(m);
    const struct msg_call_ready *ready = ipc_message_body(m, MSG_CALL_READY, sizeof *ready);
    const struct msg_call_progress *progress =
        ipc_message_body(m, MSG_CALL_PROGRESS, sizeof *progress);
    const struct msg_page_sealed *page = ipc_message_body(m, MSG_PAGE_SEALED, sizeof *page);
    const struct msg_call_done *done = ipc_message_body(m, MSG_CALL_DONE, sizeof *done);
    const struct msg_call_trace *trace = ipc_message_body(m, MSG_CALL_TRACE, sizeof *trace);
    if (ready)
        on_ready(call, ready);
    else if (progress)
        on_progress(call, progress);
    else if (page)
        on_page_sealed(call, page);
    else if (done)
        on_done(call, done);
    else if (trace)
        call_recorder_take(call->recorder, &trace->trace);
    else
        log_write(LOG_LEVEL_ERROR, "a line sent an unexpected message %u", m->header.type);
}

static void on_line_lost(void *user)
{
    struct fax_call *call = user;
    call->line_call = 0;
    call->line_lost = true;
    call->local_fault = true;
    call_recorder_note(call->recorder, TRACE_LINE_LOST, TRACE_HERE, 0, 0, 0);
    if (call->ending) {
        uv_timer_stop(&call->timer);
        fax_call_record_end(call);
        return;
    }
    fax_call_end(call, "the line process died");
}

/* --- starting --- */

static void on_prepare_timeout(struct fax_call *call)
{
    fax_call_end(call, "the line did not prepare the call in time");
}

static void fill_start(struct fax_call *call, struct msg_call_start *start)
{
    const struct config *config = call->control->config;
    const char *ident =
        policy_cache_ident(call->control->policy, call->outbound ? call->from : call->to);
    memset(start, 0, sizeof *start);
    start->call = call->line_call;
    start->sender = call->outbound;
    start->ecm = call->outbound ? call->ecm : config->fax.ecm;
    start->t85 = start->ecm && config->fax.t85;
    start->attempt = call->attempt;
    start->first_page = call->outbound ? call->first_page : 0;
    start->max_rate = call->outbound ? call->max_rate : (uint32_t)config->fax.max_rate;
    start->max_pages = (uint32_t)config->fax.max_pages;
    start->no_media_timeout_ms = (uint32_t)config->fax.no_media_timeout_ms;
    start->phase_limit_ms[0] = (uint32_t)config->fax.max_before_ms;
    start->phase_limit_ms[1] = (uint32_t)config->fax.max_training_ms;
    start->phase_limit_ms[2] = (uint32_t)config->fax.max_page_ms;
    start->phase_limit_ms[3] = (uint32_t)config->fax.max_after_page_ms;
    start->begun_ms = call_recorder_begun_ms(call->recorder);
    start->cpu_limit_us_per_s = (uint32_t)config->fax.max_cpu_ms_per_s * 1000;
    start->source_attempt = call->source_attempt;
    memcpy(start->fax_id, call->source_attempt ? call->source.octets : call->fax.octets,
           sizeof start->fax_id);
    memcpy(start->data_key, call->data_key, sizeof start->data_key);
    if (!ident[0])
        ident = config->fax.ident[0] ? config->fax.ident : (call->outbound ? call->from : call->to);
    snprintf(start->local_ident, sizeof start->local_ident, "%s", ident);
    if (call->outbound && !call->source_attempt) { /* pages that came have their header line */
        time_t now = time(NULL);
        struct tm local;
        localtime_r(&now, &local);
        start->utc_offset_minutes = (int32_t)(local.tm_gmtoff / 60);
        snprintf(start->header_left, sizeof start->header_left, "%s%s%s", config->fax.header,
                 config->fax.header[0] ? " " : "", call->from);
        snprintf(start->header_to, sizeof start->header_to, "%s", call->to);
    }
}

enum media_recovery fax_call_recovery(const struct control *control)
{
    const char *name = control->config->media.error_correction;
    if (!strcmp(name, "fec"))
        return MEDIA_FEC;
    return strcmp(name, "none") ? MEDIA_REDUNDANCY : MEDIA_NO_RECOVERY;
}

int fax_call_start_line(struct fax_call *call)
{
    struct control *control = call->control;
    const struct line_call_handlers handlers = {on_line_message, on_line_lost, call};
    struct msg_call_start start;
    if (!call->source_attempt) /* else it has no file of its own */
        call_recorder_key(call->recorder, call->data_key, &call->fax, call->attempt);
    int rc = media_ports_open(&control->ports, &call->media_fd, &call->local.port);
    if (rc == 0)
        rc = line_pool_attach(control->lines, &handlers, &call->line, &call->line_call);
    if (rc < 0) {
        OPENSSL_cleanse(call->data_key, sizeof call->data_key);
        return rc;
    }
    fill_start(call, &start);
    const int descriptors[] = {call->media_fd, call->vault_fd};
    rc = line_pool_send(call->line, MSG_CALL_START, &start, sizeof start, descriptors, 2);
    OPENSSL_cleanse(&start, sizeof start);
    OPENSSL_cleanse(call->data_key, sizeof call->data_key);
    close(call->media_fd);
    close(call->vault_fd);
    call->media_fd = call->vault_fd = -1;
    call->local.address = control->media_address;
    call->local.session_id = (uint64_t)call->started_ms;
    call->local.session_version = 1;
    call->local.no_t38 = !control->config->fax.t38 || call->target.no_t38;
    call->local.max_bit_rate = (uint32_t)control->config->fax.max_rate;
    call->local.max_datagram = (uint32_t)control->config->media.max_datagram;
    call->local.t38_version = (uint8_t)control->config->media.t38_version;
    call->local.recovery = fax_call_recovery(control);
    if (rc == 0)
        fax_call_timer(call, CALL_PREPARE_MS, on_prepare_timeout);
    return rc;
}
