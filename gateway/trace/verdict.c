#include "gateway/trace/verdict.h"

#include <stdio.h>
#include <string.h>

#include "t38/t30_result.h"

enum {
    T0_EXPIRED = 2,
    T1_EXPIRED = 3,
    NO_DIS = 19,
    NO_RESPONSE_TO_TRAINING = 20,
    NO_DCS = 34,
    RETRIES = 48,
    CLEARED_NORMALLY = 16,
    LOSSY_PERCENT = 3,
};

static void take_frame(struct verdict_facts *facts, unsigned fcf, bool received)
{
    if (!received) {
        facts->retrains += fcf == TRACE_FCF_DCS;
        return;
    }
    facts->heard_t30 = true;
    if (fcf == TRACE_FCF_CFR || fcf == TRACE_FCF_FTT)
        facts->dcs_answered = true;
}

static void take_entry(struct verdict_facts *facts, const struct trace_entry *e)
{
    bool received = (e->direction & (TRACE_SENT | TRACE_RECEIVED)) == TRACE_RECEIVED;
    switch (e->kind) {
    case TRACE_SIP_REASON:
        if (received && e->value == 0)
            facts->q850 = e->code;
        break;
    case TRACE_T30:
        take_frame(facts, e->code & 0xFE, received);
        break;
    case TRACE_TRAINED:
        facts->dcs_answered = true;
        break;
    case TRACE_MEDIA_BEGIN:
        facts->silent = true;
        break;
    case TRACE_MEDIA_FIRST:
        facts->silent = facts->silent && !received;
        break;
    default:
        break;
    }
}

void verdict_facts_trace(struct verdict_facts *facts, const struct call_trace *own,
                         const struct call_trace *line)
{
    for (uint32_t i = 0; i < own->count; i++)
        take_entry(facts, call_trace_at(own, i));
    for (uint32_t i = 0; line && i < line->count; i++)
        take_entry(facts, call_trace_at(line, i));
}

const struct verdict_entry *verdict_of_refusal(int status, int q850)
{
    const struct verdict_entry *entry = NULL;
    if (status >= 300 && q850 != CLEARED_NORMALLY)
        entry = verdict_of_q850(q850);
    return entry ? entry : verdict_of_sip(status);
}

static const struct verdict_entry *entry_of(const struct verdict_facts *f)
{
    return f->t30_result > 0 ? verdict_of_t30(f->t30_result)
                             : verdict_of_refusal(f->sip_code, f->q850);
}

enum retry_cause verdict_cause(const struct verdict_facts *f)
{
    if (strcmp(f->state, "failed") != 0 && strcmp(f->state, "partial") != 0)
        return RETRY_NEVER;
    if (f->t38_was_mute && strcmp(f->state, "failed") == 0)
        return RETRY_AUDIO;
    const struct verdict_entry *entry = entry_of(f);
    if (entry)
        return entry->cause;
    return f->local_fault && f->t30_result <= 0 ? RETRY_NETWORK : RETRY_NEVER;
}

/* What the traces tell beyond the result's own sentence; NULL: nothing. */
static const char *seen(const struct verdict_facts *f, enum verdict_side *side)
{
    bool unheard = f->t30_result == T0_EXPIRED || f->t30_result == T1_EXPIRED ||
                   f->t30_result == NO_DIS || f->t30_result == NO_RESPONSE_TO_TRAINING ||
                   f->t30_result == NO_DCS || f->t30_result == RETRIES ||
                   f->t30_result == T30_RESULT_HANGUP || f->t30_result == T30_RESULT_MEDIA_SILENT;
    if (!unheard || f->media == TRACE_MEDIA_NONE)
        return NULL;
    *side = VERDICT_NETWORK;
    if (f->silent)
        return f->media == TRACE_MEDIA_T38
                   ? "Not one T.38 packet of the peer came: likely no T.38 media path; look at "
                     "firewalls and address translation."
                   : "Not one audio packet of the peer came: likely no media path; look at "
                     "firewalls and address translation.";
    if (f->outbound && f->retrains > 0 && !f->dcs_answered)
        return f->media == TRACE_MEDIA_T38
                   ? "The peer never answered our DCS: likely no T.38 media path from here to it."
                   : "The peer never answered our DCS: what we send does not reach it.";
    if (!f->outbound && !f->heard_t30)
        return "The sender never answered our DIS: likely no media path from here to it, or no fax "
               "machine calls.";
    if (!f->heard_t30) {
        *side = VERDICT_NUMBER;
        return "The peer's media has no fax signal: no fax machine answers at the number.";
    }
    return NULL;
}

static void say(struct verdict *out, const char *sentence)
{
    snprintf(out->sentence, sizeof out->sentence, "%s", sentence);
}

static void say_failure(const struct verdict_facts *f, struct verdict *out)
{
    const struct verdict_entry *entry = entry_of(f);
    if (entry) {
        out->side = entry->side;
        const char *more = f->t30_result > 0 ? seen(f, &out->side) : NULL;
        say(out, more ? more : entry->sentence);
    } else if (f->local_fault) {
        out->side = VERDICT_GATEWAY;
        say(out, "This gateway could not go on with the call; the peer is not to blame.");
    }
    uint64_t all = (uint64_t)f->packets + f->lost;
    size_t length = strlen(out->sentence);
    if (length > 0 && f->lost * UINT64_C(100) > all * LOSSY_PERCENT)
        snprintf(out->sentence + length, sizeof out->sentence - length,
                 " %u of %llu packets were lost on the way.", f->lost, (unsigned long long)all);
}

enum trace_retry verdict_retry(enum retry_cause cause)
{
    switch (cause) {
    case RETRY_NETWORK:
    case RETRY_TRAINING:
    case RETRY_AUDIO:
        return TRACE_RETRY_NOW;
    case RETRY_BUSY:
    case RETRY_NO_REPLY:
        return TRACE_RETRY_LATER;
    case RETRY_NEVER:
        break;
    }
    return TRACE_RETRY_NO;
}

void verdict_make(const struct verdict_facts *f, struct verdict *out)
{
    memset(out, 0, sizeof *out);
    out->cause = verdict_cause(f);
    out->retry = verdict_retry(out->cause);
    if (strcmp(f->state, "delivered") == 0 || strcmp(f->state, "received") == 0) {
        out->retry = TRACE_RETRY_DONE;
        say(out, f->outbound ? "All pages were sent and confirmed."
                             : "All pages were received, sealed and confirmed.");
    } else if (strcmp(f->state, "cancelled") == 0) {
        out->side = VERDICT_GATEWAY;
        say(out, "The call was ended from this side.");
    } else if (strcmp(f->state, "uncertain") == 0) {
        out->side = VERDICT_NETWORK;
        if (f->page_pending > 0)
            snprintf(out->sentence, sizeof out->sentence,
                     "No answer came after page %u, which may or may not have arrived; ask the "
                     "receiver.",
                     f->page_pending);
        else
            say(out, "A page may have arrived without our knowing; ask the receiver.");
    } else {
        say_failure(f, out);
    }
}

const char *verdict_side_text(enum verdict_side side)
{
    static const char *const names[] = {"nobody", "peer", "network", "gateway", "number"};
    return (unsigned)side < sizeof names / sizeof *names ? names[side] : names[0];
}
