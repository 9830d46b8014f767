/* guard_test.c: which frames pass the guard, and how it puts pages together. */
#include "codecs/fax_error.h"
#include "t38/guard_frame.h"
#include "t38/guard_page.h"
#include "t38/hdlc_stuffing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct frame_case {
    const char *what;
    bool from_sender;
    enum guard_verdict verdict;
    size_t n;
    uint8_t octets[8];
};

static const struct frame_case cases[] = {
    {"DIS", false, GUARD_PASS, 6, {0xFF, 0x13, 0x80, 0, 0, 0}},
    {"DIS to a receiver", true, GUARD_DROP, 6, {0xFF, 0x13, 0x80, 0, 0, 0}},
    {"DTC: nobody polls", false, GUARD_DROP, 6, {0xFF, 0x13, 0x81, 0, 0, 0}},
    {"short DIS", false, GUARD_DROP, 5, {0xFF, 0x13, 0x80, 0, 0}},
    {"long DIS", false, GUARD_DROP, 23, {0xFF, 0x13, 0x80}},
    {"DIS that is not final", false, GUARD_DROP, 6, {0xFF, 0x03, 0x80, 0, 0, 0}},
    {"DCS", true, GUARD_PASS, 7, {0xFF, 0x13, 0x83, 0, 0x60, 0x90, 0x44}},
    {"DCS to a sender", false, GUARD_DROP, 7, {0xFF, 0x13, 0x83, 0, 0x60, 0x90, 0x44}},
    {"DCS of width 3", true, GUARD_DROP, 6, {0xFF, 0x13, 0x83, 0, 0x60, 0x13}},
    {"DCS of an unknown rate", true, GUARD_DROP, 6, {0xFF, 0x13, 0x83, 0, 0x10, 0x10}},
    {"CTC", true, GUARD_PASS, 5, {0xFF, 0x13, 0x13, 0, 0x20}},
    {"CTC of an unknown rate", true, GUARD_DROP, 5, {0xFF, 0x13, 0x13, 0, 0x30}},
    {"short CTC", true, GUARD_DROP, 4, {0xFF, 0x13, 0x13, 0}},
    {"FCD", true, GUARD_PASS, 5, {0xFF, 0x03, 0x06, 0, 1}},
    {"full FCD", true, GUARD_PASS, 260, {0xFF, 0x03, 0x06}},
    {"FCD without data", true, GUARD_DROP, 4, {0xFF, 0x03, 0x06, 0}},
    {"FCD that is final", true, GUARD_DROP, 5, {0xFF, 0x13, 0x06, 0, 1}},
    {"FCD to a sender", false, GUARD_DROP, 5, {0xFF, 0x03, 0x06, 0, 1}},
    {"PPS-EOP", true, GUARD_PASS, 7, {0xFF, 0x13, 0xBF, 0x2F, 0, 0, 0}},
    {"PPS with a strange code", true, GUARD_DROP, 7, {0xFF, 0x13, 0xBF, 0x44, 0, 0, 0}},
    {"short PPS", true, GUARD_DROP, 6, {0xFF, 0x13, 0xBF, 0x2F, 0, 0}},
    {"RCP", true, GUARD_PASS, 3, {0xFF, 0x03, 0x86}},
    {"final RCP", true, GUARD_PASS, 3, {0xFF, 0x13, 0x86}},
    {"PPR", false, GUARD_PASS, 35, {0xFF, 0x13, 0xBC}},
    {"short PPR", false, GUARD_DROP, 34, {0xFF, 0x13, 0xBC}},
    {"MCF", false, GUARD_PASS, 3, {0xFF, 0x13, 0x8C}},
    {"MCF to a receiver", true, GUARD_DROP, 3, {0xFF, 0x13, 0x8C}},
    {"long MCF", false, GUARD_DROP, 4, {0xFF, 0x13, 0x8C, 0}},
    {"DCN both ways", true, GUARD_PASS, 3, {0xFF, 0x13, 0xFB}},
    {"DCN both ways", false, GUARD_PASS, 3, {0xFF, 0x13, 0xFA}},
    {"NSF", false, GUARD_BLANK, 8, {0xFF, 0x03, 0x20, 1, 2, 3, 4, 5}},
    {"NSS", true, GUARD_BLANK, 8, {0xFF, 0x03, 0x23, 1, 2, 3, 4, 5}},
    {"SUB", true, GUARD_BLANK, 8, {0xFF, 0x03, 0xC3, 1, 2, 3, 4, 5}},
    {"final NSS", true, GUARD_DROP, 8, {0xFF, 0x13, 0x23, 1, 2, 3, 4, 5}},
    {"FNV", true, GUARD_DROP, 8, {0xFF, 0x13, 0xCB, 1, 2, 3, 4, 5}},
    {"long CSI", false, GUARD_DROP, 24, {0xFF, 0x03, 0x40}},
    {"wrong address", true, GUARD_DROP, 3, {0xFE, 0x13, 0xFB}},
    {"wrong control", true, GUARD_DROP, 3, {0xFF, 0x23, 0xFB}},
    {"two octets", true, GUARD_DROP, 2, {0xFF, 0x13}},
    {"nothing", true, GUARD_DROP, 0, {0}},
    {"too much", true, GUARD_DROP, 261, {0xFF, 0x03, 0x06}},
};

static void frames_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t frame[300] = {0};
        memcpy(frame, cases[i].octets, sizeof cases[i].octets);
        enum guard_verdict v = guard_frame_judge(frame, cases[i].n, cases[i].from_sender);
        if (v != cases[i].verdict)
            print_error("%s: %d\n", cases[i].what, (int)v);
        assert_int_equal(v, cases[i].verdict);
    }
}

static void a_blank_frame_is_judged_like_any_other(void **state)
{
    (void)state;
    uint8_t frame[GUARD_BLANK_LENGTH];
    guard_frame_blank(frame);
    assert_int_equal(guard_frame_judge(frame, sizeof frame, true), GUARD_BLANK);
}

static void a_dcs_is_read(void **state)
{
    (void)state;
    struct guard_dcs d;
    uint8_t dcs[16] = {0xFF, 0x13, 0x83, 0, 0x60, 0x90, 0x44};
    assert_int_equal(guard_dcs_read(dcs, 7, &d), 0);
    assert_true(d.ecm);
    assert_int_equal(d.coding, FAX_PAGE_T6);
    assert_int_equal(d.y_dpi, 196);
    assert_int_equal(d.width, 1728);
    dcs[4] = 0xA0; /* T.4 2-D, standard resolution */
    dcs[6] = 0x00;
    assert_int_equal(guard_dcs_read(dcs, 7, &d), 0);
    assert_false(d.ecm);
    assert_int_equal(d.coding, FAX_PAGE_T4_2D);
    assert_int_equal(d.y_dpi, 98);
    dcs[4] = 0x20;
    dcs[8] = 0x01;
    assert_int_equal(guard_dcs_read(dcs, 9, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T4_1D);
    assert_int_equal(d.y_dpi, 391);
    dcs[8] = 0x02; /* 300 x 300 */
    assert_int_equal(guard_dcs_read(dcs, 9, &d), FAX_EUNSUPPORTED);
    dcs[8] = 0;
    dcs[12] = 0x20; /* T.85 */
    assert_int_equal(guard_dcs_read(dcs, 13, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T85);
    dcs[12] = 0x40; /* as spandsp 3 says it */
    assert_int_equal(guard_dcs_read(dcs, 13, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T85);
    assert_int_equal(guard_dcs_read(dcs, 12, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T4_1D);
    dcs[5] |= 1; /* B4 */
    assert_int_equal(guard_dcs_read(dcs, 12, &d), 0);
    assert_int_equal(d.width, 2048);
    dcs[5] = (uint8_t)(dcs[5] ^ 3); /* A3 */
    dcs[8] = 0x04;                  /* 408 x 391 */
    assert_int_equal(guard_dcs_read(dcs, 12, &d), 0);
    assert_int_equal(d.width, 4864);
    assert_int_equal(d.x_dpi, 408);
    assert_int_equal(d.y_dpi, 391);
    dcs[8] = 0x0C; /* by the inch */
    assert_int_equal(guard_dcs_read(dcs, 12, &d), FAX_EUNSUPPORTED);
    dcs[8] = 0x04;
    guard_dcs_show_a4(dcs, 12);
    assert_int_equal(guard_dcs_read(dcs, 12, &d), 0);
    assert_int_equal(d.width, 1728);
    assert_int_equal(d.x_dpi, 204);
    assert_int_equal(d.y_dpi, 391);
    guard_dcs_show_a4(dcs, 5); /* too short for either */
    assert_int_equal(guard_dcs_read(dcs, 5, &d), 0);
}

static void wide_pages_are_offered(void **state)
{
    (void)state;
    struct guard_shape shape;
    uint8_t dis[GUARD_DCS_MAX] = {0xFF, 0x13, 0x80, 0, 0xEE, 0xB9};
    size_t n = guard_dis_offer_wide(dis, 6);
    guard_dis_shape(dis, n, &shape);
    assert_int_equal(shape.width, 2432);
    assert_int_equal(shape.x_dpi, 408);
    assert_int_equal(guard_dis_offer_t85(dis, n), n); /* one after the other */
    guard_dis_shape(dis, n, &shape);
    assert_int_equal(shape.x_dpi, 408);
    assert_false(guard_frame_bit(dis, n, 17));
}

static void a_dcs_is_shown_as_t6(void **state)
{
    (void)state;
    struct guard_dcs d;
    uint8_t dcs[16] = {0xFF, 0x13, 0x83, 0, 0xE0, 0x90, 0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x60};
    guard_dcs_show_t6(dcs, 13);
    assert_int_equal(guard_dcs_read(dcs, 13, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T6);
    assert_false(guard_frame_bit(dcs, 13, 16));
}

static void t85_is_said_and_offered(void **state)
{
    (void)state;
    struct guard_dcs d;
    uint8_t dcs[GUARD_DCS_MAX] = {0xFF, 0x13, 0x83, 0, 0xE0, 0x90, 0x44};
    assert_false(guard_dis_takes_t85(dcs, 7));
    assert_int_equal(guard_dcs_say_t85(dcs, 7), 13);
    assert_int_equal(guard_frame_judge(dcs, 13, true), GUARD_PASS);
    assert_int_equal(guard_dcs_read(dcs, 13, &d), 0);
    assert_int_equal(d.coding, FAX_PAGE_T85);
    assert_true(d.ecm);
    assert_int_equal(d.y_dpi, 196);
    assert_true(guard_frame_bit(dcs, 13, 78));
    for (unsigned bit = 24; bit < 80; bit += 8) /* more octets follow */
        assert_true(guard_frame_bit(dcs, 13, bit));
    assert_false(guard_frame_bit(dcs, 13, 80));
    assert_false(guard_frame_bit(dcs, 13, 16));
    assert_false(guard_frame_bit(dcs, 13, 31));

    uint8_t dis[GUARD_DCS_MAX] = {0xFF, 0x13, 0x80, 0,    0xEE, 0xF8, 0xC4, 0x80,
                                  0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
    assert_false(guard_dis_takes_t85(dis, 15));
    assert_int_equal(guard_dis_offer_t85(dis, 15), 15);
    assert_true(guard_dis_takes_t85(dis, 15));
    assert_true(guard_frame_bit(dis, 15, 79));
    assert_true(guard_frame_bit(dis, 15, 80));
    assert_int_equal(guard_frame_judge(dis, 15, false), GUARD_PASS);
    dis[6] &= 0xFB; /* bit 27, error correction */
    assert_false(guard_dis_takes_t85(dis, 15));
}

static void identities_are_cleaned(void **state)
{
    (void)state;
    char out[21];
    uint8_t tsi[23] = {0xFF, 0x03, 0x43};
    memset(tsi + 3, ' ', 20);
    memcpy(tsi + 3, ((const uint8_t[]){'1', '0', '5', '5', ' ', '9', '4', '+'}), 8);
    guard_ident_read(tsi, 23, out);
    assert_string_equal(out, "+49 5501");
    tsi[4] = 0x1B;
    guard_ident_read(tsi, 23, out);
    assert_string_equal(out, "+49 55?1");
    guard_ident_read(tsi, 3, out);
    assert_string_equal(out, "");
}

static void blocks_become_a_page(void **state)
{
    (void)state;
    struct guard_page p = {.limit = 1 << 20};
    uint8_t data[256];
    int16_t lengths[256];
    for (int block = 0; block < 2; block++)
        for (int i = 255; i >= 0; i--) { /* in any order */
            memset(data, i, sizeof data);
            lengths[i] = block ? 64 : 256;
            assert_int_equal(guard_page_put(&p, (uint8_t)i, data, (size_t)lengths[i]), 0);
            if (i == 0)
                assert_int_equal(guard_page_close_block(&p, lengths, 256), 0);
        }
    assert_int_equal(p.length, 256 * 256 + 256 * 64);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(p.data[i * 256 + 255], i);
        assert_int_equal(p.data[65536 + i * 64], i);
    }
    guard_page_wipe(&p);
    assert_null(p.data);
}

static void a_page_has_a_limit(void **state)
{
    (void)state;
    struct guard_page p = {.limit = 1000};
    uint8_t data[256] = {0};
    assert_int_equal(guard_page_put(&p, 2, data, 256), 0);
    assert_int_equal(guard_page_put(&p, 3, data, 256), FAX_ELIMIT);
    assert_int_equal(guard_page_put(&p, 0, data, 257), FAX_ELIMIT);
    assert_int_equal(guard_page_close_block(&p, (const int16_t[]){256, -1}, 2), FAX_ESTATE);
    guard_page_wipe(&p);
}

static unsigned count_bit_by_bit(const uint8_t *octets, size_t n)
{
    unsigned ones = 0, stuffed = 0;
    for (size_t i = 0; i < 8 * n; i++) {
        ones = octets[i / 8] >> (i % 8) & 1 ? ones + 1 : 0;
        if (ones == 5) {
            ones = 0;
            stuffed++;
        }
    }
    return stuffed;
}

static void stuffing_is_counted(void **state)
{
    (void)state;
    uint8_t octets[260];
    uint32_t random = 7;
    memset(octets, 0xFF, sizeof octets);
    assert_int_equal(hdlc_stuffing_count(octets, 260), 416);
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof octets; i++) {
            random = random * 1664525u + 1013904223u;
            octets[i] = (uint8_t)(random >> 24 | (round & 1 ? random >> 16 : 0));
        }
        assert_int_equal(hdlc_stuffing_count(octets, 260), count_bit_by_bit(octets, 260));
    }
}

static void shapes_are_told_and_said(void **state)
{
    static const struct {
        unsigned bits[4]; /* of the DIS; 0: none */
        struct guard_shape shape;
    } rows[] = {
        {{0}, {1728, 204, 98}},
        {{15}, {1728, 204, 196}},
        {{15, 41}, {1728, 204, 391}},
        {{15, 17}, {2048, 204, 196}},
        {{15, 18, 41}, {2432, 204, 391}},
        {{15, 17, 18}, {2432, 204, 196}},
        {{15, 43}, {1728, 408, 196}},
        {{43}, {1728, 204, 98}}, /* more without what is less: not believed */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t dis[12] = {0xFF, 0x13, 0x80};
        struct guard_shape shape;
        for (size_t k = 0; k < 4 && rows[i].bits[k]; k++)
            dis[3 + (rows[i].bits[k] - 1) / 8] |= (uint8_t)(1 << (rows[i].bits[k] - 1) % 8);
        guard_dis_shape(dis, sizeof dis, &shape);
        assert_int_equal(shape.width, rows[i].shape.width);
        assert_int_equal(shape.x_dpi, rows[i].shape.x_dpi);
        assert_int_equal(shape.y_dpi, rows[i].shape.y_dpi);
    }
    uint8_t dcs[GUARD_DCS_MAX] = {0xFF, 0x13, 0x83, 0x00, 0x62, 0x7C};
    assert_int_equal(guard_dcs_say_shape(dcs, 6, 2048, 204), 6);
    assert_true(guard_frame_bit(dcs, 6, 17));
    assert_false(guard_frame_bit(dcs, 6, 18));
    assert_true(guard_frame_bit(dcs, 6, 15));
    size_t n = guard_dcs_say_shape(dcs, 6, 2432, 408);
    assert_int_equal(n, 13);
    assert_false(guard_frame_bit(dcs, n, 17));
    assert_true(guard_frame_bit(dcs, n, 18));
    assert_false(guard_frame_bit(dcs, n, 15));
    assert_false(guard_frame_bit(dcs, n, 41));
    assert_true(guard_frame_bit(dcs, n, 43));
    for (unsigned last = 24; last < 80; last += 8) /* another octet follows */
        assert_int_equal(guard_frame_bit(dcs, n, last), true);
    assert_false(guard_frame_bit(dcs, n, 80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_judged),
        cmocka_unit_test(a_blank_frame_is_judged_like_any_other),
        cmocka_unit_test(a_dcs_is_read),
        cmocka_unit_test(wide_pages_are_offered),
        cmocka_unit_test(a_dcs_is_shown_as_t6),
        cmocka_unit_test(t85_is_said_and_offered),
        cmocka_unit_test(identities_are_cleaned),
        cmocka_unit_test(blocks_become_a_page),
        cmocka_unit_test(a_page_has_a_limit),
        cmocka_unit_test(stuffing_is_counted),
        cmocka_unit_test(shapes_are_told_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
