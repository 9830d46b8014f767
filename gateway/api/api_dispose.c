#include <stdio.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/disposal.h"

static void on_disposed(void *user, int status, json_t *disposed, json_t *failed, bool more)
{
    struct api_request *r = user;
    if (status < 0) {
        json_decref(disposed);
        json_decref(failed);
        api_answer_error(r, status, "the disposal could not be made");
        return;
    }
    api_answer_json(
        r, 200, json_pack("{s:o,s:o,s:b}", "disposed", disposed, "failed", failed, "more", more));
}

void api_post_dispose(struct http_request *http, void *user)
{
    static const char *const known[] = {"dry_run", NULL};
    struct policy_answer answer = {.reason = ""};
    bool any = false;
    const char *mailbox;
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    for (size_t i = 0; !any && (mailbox = policy_cache_mailbox_at(r->control->policy, i)); i++) {
        policy_cache_decide(r->control->policy, r->principal, POLICY_DISPOSE, NULL, NULL, mailbox,
                            &answer);
        any = answer.allowed;
    }
    if (!any && answer.reason[0])
        api_deny(r, POLICY_DISPOSE, answer.reason, NULL);
    if (!any && (answer.reason[0] || !api_allow(r, POLICY_DISPOSE, "*")))
        return;
    const char *dry = http_request_query(http, "dry_run");
    if (dry && strcmp(dry, "1") != 0 && strcmp(dry, "0") != 0) {
        api_answer_problem(r, 400, "request", "The request is not valid",
                           "dry_run must be '0' or '1'");
        return;
    }
    int rc = disposal_run(r->control, r->principal, dry && strcmp(dry, "1") == 0, on_disposed, r);
    if (rc < 0)
        api_answer_error(r, rc, "the disposal could not be made");
}
