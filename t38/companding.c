#include "t38/companding.h"

enum {
    ULAW_BIAS = 0x84, /* 33 in 14 bits, moved to 16 */
    ULAW_CLIP = 32635,
    ALAW_MASK = 0x55,
    SIGN = 0x80,
};

static int16_t from_ulaw(uint8_t octet)
{
    unsigned code = (uint8_t)~octet;
    int magnitude = (int)((((code & 0x0F) << 3) + ULAW_BIAS) << (code >> 4 & 7)) - ULAW_BIAS;
    return (int16_t)(code & SIGN ? -magnitude : magnitude);
}

static int16_t from_alaw(uint8_t octet)
{
    unsigned code = octet ^ ALAW_MASK, segment = code >> 4 & 7;
    unsigned low = (code & 0x0F) << 4;
    int magnitude = segment ? (int)((low + 0x108) << (segment - 1)) : (int)(low + 8);
    return (int16_t)(code & SIGN ? magnitude : -magnitude);
}

/* The position of the highest bit, counted from bit 8 (A-law) or 7 (u-law); 0 for all below. */
static unsigned segment_of(unsigned value, unsigned lowest)
{
    unsigned top = 31u - (unsigned)__builtin_clz(value | 1);
    return top > lowest ? top - lowest : 0;
}

static uint8_t to_ulaw(int16_t sample)
{
    unsigned sign = sample < 0 ? SIGN : 0;
    int magnitude = sample < 0 ? -(int)sample : sample;
    unsigned biased = (unsigned)(magnitude > ULAW_CLIP ? ULAW_CLIP : magnitude) + ULAW_BIAS;
    unsigned segment = segment_of(biased, 7);
    return (uint8_t) ~(sign | segment << 4 | (biased >> (segment + 3) & 0x0F));
}

static uint8_t to_alaw(int16_t sample)
{
    unsigned sign = sample < 0 ? 0 : SIGN;
    /* of a negative number the complement: its steps lie one beside those of the positive */
    unsigned magnitude = (unsigned)(sample < 0 ? ~sample : sample);
    unsigned segment = segment_of(magnitude, 7);
    unsigned step = segment ? magnitude >> (segment + 3) & 0x0F : magnitude >> 4;
    return (uint8_t)((sign | segment << 4 | step) ^ ALAW_MASK);
}

void companding_decode(enum companding law, const uint8_t *octets, size_t n, int16_t *samples)
{
    for (size_t i = 0; i < n; i++)
        samples[i] = law == COMPANDING_ALAW ? from_alaw(octets[i]) : from_ulaw(octets[i]);
}

void companding_encode(enum companding law, const int16_t *samples, size_t n, uint8_t *octets)
{
    for (size_t i = 0; i < n; i++)
        octets[i] = law == COMPANDING_ALAW ? to_alaw(samples[i]) : to_ulaw(samples[i]);
}
