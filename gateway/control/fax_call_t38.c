/* Which peers have T.38, as their calls have shown. */
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/t38_refusals.h"

static uint64_t now_ms(const struct fax_call *call)
{
    return uv_now(&call->control->loop);
}

const char *fax_call_t38_refused_before(const struct fax_call *call)
{
    if (!call->outbound || call->control->config->fax.t38_refused_memory_s == 0 ||
        !fax_call_audio_allowed(call))
        return NULL;
    const char *who =
        t38_refusals_find(call->control->t38_refusals, call->trunk, call->to, now_ms(call));
    if (!who)
        return NULL;
    return !strcmp(who, "number") ? "the number has refused T.38 before"
                                  : "numbers of the trunk have refused T.38 before";
}

void fax_call_t38_refused(struct fax_call *call, const char *cause)
{
    struct event e;
    uint64_t memory_s = (uint64_t)call->control->config->fax.t38_refused_memory_s,
             now = now_ms(call);
    if (!call->outbound || memory_s == 0 ||
        !t38_refusals_note(call->control->t38_refusals, call->trunk, call->to, now,
                           now + memory_s * 1000))
        return;
    event_begin(&e, "fallback.remembered", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_text(&e, "trunk", call->trunk);
    event_personal(&e, "to", call->to);
    event_text(&e, "cause", cause);
    event_integer(&e, "remembered_s", (int64_t)memory_s);
    event_note(&e, call->control->audit);
}

void fax_call_t38_works(const struct fax_call *call)
{
    struct event e;
    if (!call->outbound ||
        t38_refusals_forget(call->control->t38_refusals, call->trunk, call->to) == 0)
        return;
    event_begin(&e, "fallback.over", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_text(&e, "trunk", call->trunk);
    event_personal(&e, "to", call->to);
    event_note(&e, call->control->audit);
}

bool fax_call_t38_was_mute(const struct fax_call *call)
{
    return call->outbound && call->t38_agreed && call->line_done && !call->page_pending &&
           call->pages_confirmed < call->first_page && t38_refusals_is_mute(&call->done) &&
           call->control->config->fax.t38_refused_memory_s > 0 && fax_call_audio_allowed(call);
}
