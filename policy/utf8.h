/* utf8.h: validation of UTF-8 (RFC 3629). */
#ifndef POLICY_UTF8_H
#define POLICY_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says whether text is well-formed UTF-8: no overlong forms, no surrogates, nothing over U+10FFFF.
 */
bool utf8_valid(const char *text, size_t length);

/* Makes a text that came from outside fit to be kept and shown: every octet that is not part of
 * well-formed UTF-8, and every control character (C0, DEL, C1), becomes '?'. In place; the length
 * does not grow. Returns true when something was replaced. */
bool utf8_clean(char *text);

/* Writes a code point up to U+10FFFF that is no surrogate. Returns how many octets it takes. */
size_t utf8_write(uint32_t code, char out[4]);

#endif
