#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"

static bool was_answered(const struct bridge_call *call)
{
    return call->side[BRIDGE_CALLER].answered && call->side[BRIDGE_CALLED].answered;
}

const char *bridge_call_state(const struct bridge_call *call)
{
    const struct msg_bridge_done *done = &call->done;
    if (call->media_told && !call->line_done)
        return "uncertain"; /* pages may have passed */
    if (!was_answered(call))
        return call->side[BRIDGE_CALLED].session == NULL && call->refuse_code ? "refused"
                                                                              : "cancelled";
    if (!done->observed && call->side[BRIDGE_CALLER].recorded != BRIDGE_T38 &&
        call->side[BRIDGE_CALLED].recorded != BRIDGE_T38)
        return "unobserved";
    if (done->pages == 0)
        return "failed";
    return done->result == 0 ? "completed" : "partial";
}

/* The log is being closed: the next start finds the call open in it. */
static bool is_log_closed(int status)
{
    return status == -ESHUTDOWN || status == -ENOTCONN;
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct bridge_call *call = user;
    (void)index;
    if (status < 0 && status != -EINVAL && !is_log_closed(status)) {
        if (!call->record_failed)
            log_write(LOG_LEVEL_ERROR, "the end of a bridged call cannot be recorded: %s",
                      strerror(-status));
        call->record_failed = true;
        call->recording = false;
        bridge_call_timer(call, BRIDGE_RECORD_AGAIN_MS, bridge_call_record_end);
        return;
    }
    /* What was recorded before is durable too. */
    if (status == 0 && call->copy.mail_due)
        mail_out_fax(call->control, &call->id, call->mailbox, call->copy.mail_due);
    if (status == 0 && !call->copy.offered && call->recorder && call->mailbox[0]) {
        bridge_copy_keep_trace(call);
        return;
    }
    if (status == 0)
        bridge_trace_seal(call);
    bridge_call_discard(call);
}

struct leg_keys {
    const char *media, *signalling, *protection, *ident;
    const char *lost, *recovered, *bad, *foreign, *refused;
};

static const struct leg_keys leg_keys[BRIDGE_LEGS] = {
    {"caller_media", "caller_signalling", "caller_protection", "caller_ident", "caller_lost",
     "caller_recovered", "caller_bad", "caller_foreign", "caller_refused"},
    {"called_media", "called_signalling", "called_protection", "called_ident", "called_lost",
     "called_recovered", "called_bad", "called_foreign", "called_refused"},
};

static void add_leg(struct event *e, const struct bridge_side *side)
{
    const struct leg_keys *keys = &leg_keys[side->index];
    const struct msg_bridge_leg *leg = &side->call->done.legs[side->index];
    event_text(e, keys->media, bridge_media_name(side->recorded));
    event_text(e, keys->signalling, side->signalling);
    event_text(e, keys->protection, leg->protection);
    event_personal(e, keys->ident, leg->ident);
    event_integer(e, keys->lost, leg->packets_lost);
    event_integer(e, keys->recovered, leg->packets_recovered);
    event_integer(e, keys->bad, leg->packets_bad);
    event_integer(e, keys->foreign, leg->packets_foreign + (int64_t)side->strays.total);
    event_integer(e, keys->refused, leg->refused);
}

static int record_end(struct bridge_call *call)
{
    const struct msg_bridge_done *done = &call->done;
    const char *state = bridge_call_state(call);
    bool good = strcmp(state, "completed") == 0 || strcmp(state, "unobserved") == 0;
    struct event e;
    event_begin(&e, "bridge.ended", call->principal, &call->id);
    event_outcome(&e, good ? "ok" : "failed");
    event_personal(&e, "from", call->from);
    event_personal(&e, "to", call->to);
    event_text(&e, "target", call->via);
    event_text(&e, "state", state);
    event_text(&e, "reason", call->outcome[0] ? call->outcome : "OK");
    event_integer(&e, "sip_code", was_answered(call) ? 200 : call->sip_code);
    event_integer(&e, "pages", done->pages);
    event_integer(&e, "rejected", done->rejected);
    event_integer(&e, "rate", done->rate);
    event_integer(&e, "ecm", done->ecm != 0);
    event_integer(&e, "retransmissions", done->retransmissions);
    event_integer(&e, "seconds", (control_now_ms() - call->started_ms + 500) / 1000);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        add_leg(&e, &call->side[i]);
    return event_append(&e, call->control->audit, on_recorded, call);
}

void bridge_call_record_end(struct bridge_call *call)
{
    if (!call->ending || call->recording || call->pending > 0 || !call->legs_ended)
        return;
    call->recording = true;
    uv_timer_stop(&call->timer);
    if (!call->recorded_start) {
        bridge_call_discard(call);
        return;
    }
    bridge_trace_judge(call);
    bridge_copy_end(call);
    int rc = record_end(call);
    if (rc < 0)
        on_recorded(call, rc, 0);
}
