/* The register of senders: whose mails go out in whose name. */
#include <stdio.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/mail/mail_senders.h"
#include "policy/number.h"

static json_t *sender_json(const char *address, const char *principal, const char *number)
{
    return json_pack("{s:s,s:s,s:s}", "address", address, "principal", principal, "number", number);
}

void api_get_mail_senders(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    const struct mail_senders *senders = policy_cache_mail_senders(r->control->policy);
    json_t *list = json_array();
    for (size_t i = 0; senders && i < senders->count; i++)
        json_array_append_new(list, sender_json(senders->all[i].address, senders->all[i].principal,
                                                senders->all[i].number));
    api_answer_json(r, 200, json_pack("{s:o}", "senders", list));
}

static const char *wrong_sender(const struct api_request *r, const char *principal,
                                const char *number)
{
    const struct policy_set *set = policy_cache_set(r->control->policy);
    const struct policy_principal *p = policy_find_principal_named(set, principal);
    if (!p || (p->kind != POLICY_PERSON && p->kind != POLICY_SERVICE))
        return "there is no such user or service";
    if (!policy_find_number(set, number))
        return "'number' must be one of our numbers (sealfax number add)";
    return NULL;
}

static void put_sender(struct api_request *r, json_t *in, const char *address)
{
    struct event e;
    char number[NUMBER_TEXT];
    const char *principal = api_text(r, in, "principal", NULL, POLICY_NAME_TEXT - 1);
    const char *text = principal ? api_text(r, in, "number", NULL, 100) : NULL;
    if (!text)
        return;
    const char *wrong = number_normalise(text, number) < 0
                            ? "'number' must be an optional '+' and 2 to 20 digits"
                            : wrong_sender(r, principal, number);
    if (wrong) {
        api_answer_problem(r, 422, "sender", "The sender is not valid", wrong);
        return;
    }
    event_begin(&e, "mail.sender_added", r->principal, NULL);
    event_personal(&e, "address", address);
    event_text(&e, "principal", principal);
    event_personal(&e, "number", number);
    api_change(r, &e, 200, sender_json(address, principal, number));
}

void api_put_mail_sender(struct http_request *http, void *user)
{
    char address[MAIL_ADDRESS_TEXT];
    struct api_request *r = api_begin_change(http, user, api_put_mail_sender);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    if (mail_sender_address(http_request_param(http, "address"), address) < 0) {
        api_answer_problem(r, 422, "sender", "The sender is not valid",
                           "the address must be as in anna@example.com");
        return;
    }
    json_t *in = api_body(r, "MailSenderNew");
    if (!in)
        return;
    put_sender(r, in, address);
    json_decref(in);
}

void api_delete_mail_sender(struct http_request *http, void *user)
{
    struct event e;
    struct api_request *r = api_begin_change(http, user, api_delete_mail_sender);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    const struct mail_senders *senders = policy_cache_mail_senders(r->control->policy);
    const struct mail_sender *sender =
        senders ? mail_senders_find(senders, http_request_param(http, "address")) : NULL;
    if (!sender) {
        api_answer_problem(r, 404, "unknown", "There is no such sender", NULL);
        return;
    }
    event_begin(&e, "mail.sender_removed", r->principal, NULL);
    event_personal(&e, "address", sender->address);
    api_change(r, &e, 204, NULL);
}
