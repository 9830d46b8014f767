/* wire.h: bounded cursors over octets with a sticky error; numbers are big-endian. A call after a
 * failure does nothing, so that only the end needs a check. */
#ifndef POLICY_WIRE_H
#define POLICY_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct wire_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
    int error; /* 0 or FAX_EP_LIMIT */
};

/* Writes to capacity octets at bytes, which stay the caller's. */
void wire_writer_init(struct wire_writer *writer, uint8_t *bytes, size_t capacity);
void wire_put_octets(struct wire_writer *writer, const void *bytes, size_t length);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);

/* One octet of length, then the text without its NUL; it must be shorter than 256 octets. */
void wire_put_text(struct wire_writer *writer, const char *text);

struct wire_reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset;
    int error; /* 0, FAX_EP_TRUNCATED or FAX_EP_FORMAT */
};

/* Reads length octets at bytes, which must outlive the reader. */
void wire_reader_init(struct wire_reader *reader, const uint8_t *bytes, size_t length);

/* The next length octets in place, or NULL after a failure. */
const uint8_t *wire_take(struct wire_reader *reader, size_t length);
void wire_get_octets(struct wire_reader *reader, void *out, size_t length);
uint8_t wire_get_u8(struct wire_reader *reader);
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);

/* Reads what wire_put_text wrote into out with a NUL. FAX_EP_FORMAT if it is empty, does not fit
 * capacity or holds octets outside printable ASCII; out is then empty. */
void wire_get_text(struct wire_reader *reader, char *out, size_t capacity);

/* Says in 0 or FAX_EP_INVAL whether text is 1 to capacity - 1 printable ASCII octets. */
int wire_check_text(const char *text, size_t capacity) __attribute__((warn_unused_result));

/* CRC-32C (Castagnoli, RFC 3720 §12.1) of bytes, going on from crc (0 at the start). */
uint32_t wire_crc32c(uint32_t crc, const void *bytes, size_t length);

#endif
