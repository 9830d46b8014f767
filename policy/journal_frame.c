#include "policy/journal_frame.h"

#include <stdbool.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/record_private.h"
#include "policy/utf8.h"
#include "policy/wire.h"

enum {
    MAGIC_OCTETS = 7,
    HEADER_CHECK_AT = JOURNAL_HEADER_OCTETS - 4,
    MARKER_OCTETS = 4,
    CHECK_AT = JOURNAL_FRAME_HEADER_OCTETS - 4
};

static const char record_magic[MAGIC_OCTETS + 1] = "SEALJRN";
static const char side_magic[MAGIC_OCTETS + 1] = "SEALSID";

static const char *magic_of(enum journal_kind kind)
{
    return kind == JOURNAL_SIDE ? side_magic : record_magic;
}

int journal_header_encode(const struct journal_header *header, uint8_t out[JOURNAL_HEADER_OCTETS])
{
    struct wire_writer writer;
    if (wire_check_text(header->node, sizeof header->node) || header->time_us < 0 ||
        (header->kind != JOURNAL_RECORDS && header->kind != JOURNAL_SIDE))
        return FAX_EP_INVAL;
    memset(out, 0, JOURNAL_HEADER_OCTETS);
    wire_writer_init(&writer, out, JOURNAL_HEADER_OCTETS);
    wire_put_octets(&writer, magic_of(header->kind), MAGIC_OCTETS);
    wire_put_u8(&writer, JOURNAL_VERSION);
    wire_put_u64(&writer, header->first_sequence);
    wire_put_u64(&writer, (uint64_t)header->time_us);
    wire_put_text(&writer, header->node);
    writer.length = HEADER_CHECK_AT;
    wire_put_u32(&writer, wire_crc32c(0, out, HEADER_CHECK_AT));
    return writer.error;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

int journal_header_decode(const uint8_t *bytes, size_t available, struct journal_header *header)
{
    struct wire_reader reader;
    *header = (struct journal_header){0};
    if (available < JOURNAL_HEADER_OCTETS || all_zero(bytes, JOURNAL_HEADER_OCTETS))
        return FAX_EP_TRUNCATED;
    wire_reader_init(&reader, bytes, JOURNAL_HEADER_OCTETS);
    const uint8_t *magic = wire_take(&reader, MAGIC_OCTETS);
    if (magic && memcmp(magic, record_magic, MAGIC_OCTETS) == 0)
        header->kind = JOURNAL_RECORDS;
    else if (magic && memcmp(magic, side_magic, MAGIC_OCTETS) == 0)
        header->kind = JOURNAL_SIDE;
    else
        return FAX_EP_FORMAT;
    if (wire_get_u8(&reader) != JOURNAL_VERSION)
        return FAX_EP_VERSION;
    header->first_sequence = wire_get_u64(&reader);
    uint64_t time_us = wire_get_u64(&reader);
    wire_get_text(&reader, header->node, sizeof header->node);
    size_t used = reader.offset;
    reader.offset = HEADER_CHECK_AT;
    uint32_t check = wire_get_u32(&reader);
    if (reader.error || time_us > INT64_MAX || !all_zero(bytes + used, HEADER_CHECK_AT - used) ||
        check != wire_crc32c(0, bytes, HEADER_CHECK_AT))
        return FAX_EP_FORMAT;
    header->time_us = (int64_t)time_us;
    return 0;
}

size_t journal_frame_length(size_t payload_length)
{
    return JOURNAL_FRAME_HEADER_OCTETS + payload_length;
}

static uint32_t frame_check(const uint8_t *frame, size_t payload_length)
{
    uint32_t crc = wire_crc32c(0, frame, CHECK_AT);
    return wire_crc32c(crc, frame + JOURNAL_FRAME_HEADER_OCTETS, payload_length);
}

int journal_frame_encode(enum journal_kind kind, const struct journal_frame *frame, uint8_t *out,
                         size_t capacity, size_t *length)
{
    struct wire_writer writer;
    if (frame->length == 0 || frame->durable > frame->sequence)
        return FAX_EP_INVAL;
    if (frame->length > JOURNAL_PAYLOAD_MAX || capacity < journal_frame_length(frame->length))
        return FAX_EP_LIMIT;
    wire_writer_init(&writer, out, capacity);
    wire_put_octets(&writer, journal_marker(kind), MARKER_OCTETS);
    wire_put_u32(&writer, (uint32_t)frame->length);
    wire_put_u64(&writer, frame->sequence);
    wire_put_u64(&writer, frame->durable);
    wire_put_u32(&writer, 0);
    wire_put_octets(&writer, frame->bytes, frame->length);
    *length = writer.length;
    writer.length = CHECK_AT;
    wire_put_u32(&writer, frame_check(out, frame->length));
    return writer.error;
}

const uint8_t *journal_marker(enum journal_kind kind)
{
    /* 0xF5 to 0xFF occur in no UTF-8, so no record can hold a marker. */
    static const uint8_t record_marker[MARKER_OCTETS] = {0xF5, 'J', 'R', 0xFA};
    static const uint8_t side_marker[MARKER_OCTETS] = {0xF5, 'S', 'D', 0xFA};
    return kind == JOURNAL_SIDE ? side_marker : record_marker;
}

int journal_frame_decode(enum journal_kind kind, const uint8_t *bytes, size_t available,
                         struct journal_frame *frame)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes, available);
    const uint8_t *marker = wire_take(&reader, MARKER_OCTETS);
    frame->length = wire_get_u32(&reader);
    frame->sequence = wire_get_u64(&reader);
    frame->durable = wire_get_u64(&reader);
    uint32_t check = wire_get_u32(&reader);
    if (reader.error)
        return FAX_EP_TRUNCATED;
    if (memcmp(marker, journal_marker(kind), MARKER_OCTETS) != 0 || frame->length == 0 ||
        frame->length > JOURNAL_PAYLOAD_MAX || frame->durable > frame->sequence)
        return FAX_EP_FORMAT;
    frame->bytes = wire_take(&reader, frame->length);
    if (!frame->bytes)
        return FAX_EP_TRUNCATED;
    return check == frame_check(bytes, frame->length) ? 0 : FAX_EP_FORMAT;
}

int journal_side_encode(const struct journal_side *side, uint8_t *out, size_t capacity,
                        size_t *length)
{
    struct wire_writer writer;
    if (!record_key_valid(side->key, strnlen(side->key, sizeof side->key)))
        return FAX_EP_INVAL;
    if (side->value_length > JOURNAL_SIDE_VALUE_MAX)
        return FAX_EP_LIMIT;
    /* What the reader would take for damage must never be written: the log could not be opened. */
    if (memchr(side->value, '\0', side->value_length) ||
        !utf8_valid(side->value, side->value_length))
        return FAX_EP_INVAL;
    wire_writer_init(&writer, out, capacity);
    wire_put_u64(&writer, side->record_index);
    wire_put_text(&writer, side->key);
    wire_put_octets(&writer, side->salt, sizeof side->salt);
    wire_put_u16(&writer, (uint16_t)side->value_length);
    wire_put_octets(&writer, side->value, side->value_length);
    *length = writer.length;
    return writer.error;
}

int journal_side_decode(const uint8_t *bytes, size_t length, struct journal_side *side)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes, length);
    side->record_index = wire_get_u64(&reader);
    wire_get_text(&reader, side->key, sizeof side->key);
    wire_get_octets(&reader, side->salt, sizeof side->salt);
    side->value_length = wire_get_u16(&reader);
    side->value = (const char *)wire_take(&reader, side->value_length);
    if (reader.error)
        return reader.error;
    if (reader.offset != length || side->value_length > JOURNAL_SIDE_VALUE_MAX ||
        !record_key_valid(side->key, strlen(side->key)) ||
        memchr(side->value, '\0', side->value_length) ||
        !utf8_valid(side->value, side->value_length))
        return FAX_EP_FORMAT;
    return 0;
}
