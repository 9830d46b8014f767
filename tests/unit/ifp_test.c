/* ifp_test.c: which IFP packets are let through. */
#include "codecs/fax_error.h"
#include "t38/ifp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct ifp_case {
    const char *what;
    int version, error;
    size_t length;
    uint8_t octets[16];
};

static const struct ifp_case cases[] = {
    {"no octet", 0, FAX_ETRUNCATED, 0, {0}},
    {"no signal", 0, 0, 1, {0x00}},
    {"V.17 14400 long training", 0, 0, 1, {0x1E}},
    {"indicator with data", 0, FAX_EFORMAT, 1, {0x80}},
    {"indicator with an octet left over", 0, FAX_EFORMAT, 2, {0x00, 0x00}},
    {"unused bit", 0, FAX_EFORMAT, 1, {0x01}},
    {"V.33 14400 training", 1, 0, 2, {0x21, 0x80}},
    {"V.8 indicator", 3, FAX_EUNSUPPORTED, 2, {0x20, 0x00}},
    {"extended indicator, truncated", 3, FAX_ETRUNCATED, 1, {0x20}},
    {"V.21 data, version 0", 0, 0, 6, {0xC0, 1, 0x80, 0, 0, 0xFF}},
    {"the same in version 1: HDLC data has the same octet", 1, 0, 6, {0xC0, 1, 0x80, 0, 0, 0xFF}},
    {"FCS-OK without data, version 0: half an octet", 0, 0, 3, {0xC0, 1, 0x20}},
    {"FCS-OK without data, version 1", 1, 0, 3, {0xC0, 1, 0x10}},
    {"two fields without data in one octet", 0, 0, 3, {0xC0, 2, 0x24}},
    {"two fields without data in version 1", 1, 0, 4, {0xC0, 2, 0x10, 0x20}},
    {"data and FCS-OK-sig-end", 0, 0, 7, {0xC0, 2, 0x80, 0, 0, 0xFF, 0x40}},
    {"V.17 image data", 0, 0, 7, {0xD0, 1, 0xE0, 0, 1, 1, 2}},
    {"data type 9 does not exist", 0, FAX_EFORMAT, 3, {0xD2, 1, 0x20}},
    {"V.33 data", 1, 0, 4, {0xE1, 0x00, 1, 0x10}},
    {"V.34 data", 3, FAX_EUNSUPPORTED, 4, {0xE0, 0x40, 1, 0x10}},
    {"data without fields", 0, 0, 1, {0x40}},
    {"count missing", 0, FAX_ETRUNCATED, 1, {0xC0}},
    {"field missing", 0, FAX_ETRUNCATED, 2, {0xC0, 1}},
    {"second field missing", 0, FAX_ETRUNCATED, 6, {0xC0, 2, 0x80, 0, 0, 1}},
    {"length missing", 0, FAX_ETRUNCATED, 4, {0xC0, 1, 0x80, 0}},
    {"data one octet short", 0, FAX_ETRUNCATED, 6, {0xC0, 1, 0x80, 0, 1, 1}},
    {"data one octet long", 0, FAX_EFORMAT, 7, {0xC0, 1, 0x80, 0, 0, 1, 2}},
    {"too many fields", 0, FAX_ELIMIT, 4, {0xC0, 33, 0x22, 0x22}},
    {"extended field type in version 1", 1, FAX_EUNSUPPORTED, 4, {0xC0, 1, 0x40, 0x00}},
};

static void packets_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ifp_case *c = &cases[i];
        uint8_t *exact = malloc(c->length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, c->octets, c->length);
        int error = ifp_check(exact + 1, c->length, c->version, NULL);
        if (error != c->error)
            print_error("%s: %d instead of %d\n", c->what, error, c->error);
        assert_int_equal(error, c->error);
        free(exact);
    }
}

static void the_summary_tells_what_it_is(void **state)
{
    (void)state;
    struct ifp_summary s;
    assert_int_equal(ifp_check((const uint8_t[]){0x06}, 1, 0, &s), 0);
    assert_true(s.indicator);
    assert_int_equal(s.type, 3);
    assert_int_equal(ifp_check((const uint8_t[]){0xD0, 2, 0x24}, 3, 0, &s), 0);
    assert_false(s.indicator);
    assert_int_equal(s.type, 8);
    assert_int_equal(s.fields, 2);
    assert_int_equal(ifp_check((const uint8_t[]){0x21, 0x80}, 2, 1, &s), 0);
    assert_int_equal(s.type, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_judged),
        cmocka_unit_test(the_summary_tells_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
