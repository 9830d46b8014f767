/* t30_result_test.c: every result has a name and a text, and spandsp means the same by
 * its codes. */
#include "t38/spandsp_session.h"
#include "t38/t30_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_code_of_spandsp_is_known(void **state)
{
    (void)state;
    for (int code = 0; code <= T30_ERR_CSA_UNACCEPTABLE; code++) {
        const struct t30_result *r = t30_result_get(code);
        assert_int_equal(r->code, code);
        assert_true(r->text[0]);
    }
    assert_string_equal(t30_result_get(T30_ERR_TX_PHDDEAD)->name, "no_response_after_page");
    assert_string_equal(t30_result_get(T30_ERR_RX_DCNDATA)->name, "disconnect_in_page");
    assert_string_equal(t30_result_get(T30_ERR_CALLDROPPED)->name, "call_dropped");
    assert_string_equal(t30_result_get(T30_ERR_NOPOLL)->name, "poll_refused");
    assert_string_equal(t30_result_get(T30_ERR_CSA_UNACCEPTABLE)->name, "csa_refused");
    for (int code = 0; code <= T30_ERR_CALLDROPPED; code++)
        if (code > 5) /* the first ones spandsp words with 5s for 5 s */
            assert_int_equal(strncmp(t30_result_text(code), t30_completion_code_to_str(code), 12),
                             0);
}

static void our_own_codes_are_known(void **state)
{
    (void)state;
    for (int code = T30_RESULT_NO_ECM; code <= T30_RESULT_BAD_COPY; code++)
        assert_int_equal(t30_result_get(code)->code, code);
    assert_string_equal(t30_result_get(T30_RESULT_NO_ECM)->name, "no_ecm");
}

static void names_are_unique_and_others_unknown(void **state)
{
    (void)state;
    for (int a = 0; a < 150; a++)
        for (int b = a + 1; b < 150; b++)
            if (t30_result_get(a)->code == a && t30_result_get(b)->code == b)
                assert_string_not_equal(t30_result_get(a)->name, t30_result_get(b)->name);
    assert_string_equal(t30_result_get(99)->name, "unknown");
    assert_string_equal(t30_result_get(-5)->name, "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_spandsp_is_known),
        cmocka_unit_test(our_own_codes_are_known),
        cmocka_unit_test(names_are_unique_and_others_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
