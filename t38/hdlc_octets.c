#include "t38/hdlc_octets.h"

#include <string.h>

/* Eight octets beside each other. */
static uint64_t turned(uint64_t w)
{
    w = (w >> 4 & 0x0F0F0F0F0F0F0F0Full) | (w & 0x0F0F0F0F0F0F0F0Full) << 4;
    w = (w >> 2 & 0x3333333333333333ull) | (w & 0x3333333333333333ull) << 2;
    return (w >> 1 & 0x5555555555555555ull) | (w & 0x5555555555555555ull) << 1;
}

void hdlc_octets_turn(const uint8_t *octets, size_t n, uint8_t *out)
{
    uint64_t w;
    for (; n >= sizeof w; n -= sizeof w, octets += sizeof w, out += sizeof w) {
        memcpy(&w, octets, sizeof w);
        w = turned(w);
        memcpy(out, &w, sizeof w);
    }
    w = 0;
    for (size_t i = 0; i < n; i++)
        w |= (uint64_t)octets[i] << 8 * i;
    w = turned(w);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(w >> 8 * i);
}
