#include "t38/hdlc_octets.h"

static uint8_t turned(uint8_t octet)
{
    unsigned x = octet;
    x = (x & 0x0F) << 4 | (x & 0xF0) >> 4;
    x = (x & 0x33) << 2 | (x & 0xCC) >> 2;
    return (uint8_t)((x & 0x55) << 1 | (x & 0xAA) >> 1);
}

void hdlc_octets_turn(const uint8_t *octets, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = turned(octets[i]);
}
