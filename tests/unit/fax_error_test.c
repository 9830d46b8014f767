#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "codecs/page.h"

static void each_error_has_a_text_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(fax_error_text(FAX_OK), "no error");
    for (int error = FAX_ENOMEM; error >= FAX_EENCRYPTED; error--) {
        assert_string_not_equal(fax_error_text(error), "unknown error");
        for (int other = error + 1; other <= FAX_OK; other++)
            assert_string_not_equal(fax_error_text(error), fax_error_text(other));
    }
    assert_string_equal(fax_error_text(FAX_EENCRYPTED - 1), "unknown error");
    assert_string_equal(fax_error_text(1), "unknown error");
}

/* The numbers are stored in vault files. */
static void stored_codings_keep_their_numbers(void **state)
{
    static const char *const names[] = {"unknown", "T.4 1-D", "T.4 2-D", "T.6", "T.85", "unknown"};
    (void)state;
    for (unsigned value = 0; value < sizeof names / sizeof names[0]; value++) {
        assert_string_equal(page_coding_name((enum page_coding)value), names[value]);
        assert_int_equal(page_coding_is_known(value), strcmp(names[value], "unknown") != 0);
    }
    assert_false(page_coding_is_known(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_a_text_of_its_own),
        cmocka_unit_test(stored_codings_keep_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
