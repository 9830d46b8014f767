#include "t38/guard_frame.h"

#include "codecs/fax_error.h"

#include <string.h>

enum finality { NOT_FINAL, FINAL, EITHER };

struct frame_rule {
    uint8_t type;
    bool to_receiver, to_sender; /* who may get it */
    enum finality finality;
    uint16_t shortest, longest;
};

/* T.30 §5.3.6.1. DTC and CIG differ from DIS and CSI by the lowest bit; nobody polls here. */
static const struct frame_rule rules[] = {
    {FCF_DIS, false, true, FINAL, 6, GUARD_DCS_MAX},
    {FCF_CSI, false, true, NOT_FINAL, 3, 23},
    {FCF_CFR, false, true, FINAL, 3, 3},
    {FCF_FTT, false, true, FINAL, 3, 3},
    {FCF_CTR, false, true, FINAL, 3, 3},
    {FCF_MCF, false, true, FINAL, 3, 3},
    {FCF_RTP, false, true, FINAL, 3, 3},
    {FCF_RTN, false, true, FINAL, 3, 3},
    {FCF_PIP, false, true, FINAL, 3, 3},
    {FCF_PIN, false, true, FINAL, 3, 3},
    {FCF_PPR, false, true, FINAL, 35, 35},
    {FCF_RNR, false, true, FINAL, 3, 3},
    {FCF_ERR, false, true, FINAL, 3, 3},
    {FCF_DCS, true, false, FINAL, 6, GUARD_DCS_MAX},
    {FCF_TSI, true, false, NOT_FINAL, 3, 23},
    {FCF_CTC, true, false, FINAL, 5, 5},
    {FCF_EOM, true, false, FINAL, 3, 3},
    {FCF_MPS, true, false, FINAL, 3, 3},
    {FCF_EOP, true, false, FINAL, 3, 3},
    {FCF_PRI_EOM, true, false, FINAL, 3, 3},
    {FCF_PRI_MPS, true, false, FINAL, 3, 3},
    {FCF_PRI_EOP, true, false, FINAL, 3, 3},
    {FCF_PPS, true, false, FINAL, 7, 7},
    {FCF_EOR, true, false, FINAL, 4, 4},
    {FCF_RR, true, false, FINAL, 3, 3},
    {FCF_FCD, true, false, NOT_FINAL, 5, GUARD_FRAME_MAX},
    {FCF_RCP, true, false, EITHER, 3, 3},
    {FCF_DCN, true, true, FINAL, 3, 3},
    {FCF_CRP, true, true, FINAL, 3, 3},
};

/* Bits 11 to 14 of DIS and DCS as they lie in the frame; the eight rates up to V.17. T.30 table 2.
 */
static bool rate_is_known(uint8_t octet)
{
    switch (octet & 0x3C) {
    case 0x00:
    case 0x04:
    case 0x08:
    case 0x0C:
    case 0x20:
    case 0x24:
    case 0x28:
    case 0x2C:
        return true;
    default:
        return false;
    }
}

static bool post_page_code_is_known(uint8_t fcf2)
{
    switch (fcf2 & 0xFE) {
    case FCF_NULL:
    case FCF_EOM:
    case FCF_MPS:
    case FCF_EOP:
    case FCF_PRI_EOM:
    case FCF_PRI_MPS:
    case FCF_PRI_EOP:
        return true;
    default:
        return false;
    }
}

static bool content_is_safe(const uint8_t *frame, size_t n)
{
    switch (frame[2] & 0xFE) {
    case FCF_DIS:
        return frame[2] == FCF_DIS;
    case FCF_CSI:
        return frame[2] == FCF_CSI;
    case FCF_DCS: /* width 3 and unknown rates index spandsp's tables out of their bounds */
        return (frame[5] & 3) != 3 && rate_is_known(frame[4]) &&
               (n > 6 || !guard_frame_bit(frame, n, 27));
    case FCF_CTC:
        return rate_is_known(frame[4]);
    case FCF_PPS:
    case FCF_EOR:
        return post_page_code_is_known(frame[3]);
    default:
        return true;
    }
}

enum guard_verdict guard_frame_judge(const uint8_t *frame, size_t n, bool from_sender)
{
    if (n < 3 || n > GUARD_FRAME_MAX || frame[0] != 0xFF || (frame[1] != 0x03 && frame[1] != 0x13))
        return GUARD_DROP;
    bool final = frame[1] == 0x13;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct frame_rule *r = &rules[i];
        if (r->type != (frame[2] & 0xFE))
            continue;
        bool fits = (from_sender ? r->to_receiver : r->to_sender) && n >= r->shortest &&
                    n <= r->longest && (r->finality == EITHER || final == (r->finality == FINAL)) &&
                    content_is_safe(frame, n);
        return fits ? GUARD_PASS : GUARD_DROP;
    }
    return final ? GUARD_DROP : GUARD_BLANK; /* NSF, SUB, PWD, ...: not used */
}

void guard_frame_blank(uint8_t frame[GUARD_BLANK_LENGTH])
{
    frame[0] = 0xFF;
    frame[1] = 0x03;
    frame[2] = FCF_SUB;
}

bool guard_frame_bit(const uint8_t *frame, size_t n, unsigned number)
{
    size_t octet = 3 + (number - 1) / 8;
    return octet < n && (frame[octet] >> ((number - 1) % 8) & 1);
}

/* Bits 17 and 18: 255 mm, 303 mm; both are invalid and mean the wider (T.30 table 2, note 11). */
static uint32_t width_of(const uint8_t *frame, size_t n)
{
    return guard_frame_bit(frame, n, 18) ? 2432 : guard_frame_bit(frame, n, 17) ? 2048 : 1728;
}

int guard_dcs_read(const uint8_t *frame, size_t n, struct guard_dcs *out)
{
    /* R4 and inch resolutions, JPEG, T.43, T.45, colour and 600 dpi and more: none is in our DIS.
     */
    static const uint8_t not_offered[] = {42, 44, 68, 69, 105, 106, 107, 108, 109, 110};
    memset(out, 0, sizeof *out);
    out->ecm = guard_frame_bit(frame, n, 27);
    /* some set bit 79 (other stripes than of 128 rows) alone */
    bool t85 = guard_frame_bit(frame, n, 78) || guard_frame_bit(frame, n, 79);
    out->coding = t85                             ? FAX_PAGE_T85
                  : guard_frame_bit(frame, n, 31) ? FAX_PAGE_T6
                  : guard_frame_bit(frame, n, 16) ? FAX_PAGE_T4_2D
                                                  : FAX_PAGE_T4_1D;
    bool r16 = guard_frame_bit(frame, n, 43);
    out->x_dpi = r16 ? 408 : 204;
    out->width = width_of(frame, n) * (out->x_dpi / 204U);
    out->y_dpi = r16 || guard_frame_bit(frame, n, 41) ? 391
                 : guard_frame_bit(frame, n, 15)      ? 196
                                                      : 98;
    for (size_t i = 0; i < sizeof not_offered; i++)
        if (guard_frame_bit(frame, n, not_offered[i]))
            return FAX_EUNSUPPORTED;
    return 0;
}

void guard_dcs_show_a4(uint8_t *frame, size_t n)
{
    if (n > 5)
        frame[5] &= 0xFC; /* bits 17 and 18, wider */
    if (n > 8 && (frame[8] & 0x04))
        frame[8] = (uint8_t)((frame[8] & 0xFB) | 0x01); /* bit 43, 408 × 391: to 41, 204 × 391 */
}

void guard_dcs_show_t6(uint8_t *frame, size_t n)
{
    frame[4] &= 0x7F; /* bit 16, T.4 2-D */
    frame[6] |= 0x40; /* bit 31, T.6 */
    if (n > 12)
        frame[12] &= 0x9F; /* bits 78 and 79, T.85 */
}

void guard_dcs_show_t4(uint8_t *frame, size_t n)
{
    frame[4] &= 0x7F; /* bit 16, T.4 2-D */
    if (n > 6)
        frame[6] &= 0xBF; /* bit 31, T.6 */
    if (n > 12)
        frame[12] &= 0x9F; /* bits 78 and 79, T.85 */
}

/* Makes a DIS or DCS long enough for bit 80; octets that are new are 0. */
static size_t extend(uint8_t frame[GUARD_DCS_MAX], size_t n)
{
    enum { LENGTH = 13 };
    for (; n < LENGTH; n++)
        frame[n] = 0;
    for (size_t i = 5; i < n - 1; i++)
        frame[i] |= 0x80; /* another octet follows */
    frame[n - 1] &= 0x7F;
    return n;
}

size_t guard_dis_offer_t85(uint8_t frame[GUARD_DCS_MAX], size_t n)
{
    n = extend(frame, n);
    frame[12] |= 0x60; /* bits 78 and 79: T.85 with stripes of any height */
    return n;
}

size_t guard_dis_offer_wide(uint8_t frame[GUARD_DCS_MAX], size_t n)
{
    n = extend(frame, n);
    frame[5] = (uint8_t)((frame[5] & 0xFC) | 0x02); /* bit 18: 303, 255 and 215 mm */
    frame[8] |= 0x04;                               /* bit 43: 408 × 391 */
    return n;
}

size_t guard_dcs_say_t85(uint8_t frame[GUARD_DCS_MAX], size_t n)
{
    n = extend(frame, n);
    frame[4] &= 0x7F; /* bit 16, T.4 2-D */
    frame[5] |= 0x70; /* bits 21 to 23: rows need no minimum time */
    frame[6] &= 0xBF; /* bit 31, T.6 */
    frame[12] = (uint8_t)((frame[12] & 0x9F) | 0x20);
    return n;
}

bool guard_dis_takes_2d(const uint8_t *frame, size_t n)
{
    return guard_frame_bit(frame, n, 16);
}

bool guard_dis_takes_t6(const uint8_t *frame, size_t n)
{
    return guard_frame_bit(frame, n, 27) && guard_frame_bit(frame, n, 31);
}

bool guard_dis_takes_t85(const uint8_t *frame, size_t n)
{
    return guard_frame_bit(frame, n, 27) && guard_frame_bit(frame, n, 78);
}

void guard_dis_shape(const uint8_t *frame, size_t n, struct guard_shape *out)
{
    bool fine = guard_frame_bit(frame, n, 15);
    out->width = width_of(frame, n);
    out->x_dpi = fine && guard_frame_bit(frame, n, 43) ? 408 : 204;
    out->y_dpi = guard_frame_bit(frame, n, 41) ? 391 : fine ? 196 : 98;
}

size_t guard_dcs_say_shape(uint8_t frame[GUARD_DCS_MAX], size_t n, uint32_t width, uint16_t x_dpi)
{
    frame[5] = (uint8_t)((frame[5] & 0xFC) | (width == 2432 ? 2 : width == 2048 ? 1 : 0));
    if (x_dpi != 408)
        return n;
    n = extend(frame, n);
    frame[4] &= 0xBF;                               /* bit 15, 204 × 196 */
    frame[8] = (uint8_t)((frame[8] & 0xFE) | 0x04); /* bits 41 and 43, 204 and 408 × 391 */
    return n;
}

void guard_ident_read(const uint8_t *frame, size_t n, char out[21])
{
    size_t k = 0;
    for (size_t i = n; i > 3 && k < 20; i--) {
        uint8_t c = frame[i - 1];
        if (c == ' ' && k == 0)
            continue;
        out[k++] = c >= 0x20 && c < 0x7F ? (char)c : '?';
    }
    while (k > 0 && out[k - 1] == ' ')
        k--;
    out[k] = '\0';
}
