#include "policy/utf8.h"

#include <stdint.h>
#include <string.h>

/* Octets of the sequence that begins at bytes, or 0. The second octet has bounds of its own, which
 * exclude overlong forms, surrogates and what is over U+10FFFF (RFC 3629 §4). */
static size_t sequence_length(const uint8_t *bytes, size_t left)
{
    uint8_t lead = bytes[0], low = 0x80, high = 0xBF;
    size_t length;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        length = 2;
    else if (lead >= 0xE0 && lead <= 0xEF)
        length = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        length = 4;
    else
        return 0;
    if (length > left)
        return 0;
    if (lead == 0xE0)
        low = 0xA0;
    else if (lead == 0xED)
        high = 0x9F;
    else if (lead == 0xF0)
        low = 0x90;
    else if (lead == 0xF4)
        high = 0x8F;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool utf8_valid(const char *text, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t step;
    for (size_t at = 0; at < length; at += step) {
        step = sequence_length(bytes + at, length - at);
        if (step == 0)
            return false;
    }
    return true;
}

bool utf8_clean(char *text)
{
    bool changed = false;
    size_t length = strlen(text), kept = 0;
    for (size_t at = 0, step; at < length; at += step) {
        const uint8_t *bytes = (const uint8_t *)text + at;
        size_t whole = sequence_length(bytes, length - at);
        bool control = (whole == 1 && (bytes[0] < 0x20 || bytes[0] == 0x7F)) ||
                       (whole == 2 && bytes[0] == 0xC2 && bytes[1] < 0xA0);
        step = whole ? whole : 1;
        if (!whole || control) {
            text[kept++] = '?';
            changed = true;
            continue;
        }
        memmove(text + kept, text + at, step);
        kept += step;
    }
    text[kept] = '\0';
    return changed;
}

size_t utf8_write(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)((0xF00 >> length & 0xFF) | code);
    return length;
}
