/* http_utf8.h: bounded reading of UTF-8 (RFC 3629). */
#ifndef GATEWAY_HTTP_HTTP_UTF8_H
#define GATEWAY_HTTP_HTTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one character of length octets at text. Returns its length in octets (1 to 4) and the code
 * point, or 0 when the octets are no character: overlong, surrogate, above U+10FFFF, cut off, or
 * length is 0. */
size_t http_utf8_next(const char *text, size_t length, uint32_t *code_point);

/* True when text is valid and holds no control character (U+0000–1F, U+007F–9F). */
bool http_utf8_is_clean(const char *text, size_t length);

#endif
