#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/handover.h"
#include "gateway/control/retry.h"
#include "gateway/mail/mail_out.h"
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
    if (call->pages_stored > 0)
        return "partial";
    return call->cancelled ? "cancelled" : "failed";
}

const char *fax_call_state(const struct fax_call *call)
{
    return call->outbound ? outbound_state(call) : inbound_state(call);
}

static struct verdict_facts facts_of(const struct fax_call *call, const char *state)
{
    struct verdict_facts facts = {
        .outbound = call->outbound,
        .state = state,
        .sip_code = call->sip_code,
        .t30_result = call->line_done && call->media_started ? call->done.result : -1,
        .local_fault = call->local_fault,
        .t38_was_mute = fax_call_t38_was_mute(call),
        .packets = call->done.media_seen,
        .lost = call->done.packets_lost,
        .silent = call->done.media_seen == 0,
        .page_pending = call->page_pending,
    };
    if (call->media_started)
        facts.media = call->t38_agreed ? TRACE_MEDIA_T38 : TRACE_MEDIA_AUDIO;
    call_recorder_facts(call->recorder, &facts);
    return facts;
}

/* What people are told: the sentence, and in brackets what was met. */
static void judge(struct fax_call *call, const char *state)
{
    const struct verdict_facts facts = facts_of(call, state);
    bool well = strcmp(state, "delivered") == 0 || strcmp(state, "received") == 0;
    verdict_make(&facts, &call->verdict);
    if (well || call->cancelled || !call->verdict.sentence[0])
        snprintf(call->outcome, sizeof call->outcome, "%s", call->reason);
    else if (call->reason[0])
        snprintf(call->outcome, sizeof call->outcome, "%s (%s)", call->verdict.sentence,
                 call->reason);
    else
        snprintf(call->outcome, sizeof call->outcome, "%s", call->verdict.sentence);
}

static void seal_trace(struct fax_call *call, const char *state)
{
    const struct call_recorder_end end = {
        .principal = call->principal,
        .from = call->from,
        .to = call->to,
        .trunk = call->trunk,
        .state = state,
        .verdict = &call->verdict,
        .may_cut = call->outbound || call->line_done,
    };
    if (!call->outbound && call->line_mute)
        return; /* the line may still be writing to the file */
    call_recorder_seal(call->recorder, &end);
    call->recorder = NULL;
}

static void tell_end(struct fax_call *call, const char *state)
{
    json_t *line =
        json_pack("{s:s,s:i,s:i}", "text", call->outcome, "page", (int)call->pages_confirmed,
                  "pages", (int)(call->outbound ? call->pages : call->pages_stored));
    fax_watchers_tell(call->control->watchers, &call->fax, "ended", state, line, true);
}

static struct fax_end end_of(const struct fax_call *call, const char *state)
{
    return (struct fax_end){
        .fax = call->fax,
        .outbound = call->outbound,
        .had_media = call->media_started,
        .trunk = call->trunk,
        .principal = call->principal,
        .mailbox = call->mailbox,
        .from = call->from,
        .to = call->to,
        .state = state,
        .reason = call->outcome,
        .pages = call->outbound ? call->pages : call->pages_stored,
    };
}

/* The log is being closed: the next start settles what is left, from what was recorded. */
static bool is_log_closed(int status)
{
    return status == -ESHUTDOWN || status == -ENOTCONN;
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    const char *state = fax_call_state(call);
    (void)index;
    if (is_log_closed(status)) {
        /* Queue and watchers may be gone. */
        fax_call_discard(call);
        return;
    }
    if (status < 0 && !call->record_failed)
        log_write(LOG_LEVEL_ERROR, "the end of a call cannot be recorded: %s", strerror(-status));
    if (status < 0 && status != -EINVAL) {
        /* Until it is, the fax has no end: it must not stay under way for ever. */
        call->record_failed = true;
        call->recording = false;
        call->requeued = false;
        fax_call_timer(call, CALL_RECORD_AGAIN_MS, fax_call_record_end);
        return;
    }
    if (call->recorded_start || call->cancelled)
        tell_end(call, state);
    if (call->completed && status == 0) {
        const struct fax_end end = end_of(call, state);
        handover_begin(call->control, &end, call->plan);
        mail_out_fax(call->control, &call->fax, call->mailbox, call->mail_due);
    }
    if (call->recorded_start && status == 0)
        seal_trace(call, state);
    if (call->done_cb && !call->control->stopping)
        call->done_cb(call->done_user, call->requeued && status == 0 ? &call->next_attempt : NULL);
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
    event_integer(&e, "sip_code", call->sip_code || !call->answered ? call->sip_code : 200);
    event_integer(&e, "t30_result", call->line_done && call->media_started ? done->result : -1);
    event_text(&e, "text", call->reason[0] ? call->reason : "OK");
    event_integer(&e, "rate", done->rate);
    event_text(&e, "modem", done->modem);
    event_text(&e, "media", fax_call_media_name(call));
    event_text(&e, "signalling", call->signalling);
    event_text(&e, "protection", done->protection);
    event_integer(&e, "express", done->express);
    event_integer(&e, "ecm", done->ecm != 0);
    event_integer(&e, "retransmissions", done->ecm_retransmissions);
    event_personal(&e, "peer_ident", done->peer_ident);
    event_integer(&e, "pages", call->pages_confirmed);
    event_integer(&e, "seconds", (control_now_ms() - call->started_ms + 500) / 1000);
    event_integer(&e, "packets_lost", done->packets_lost);
    event_integer(&e, "packets_recovered", done->packets_recovered);
    event_integer(&e, "packets_bad", done->packets_bad);
    event_integer(&e, "packets_foreign", done->packets_foreign + (int64_t)call->strays.total);
    event_integer(&e, "packets_rtp", done->packets_rtp);
    event_note(&e, call->control->audit);
}

void fax_call_record_foreign(struct fax_call *call, uint32_t packets)
{
    struct event e;
    event_begin(&e, "media.foreign", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_integer(&e, "packets", packets);
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

static void fill_next(struct fax_call *call, uint16_t attempt, int64_t delay_ms)
{
    struct outbound_fax *next = &call->next_attempt;
    memset(next, 0, sizeof *next);
    next->fax = call->fax;
    next->source = call->source;
    next->source_attempt = call->source_attempt;
    next->priority = call->priority;
    memcpy(next->from, call->from, sizeof next->from);
    memcpy(next->to, call->to, sizeof next->to);
    memcpy(next->principal, call->principal, sizeof next->principal);
    memcpy(next->mailbox, call->mailbox, sizeof next->mailbox);
    memcpy(next->class_name, call->class_name, sizeof next->class_name);
    next->pages = call->pages;
    next->first_page = call->pages_confirmed + 1;
    next->attempt = attempt;
    next->max_rate = call->max_rate;
    next->no_ecm = !call->ecm;
    next->not_before_ms = control_now_ms() + delay_ms;
}

/* Fills call->next_attempt when the fax is to be tried again. */
static bool plan_next(struct fax_call *call, const char *state, const char **why)
{
    const struct verdict_facts facts = facts_of(call, state);
    struct retry_limits limits = retry_limits_of(call->control->config);
    /* A machine that is busy or off is waited for (fax_queue), not given up after a few calls. */
    if (device_name_of(call->trunk) && !call->media_started)
        limits.max_attempts = UINT16_MAX;
    const struct retry_attempt attempt = {
        .attempt = call->attempt,
        .state = state,
        .sip_code = facts.sip_code,
        .q850 = facts.q850,
        .t30_result = facts.t30_result,
        .retry_after_ms = call->retry_after_s * 1000ull,
        .local_fault = call->local_fault,
        .rate = call->max_rate,
        .ecm = call->ecm,
        .t38_was_mute = facts.t38_was_mute,
    };
    struct retry_plan plan;
    retry_plan_make(&limits, &attempt, &plan);
    if (!call->outbound || !plan.again)
        return false;
    fill_next(call, (uint16_t)(call->attempt + 1), (int64_t)plan.delay_ms);
    call->next_attempt.max_rate = plan.max_rate;
    call->next_attempt.no_ecm = !plan.ecm;
    if (plan.other_route)
        memcpy(call->next_attempt.avoid, call->trunk, sizeof call->next_attempt.avoid);
    *why = plan.why;
    return true;
}

static int record_requeue(struct fax_call *call, const char *why)
{
    struct event e;
    const struct outbound_fax *next = &call->next_attempt;
    event_begin(&e, "fax.requeued", call->principal, &call->fax);
    event_integer(&e, "attempt", next->attempt);
    event_integer(&e, "first_page", next->first_page);
    event_integer(&e, "max_rate", next->max_rate);
    event_integer(&e, "ecm", !next->no_ecm);
    event_integer(&e, "next_attempt", (next->not_before_ms + 999) / 1000);
    event_text(&e, "cause", why);
    event_text(&e, "reason", call->outcome);
    return event_append(&e, call->control->audit, on_recorded, call);
}

void fax_call_record_end(struct fax_call *call)
{
    struct event e;
    const char *why = "";
    if (must_wait(call))
        return;
    call->recording = true;
    call->completed = false;
    uv_timer_stop(&call->timer);
    const char *state = fax_call_state(call);
    judge(call, state);
    if (!call->recorded_start && !call->cancelled) {
        /* There was no attempt, and the fax still is what the log says: queued. */
        if (call->outbound) {
            fill_next(call, call->attempt, CALL_RECORD_AGAIN_MS);
            call->requeued = true;
        }
        on_recorded(call, 0, 0);
        return;
    }
    /* Records become durable in their order: the last one's callback stands for all. */
    for (uint32_t page = call->pages_recorded + 1; page <= call->pages_confirmed; page++)
        if (fax_call_record_confirmed(call, page, NULL, NULL) < 0)
            break; /* then the last one cannot be recorded either */
    record_attempt(call, state);
    if (fax_call_t38_was_mute(call))
        fax_call_t38_refused(call, "T.38 was agreed, but none came");
    if (plan_next(call, state, &why)) {
        call->requeued = true;
        int error = record_requeue(call, why);
        if (error < 0)
            on_recorded(call, error, 0);
        return;
    }
    event_begin(&e, "fax.completed", call->principal, &call->fax);
    event_outcome(&e, strcmp(state, "delivered") == 0 || strcmp(state, "received") == 0 ? "ok"
                                                                                        : "failed");
    event_text(&e, "state", state);
    event_integer(&e, "pages", call->outbound ? call->pages_confirmed : call->pages_stored);
    event_text(&e, "reason", call->outcome);
    event_integer(&e, "disposal", disposal_s(call));
    const struct fax_end end = end_of(call, state);
    call->plan = handover_plan(call->control, &end);
    call->completed = true;
    event_text(&e, "forward", call->plan);
    call->mail_due = mail_out_plan(call->control, &end);
    event_text(&e, "mail_due", call->mail_due);
    int rc = event_append(&e, call->control->audit, on_recorded, call);
    if (rc < 0)
        on_recorded(call, rc, 0);
}
