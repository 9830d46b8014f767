#include "gateway/fax_id.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "policy/text_code.h"

int fax_id_make(struct fax_id *id, uint64_t now_ms)
{
    if (RAND_bytes(id->octets + 6, FAX_ID_OCTETS - 6) != 1)
        return -EIO;
    for (int i = 0; i < 6; i++)
        id->octets[i] = (uint8_t)(now_ms >> (40 - 8 * i));
    id->octets[6] = (uint8_t)((id->octets[6] & 0x0F) | 0x70);
    id->octets[8] = (uint8_t)((id->octets[8] & 0x3F) | 0x80);
    return 0;
}

static bool is_dash(int position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void fax_id_text(const struct fax_id *id, char text[FAX_ID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    int at = 0;
    for (int i = 0; i < FAX_ID_OCTETS; i++) {
        if (is_dash(at))
            text[at++] = '-';
        text[at++] = digits[id->octets[i] >> 4];
        text[at++] = digits[id->octets[i] & 15];
    }
    text[at] = '\0';
}

int fax_id_parse(struct fax_id *id, const char *text)
{
    struct fax_id out;
    int at = 0;
    if (!text || strnlen(text, FAX_ID_TEXT) != FAX_ID_TEXT - 1)
        return -EINVAL;
    for (int i = 0; i < FAX_ID_OCTETS; i++) {
        if (is_dash(at) && text[at++] != '-')
            return -EINVAL;
        int high = hex_digit_value(text[at++]), low = hex_digit_value(text[at++]);
        if (high < 0 || low < 0)
            return -EINVAL;
        out.octets[i] = (uint8_t)(high << 4 | low);
    }
    *id = out;
    return 0;
}

bool fax_id_equal(const struct fax_id *a, const struct fax_id *b)
{
    return memcmp(a->octets, b->octets, FAX_ID_OCTETS) == 0;
}
