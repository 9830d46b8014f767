#include "t38/spandsp_session.h"

#include "t38/companding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int16_t decode(enum companding law, unsigned octet)
{
    uint8_t in = (uint8_t)octet;
    int16_t out;
    companding_decode(law, &in, 1, &out);
    return out;
}

static uint8_t encode(enum companding law, int sample)
{
    int16_t in = (int16_t)sample;
    uint8_t out;
    companding_encode(law, &in, 1, &out);
    return out;
}

/* G.711 tables 1 and 2: ends of the scale and the values around zero. */
static void known_values(void **state)
{
    (void)state;
    assert_int_equal(decode(COMPANDING_ULAW, 0x00), -32124);
    assert_int_equal(decode(COMPANDING_ULAW, 0x80), 32124);
    assert_int_equal(decode(COMPANDING_ULAW, 0xFF), 0);
    assert_int_equal(decode(COMPANDING_ULAW, 0xFE), 8);
    assert_int_equal(decode(COMPANDING_ALAW, 0xD5), 8);
    assert_int_equal(decode(COMPANDING_ALAW, 0x55), -8);
    assert_int_equal(decode(COMPANDING_ALAW, 0xAA), 32256);
    assert_int_equal(decode(COMPANDING_ALAW, 0x2A), -32256);
    assert_int_equal(encode(COMPANDING_ULAW, 0), COMPANDING_ULAW_SILENCE);
    assert_int_equal(encode(COMPANDING_ALAW, 0), COMPANDING_ALAW_SILENCE);
    assert_int_equal(encode(COMPANDING_ULAW, 32767), 0x80);
    assert_int_equal(encode(COMPANDING_ULAW, -32768), 0x00);
    assert_int_equal(encode(COMPANDING_ALAW, 32767), 0xAA);
    assert_int_equal(encode(COMPANDING_ALAW, -32768), 0x2A);
}

static void every_octet_comes_back(void **state)
{
    (void)state;
    for (int law = COMPANDING_ULAW; law <= COMPANDING_ALAW; law++)
        for (unsigned octet = 0; octet < 256; octet++) {
            if (law == COMPANDING_ULAW && octet == 0x7F)
                continue; /* the negative zero */
            assert_int_equal(encode((enum companding)law, decode((enum companding)law, octet)),
                             octet);
        }
}

/* As spandsp codes them. */
static void every_sample_gets_the_code_of_the_table(void **state)
{
    (void)state;
    for (int sample = -32768; sample <= 32767; sample++) {
        assert_int_equal(encode(COMPANDING_ULAW, sample), linear_to_ulaw(sample));
        assert_int_equal(encode(COMPANDING_ALAW, sample), linear_to_alaw(sample));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(every_octet_comes_back),
        cmocka_unit_test(every_sample_gets_the_code_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
