#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decision.h"
#include "policy/number.h"
#include "policy/policy_error.h"

#define LIST(...)                                                                                  \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)                      \
    }

enum { ADMIN = 1, ANNA = 2, BEN = 3, CARRIER = 4, GONE = 5, TIMER = 6, CLARA = 7 };

#define NOW INT64_C(1790000000000000)

static struct policy_set *set;

static int build(void **state)
{
    (void)state;
    static const struct policy_principal principals[] = {
        {CLARA, "clara", POLICY_PERSON, false},    {ADMIN, "admin", POLICY_PERSON, false},
        {ANNA, "anna", POLICY_PERSON, false},      {BEN, "ben", POLICY_PERSON, false},
        {CARRIER, "carrier", POLICY_TRUNK, false}, {GONE, "gone", POLICY_PERSON, true},
        {TIMER, "disposal", POLICY_SYSTEM, false},
    };
    const struct policy_grant grants[] = {
        {.id = 10,
         .principal_id = ADMIN,
         .role = "administrator",
         .mailboxes = LIST("*"),
         .from_numbers = LIST("*"),
         .to_numbers = LIST("*")},
        {.id = 20,
         .principal_id = ANNA,
         .role = "sender",
         .from_numbers = LIST("+4930100"),
         .to_numbers = LIST("+4930*", "+4940123456"),
         .mailboxes = LIST("office")},
        {.id = 21,
         .principal_id = ANNA,
         .role = "receiver",
         .mailboxes = LIST("lab"),
         .expires_us = NOW + 1},
        {.id = 22, .principal_id = GONE, .role = "receiver", .mailboxes = LIST("*")},
        {.id = 30,
         .principal_id = BEN,
         .role = "sender",
         .from_numbers = LIST("+4930100"),
         .to_numbers = LIST("+33*")},
        {.id = 31,
         .principal_id = BEN,
         .role = "sender",
         .from_numbers = LIST("*"),
         .to_numbers = LIST("112*"),
         .mailboxes = LIST("lab")},
        {.id = 40, .principal_id = CARRIER, .role = "trunk", .to_numbers = LIST("+4930*", "4711")},
        {.id = 50, .principal_id = TIMER, .role = "disposal-officer", .mailboxes = LIST("*")},
    };
    char reason[POLICY_REASON_TEXT];
    const struct policy_builtin_role *role;
    assert_int_equal(policy_set_new(&set), 0);
    for (size_t i = 0; (role = policy_builtin_role_at(i)); i++)
        assert_int_equal(policy_add_role(set, &(struct policy_role){role->name, role->actions}), 0);
    for (size_t i = 0; i < sizeof principals / sizeof *principals; i++)
        assert_int_equal(policy_add_principal(set, &principals[i]), 0);
    for (size_t i = sizeof grants / sizeof *grants; i-- > 0;)
        assert_int_equal(policy_add_grant(set, &grants[i]), 0);
    static const struct policy_mailbox mailboxes[] = {{"office", "standard", 90, false},
                                                      {"lab", "medical", 3650, false}};
    static const struct policy_number numbers[] = {{"+4930100", "office", NULL},
                                                   {"+4930200", "lab", "store"},
                                                   {"4711", "lab", "bridge:carrier"},
                                                   {"+4940300", "lab", "bridge:device:front"}};
    static const struct policy_trunk trunks[] = {
        {"carrier", CARRIER, false}, {"old", CARRIER, true}, {"blocked", GONE, false}};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(policy_add_mailbox(set, &mailboxes[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(policy_add_number(set, &numbers[i]), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(policy_add_trunk(set, &trunks[i]), 0);
    assert_int_equal(policy_set_seal(set, reason), 0);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    policy_set_free(set);
    set = NULL;
    return 0;
}

struct case_of_policy {
    struct policy_question question;
    const char *code;
    int64_t grant_id;
    const char *mailbox;
};

static void check(const struct case_of_policy *c)
{
    struct policy_answer answer;
    struct policy_question question = c->question;
    if (question.now_us == 0)
        question.now_us = NOW;
    policy_decide(set, &question, &answer);
    if (strcmp(answer.reason_code, c->code) != 0)
        print_message("%s instead of %s: %s\n", answer.reason_code, c->code, answer.reason);
    assert_string_equal(answer.reason_code, c->code);
    assert_int_equal(answer.allowed, strcmp(c->code, "granted") == 0);
    assert_int_equal(answer.grant_id, c->grant_id);
    assert_string_not_equal(answer.reason, "");
    assert_null(strstr(answer.reason, "4930")); /* no telephone numbers */
    if (c->mailbox) {
        assert_non_null(answer.mailbox);
        assert_string_equal(answer.mailbox->name, c->mailbox);
    }
}

static void submit(void **state)
{
    (void)state;
#define SUBMIT(who, from, to)                                                                      \
    {                                                                                              \
        .principal_id = (who), .action = POLICY_SUBMIT, .from_number = (from), .to_number = (to)   \
    }
    static const struct case_of_policy cases[] = {
        {SUBMIT(ANNA, "+4930100", "+49305555"), "granted", 20, "office"},
        {SUBMIT(ANNA, "+49 (30) 100", "+49 30/55-55"), "granted", 20, "office"},
        {SUBMIT(ANNA, "+4930100", "+4940123456"), "granted", 20, "office"},
        {SUBMIT(ANNA, "+4930100", "+49401234567"), "out_of_scope_to", 0, NULL},
        {SUBMIT(ANNA, "+4930100", "+4940"), "out_of_scope_to", 0, NULL},
        {SUBMIT(ANNA, "+4930200", "+49305555"), "out_of_scope_from", 0, NULL},
        {SUBMIT(ANNA, "+4930999", "+49305555"), "number_unknown", 0, NULL},
        {SUBMIT(ANNA, "+4930100", "sip:x"), "number_invalid", 0, NULL},
        {SUBMIT(ANNA, NULL, "+49305555"), "number_invalid", 0, NULL},
        {SUBMIT(ANNA, "+4930100", NULL), "number_invalid", 0, NULL},
        /* A grant counts as a whole: from of one and to of another do not add up. */
        {SUBMIT(BEN, "+4930200", "+3312345"), "out_of_scope_to", 0, NULL},
        {SUBMIT(BEN, "+4930200", "11223"), "granted", 31, "lab"},
        {SUBMIT(BEN, "+4930100", "+3312345"), "granted", 30, "office"},
        {SUBMIT(CLARA, "+4930100", "+49305555"), "no_grant", 0, NULL},
        {SUBMIT(ADMIN, "+4930100", "+49305555"), "no_grant", 0, NULL},
        {SUBMIT(GONE, "+4930100", "+49305555"), "principal_disabled", 0, NULL},
        {SUBMIT(99, "+4930100", "+49305555"), "principal_unknown", 0, NULL},
        {SUBMIT(-1, "+4930100", "+49305555"), "principal_unknown", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

/* The class of the mailbox is everybody's; another one only with a grant for a mailbox of it. */
static void submit_in_a_class(void **state)
{
    (void)state;
#define SUBMIT_AS(who, from, to, wanted)                                                           \
    {                                                                                              \
        .principal_id = (who), .action = POLICY_SUBMIT, .from_number = (from), .to_number = (to),  \
        .class_name = (wanted)                                                                     \
    }
    static const struct case_of_policy cases[] = {
        {SUBMIT_AS(ANNA, "+4930100", "+49305555", ""), "granted", 20, "office"},
        {SUBMIT_AS(ANNA, "+4930100", "+49305555", "standard"), "granted", 20, "office"},
        {SUBMIT_AS(ANNA, "+4930100", "+49305555", "medical"), "out_of_scope_class", 0, NULL},
        {SUBMIT_AS(ANNA, "+4930100", "+49305555", "none"), "class_unknown", 0, NULL},
        {SUBMIT_AS(BEN, "+4930100", "11223", "medical"), "granted", 31, "office"},
        {SUBMIT_AS(BEN, "+4930200", "11223", "medical"), "granted", 31, "lab"},
        {SUBMIT_AS(BEN, "+4930200", "11223", "standard"), "out_of_scope_class", 0, NULL},
        /* Nor do to of one grant and class of another add up. */
        {SUBMIT_AS(BEN, "+4930100", "+3312345", "medical"), "out_of_scope_class", 0, NULL},
        {SUBMIT_AS(CLARA, "+4930100", "+49305555", "medical"), "no_grant", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void access_to_faxes(void **state)
{
    (void)state;
#define ACT(who, what, box)                                                                        \
    {                                                                                              \
        .principal_id = (who), .action = (what), .mailbox = (box)                                  \
    }
    static const struct case_of_policy cases[] = {
        {ACT(ANNA, POLICY_VIEW, "lab"), "granted", 21, "lab"},
        {ACT(ANNA, POLICY_VIEW, "office"), "out_of_scope_mailbox", 0, "office"},
        {ACT(ANNA, POLICY_LIST, "office"), "granted", 20, "office"},
        {ACT(ANNA, POLICY_CANCEL, "lab"), "out_of_scope_mailbox", 0, NULL},
        {ACT(ANNA, POLICY_VIEW, "none"), "mailbox_unknown", 0, NULL},
        {ACT(ANNA, POLICY_VIEW, NULL), "mailbox_unknown", 0, NULL},
        {ACT(ANNA, POLICY_VIEW, "*"), "mailbox_unknown", 0, NULL},
        {ACT(ANNA, POLICY_ADMIN_USERS, NULL), "no_grant", 0, NULL},
        {ACT(ADMIN, POLICY_ADMIN_USERS, NULL), "granted", 10, NULL},
        {ACT(ADMIN, POLICY_STATUS, NULL), "granted", 10, NULL},
        {ACT(ADMIN, POLICY_VIEW, "lab"), "no_grant", 0, NULL},
        {ACT(ADMIN, POLICY_EXPORT, "lab"), "no_grant", 0, NULL},
        {ACT(ADMIN, POLICY_DISPOSE, "lab"), "no_grant", 0, NULL},
        {ACT(TIMER, POLICY_DISPOSE, "lab"), "granted", 50, "lab"},
        {ACT(TIMER, POLICY_VIEW, "lab"), "no_grant", 0, "lab"},
        {ACT(ADMIN, POLICY_ACTION_COUNT, NULL), "action_unknown", 0, NULL},
        {ACT(ADMIN, (enum policy_action)63, NULL), "action_unknown", 0, NULL},
        {{.principal_id = ANNA, .action = POLICY_VIEW, .mailbox = "lab", .now_us = NOW + 1},
         "grant_expired",
         0,
         "lab"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void inbound(void **state)
{
    (void)state;
    static const struct {
        const char *trunk, *to, *code, *mailbox;
    } cases[] = {
        {"carrier", "+4930200", "granted", "lab"},
        {"carrier", "+49-30-200", "granted", "lab"},
        {"carrier", "4711", "granted", "lab"},
        {"carrier", "+4711", "number_unknown", NULL},
        {"carrier", "+4940300", "out_of_scope_to", "lab"},
        {"carrier", "+4930201", "number_unknown", NULL},
        {"carrier", "", "number_invalid", NULL},
        {"carrier", NULL, "number_invalid", NULL},
        {"carrier", "anonymous", "number_invalid", NULL},
        {"old", "+4930200", "trunk_disabled", NULL},
        {"blocked", "+4930200", "principal_disabled", NULL},
        {"none", "+4930200", "trunk_unknown", NULL},
        {NULL, "+4930200", "trunk_unknown", NULL},
    };
    struct policy_answer answer;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        policy_decide_inbound(set, cases[i].trunk, cases[i].to, NOW, &answer);
        assert_string_equal(answer.reason_code, cases[i].code);
        assert_int_equal(answer.allowed, strcmp(cases[i].code, "granted") == 0);
        assert_int_equal(answer.grant_id, answer.allowed ? 40 : 0);
        if (cases[i].mailbox)
            assert_string_equal(answer.mailbox->name, cases[i].mailbox);
        else
            assert_null(answer.mailbox);
    }
    policy_decide_inbound(NULL, "carrier", "+4930200", NOW, &answer);
    assert_false(answer.allowed);
    assert_string_equal(answer.reason_code, "no_policy");
}

/* An empty scope allows nothing, for every role and action that looks at a scope. */
static void empty_scopes_allow_nothing(void **state)
{
    (void)state;
    struct policy_set *bare;
    struct policy_answer answer;
    char reason[POLICY_REASON_TEXT];
    assert_int_equal(policy_set_new(&bare), 0);
    const struct policy_role all = {"all", POLICY_ACTION_BIT(POLICY_ACTION_COUNT) - 1};
    const struct policy_principal principal = {1, "p", POLICY_PERSON, false};
    const struct policy_grant grant = {.id = 1, .principal_id = 1, .role = "all"};
    const struct policy_mailbox mailbox = {"m", "standard", 0, false};
    const struct policy_number number = {"4711", "m", NULL};
    struct policy_question question = {
        .principal_id = 1, .from_number = "4711", .to_number = "4711", .mailbox = "m"};
    assert_int_equal(policy_add_role(bare, &all), 0);
    assert_int_equal(policy_add_principal(bare, &principal), 0);
    assert_int_equal(policy_add_grant(bare, &grant), 0);
    assert_int_equal(policy_add_mailbox(bare, &mailbox), 0);
    assert_int_equal(policy_add_number(bare, &number), 0);
    policy_decide(bare, &question, &answer);
    assert_string_equal(answer.reason_code, "no_policy"); /* not sealed */
    assert_int_equal(policy_set_seal(bare, reason), 0);
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        question.action = (enum policy_action)i;
        policy_decide(bare, &question, &answer);
        assert_int_equal(answer.allowed, i > POLICY_DISPOSE);
    }
    assert_int_equal(policy_add_role(bare, &all), FAX_EP_INVAL); /* sealed */
    assert_int_equal(policy_add_number(bare, &number), FAX_EP_INVAL);
    policy_set_free(bare);
    policy_set_free(NULL);
}

static void bad_rows_are_refused(void **state)
{
    (void)state;
    struct policy_set *bad;
    static const char *patterns[POLICY_SCOPE_MAX + 1];
    for (size_t i = 0; i <= POLICY_SCOPE_MAX; i++)
        patterns[i] = "*";
    assert_int_equal(policy_set_new(&bad), 0);
    const struct policy_principal principals[] = {
        {1, "", POLICY_PERSON, false},        {1, NULL, POLICY_PERSON, false},
        {1, "a\n", POLICY_PERSON, false},     {1, "\xFF", POLICY_PERSON, false},
        {1, "a", (enum policy_kind)0, false}, {1, "a", (enum policy_kind)6, false}};
    for (size_t i = 0; i < sizeof principals / sizeof *principals; i++)
        assert_int_equal(policy_add_principal(bad, &principals[i]), FAX_EP_INVAL);
    assert_int_equal(policy_add_role(bad, &(struct policy_role){"r", UINT64_MAX}), FAX_EP_INVAL);
    struct policy_grant grant = {.id = 1, .principal_id = 1, .role = "r", .to_numbers = LIST("x")};
    assert_int_equal(policy_add_grant(bad, &grant), FAX_EP_INVAL);
    grant.to_numbers = (struct policy_list){patterns, POLICY_SCOPE_MAX + 1};
    assert_int_equal(policy_add_grant(bad, &grant), FAX_EP_LIMIT);
    grant.to_numbers.count--;
    assert_int_equal(policy_add_grant(bad, &grant), 0);
    assert_int_equal(
        policy_add_number(bad, &(struct policy_number){.number = "+49 30", .mailbox = "m"}),
        FAX_EP_INVAL);
    assert_int_equal(
        policy_add_mailbox(
            bad, &(struct policy_mailbox){.name = "*", .class_name = "c", .retention_days = 1}),
        FAX_EP_INVAL);
    assert_int_equal(
        policy_add_mailbox(
            bad, &(struct policy_mailbox){.name = "m", .class_name = "C", .retention_days = 1}),
        FAX_EP_INVAL);
    assert_int_equal(policy_add_trunk(bad, &(struct policy_trunk){"", 1, false}), FAX_EP_INVAL);
    policy_set_free(bad);
}

static void numbers_say_where_their_calls_go(void **state)
{
    (void)state;
    assert_null(policy_bridge_target(set, "+4930100"));
    assert_null(policy_bridge_target(set, "+49 30 200"));
    assert_null(policy_bridge_target(set, "+4999"));
    assert_null(policy_bridge_target(set, "nobody"));
    assert_null(policy_bridge_target(NULL, "4711"));
    assert_string_equal(policy_bridge_target(set, "4711"), "carrier");
    assert_string_equal(policy_bridge_target(set, "+49 40 300"), "device:front");
}

/* What must hold between rows; each case adds two rows of which the second breaks it. */
static void sealing_checks_references(void **state)
{
    (void)state;
    for (int i = 0; i < 11; i++) {
        struct policy_set *s;
        char reason[POLICY_REASON_TEXT];
        const struct policy_principal p = {1, "p", POLICY_PERSON, false};
        const struct policy_role r = {"r", 1};
        const struct policy_mailbox m = {"m", "c", 1, false};
        const struct policy_number n = {"4711", "m", NULL};
        const struct policy_trunk t = {"t", 1, false};
        const struct policy_grant g = {.id = 1, .principal_id = 1, .role = "r"};
        const struct policy_grant other = {.id = 1, .principal_id = 2, .role = "r"};
        assert_int_equal(policy_set_new(&s), 0);
        int rc = 0;
        if (i != 7)
            rc |= policy_add_principal(s, &p);
        if (i != 8)
            rc |= policy_add_role(s, &r);
        if (i != 9)
            rc |= policy_add_mailbox(s, &m);
        rc |= policy_add_number(s, &n) | policy_add_grant(s, &g);
        if (i != 7)
            rc |= policy_add_trunk(s, &t);
        assert_int_equal(rc, 0);
        switch (i) {
        case 0:
            rc = policy_add_principal(s, &(struct policy_principal){1, "q", POLICY_PERSON, false});
            break;
        case 1:
            rc = policy_add_principal(s, &(struct policy_principal){2, "p", POLICY_PERSON, false});
            break;
        case 2:
            rc = policy_add_role(s, &r);
            break;
        case 3:
            rc = policy_add_principal(s, &(struct policy_principal){2, "q", POLICY_PERSON, false});
            rc |= policy_add_grant(s, &other);
            break;
        case 4:
            rc = policy_add_number(s, &n);
            break;
        case 5:
            rc = policy_add_mailbox(s, &m);
            break;
        case 6:
            rc = policy_add_trunk(s, &t);
            break;
        case 10:
            rc = policy_add_trunk(s, &(struct policy_trunk){"u", 2, false});
            break;
        default:
            break;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(policy_set_seal(s, reason), FAX_EP_MISMATCH);
        assert_string_not_equal(reason, "");
        policy_set_free(s);
    }
}

static void finders(void **state)
{
    (void)state;
    assert_int_equal(policy_find_principal_named(set, "anna")->id, ANNA);
    assert_null(policy_find_principal_named(set, "Anna"));
    assert_null(policy_find_principal_named(set, NULL));
    assert_string_equal(policy_mailbox_at(set, 0)->name, "lab");
    assert_string_equal(policy_mailbox_at(set, 1)->name, "office");
    assert_null(policy_mailbox_at(set, 2));
    assert_string_equal(policy_number_at(set, 0)->number, "+4930100");
    assert_string_equal(policy_number_at(set, 3)->number, "4711");
    assert_null(policy_number_at(set, 4));
    assert_int_equal(policy_find_mailbox(set, "office")->retention_days, 90);
    assert_null(policy_find_number(set, "+4930"));
    assert_int_equal(policy_find_trunk(set, "carrier")->principal_id, CARRIER);
}

static void builtin_roles_keep_duties_apart(void **state)
{
    (void)state;
    const struct policy_builtin_role *role;
    const uint64_t content = POLICY_ACTION_BIT(POLICY_VIEW) | POLICY_ACTION_BIT(POLICY_EXPORT);
    const uint64_t admin = POLICY_ACTION_BIT(POLICY_ADMIN_USERS) |
                           POLICY_ACTION_BIT(POLICY_ADMIN_ROLES) |
                           POLICY_ACTION_BIT(POLICY_ADMIN_GRANTS);
    for (size_t i = 0; (role = policy_builtin_role_at(i)); i++) {
        if (role->actions & admin)
            assert_int_equal(role->actions & (content | POLICY_ACTION_BIT(POLICY_AUDIT_READ)), 0);
        if (role->actions & POLICY_ACTION_BIT(POLICY_DISPOSE))
            assert_int_equal(role->actions & (content | admin), 0);
        if (role->actions & POLICY_ACTION_BIT(POLICY_AUDIT_READ))
            assert_int_equal(role->actions & (content | admin), 0);
    }
    enum policy_action action;
    for (unsigned i = 0; i < POLICY_ACTION_COUNT; i++) {
        const char *text = policy_action_text((enum policy_action)i);
        assert_non_null(text);
        assert_int_equal(policy_action_parse(text, &action), 0);
        assert_int_equal(action, i);
    }
    assert_null(policy_action_text(POLICY_ACTION_COUNT));
    assert_int_equal(policy_action_parse("fax.", &action), FAX_EP_FORMAT);
    assert_int_equal(policy_action_parse(NULL, &action), FAX_EP_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submit),
        cmocka_unit_test(submit_in_a_class),
        cmocka_unit_test(access_to_faxes),
        cmocka_unit_test(inbound),
        cmocka_unit_test(empty_scopes_allow_nothing),
        cmocka_unit_test(bad_rows_are_refused),
        cmocka_unit_test(numbers_say_where_their_calls_go),
        cmocka_unit_test(sealing_checks_references),
        cmocka_unit_test(finders),
        cmocka_unit_test(builtin_roles_keep_duties_apart),
    };
    return cmocka_run_group_tests(tests, build, drop);
}
