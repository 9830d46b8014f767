#include "codecs/wire_time.h"

enum {
    FRAME_OCTETS = 256,
    FRAME_OVERHEAD = 4 + 2 + 1, /* address, control, FCD, number; check; flag */
    BLOCK_FRAMES = 256,
    RCP_OCTETS = 3 * (3 + 2 + 1), /* what ends a block: three frames of address, control, RCP */
    STUFFING_PER_MILLE = 16,      /* zeros put in after five ones (random data: one in 62 bits) */
    V21_RATE = 300,
    PREAMBLE_MS = 1000,
    PPS_OCTETS = 7 + 2 + 2, /* with check and flags; likewise below */
    COMMAND_OCTETS = 3 + 2 + 2,
    SILENCE_MS = 75,
    SHORT_TRAINING_MS = 142, /* V.17; the long one below */
    LONG_TRAINING_MS = 1393,
    FLAGS_MS = 200,
    RTC_OCTETS = 9,
    TCF_MS = 1500,
    DIS_OCTETS = 13 + 2 + 2 + 25, /* DIS or DCS, and an identification before it */
    CALL_BEGIN_MS = 3500,         /* CED and the silence after it */
};

static uint64_t v21_ms(uint32_t octets)
{
    return PREAMBLE_MS + SILENCE_MS + octets * 8000U / V21_RATE;
}

static uint64_t bits_ms(uint64_t bits, uint32_t rate)
{
    return (bits * 1000 + rate - 1) / rate;
}

uint64_t wire_time_ms(enum page_coding coding, size_t octets, uint32_t rate)
{
    if (rate == 0)
        return 0;
    if (coding == PAGE_CODING_T4_1D || coding == PAGE_CODING_T4_2D)
        return SILENCE_MS + SHORT_TRAINING_MS + bits_ms(((uint64_t)octets + RTC_OCTETS) * 8, rate) +
               2 * v21_ms(COMMAND_OCTETS);
    uint64_t frames = ((uint64_t)octets + FRAME_OCTETS - 1) / FRAME_OCTETS;
    uint64_t blocks = (frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    uint64_t bits = (octets + frames * FRAME_OVERHEAD + blocks * RCP_OCTETS) * 8;
    bits += bits * STUFFING_PER_MILLE / 1000;
    return bits_ms(bits, rate) + blocks * (SILENCE_MS + SHORT_TRAINING_MS + FLAGS_MS +
                                           v21_ms(PPS_OCTETS) + v21_ms(COMMAND_OCTETS));
}

uint64_t wire_time_call_ms(uint32_t rate)
{
    if (rate == 0)
        return 0;
    return CALL_BEGIN_MS + 2 * v21_ms(DIS_OCTETS) + LONG_TRAINING_MS + TCF_MS +
           2 * v21_ms(COMMAND_OCTETS);
}
