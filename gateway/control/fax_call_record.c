#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/process/log.h"
#include "policy/retention.h"

static const char *outbound_state(const struct fax_call *call)
{
    if (call->pages_confirmed >= call->pages && call->pages > 0)
        return "delivered";
    if (call->page_pending || (call->media_started && !call->line_done))
        return "uncertain";
    if (call->pages_confirmed > 0)
        return "partial";
    return call->cancelled ? "cancelled" : "failed";
}

static const char *inbound_state(const struct fax_call *call)
{
    if (call->line_done && call->done.result == 0 && call->pages_stored > 0 &&
        call->pages_confirmed >= call->pages_stored)
        return "received";
    return call->pages_stored > 0 ? "partial" : "failed";
}

const char *fax_call_state(const struct fax_call *call)
{
    return call->outbound ? outbound_state(call) : inbound_state(call);
}

static void tell_end(struct fax_call *call, const char *state)
{
    json_t *line =
        json_pack("{s:s,s:i,s:i}", "text", call->reason, "page", (int)call->pages_confirmed,
                  "pages", (int)(call->outbound ? call->pages : call->pages_stored));
    fax_watchers_tell(call->control->watchers, &call->fax, "ended", state, line, true);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    const char *state = fax_call_state(call);
    (void)index;
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "the end of a call could not be recorded: %s",
                  strerror(-status));
    if (call->recorded_start)
        tell_end(call, state);
    if (call->done_cb)
        call->done_cb(call->done_user, &call->fax, state);
    fax_call_discard(call);
}

static void record_attempt(struct fax_call *call, const char *state)
{
    struct event e;
    const struct msg_call_done *done = &call->done;
    event_begin(&e, "attempt.ended", call->principal, &call->fax);
    event_outcome(&e, strcmp(state, "delivered") == 0 || strcmp(state, "received") == 0 ? "ok"
                                                                                        : "failed");
    event_integer(&e, "attempt", call->attempt);
    event_integer(&e, "sip_code", call->sip_code);
    event_integer(&e, "t30_result", call->line_done && call->media_started ? done->result : -1);
    event_text(&e, "text", call->reason[0] ? call->reason : "OK");
    event_integer(&e, "rate", done->rate);
    event_text(&e, "modem", done->modem);
    event_integer(&e, "ecm", done->ecm != 0);
    event_integer(&e, "retransmissions", done->ecm_retransmissions);
    event_personal(&e, "peer_ident", done->peer_ident);
    event_integer(&e, "pages", call->pages_confirmed);
    event_integer(&e, "seconds", (control_now_ms() - call->started_ms + 500) / 1000);
    event_integer(&e, "packets_lost", done->packets_lost);
    event_integer(&e, "packets_recovered", done->packets_recovered);
    event_integer(&e, "packets_bad", done->packets_bad);
    event_note(&e, call->control->audit);
}

static int64_t disposal_s(const struct fax_call *call)
{
    int64_t disposal_us;
    uint32_t days = call->retention_days;
    if (retention_disposal_time(control_now_ms() * 1000, days, &disposal_us) < 0 ||
        disposal_us == RETENTION_NEVER)
        return 0;
    return disposal_us / 1000000;
}

/* The line still works on it, a page waits for the journal, or the end is being recorded already.
 */
static bool must_wait(const struct fax_call *call)
{
    return !call->ending || call->recording || call->pending > 0 ||
           (call->line_call && call->media_started && !call->line_done);
}

void fax_call_record_end(struct fax_call *call)
{
    struct event e;
    if (must_wait(call))
        return;
    call->recording = true;
    uv_timer_stop(&call->timer);
    const char *state = fax_call_state(call);
    if (!call->recorded_start) {
        on_recorded(call, 0, 0);
        return;
    }
    record_attempt(call, state);
    event_begin(&e, "fax.completed", call->principal, &call->fax);
    event_outcome(&e, strcmp(state, "delivered") == 0 || strcmp(state, "received") == 0 ? "ok"
                                                                                        : "failed");
    event_text(&e, "state", state);
    event_integer(&e, "pages", call->outbound ? call->pages_confirmed : call->pages_stored);
    event_text(&e, "reason", call->reason);
    event_integer(&e, "disposal", disposal_s(call));
    int rc = event_append(&e, call->control->audit, on_recorded, call);
    if (rc < 0)
        on_recorded(call, rc, 0);
}
