#include "codecs/t85_arith.h"

#include <string.h>

/* T.82 table 24: LSZ, the next states after LPS and MPS, and whether LPS exchanges the senses;
 * twice each, for a more probable symbol of 0 and of 1. */
#define ENTRY(lsz, lps, mps) ((uint64_t)(lsz) << 48 | (uint64_t)(lps) << 8 | (uint64_t)(mps))
#define STATE(lsz, lps, mps, swap)                                                                 \
    ENTRY(lsz, 2 * (lps) + (swap), 2 * (mps)), ENTRY(lsz, 2 * (lps) + 1 - (swap), 2 * (mps) + 1)

const uint64_t t85_states[T85_STATES] = {
    STATE(0x5A1D, 1, 1, 1),     STATE(0x2586, 14, 2, 0),    STATE(0x1114, 16, 3, 0),
    STATE(0x080B, 18, 4, 0),    STATE(0x03D8, 20, 5, 0),    STATE(0x01DA, 23, 6, 0),
    STATE(0x00E5, 25, 7, 0),    STATE(0x006F, 28, 8, 0),    STATE(0x0036, 30, 9, 0),
    STATE(0x001A, 33, 10, 0),   STATE(0x000D, 35, 11, 0),   STATE(0x0006, 9, 12, 0),
    STATE(0x0003, 10, 13, 0),   STATE(0x0001, 12, 13, 0),   STATE(0x5A7F, 15, 15, 1),
    STATE(0x3F25, 36, 16, 0),   STATE(0x2CF2, 38, 17, 0),   STATE(0x207C, 39, 18, 0),
    STATE(0x17B9, 40, 19, 0),   STATE(0x1182, 42, 20, 0),   STATE(0x0CEF, 43, 21, 0),
    STATE(0x09A1, 45, 22, 0),   STATE(0x072F, 46, 23, 0),   STATE(0x055C, 48, 24, 0),
    STATE(0x0406, 49, 25, 0),   STATE(0x0303, 51, 26, 0),   STATE(0x0240, 52, 27, 0),
    STATE(0x01B1, 54, 28, 0),   STATE(0x0144, 56, 29, 0),   STATE(0x00F5, 57, 30, 0),
    STATE(0x00B7, 59, 31, 0),   STATE(0x008A, 60, 32, 0),   STATE(0x0068, 62, 33, 0),
    STATE(0x004E, 63, 34, 0),   STATE(0x003B, 32, 35, 0),   STATE(0x002C, 33, 9, 0),
    STATE(0x5AE1, 37, 37, 1),   STATE(0x484C, 64, 38, 0),   STATE(0x3A0D, 65, 39, 0),
    STATE(0x2EF1, 67, 40, 0),   STATE(0x261F, 68, 41, 0),   STATE(0x1F33, 69, 42, 0),
    STATE(0x19A8, 70, 43, 0),   STATE(0x1518, 72, 44, 0),   STATE(0x1177, 73, 45, 0),
    STATE(0x0E74, 74, 46, 0),   STATE(0x0BFB, 75, 47, 0),   STATE(0x09F8, 77, 48, 0),
    STATE(0x0861, 78, 49, 0),   STATE(0x0706, 79, 50, 0),   STATE(0x05CD, 48, 51, 0),
    STATE(0x04DE, 50, 52, 0),   STATE(0x040F, 50, 53, 0),   STATE(0x0363, 51, 54, 0),
    STATE(0x02D4, 52, 55, 0),   STATE(0x025C, 53, 56, 0),   STATE(0x01F8, 54, 57, 0),
    STATE(0x01A4, 55, 58, 0),   STATE(0x0160, 56, 59, 0),   STATE(0x0125, 57, 60, 0),
    STATE(0x00F6, 58, 61, 0),   STATE(0x00CB, 59, 62, 0),   STATE(0x00AB, 61, 63, 0),
    STATE(0x008F, 61, 32, 0),   STATE(0x5B12, 65, 65, 1),   STATE(0x4D04, 80, 66, 0),
    STATE(0x412C, 81, 67, 0),   STATE(0x37D8, 82, 68, 0),   STATE(0x2FE8, 83, 69, 0),
    STATE(0x293C, 84, 70, 0),   STATE(0x2379, 86, 71, 0),   STATE(0x1EDF, 87, 72, 0),
    STATE(0x1AA9, 87, 73, 0),   STATE(0x174E, 72, 74, 0),   STATE(0x1424, 72, 75, 0),
    STATE(0x119C, 74, 76, 0),   STATE(0x0F6B, 74, 77, 0),   STATE(0x0D51, 75, 78, 0),
    STATE(0x0BB6, 77, 79, 0),   STATE(0x0A40, 77, 48, 0),   STATE(0x5832, 80, 81, 1),
    STATE(0x4D1C, 88, 82, 0),   STATE(0x438E, 89, 83, 0),   STATE(0x3BDD, 90, 84, 0),
    STATE(0x34EE, 91, 85, 0),   STATE(0x2EAE, 92, 86, 0),   STATE(0x299A, 93, 87, 0),
    STATE(0x2516, 86, 71, 0),   STATE(0x5570, 88, 89, 1),   STATE(0x4CA9, 95, 90, 0),
    STATE(0x44D9, 96, 91, 0),   STATE(0x3E22, 97, 92, 0),   STATE(0x3824, 99, 93, 0),
    STATE(0x32B4, 99, 94, 0),   STATE(0x2E17, 93, 86, 0),   STATE(0x56A8, 95, 96, 1),
    STATE(0x4F46, 101, 97, 0),  STATE(0x47E5, 102, 98, 0),  STATE(0x41CF, 103, 99, 0),
    STATE(0x3C3D, 104, 100, 0), STATE(0x375E, 99, 93, 0),   STATE(0x5231, 105, 102, 0),
    STATE(0x4C0F, 106, 103, 0), STATE(0x4639, 107, 104, 0), STATE(0x415E, 103, 99, 0),
    STATE(0x5627, 105, 106, 1), STATE(0x50E7, 108, 107, 0), STATE(0x4B85, 109, 103, 0),
    STATE(0x5597, 110, 109, 0), STATE(0x504F, 111, 107, 0), STATE(0x5A10, 110, 111, 1),
    STATE(0x5522, 112, 109, 0), STATE(0x59EB, 112, 111, 1),
};

void t85_contexts_reset(uint64_t contexts[T85_CONTEXTS])
{
    for (size_t i = 0; i < T85_CONTEXTS; i++)
        contexts[i] = t85_states[0];
}

uint8_t *t85_coder_flush(struct t85_coder *e, const uint8_t *start)
{
    /* CLEARBITS: as many low bits of C as possible become 0. */
    uint64_t c = (e->c + e->a - 1) & ~0xFFFFull;
    if (c < e->c)
        c += 0x8000;
    /* All that is above bit 15, and bit 15, in whole octets; bit 63 of the shifted value is a
     * carry. */
    unsigned bits = e->pending + 1;
    e->c = c >> 15;
    uint64_t left = e->c;
    if (left >> bits)
        t85_coder_carry(e->to);
    left <<= 64 - bits;
    for (; bits > 0; bits = bits > 8 ? bits - 8 : 0) {
        *e->to++ = (uint8_t)(left >> 56);
        left <<= 8;
    }
    while (e->to > start && e->to[-1] == 0)
        e->to--;
    return e->to;
}
