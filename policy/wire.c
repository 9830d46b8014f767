#include "policy/wire.h"

#include <string.h>

#include "policy/policy_error.h"

void wire_writer_init(struct wire_writer *writer, uint8_t *bytes, size_t capacity)
{
    *writer = (struct wire_writer){.bytes = bytes, .capacity = capacity};
}

void wire_put_octets(struct wire_writer *writer, const void *bytes, size_t length)
{
    if (!writer->error && length > writer->capacity - writer->length)
        writer->error = FAX_EP_LIMIT;
    if (writer->error || length == 0)
        return;
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
    wire_put_octets(writer, &value, 1);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
    const uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    wire_put_octets(writer, octets, sizeof octets);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
    wire_put_u16(writer, (uint16_t)(value >> 16));
    wire_put_u16(writer, (uint16_t)value);
}

void wire_put_u64(struct wire_writer *writer, uint64_t value)
{
    wire_put_u32(writer, (uint32_t)(value >> 32));
    wire_put_u32(writer, (uint32_t)value);
}

void wire_put_text(struct wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (length > UINT8_MAX) {
        writer->error = FAX_EP_LIMIT;
        return;
    }
    wire_put_u8(writer, (uint8_t)length);
    wire_put_octets(writer, text, length);
}

void wire_reader_init(struct wire_reader *reader, const uint8_t *bytes, size_t length)
{
    *reader = (struct wire_reader){.bytes = bytes, .length = length};
}

const uint8_t *wire_take(struct wire_reader *reader, size_t length)
{
    if (!reader->error && length > reader->length - reader->offset)
        reader->error = FAX_EP_TRUNCATED;
    if (reader->error)
        return NULL;
    const uint8_t *at = reader->bytes + reader->offset;
    reader->offset += length;
    return at;
}

void wire_get_octets(struct wire_reader *reader, void *out, size_t length)
{
    const uint8_t *at = wire_take(reader, length);
    if (at)
        memcpy(out, at, length);
    else
        memset(out, 0, length);
}

static uint64_t get_number(struct wire_reader *reader, size_t octets)
{
    const uint8_t *at = wire_take(reader, octets);
    uint64_t value = 0;
    for (size_t i = 0; at && i < octets; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint16_t wire_get_u16(struct wire_reader *reader)
{
    return (uint16_t)get_number(reader, 2);
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    return get_number(reader, 8);
}

void wire_get_text(struct wire_reader *reader, char *out, size_t capacity)
{
    size_t length = wire_get_u8(reader);
    const uint8_t *at = wire_take(reader, length);
    out[0] = '\0';
    if (!at)
        return;
    if (length >= capacity) {
        reader->error = FAX_EP_FORMAT;
        return;
    }
    memcpy(out, at, length);
    out[length] = '\0';
    if (strlen(out) != length || wire_check_text(out, capacity)) {
        reader->error = FAX_EP_FORMAT;
        out[0] = '\0';
    }
}

int wire_check_text(const char *text, size_t capacity)
{
    size_t length = text ? strnlen(text, capacity) : 0;
    if (length == 0 || length >= capacity)
        return FAX_EP_INVAL;
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7E)
            return FAX_EP_INVAL;
    return 0;
}

/* The remainders of 16 values of a half octet: small enough to be read here, for processors without
 * an instruction for it. Polynomial 0x82F63B78 (reflected). */
static const uint32_t crc_of_nibble[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};

static uint32_t crc_by_table(uint32_t crc, const uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
        crc = crc >> 4 ^ crc_of_nibble[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__
/* At each start the whole journal is read: by table its check sums took half of that time. */
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const uint8_t *at, size_t length)
{
    uint64_t wide = crc;
    for (; length >= sizeof wide; at += sizeof wide, length -= sizeof wide) {
        uint64_t octets;
        memcpy(&octets, at, sizeof octets);
        wide = __builtin_ia32_crc32di(wide, octets);
    }
    crc = (uint32_t)wide;
    for (; length > 0; at++, length--)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

uint32_t wire_crc32c(uint32_t crc, const void *bytes, size_t length)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_by_instruction(~crc, bytes, length);
#endif
    return ~crc_by_table(~crc, bytes, length);
}
