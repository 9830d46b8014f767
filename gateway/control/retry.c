#include "gateway/control/retry.h"

#include <stddef.h>
#include <string.h>

enum { AUDIO_DELAY_MS = 2000 }; /* the line has just been left */

struct retry_limits retry_limits_of(const struct config *config)
{
    return (struct retry_limits){
        .max_attempts = (uint32_t)config->retry.max_attempts,
        .first_delay_ms = (uint64_t)config->retry.first_delay_ms,
        .busy_delay_ms = (uint64_t)config->retry.busy_delay_ms,
        .max_delay_ms = (uint64_t)config->retry.max_delay_ms,
        .resume = config->retry.resume,
    };
}

enum retry_cause retry_cause_of(const struct retry_attempt *attempt)
{
    const struct verdict_facts facts = {
        .outbound = true,
        .state = attempt->state,
        .sip_code = attempt->sip_code,
        .q850 = attempt->q850,
        .t30_result = attempt->t30_result,
        .local_fault = attempt->local_fault,
        .t38_was_mute = attempt->t38_was_mute,
    };
    return verdict_cause(&facts);
}

/* The next slower modem of the three: V.17 14400, V.29 9600, V.27ter 4800. */
static uint32_t slower(uint32_t rate)
{
    return rate > 9600 ? 9600 : 4800;
}

static uint64_t delay_of(const struct retry_limits *limits, enum retry_cause cause,
                         uint32_t attempt)
{
    uint64_t delay = limits->first_delay_ms;
    if (cause == RETRY_AUDIO)
        return AUDIO_DELAY_MS < limits->max_delay_ms ? AUDIO_DELAY_MS : limits->max_delay_ms;
    if (cause == RETRY_BUSY)
        return limits->busy_delay_ms < limits->max_delay_ms ? limits->busy_delay_ms
                                                            : limits->max_delay_ms;
    for (uint32_t i = 1; i < attempt && delay < limits->max_delay_ms; i++)
        delay *= 2;
    return delay < limits->max_delay_ms ? delay : limits->max_delay_ms;
}

void retry_plan_make(const struct retry_limits *limits, const struct retry_attempt *attempt,
                     struct retry_plan *plan)
{
    static const char *const names[] = {"",        "busy",     "no answer",
                                        "network", "training", "no T.38 media"};
    enum retry_cause cause = retry_cause_of(attempt);
    memset(plan, 0, sizeof *plan);
    plan->why = names[cause];
    plan->max_rate = attempt->rate;
    plan->ecm = attempt->ecm;
    if (cause == RETRY_NEVER || attempt->attempt >= limits->max_attempts)
        return;
    if (strcmp(attempt->state, "partial") == 0 && !limits->resume)
        return;
    plan->again = true;
    plan->other_route = cause == RETRY_NETWORK || cause == RETRY_TRAINING;
    plan->delay_ms = delay_of(limits, cause, attempt->attempt);
    if (attempt->retry_after_ms > plan->delay_ms)
        plan->delay_ms = attempt->retry_after_ms < limits->max_delay_ms ? attempt->retry_after_ms
                                                                        : limits->max_delay_ms;
    if (cause == RETRY_TRAINING) {
        /* First slower; at the slowest, without error correction, which some peers only pretend. */
        if (attempt->rate > 4800)
            plan->max_rate = slower(attempt->rate);
        else
            plan->ecm = false;
    }
}
