/* Calls that are taken through in real time: what machines and trunks may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decision.h"

#define LIST(...)                                                                                  \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                            \
    }

enum { CARRIER = 1, COPIER = 2, PRINTER = 3 };

static struct policy_set *set;

static void add_rows(void)
{
    static const struct policy_principal principals[] = {
        {CARRIER, "trunk:carrier", POLICY_TRUNK, false},
        {COPIER, "device:copier", POLICY_DEVICE, false},
        {PRINTER, "device:printer", POLICY_DEVICE, false}};
    static const struct policy_mailbox mailboxes[] = {{"office", "standard", 90, false},
                                                      {"lab", "medical", 3650, true}};
    static const struct policy_number numbers[] = {{"+4930100", "office", NULL},
                                                   {"+4930200", "lab", "store"},
                                                   {"4711", "lab", "bridge:carrier"},
                                                   {"+4940300", "office", "bridge:device:copier"}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(policy_add_principal(set, &principals[i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(policy_add_mailbox(set, &mailboxes[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(policy_add_number(set, &numbers[i]), 0);
}

static int build(void **state)
{
    const struct policy_grant grants[] = {
        {.id = 10, .principal_id = CARRIER, .role = "trunk", .to_numbers = LIST("*")},
        {.id = 11, .principal_id = CARRIER, .role = "bridge", .to_numbers = LIST("4711")},
        {.id = 20,
         .principal_id = COPIER,
         .role = "bridge",
         .from_numbers = LIST("+4930200"),
         .to_numbers = LIST("+4940*", "4711")},
        {.id = 30,
         .principal_id = PRINTER,
         .role = "device",
         .from_numbers = LIST("*"),
         .to_numbers = LIST("*")},
        {.id = 31, .principal_id = PRINTER, .role = "bridge", .to_numbers = LIST("*")},
    };
    char reason[POLICY_REASON_TEXT];
    const struct policy_builtin_role *role;
    (void)state;
    assert_int_equal(policy_set_new(&set), 0);
    for (size_t i = 0; (role = policy_builtin_role_at(i)); i++)
        assert_int_equal(policy_add_role(set, &(struct policy_role){role->name, role->actions}), 0);
    add_rows();
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++)
        assert_int_equal(policy_add_grant(set, &grants[i]), 0);
    assert_int_equal(policy_set_seal(set, reason), 0);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    policy_set_free(set);
    return 0;
}

static void check(int64_t who, enum policy_action action, const char *from, const char *to,
                  const char *code, int64_t grant_id, const char *mailbox)
{
    struct policy_answer answer;
    policy_decide(set,
                  &(struct policy_question){.principal_id = who,
                                            .action = action,
                                            .from_number = from,
                                            .to_number = to,
                                            .now_us = 1},
                  &answer);
    assert_string_equal(answer.reason_code, code);
    assert_int_equal(answer.allowed, strcmp(code, "granted") == 0);
    assert_int_equal(answer.grant_id, grant_id);
    assert_string_equal(answer.mailbox ? answer.mailbox->name : "", mailbox);
}

/* Judged by the number that calls, which must be ours, and by the one called; the call is of the
 * mailbox of the first: its class, retention and wish for a copy. */
static void calls_of_machines(void **state)
{
    (void)state;
    check(COPIER, POLICY_BRIDGE, "+4930200", "+49409999", "granted", 20, "lab");
    check(COPIER, POLICY_BRIDGE, "+49 30/200", "+49 40 9999", "granted", 20, "lab");
    check(COPIER, POLICY_BRIDGE, "+4930200", "4711", "granted", 20, "lab");
    check(COPIER, POLICY_BRIDGE, "+4930200", "+4930100", "out_of_scope_to", 0, "lab");
    check(COPIER, POLICY_BRIDGE, "+4930100", "+49409999", "out_of_scope_from", 0, "office");
    check(COPIER, POLICY_BRIDGE, "+4930999", "+49409999", "number_unknown", 0, "");
    check(COPIER, POLICY_BRIDGE, "+4930200", "sip:x", "number_invalid", 0, "");
    check(COPIER, POLICY_BRIDGE, "", "+49409999", "number_invalid", 0, "");
    /* A grant without numbers to call from allows none; to send by the queue is another right. */
    check(PRINTER, POLICY_BRIDGE, "+4930100", "+49409999", "out_of_scope_from", 0, "office");
    check(PRINTER, POLICY_SUBMIT, "+4930100", "+49409999", "granted", 30, "office");
    check(COPIER, POLICY_SUBMIT, "+4930200", "+49409999", "no_grant", 0, "lab");
}

/* Of a call for one of our numbers only that one counts, and the call is of its mailbox. */
static void calls_for_our_numbers(void **state)
{
    (void)state;
    check(CARRIER, POLICY_BRIDGE, NULL, "4711", "granted", 11, "lab");
    check(CARRIER, POLICY_BRIDGE, NULL, "+4940300", "out_of_scope_to", 0, "office");
    check(CARRIER, POLICY_BRIDGE, NULL, "+49409999", "number_unknown", 0, "");
    /* What a trunk says of who calls gives it no right over other numbers. */
    check(CARRIER, POLICY_BRIDGE, "+4930200", "+49409999", "out_of_scope_from", 0, "lab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_machines),
        cmocka_unit_test(calls_for_our_numbers),
    };
    return cmocka_run_group_tests(tests, build, drop);
}
