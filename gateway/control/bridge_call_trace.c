/* The trace of a bridged call: both legs in one, and what is said of it in a sentence. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"

static unsigned leg_of(const struct bridge_side *side)
{
    return side->index == BRIDGE_CALLER ? TRACE_CALLER : TRACE_CALLED;
}

void bridge_trace_note(struct bridge_side *side, enum trace_kind kind, unsigned direction,
                       unsigned code, uint32_t value)
{
    call_recorder_note(side->call->recorder, kind, direction | leg_of(side), code, value, 0);
}

/* For a line that dies before its own trace comes. */
void bridge_trace_progress(struct bridge_call *call, const struct msg_bridge_progress *m)
{
    struct bridge_side *side = &call->side[m->leg < BRIDGE_LEGS ? m->leg : 0];
    switch ((enum bridge_progress)m->kind) {
    case BRIDGE_MEDIA_SEEN:
        bridge_trace_note(side, TRACE_MEDIA_FIRST, TRACE_RECEIVED | TRACE_TOLD, 0, 0);
        break;
    case BRIDGE_FAX_TONES:
        bridge_trace_note(side, TRACE_TONES, TRACE_RECEIVED | TRACE_TOLD, 0, 0);
        break;
    case BRIDGE_TRAINED:
        call_recorder_note(call->recorder, TRACE_TRAINED, TRACE_TOLD, 0, m->value, 0);
        break;
    case BRIDGE_PAGE:
        call_recorder_note(call->recorder, TRACE_PAGE_CONFIRMED, TRACE_TOLD, 0, m->value, 0);
        break;
    case BRIDGE_FOREIGN:
        break;
    }
}

static uint32_t media_of(enum bridge_media media)
{
    return media == BRIDGE_T38     ? TRACE_MEDIA_T38
           : media == BRIDGE_AUDIO ? TRACE_MEDIA_AUDIO
                                   : TRACE_MEDIA_NONE;
}

void bridge_trace_judge(struct bridge_call *call)
{
    const struct msg_bridge_done *done = &call->done;
    struct verdict_facts traces = {.state = ""};
    struct verdict_bridge_facts facts = {
        .state = bridge_call_state(call),
        .sip_code = call->sip_code,
        .t30_result = call->line_done ? done->result : -1,
        .pages = done->pages,
        .rejected = done->rejected,
        .trained = call->trained || done->rate > 0,
    };
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        facts.leg[i].media = media_of(call->side[i].media);
        facts.leg[i].packets = done->legs[i].media_seen;
        facts.leg[i].lost = done->legs[i].packets_lost;
        facts.leg[i].frames = done->legs[i].frames;
    }
    call_recorder_facts(call->recorder, &traces);
    facts.q850 = traces.q850;
    verdict_make_bridge(&facts, &call->verdict);
    if (strcmp(facts.state, "completed") == 0 || !call->verdict.sentence[0])
        snprintf(call->outcome, sizeof call->outcome, "%s", call->reason);
    else if (call->reason[0])
        snprintf(call->outcome, sizeof call->outcome, "%s (%s)", call->verdict.sentence,
                 call->reason);
    else
        snprintf(call->outcome, sizeof call->outcome, "%s", call->verdict.sentence);
}

void bridge_trace_seal(struct bridge_call *call)
{
    const struct call_recorder_end end = {
        .principal = call->principal,
        .from = call->from,
        .to = call->to,
        .trunk = call->via,
        .state = bridge_call_state(call),
        .verdict = &call->verdict,
        .may_cut = true,
    };
    if (!call->copy.trace_only && call->media_told && !call->line_done && !call->line_lost)
        return; /* the line may still be writing to the file */
    call_recorder_seal(call->recorder, &end);
    call->recorder = NULL;
}
