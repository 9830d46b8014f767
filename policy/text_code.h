/* text_code.h: octets as hex digits and base64 (RFC 4648 §4), strict when reading. */
#ifndef POLICY_TEXT_CODE_H
#define POLICY_TEXT_CODE_H

#include <stddef.h>
#include <stdint.h>

/* The value of a hexadecimal digit of either case; -1 for another character. */
int hex_digit_value(char digit);

/* Writes 2 * length lower-case digits and a NUL to text. */
void hex_encode(const uint8_t *bytes, size_t length, char *text);

/* Reads exactly 2 * length digits (lower case only) from text, which need not end there.
 * Errors: FAX_EP_FORMAT. */
int hex_decode(const char *text, uint8_t *bytes, size_t length) __attribute__((warn_unused_result));

/* Characters of the base64 of length octets, without a NUL. */
size_t base64_length(size_t length);

/* Writes base64 with padding and a NUL to text. */
void base64_encode(const uint8_t *bytes, size_t length, char *text);

/* Reads text_length characters that must be the canonical base64 of exactly length octets (unused
 * bits zero, padding there). Errors: FAX_EP_FORMAT. */
int base64_decode(const char *text, size_t text_length, uint8_t *bytes, size_t length)
    __attribute__((warn_unused_result));

#endif
