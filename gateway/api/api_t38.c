/* What is remembered of peers without T.38. */
#include <stdio.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/event.h"
#include "gateway/control/t38_refusals.h"
#include "policy/number.h"

static const char *number_of(const struct api_request *r)
{
    const char *number = http_request_query(r->http, "number");
    return number && number[0] ? number : NULL;
}

static void forget(struct api_request *r)
{
    char number[NUMBER_TEXT];
    const char *text = number_of(r);
    if (!text || number_normalise(text, number) == 0)
        (void)t38_refusals_forget(r->control->t38_refusals, http_request_param(r->http, "name"),
                                  text ? number : NULL);
    api_answer_json(r, 204, NULL);
}

void api_delete_t38_refusals(struct http_request *http, void *user)
{
    struct event e;
    char number[NUMBER_TEXT];
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const char *name = http_request_param(http, "name"), *text = number_of(r);
    if (!policy_cache_trunk(r->control->policy, name)) {
        api_answer_problem(r, 404, "unknown", "There is no such trunk", NULL);
        return;
    }
    if (text && number_normalise(text, number) < 0) {
        api_answer_problem(r, 422, "number", "The number is not valid", NULL);
        return;
    }
    event_begin(&e, "fallback.forgotten", r->principal, NULL);
    event_text(&e, "trunk", name);
    event_personal(&e, "number", text ? number : "");
    api_record(r, &e, forget);
}
