/* guard_frame.h: judges HDLC frames of a peer before the T.30 engine is told that their FCS is
 * good.
 *
 * An allow-list: what T.30 lets this peer send to us, with its exact or bounded length; the rest is
 * dropped, or shown to the engine as an empty frame when only its arrival matters. Pure; octets in
 * the order of T.30 (the first bit on the line is the lowest).
 */
#ifndef T38_GUARD_FRAME_H
#define T38_GUARD_FRAME_H

#include "t38/fax_page.h"

enum { /* facsimile control fields without the X bit, T.30 §5.3.6.1 */
       FCF_DIS = 0x80,
       FCF_CSI = 0x40,
       FCF_DCS = 0x82,
       FCF_TSI = 0x42,
       FCF_SUB = 0xC2,
       FCF_CTC = 0x12,
       FCF_CFR = 0x84,
       FCF_FTT = 0x44,
       FCF_CTR = 0xC4,
       FCF_EOM = 0x8E,
       FCF_MPS = 0x4E,
       FCF_EOP = 0x2E,
       FCF_PRI_EOM = 0x9E,
       FCF_PRI_MPS = 0x5E,
       FCF_PRI_EOP = 0x3E,
       FCF_PPS = 0xBE,
       FCF_EOR = 0xCE,
       FCF_RR = 0x6E,
       FCF_MCF = 0x8C,
       FCF_RTP = 0xCC,
       FCF_RTN = 0x4C,
       FCF_PIP = 0xAC,
       FCF_PIN = 0x2C,
       FCF_PPR = 0xBC,
       FCF_RNR = 0xEC,
       FCF_ERR = 0x1C,
       FCF_DCN = 0xFA,
       FCF_CRP = 0x1A,
       FCF_FCD = 0x06,
       FCF_RCP = 0x86,
       FCF_NULL = 0x00,
       GUARD_FRAME_MAX = 260,
       GUARD_DCS_MAX = 22,
       GUARD_BLANK_LENGTH = 3,
};

enum guard_verdict {
    GUARD_PASS,
    GUARD_DROP,  /* as if the frame had not come */
    GUARD_BLANK, /* replace it by an empty one: the engine restarts a timer for it, but must not
                    read it */
};

/* Judges a frame of n octets. from_sender: the peer is the document's sender (we receive). */
enum guard_verdict guard_frame_judge(const uint8_t *frame, size_t n, bool from_sender);

/* Writes the frame that stands for a GUARD_BLANK one: SUB without digits, not final. */
void guard_frame_blank(uint8_t frame[GUARD_BLANK_LENGTH]);

/* Bit `number` of a DIS or DCS, counted from 1 as in T.30 table 2; 0 beyond the frame's end. */
bool guard_frame_bit(const uint8_t *frame, size_t n, unsigned number);

/* What a DCS asks for. */
struct guard_dcs {
    bool ecm;
    enum fax_page_coding coding;
    uint32_t width; /* pels at x_dpi */
    uint16_t x_dpi, y_dpi;
};

/* Reads a DCS that guard_frame_judge passed. Returns 0, or FAX_EUNSUPPORTED when it asks for what
 * our DIS never offers: resolutions other than R8 and R16 × 15.4, codings beyond T.85. Whether
 * wider pages and 408 pels an inch were offered is the caller's to know. */
int guard_dcs_read(const uint8_t *frame, size_t n, struct guard_dcs *out)
    __attribute__((warn_unused_result));

/* Alters a DCS in place so that it says 1728 pels at 204 an inch, whatever it said. */
void guard_dcs_show_a4(uint8_t *frame, size_t n);

/* Alters a DCS in place so that it says T.6, whatever coding it named. It must have bit 27 (ECM).
 */
void guard_dcs_show_t6(uint8_t *frame, size_t n);

/* Alters a DCS in place so that it says T.4 1-D without ECM's codings. */
void guard_dcs_show_t4(uint8_t *frame, size_t n);

/* Alters a DIS in place, and makes it longer, so that it offers T.85. Returns its length. */
size_t guard_dis_offer_t85(uint8_t frame[GUARD_DCS_MAX], size_t n);

/* Alters a DIS in place, and makes it longer, so that it offers 255 and 303 mm and 408 × 391 pels
 * an inch. Returns its length. */
size_t guard_dis_offer_wide(uint8_t frame[GUARD_DCS_MAX], size_t n);

/* Alters a DCS in place, and makes it longer, so that it says T.85 (stripes of 128 rows), whatever
 * coding it named. Returns its length. */
size_t guard_dcs_say_t85(uint8_t frame[GUARD_DCS_MAX], size_t n);

/* Whether a DIS takes T.4 2-D, or T.6 (with ECM only). */
bool guard_dis_takes_2d(const uint8_t *frame, size_t n);
bool guard_dis_takes_t6(const uint8_t *frame, size_t n);

/* Whether a DIS takes T.85. */
bool guard_dis_takes_t85(const uint8_t *frame, size_t n);

/* The most that a receiver takes, or what pages have. */
struct guard_shape {
    uint32_t width;        /* pels at 204 an inch: 1728, 2048 (B4) or 2432 (A3) */
    uint16_t x_dpi, y_dpi; /* 204 × 98, 196 or 391; 408 × 391 */
};

/* What a DIS takes. 408 pels an inch are told apart in x_dpi, with the y_dpi that it takes beside
 * them at 204. */
void guard_dis_shape(const uint8_t *frame, size_t n, struct guard_shape *out);

/* Alters a DCS for 1728 pels at 204 an inch in place, and makes it longer, so that it says the
 * width, and with 408 pels an inch also the resolution of 408 × 391. Returns its length. */
size_t guard_dcs_say_shape(uint8_t frame[GUARD_DCS_MAX], size_t n, uint32_t width, uint16_t x_dpi);

/* Copies the identity of a CSI or TSI frame (20 digits, backwards), trimmed; odd octets become '?'.
 */
void guard_ident_read(const uint8_t *frame, size_t n, char out[21]);

#endif
