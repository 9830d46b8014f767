#include "gateway/http/http_utf8.h"

size_t http_utf8_next(const char *text, size_t length, uint32_t *code_point)
{
    if (length == 0)
        return 0;
    uint8_t first = (uint8_t)text[0];
    if (first < 0x80) {
        *code_point = first;
        return 1;
    }
    size_t octets = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || octets > length)
        return 0;
    uint32_t value = first & (0x7fu >> octets);
    for (size_t i = 1; i < octets; i++) {
        uint8_t next = (uint8_t)text[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[octets] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code_point = value;
    return octets;
}

bool http_utf8_is_clean(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t code_point;
        size_t octets = http_utf8_next(text + at, length - at, &code_point);
        if (octets == 0 || code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
            return false;
        at += octets;
    }
    return true;
}
