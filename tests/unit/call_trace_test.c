/* call_trace_test.c: what a recorder keeps when it is full, its sealed form, and what it says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/trace/call_trace.h"
#include "gateway/trace/verdict.h"
#include "t38/spandsp_session.h"

static struct trace_entry entry(uint32_t at_ms, uint8_t kind, uint8_t direction, uint16_t code,
                                uint32_t value)
{
    return (struct trace_entry){
        .at_ms = at_ms, .kind = kind, .direction = direction, .code = code, .value = value};
}

static void the_beginning_and_the_end_stay(void **state)
{
    static struct call_trace trace;
    (void)state;
    memset(&trace, 0, sizeof trace);
    for (uint32_t i = 0; i < 1000; i++) {
        struct trace_entry e = entry(i, TRACE_PAGE_BEGIN, TRACE_HERE, 0, i);
        call_trace_note(&trace, &e);
        assert_int_equal(trace.count, i < TRACE_ENTRIES_MAX ? i + 1 : TRACE_ENTRIES_MAX);
    }
    assert_int_equal(trace.left_out, 1000 - TRACE_ENTRIES_MAX);
    for (uint32_t i = 0; i < TRACE_ENTRIES_MAX; i++) {
        uint32_t expected = i < TRACE_ENTRIES_MAX / 2 ? i : 1000 - TRACE_ENTRIES_MAX + i;
        assert_int_equal(call_trace_at(&trace, i)->value, expected);
    }
    assert_null(call_trace_at(&trace, TRACE_ENTRIES_MAX));
}

static void repetitions_are_counted(void **state)
{
    static struct call_trace trace;
    char label[TRACE_LABEL];
    (void)state;
    memset(&trace, 0, sizeof trace);
    struct trace_entry invite = entry(5, TRACE_SIP_REQUEST, TRACE_SENT, TRACE_INVITE, 1);
    struct trace_entry second = invite, answer = invite;
    second.detail |= TRACE_SIP_LEG;
    answer.direction = TRACE_RECEIVED;
    assert_true(call_trace_note_sip(&trace, &invite));
    assert_true(call_trace_note_sip(&trace, &answer));
    assert_false(call_trace_note_sip(&trace, &invite));
    assert_false(call_trace_note_sip(&trace, &invite));
    assert_true(call_trace_note_sip(&trace, &second));
    assert_int_equal(trace.count, 3);
    call_trace_label(call_trace_at(&trace, 0), label);
    assert_string_equal(label, "INVITE (1), 2 more times");
    for (int i = 0; i < 70000; i++)
        assert_false(call_trace_note_sip(&trace, &invite));
    assert_int_equal(call_trace_at(&trace, 0)->detail >> TRACE_SIP_REPEATS_SHIFT, 0xFFFF);
    assert_int_equal(call_trace_at(&trace, 0)->detail & 0xFFFF, 0);
}

static void frames_leave_no_content(void **state)
{
    static const uint8_t dcs[] = {0xFF, 0x03, 0x83, 0x00, 0x20, 0x1F, 0x44};
    static const uint8_t tsi[] = {0xFF, 0x03, 0x43, '9', '4', '1', '5', '0', '0', '3', '9', '4'};
    static const uint8_t fcd[] = {0xFF, 0x03, 0x06, 0x00, 0xAA, 0xBB};
    static const uint8_t pps[] = {0xFF, 0x13, 0xBF, 0x2F, 0x01, 0x00, 0x63};
    static const uint8_t ppr[] = {0xFF, 0x13, 0xBC, 0x03, 0x80};
    const struct {
        const uint8_t *octets;
        size_t length;
        const char *label; /* NULL: not noted */
    } table[] = {
        {dcs, sizeof dcs, "DCS 14400 bit/s V.17 ECM T.6"},
        {tsi, sizeof tsi, "TSI"},
        {fcd, sizeof fcd, NULL},
        {pps, sizeof pps, "PPS-EOP page 2 block 1, 100 frames"},
        {ppr, sizeof ppr, "PPR: 3 frames again"},
        {dcs, 3, "DCS 2400 bit/s V.27ter"},
        {dcs, 2, NULL},
        {(const uint8_t[]){0xFF, 0x13, 0x8D}, 3, "MCF"},
        {(const uint8_t[]){0xFF, 0x13, 0x33}, 3, "FCF 33"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct call_trace trace = {0};
        char label[TRACE_LABEL];
        call_trace_note_frame(&trace, 7, TRACE_SENT, table[i].octets, table[i].length);
        assert_int_equal(trace.count, table[i].label != NULL);
        if (!table[i].label)
            continue;
        call_trace_label(call_trace_at(&trace, 0), label);
        assert_string_equal(label, table[i].label);
        assert_int_equal(call_trace_at(&trace, 0)->direction, TRACE_SENT);
    }
}

static void codes_are_those_of_the_engine(void **state)
{
    (void)state;
    assert_int_equal(TRACE_FCF_DIS, T30_DIS);
    assert_int_equal(TRACE_FCF_DCS, T30_DCS);
    assert_int_equal(TRACE_FCF_CFR, T30_CFR);
    assert_int_equal(TRACE_FCF_FTT, T30_FTT);
    assert_int_equal(TRACE_FCF_PPS, T30_PPS);
    assert_int_equal(TRACE_FCF_PPR, T30_PPR);
    assert_int_equal(TRACE_FCF_FCD, FCF_FCD);
    assert_int_equal(TRACE_FCF_RCP, FCF_RCP);
    static const struct {
        uint8_t fcf;
        const char *name;
    } names[] = {{T30_CSI, "CSI"}, {T30_DTC, "DTC 2400 bit/s"},
                 {T30_RNR, "RNR"}, {T30_DCN, "DCN"},
                 {T30_CTC, "CTC"}, {T30_EOR, "EOR"},
                 {T30_RTN, "RTN"}, {T30_TSI, "TSI"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct call_trace trace = {0};
        char label[TRACE_LABEL];
        const uint8_t frame[] = {0xFF, 0x13, names[i].fcf};
        call_trace_note_frame(&trace, 0, TRACE_RECEIVED, frame, sizeof frame);
        call_trace_label(call_trace_at(&trace, 0), label);
        assert_string_equal(label, names[i].name);
    }
}

static struct trace_head a_head(void)
{
    struct trace_head head = {.begun_ms = 1780000000123,
                              .attempt = 3,
                              .outbound = true,
                              .retry = TRACE_RETRY_LATER,
                              .side = VERDICT_PEER};
    strcpy(head.from, "+49****100");
    strcpy(head.to, "+49****200");
    strcpy(head.trunk, "south");
    strcpy(head.state, "failed");
    strcpy(head.verdict, "The number is busy.");
    return head;
}

static void what_is_encoded_comes_back_in_order(void **state)
{
    static struct call_trace own, line;
    static uint8_t octets[TRACE_OCTETS_MAX];
    struct trace_head head = a_head(), back;
    uint32_t count;
    size_t offset;
    (void)state;
    memset(&own, 0, sizeof own);
    memset(&line, 0, sizeof line);
    const struct trace_entry told = entry(15, TRACE_TRAINED, TRACE_TOLD, 0, 9600);
    for (uint32_t i = 0; i < 200; i++) {
        struct trace_entry e = entry(i * 10, TRACE_SIP_REQUEST, TRACE_SENT, TRACE_BYE, i);
        call_trace_note(&own, &e);
        if (i == 1)
            call_trace_note(&own, &told);
        e = entry(i * 10 + 5, TRACE_T30, TRACE_RECEIVED, TRACE_FCF_DIS, i);
        call_trace_note(&line, &e);
    }
    size_t length = call_trace_encode(&head, &own, &line, octets, sizeof octets);
    assert_in_range(length, 1, sizeof octets);
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), 0);
    assert_int_equal(count, 2 * TRACE_ENTRIES_MAX - 1); /* without what the line told */
    assert_int_equal(back.left_out, 201 + 200 - 2 * TRACE_ENTRIES_MAX);
    assert_int_equal(back.begun_ms, head.begun_ms);
    assert_int_equal(back.attempt, 3);
    assert_true(back.outbound);
    assert_int_equal(back.retry, TRACE_RETRY_LATER);
    assert_string_equal(back.to, head.to);
    assert_string_equal(back.verdict, head.verdict);
    uint32_t before_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct trace_entry e;
        call_trace_decode_entry(octets, offset, i, &e);
        assert_true(e.at_ms >= before_ms);
        before_ms = e.at_ms;
    }
    assert_int_equal(before_ms, 1995);
    /* When the line died before it sent its own, what it told counts. */
    length = call_trace_encode(&head, &own, NULL, octets, sizeof octets);
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), 0);
    assert_int_equal(count, TRACE_ENTRIES_MAX);
    assert_int_equal(call_trace_encode(&head, &own, &line, octets, sizeof octets - 1), 0);
}

static void odd_texts_are_made_plain(void **state)
{
    static struct call_trace own;
    static uint8_t octets[TRACE_OCTETS_MAX];
    struct trace_head head = a_head(), back;
    uint32_t count;
    size_t offset;
    (void)state;
    strcpy(head.trunk, "so\x1buth\xc3\xa9");
    size_t length = call_trace_encode(&head, &own, NULL, octets, sizeof octets);
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), 0);
    assert_string_equal(back.trunk, "so?uth??");
}

static void damage_is_refused(void **state)
{
    static struct call_trace own;
    static uint8_t octets[TRACE_OCTETS_MAX];
    struct trace_head head = a_head(), back;
    uint32_t count;
    size_t offset;
    (void)state;
    memset(&own, 0, sizeof own);
    struct trace_entry e = entry(1, TRACE_ENDED, TRACE_HERE, 486, TRACE_PARTY_PEER);
    call_trace_note(&own, &e);
    size_t length = call_trace_encode(&head, &own, NULL, octets, sizeof octets);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = malloc(cut + 1);
        assert_non_null(copy);
        memcpy(copy, octets, cut);
        assert_int_equal(call_trace_decode(copy, cut, &back, &count, &offset), -EBADMSG);
        assert_int_equal(count, 0);
        free(copy);
    }
    octets[0] = 2;
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), -ENOTSUP);
    octets[0] = TRACE_VERSION;
    octets[1] = 2;
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), -EBADMSG);
    octets[1] = 1;
    octets[21] = 0x07; /* in the first text */
    assert_int_equal(call_trace_decode(octets, length, &back, &count, &offset), -EBADMSG);
}

static void every_kind_has_words(void **state)
{
    char label[TRACE_LABEL];
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++)
        for (unsigned code = 0; code < 700; code += 7) {
            const struct trace_entry e = {.at_ms = 0,
                                          .kind = (uint8_t)kind,
                                          .direction = (uint8_t)code,
                                          .code = (uint16_t)code,
                                          .value = UINT32_MAX,
                                          .detail = UINT32_MAX};
            call_trace_label(&e, label);
            assert_true(label[0] && memchr(label, '\0', sizeof label));
            assert_non_null(call_trace_group(&e));
        }
}

static void numbers_are_masked(void **state)
{
    static const struct {
        const char *number;
        unsigned digits;
        const char *masked;
    } table[] = {{"+4930123456", 4, "+******3456"},
                 {"+4930123456", 0, "+**********"},
                 {"123", 4, "123"},
                 {"", 4, ""}};
    char out[TRACE_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        call_trace_mask(table[i].number, table[i].digits, out);
        assert_string_equal(out, table[i].masked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_beginning_and_the_end_stay),
        cmocka_unit_test(repetitions_are_counted),
        cmocka_unit_test(frames_leave_no_content),
        cmocka_unit_test(codes_are_those_of_the_engine),
        cmocka_unit_test(what_is_encoded_comes_back_in_order),
        cmocka_unit_test(odd_texts_are_made_plain),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(every_kind_has_words),
        cmocka_unit_test(numbers_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
