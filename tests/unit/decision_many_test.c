#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/decision.h"
#include "policy/number.h"

/* The binary searches against a plain search, over many principals. */
static void many_rows(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct policy_set *s;
    char name[32], number[NUMBER_TEXT], reason[POLICY_REASON_TEXT];
    assert_int_equal(policy_set_new(&s), 0);
    assert_int_equal(policy_add_role(s, &(struct policy_role){"r", 1}), 0);
    assert_int_equal(
        policy_add_mailbox(
            s, &(struct policy_mailbox){.name = "m", .class_name = "c", .retention_days = 1}),
        0);
    for (int i = 0; i < COUNT; i++) {
        int64_t id = (i * 7919) % COUNT; /* not in order */
        snprintf(name, sizeof name, "p%d", (int)id);
        snprintf(number, sizeof number, "+49%d", 1000 + (int)id);
        const struct policy_principal p = {id, name, POLICY_PERSON, false};
        const char *const own[] = {number};
        const char *const any[] = {"*"};
        const struct policy_grant g = {.id = id + 1,
                                       .principal_id = id,
                                       .role = "r",
                                       .from_numbers = {own, 1},
                                       .to_numbers = {any, 1}};
        assert_int_equal(policy_add_principal(s, &p), 0);
        assert_int_equal(
            policy_add_number(s, &(struct policy_number){.number = number, .mailbox = "m"}), 0);
        assert_int_equal(policy_add_grant(s, &g), 0);
    }
    assert_int_equal(policy_set_seal(s, reason), 0);
    for (int i = 0; i < COUNT; i++) {
        struct policy_answer answer;
        snprintf(number, sizeof number, "+49%d", 1000 + i);
        struct policy_question q = {
            .principal_id = i, .action = POLICY_SUBMIT, .from_number = number, .to_number = "11"};
        policy_decide(s, &q, &answer);
        assert_true(answer.allowed);
        assert_int_equal(answer.grant_id, i + 1);
        q.principal_id = (i + 1) % COUNT;
        policy_decide(s, &q, &answer);
        assert_string_equal(answer.reason_code, "out_of_scope_from");
    }
    policy_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
