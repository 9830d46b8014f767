#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/journal_frame.h"
#include "policy/policy_error.h"

enum { IMAGE_OCTETS = 4096, FRAMES_MAX = 16 };

/* A segment being written, with the places of its frames. */
struct segment {
    uint8_t bytes[IMAGE_OCTETS];
    size_t used;
    size_t place[FRAMES_MAX + 1];
    size_t count;
};

static struct segment segment;

static void start(enum journal_kind kind, uint64_t first)
{
    struct journal_header header = {
        .kind = kind, .node = "node-1", .first_sequence = first, .time_us = 1790000000000000};
    memset(&segment, 0, sizeof segment);
    assert_int_equal(journal_header_encode(&header, segment.bytes), 0);
    segment.used = JOURNAL_HEADER_OCTETS;
    segment.place[0] = segment.used;
}

static void append(uint64_t sequence, uint64_t durable, const char *text)
{
    size_t length;
    struct journal_frame frame = {.sequence = sequence,
                                  .durable = durable,
                                  .bytes = (const uint8_t *)text,
                                  .length = strlen(text)};
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, segment.bytes + segment.used,
                                          IMAGE_OCTETS - segment.used, &length),
                     0);
    assert_int_equal(length, journal_frame_length(strlen(text)));
    segment.used += length;
    segment.place[++segment.count] = segment.used;
}

/* Ten frames in groups of 1, 2, 3 and 4, each group written when those before were durable. */
static void fill(uint64_t first)
{
    static const uint64_t durable[10] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6};
    char text[32];
    start(JOURNAL_RECORDS, first);
    for (uint64_t i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "{\"record\":%u}", (unsigned)i);
        append(first + i, first + durable[i], text);
    }
}

/* Reads all frames; returns how it ends and their number. */
static enum journal_step read_all(size_t length, size_t *count, size_t *offset)
{
    struct journal_reader reader;
    struct journal_frame frame;
    enum journal_step step;
    char text[32];
    assert_int_equal(journal_reader_init(&reader, segment.bytes, length, JOURNAL_RECORDS), 0);
    for (*count = 0; (step = journal_reader_next(&reader, &frame)) == JOURNAL_FRAME; ++*count) {
        snprintf(text, sizeof text, "{\"record\":%u}", (unsigned)*count);
        assert_int_equal(frame.length, strlen(text));
        assert_memory_equal(frame.bytes, text, frame.length);
        assert_true(frame.sequence == reader.header.first_sequence + *count);
    }
    *offset = reader.offset;
    return step;
}

static void header_round_trip(void **state)
{
    (void)state;
    struct journal_header header;
    start(JOURNAL_SIDE, 77);
    assert_int_equal(journal_header_decode(segment.bytes, JOURNAL_HEADER_OCTETS, &header), 0);
    assert_int_equal(header.kind, JOURNAL_SIDE);
    assert_string_equal(header.node, "node-1");
    assert_true(header.first_sequence == 77 && header.time_us == 1790000000000000);
    struct journal_reader reader;
    assert_int_equal(
        journal_reader_init(&reader, segment.bytes, JOURNAL_HEADER_OCTETS, JOURNAL_RECORDS),
        FAX_EP_MISMATCH);
    for (size_t bit = 0; bit < (size_t)JOURNAL_HEADER_OCTETS * 8; bit++) {
        segment.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = journal_header_decode(segment.bytes, JOURNAL_HEADER_OCTETS, &header);
        assert_true(rc == FAX_EP_FORMAT || (rc == FAX_EP_VERSION && bit / 8 == 7));
        segment.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(journal_header_decode(segment.bytes, 127, &header), FAX_EP_TRUNCATED);
    memset(segment.bytes, 0, JOURNAL_HEADER_OCTETS);
    assert_int_equal(journal_header_decode(segment.bytes, IMAGE_OCTETS, &header), FAX_EP_TRUNCATED);
    header.kind = (enum journal_kind)3;
    assert_int_equal(journal_header_encode(&header, segment.bytes), FAX_EP_INVAL);
}

static void whole_segment_and_zeros(void **state)
{
    (void)state;
    size_t count, offset;
    fill(1000);
    assert_int_equal(read_all(segment.used, &count, &offset), JOURNAL_END);
    assert_int_equal(count, 10);
    assert_int_equal(read_all(IMAGE_OCTETS, &count, &offset), JOURNAL_END);
    assert_int_equal(count, 10);
    assert_int_equal(offset, segment.used);
}

/* A file that ends anywhere, with or without preallocated zeros behind, is torn, not corrupt. */
static void every_cut_is_a_torn_end(void **state)
{
    (void)state;
    size_t count, offset;
    for (int zeros = 0; zeros <= 1; zeros++) {
        fill(5);
        for (size_t cut = segment.used; cut-- > JOURNAL_HEADER_OCTETS;) {
            segment.bytes[cut] = 0;
            size_t whole = 0;
            while (segment.place[whole + 1] <= cut)
                whole++;
            enum journal_step step = read_all(zeros ? IMAGE_OCTETS : cut, &count, &offset);
            assert_int_equal(count, whole);
            assert_int_equal(offset, segment.place[whole]);
            assert_int_equal(step, cut == segment.place[whole] ? JOURNAL_END : JOURNAL_TORN);
        }
    }
}

/* Any flipped bit in what later frames call durable is damage; in the last group it cannot be told
 * from a write that the disk did in another order. */
static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    size_t count, offset;
    fill(5);
    for (size_t bit = (size_t)JOURNAL_HEADER_OCTETS * 8; bit < segment.used * 8; bit++) {
        segment.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        size_t hit = 0;
        while (segment.place[hit + 1] <= bit / 8)
            hit++;
        enum journal_step step = read_all(IMAGE_OCTETS, &count, &offset);
        assert_int_equal(count, hit);
        assert_int_equal(step, hit < 6 ? JOURNAL_CORRUPT : JOURNAL_TORN);
        segment.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void reading_goes_on_after_damage(void **state)
{
    (void)state;
    struct journal_reader reader;
    struct journal_frame frame;
    fill(5);
    memset(segment.bytes + segment.place[2], 0, segment.place[4] - segment.place[2]);
    assert_int_equal(journal_reader_init(&reader, segment.bytes, IMAGE_OCTETS, JOURNAL_RECORDS), 0);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_FRAME);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_FRAME);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_CORRUPT);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_CORRUPT);
    assert_int_equal(journal_reader_resync(&reader), 0);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_FRAME);
    assert_true(frame.sequence == 9);
    reader.offset = segment.used - 3;
    assert_int_equal(journal_reader_resync(&reader), FAX_EP_TRUNCATED);
}

/* A frame taken out cleanly, or moved, leaves a sequence that jumps. */
static void removed_frames_are_found(void **state)
{
    (void)state;
    size_t count, offset;
    fill(5);
    memmove(segment.bytes + segment.place[3], segment.bytes + segment.place[4],
            IMAGE_OCTETS - segment.place[4]);
    assert_int_equal(read_all(IMAGE_OCTETS - 100, &count, &offset), JOURNAL_CORRUPT);
    assert_int_equal(count, 3);
}

static void bad_frames_are_not_written(void **state)
{
    (void)state;
    static uint8_t big[JOURNAL_PAYLOAD_MAX + 100];
    uint8_t out[JOURNAL_PAYLOAD_MAX + 100];
    size_t length;
    struct journal_frame frame = {.sequence = 4, .durable = 5, .bytes = big, .length = 1};
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, out, sizeof out, &length),
                     FAX_EP_INVAL);
    frame.durable = 4;
    frame.length = 0;
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, out, sizeof out, &length),
                     FAX_EP_INVAL);
    frame.length = JOURNAL_PAYLOAD_MAX + 1;
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, out, sizeof out, &length),
                     FAX_EP_LIMIT);
    frame.length = JOURNAL_PAYLOAD_MAX;
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, out, 1000, &length),
                     FAX_EP_LIMIT);
    assert_int_equal(journal_frame_encode(JOURNAL_RECORDS, &frame, out, sizeof out, &length), 0);
    assert_int_equal(journal_frame_decode(JOURNAL_SIDE, out, length, &frame), FAX_EP_FORMAT);
    assert_int_equal(journal_frame_decode(JOURNAL_RECORDS, out, length, &frame), 0);
    assert_int_equal(journal_frame_decode(JOURNAL_RECORDS, out, length - 1, &frame),
                     FAX_EP_TRUNCATED);
}

/* The search behind a bad place is bounded, also over a segment full of markers. */
static void hostile_segment(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    uint8_t *image = calloc(1, size);
    struct journal_reader reader;
    struct journal_frame frame;
    assert_non_null(image);
    start(JOURNAL_RECORDS, 0);
    memcpy(image, segment.bytes, JOURNAL_HEADER_OCTETS);
    for (size_t at = JOURNAL_HEADER_OCTETS; at + 4 <= size; at += 4)
        memcpy(image + at, journal_marker(JOURNAL_RECORDS), 4);
    assert_int_equal(journal_reader_init(&reader, image, size, JOURNAL_RECORDS), 0);
    assert_int_equal(journal_reader_next(&reader, &frame), JOURNAL_CORRUPT);
    assert_int_equal(journal_reader_resync(&reader), FAX_EP_TRUNCATED);
    free(image);
}

static void side_round_trip(void **state)
{
    (void)state;
    struct journal_side in = {.record_index = 99,
                              .key = "to",
                              .salt = {1, 2},
                              .value = "+4930123456",
                              .value_length = 11},
                        out;
    uint8_t bytes[128];
    size_t length;
    assert_int_equal(journal_side_encode(&in, bytes, sizeof bytes, &length), 0);
    assert_int_equal(journal_side_decode(bytes, length, &out), 0);
    assert_true(out.record_index == 99);
    assert_string_equal(out.key, "to");
    assert_memory_equal(out.salt, in.salt, sizeof in.salt);
    assert_int_equal(out.value_length, 11);
    assert_memory_equal(out.value, "+4930123456", 11);
    for (size_t n = 0; n < length; n++)
        assert_int_not_equal(journal_side_decode(bytes, n, &out), 0);
    assert_int_equal(journal_side_decode(bytes, length + 1, &out), FAX_EP_FORMAT);
    bytes[length - 1] = 0x80;
    assert_int_equal(journal_side_decode(bytes, length, &out), FAX_EP_FORMAT);
    assert_int_equal(journal_side_encode(&in, bytes, length - 1, &length), FAX_EP_LIMIT);
    /* What would be read as damage is not written. */
    in.value = "+49\xFF\xFE";
    in.value_length = 5;
    assert_int_equal(journal_side_encode(&in, bytes, sizeof bytes, &length), FAX_EP_INVAL);
    in.value = "+49\x00";
    in.value_length = 4;
    assert_int_equal(journal_side_encode(&in, bytes, sizeof bytes, &length), FAX_EP_INVAL);
    in.value = "+4930123456";
    in.value_length = JOURNAL_SIDE_VALUE_MAX + 1;
    assert_int_equal(journal_side_encode(&in, bytes, sizeof bytes, &length), FAX_EP_LIMIT);
    strcpy(in.key, "To");
    assert_int_equal(journal_side_encode(&in, bytes, sizeof bytes, &length), FAX_EP_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_round_trip),
        cmocka_unit_test(whole_segment_and_zeros),
        cmocka_unit_test(every_cut_is_a_torn_end),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(reading_goes_on_after_damage),
        cmocka_unit_test(removed_frames_are_found),
        cmocka_unit_test(bad_frames_are_not_written),
        cmocka_unit_test(hostile_segment),
        cmocka_unit_test(side_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
