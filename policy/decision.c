#include "policy/decision.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/decision_private.h"
#include "policy/number.h"
#include "policy/policy_error.h"

/* Why no grant allows, from the least to the most telling. */
enum refusal {
    NO_GRANT,
    EXPIRED,
    OUT_OF_SCOPE_MAILBOX,
    OUT_OF_SCOPE_FROM,
    OUT_OF_SCOPE_TO,
    OUT_OF_SCOPE_CLASS
};

struct refusal_text {
    const char *code;
    const char *text;
};

static const struct refusal_text refusal_texts[] = {
    [NO_GRANT] = {"no_grant", "has no role that allows it"},
    [EXPIRED] = {"grant_expired", "has only a grant that has expired"},
    [OUT_OF_SCOPE_MAILBOX] = {"out_of_scope_mailbox", "has no grant for this mailbox"},
    [OUT_OF_SCOPE_FROM] = {"out_of_scope_from", "may not send as this number"},
    [OUT_OF_SCOPE_TO] = {"out_of_scope_to", "has no grant for this called number"},
    [OUT_OF_SCOPE_CLASS] = {"out_of_scope_class", "has no grant for faxes of this class"},
};

/* A question made plain: numbers in plain form, NULL where the action does not look at them. */
struct plain_question {
    const char *from;
    const char *to;
    const char *mailbox;
    const char *class_name; /* other than that of the fax's mailbox */
    char from_number[NUMBER_TEXT];
    char to_number[NUMBER_TEXT];
};

static void deny(struct policy_answer *answer, const char *code, const char *reason)
{
    answer->allowed = false;
    answer->reason_code = code;
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
}

/* The number whose mailbox the fax belongs to must be one of ours. */
static bool find_own_number(const struct policy_set *set, const char *number,
                            struct policy_answer *answer)
{
    const struct policy_number *own = policy_find_number(set, number);
    if (!own) {
        deny(answer, "number_unknown", "the number is not assigned to a mailbox here");
        return false;
    }
    answer->mailbox = policy_find_mailbox(set, own->mailbox);
    return true;
}

static bool read_number(const char *text, char number[NUMBER_TEXT], const char *refused,
                        struct policy_answer *answer)
{
    if (number_normalise(text, number) == 0)
        return true;
    deny(answer, "number_invalid", refused);
    return false;
}

static bool read_mailbox(const struct policy_set *set, const struct policy_question *question,
                         struct plain_question *plain, struct policy_answer *answer)
{
    answer->mailbox = policy_find_mailbox(set, question->mailbox);
    if (!answer->mailbox) {
        deny(answer, "mailbox_unknown", "there is no such mailbox");
        return false;
    }
    plain->mailbox = answer->mailbox->name;
    return true;
}

static bool class_exists(const struct policy_set *set, const char *class_name)
{
    const struct policy_mailbox *mailbox;
    for (size_t i = 0; (mailbox = policy_mailbox_at(set, i)) != NULL; i++)
        if (strcmp(mailbox->class_name, class_name) == 0)
            return true;
    return false;
}

/* Of a fax to send, once its mailbox is known. */
static bool read_class(const struct policy_set *set, const struct policy_question *question,
                       struct plain_question *plain, struct policy_answer *answer)
{
    const char *wanted = question->class_name;
    if (!wanted || !wanted[0] ||
        (answer->mailbox && strcmp(answer->mailbox->class_name, wanted) == 0))
        return true;
    plain->class_name = wanted;
    if (class_exists(set, wanted))
        return true;
    deny(answer, "class_unknown", "there is no such class of faxes");
    return false;
}

/* Of a fax or call that one of our numbers makes: it belongs to that number's mailbox. */
static bool read_own_call(const struct policy_set *set, const struct policy_question *question,
                          struct plain_question *plain, struct policy_answer *answer)
{
    if (!read_number(question->from_number, plain->from_number,
                     "the number to send as is not a telephone number", answer) ||
        !read_number(question->to_number, plain->to_number,
                     "the number to send to is not a telephone number", answer))
        return false;
    plain->from = plain->from_number;
    plain->to = plain->to_number;
    return find_own_number(set, plain->from, answer);
}

/* Of one that comes for a number of ours. */
static bool read_called_number(const struct policy_set *set, const struct policy_question *question,
                               struct plain_question *plain, struct policy_answer *answer)
{
    if (!read_number(question->to_number, plain->to_number,
                     "the called number is not a telephone number", answer))
        return false;
    plain->to = plain->to_number;
    return find_own_number(set, plain->to, answer);
}

/* Fills plain with what the action looks at; false if the question is already answered. */
static bool make_plain(const struct policy_set *set, const struct policy_question *question,
                       struct plain_question *plain, struct policy_answer *answer)
{
    *plain = (struct plain_question){0};
    switch (question->action) {
    case POLICY_SUBMIT:
        return read_own_call(set, question, plain, answer) &&
               read_class(set, question, plain, answer);
    case POLICY_BRIDGE:
        if (question->from_number)
            return read_own_call(set, question, plain, answer);
        return read_called_number(set, question, plain, answer);
    case POLICY_RECEIVE:
        return read_called_number(set, question, plain, answer);
    case POLICY_LIST:
    case POLICY_VIEW:
    case POLICY_EXPORT:
    case POLICY_TRACE:
    case POLICY_CANCEL:
    case POLICY_DISPOSE:
        return read_mailbox(set, question, plain, answer);
    case POLICY_ADMIN_USERS:
    case POLICY_ADMIN_ROLES:
    case POLICY_ADMIN_GRANTS:
    case POLICY_ADMIN_NUMBERS:
    case POLICY_ADMIN_MAILBOXES:
    case POLICY_ADMIN_TRUNKS:
    case POLICY_ADMIN_CONFIG:
    case POLICY_AUDIT_READ:
    case POLICY_AUDIT_VERIFY:
    case POLICY_KEY_READ:
    case POLICY_KEY_MANAGE:
    case POLICY_STATUS:
        return true;
    case POLICY_ACTION_COUNT:
        break;
    }
    deny(answer, "action_unknown", "there is no such action");
    return false;
}

static bool any_pattern(const struct policy_list *patterns, const char *number)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (number_matches(patterns->items[i], number))
            return true;
    return false;
}

static bool any_name(const struct policy_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], "*") == 0 || strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static bool any_of_class(const struct policy_set *set, const struct policy_list *names,
                         const char *class_name)
{
    const struct policy_mailbox *mailbox;
    for (size_t i = 0; (mailbox = policy_mailbox_at(set, i)) != NULL; i++)
        if (strcmp(mailbox->class_name, class_name) == 0 && any_name(names, mailbox->name))
            return true;
    return false;
}

/* Judges one grant; true if it allows, otherwise *refusal says why not. */
static bool grant_allows(const struct policy_set *set, const struct policy_grant_row *grant,
                         const struct policy_question *question, const struct plain_question *plain,
                         enum refusal *refusal)
{
    *refusal = NO_GRANT;
    if (!(grant->actions & POLICY_ACTION_BIT(question->action)))
        return false;
    *refusal = EXPIRED;
    if (grant->row.expires_us && question->now_us >= grant->row.expires_us)
        return false;
    *refusal = OUT_OF_SCOPE_MAILBOX;
    if (plain->mailbox && !any_name(&grant->row.mailboxes, plain->mailbox))
        return false;
    *refusal = OUT_OF_SCOPE_FROM;
    if (plain->from && !any_pattern(&grant->row.from_numbers, plain->from))
        return false;
    *refusal = OUT_OF_SCOPE_TO;
    if (plain->to && !any_pattern(&grant->row.to_numbers, plain->to))
        return false;
    *refusal = OUT_OF_SCOPE_CLASS;
    return !plain->class_name || any_of_class(set, &grant->row.mailboxes, plain->class_name);
}

static void ask_grants(const struct policy_set *set, const struct policy_principal *principal,
                       const struct policy_question *question, const struct plain_question *plain,
                       struct policy_answer *answer)
{
    enum refusal refusal, most_telling = NO_GRANT;
    size_t count;
    const struct policy_grant_row *grants = policy_grants_of(set, principal->id, &count);
    for (size_t i = 0; i < count; i++) {
        if (grant_allows(set, &grants[i], question, plain, &refusal)) {
            answer->allowed = true;
            answer->reason_code = "granted";
            answer->grant_id = grants[i].row.id;
            snprintf(answer->reason, sizeof answer->reason,
                     "'%s' may %s by role '%s', grant %" PRId64, principal->name,
                     policy_action_text(question->action), grants[i].row.role, answer->grant_id);
            return;
        }
        if (refusal > most_telling)
            most_telling = refusal;
    }
    answer->reason_code = refusal_texts[most_telling].code;
    snprintf(answer->reason, sizeof answer->reason, "%s: '%s' %s",
             policy_action_text(question->action), principal->name,
             refusal_texts[most_telling].text);
}

void policy_decide(const struct policy_set *set, const struct policy_question *question,
                   struct policy_answer *answer)
{
    struct plain_question plain;
    *answer = (struct policy_answer){0};
    if (!set || !set->sealed) {
        deny(answer, "no_policy", "no policy is loaded");
        return;
    }
    const struct policy_principal *principal = policy_find_principal(set, question->principal_id);
    if (!principal) {
        deny(answer, "principal_unknown", "the principal is not known");
        return;
    }
    if (principal->disabled) {
        deny(answer, "principal_disabled", "the principal is disabled");
        return;
    }
    if (make_plain(set, question, &plain, answer))
        ask_grants(set, principal, question, &plain, answer);
}

const char *policy_bridge_target(const struct policy_set *set, const char *number)
{
    static const char bridge[] = "bridge:";
    char plain[NUMBER_TEXT];
    const struct policy_number *own = set && set->sealed && number_normalise(number, plain) == 0
                                          ? policy_find_number(set, plain)
                                          : NULL;
    if (!own || strncmp(own->deliver, bridge, sizeof bridge - 1) != 0)
        return NULL;
    return own->deliver + sizeof bridge - 1;
}

void policy_decide_inbound(const struct policy_set *set, const char *trunk_name,
                           const char *to_number, int64_t now_us, struct policy_answer *answer)
{
    *answer = (struct policy_answer){0};
    const struct policy_trunk *trunk =
        set && set->sealed ? policy_find_trunk(set, trunk_name) : NULL;
    if (!trunk) {
        deny(answer, set && set->sealed ? "trunk_unknown" : "no_policy",
             set && set->sealed ? "the trunk is not known" : "no policy is loaded");
        return;
    }
    if (trunk->disabled) {
        deny(answer, "trunk_disabled", "the trunk is disabled");
        return;
    }
    policy_decide(set,
                  &(struct policy_question){.principal_id = trunk->principal_id,
                                            .action = POLICY_RECEIVE,
                                            .to_number = to_number,
                                            .now_us = now_us},
                  answer);
}
