#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/control/t38_refusals.h"
#include "t38/t30_result.h"

static int setup(void **state)
{
    struct t38_refusals *r;
    if (t38_refusals_new(&r) < 0)
        return -1;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    t38_refusals_free(*state);
    return 0;
}

static void a_number_is_remembered_until_its_time(void **state)
{
    struct t38_refusals *r = *state;
    assert_null(t38_refusals_find(r, "carrier", "+491", 0));
    assert_true(t38_refusals_note(r, "carrier", "+491", 0, 1000));
    assert_false(t38_refusals_note(r, "carrier", "+491", 10, 1000)); /* no news */
    assert_string_equal(t38_refusals_find(r, "carrier", "+491", 999), "number");
    assert_null(t38_refusals_find(r, "carrier", "+491", 1000));
    assert_null(t38_refusals_find(r, "other", "+491", 10));
    assert_null(t38_refusals_find(r, "carrier", "+492", 10));
    assert_true(t38_refusals_note(r, "carrier", "+491", 1000, 2000)); /* news again */
}

static void several_numbers_stand_for_their_trunk(void **state)
{
    struct t38_refusals *r = *state;
    assert_true(t38_refusals_note(r, "carrier", "+491", 0, 1000));
    assert_true(t38_refusals_note(r, "carrier", "+492", 0, 2000));
    assert_null(t38_refusals_find(r, "carrier", "+499", 0));
    assert_true(t38_refusals_note(r, "carrier", "+493", 0, 3000));
    assert_string_equal(t38_refusals_find(r, "carrier", "+499", 0), "trunk");
    assert_null(t38_refusals_find(r, "other", "+499", 0));
    assert_null(t38_refusals_find(r, "carrier", "+499", 1000)); /* one is over */
}

static void success_and_operator_forget(void **state)
{
    struct t38_refusals *r = *state;
    char number[16];
    for (int i = 1; i <= 4; i++) {
        snprintf(number, sizeof number, "+49%d", i);
        assert_true(t38_refusals_note(r, "carrier", number, 0, 1000));
    }
    assert_true(t38_refusals_note(r, "other", "+491", 0, 1000));
    assert_int_equal(t38_refusals_forget(r, "carrier", "+491"), 1);
    assert_null(t38_refusals_find(r, "carrier", "+491", 0)); /* though three others remain */
    assert_null(t38_refusals_find(r, "carrier", "+499", 0));
    assert_string_equal(t38_refusals_find(r, "carrier", "+492", 0), "number");
    assert_string_equal(t38_refusals_find(r, "other", "+491", 0), "number");
    assert_int_equal(t38_refusals_forget(r, "carrier", NULL), 3);
    assert_null(t38_refusals_find(r, "carrier", "+492", 0));
    assert_int_equal(t38_refusals_forget(r, "carrier", NULL), 0);
}

static void its_size_is_bounded(void **state)
{
    struct t38_refusals *r = *state;
    char trunk[16];
    for (unsigned i = 0; i <= T38_REFUSALS_MAX; i++) {
        snprintf(trunk, sizeof trunk, "t%u", i);
        assert_true(t38_refusals_note(r, trunk, "+491", 0, 1000 + i));
    }
    assert_null(t38_refusals_find(r, "t0", "+491", 0)); /* the first to expire */
    assert_string_equal(t38_refusals_find(r, "t1", "+491", 0), "number");
    snprintf(trunk, sizeof trunk, "t%u", (unsigned)T38_REFUSALS_MAX);
    assert_string_equal(t38_refusals_find(r, trunk, "+491", 0), "number");
}

static void a_mute_peer_is_known(void **state)
{
    static const struct {
        int32_t result;
        uint32_t seen, rtp, ms;
        bool mute;
    } rows[] = {
        {T30_RESULT_MEDIA_SILENT, 0, 0, 5000, true},
        {T30_RESULT_MEDIA_SILENT, 1, 0, 30000, false}, /* it came, and stopped */
        {T30_RESULT_HANGUP, 0, 0, 9999, false},        /* nobody can know yet */
        {T30_RESULT_HANGUP, 0, 0, 10000, true},
        {T30_RESULT_HANGUP, 0, 149, 3000, false}, /* audio that was still on its way */
        {T30_RESULT_HANGUP, 0, 150, 3000, true},
        {T30_RESULT_HANGUP, 1, 900, 20000, false},
        {T30_RESULT_OK, 0, 900, 20000, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct msg_call_done done = {.result = rows[i].result,
                                           .media_seen = rows[i].seen,
                                           .packets_rtp = rows[i].rtp,
                                           .media_ms = rows[i].ms};
        assert_int_equal(t38_refusals_is_mute(&done), rows[i].mute);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_number_is_remembered_until_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(several_numbers_stand_for_their_trunk, setup, teardown),
        cmocka_unit_test_setup_teardown(success_and_operator_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(its_size_is_bounded, setup, teardown),
        cmocka_unit_test(a_mute_peer_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
