/* ifp_packet_test.c: IFP packets taken apart and written again, in both syntaxes. */
#include "t38/ifp_packet.h"

#include "codecs/fax_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t octets[300] = {0xFF, 0x13, 0x2F};

/* Fields with and without data in all neighbourhoods that version 0 packs differently. */
static const struct ifp_packet packets[] = {
    {.indicator = true, .type = 0},
    {.indicator = true, .type = 15},
    {.indicator = true, .type = 21},
    {.type = 8},
    {.type = 13, .has_fields = true},
    {.has_fields = true, .fields = 1, .field = {{.type = IFP_HDLC_SIG_END}}},
    {.has_fields = true, .fields = 1, .field = {{IFP_HDLC_DATA, octets, 3}}},
    {.has_fields = true,
     .fields = 2,
     .field = {{.type = IFP_HDLC_FCS_OK}, {.type = IFP_HDLC_SIG_END}}},
    {.has_fields = true,
     .fields = 4,
     .field = {{IFP_HDLC_DATA, octets, 1},
               {.type = IFP_HDLC_FCS_OK},
               {IFP_HDLC_DATA, octets, 300},
               {.type = IFP_HDLC_FCS_BAD_SIG_END}}},
    {.has_fields = true,
     .fields = 3,
     .field = {{.type = IFP_HDLC_FCS_OK}, {.type = IFP_HDLC_FCS_BAD}, {.type = IFP_HDLC_SIG_END}}},
    {.type = 3, .has_fields = true, .fields = 1, .field = {{IFP_NON_ECM_SIG_END, octets, 256}}},
};

static void expect_same(const struct ifp_packet *a, const struct ifp_packet *b)
{
    assert_int_equal(a->indicator, b->indicator);
    assert_int_equal(a->has_fields, b->has_fields);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->fields, b->fields);
    for (unsigned i = 0; i < a->fields; i++) {
        assert_int_equal(a->field[i].type, b->field[i].type);
        assert_int_equal(a->field[i].length, b->field[i].length);
        if (a->field[i].length > 0)
            assert_memory_equal(a->field[i].data, b->field[i].data, a->field[i].length);
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    for (int version = 0; version <= 3; version++) {
        for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
            uint8_t ifp[700];
            size_t length = 0;
            struct ifp_packet again;
            assert_int_equal(ifp_packet_write(&packets[i], version, ifp, sizeof ifp, &length), 0);
            assert_int_equal(ifp_check(ifp, length, version, NULL), 0);
            assert_int_equal(ifp_packet_read(ifp, length, version, &again), 0);
            expect_same(&again, &packets[i]);
            for (size_t less = 0; less < length; less++)
                assert_int_equal(ifp_packet_write(&packets[i], version, ifp, less, &length),
                                 FAX_ELIMIT);
        }
    }
}

/* As spandsp writes them: DIS preamble; CSI and the end of a signal in version 0; the same in 1. */
static void known_packets_are_read(void **state)
{
    (void)state;
    static const uint8_t preamble[] = {0x06},
                         v0[] = {0xC0, 0x02, 0x80, 0x00, 0x01, 0xAA, 0xBB, 0x20},
                         v1[] = {0xC0, 0x02, 0x80, 0x00, 0x01, 0xAA, 0xBB, 0x10};
    struct ifp_packet p;
    assert_int_equal(ifp_packet_read(preamble, 1, 0, &p), 0);
    assert_true(p.indicator);
    assert_int_equal(p.type, 3);
    for (int version = 0; version < 2; version++) {
        assert_int_equal(ifp_packet_read(version ? v1 : v0, sizeof v0, version, &p), 0);
        assert_int_equal(p.fields, 2);
        assert_int_equal(p.field[0].type, IFP_HDLC_DATA);
        assert_int_equal(p.field[0].length, 2);
        assert_int_equal(p.field[0].data[1], 0xBB);
        assert_int_equal(p.field[1].type, IFP_HDLC_FCS_OK);
        assert_int_equal(p.field[1].length, 0);
    }
}

static void what_is_no_packet_is_refused(void **state)
{
    (void)state;
    static const uint8_t cut[] = {0xC0, 0x01, 0x80, 0x00};
    uint8_t out[16];
    size_t length;
    struct ifp_packet p;
    assert_int_equal(ifp_packet_read(cut, 0, 0, &p), FAX_ETRUNCATED);
    assert_int_equal(ifp_packet_read(cut, sizeof cut, 0, &p), FAX_ETRUNCATED);
    struct ifp_packet bad[] = {
        {.fields = 1},
        {.indicator = true, .has_fields = true},
        {.has_fields = true, .fields = IFP_FIELDS_MAX + 1},
        {.has_fields = true, .fields = 1, .field = {{IFP_HDLC_DATA, octets, 65537}}},
        {.type = 9 + 64},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ifp_packet_write(&bad[i], 0, out, sizeof out, &length), FAX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(known_packets_are_read),
        cmocka_unit_test(what_is_no_packet_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
