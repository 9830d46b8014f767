/* companding.h: G.711, both laws, to and from linear samples at 8,000 a second. Pure. */
#ifndef T38_COMPANDING_H
#define T38_COMPANDING_H

#include <stddef.h>
#include <stdint.h>

enum companding { COMPANDING_ULAW, COMPANDING_ALAW };

/* What a codec sends for silence. */
enum { COMPANDING_ULAW_SILENCE = 0xFF, COMPANDING_ALAW_SILENCE = 0xD5 };

/* Decodes n octets to n samples of 16 bits. ITU-T G.711 tables 1a/1b (A-law, even bits inverted),
 * 2a/2b (u-law). */
void companding_decode(enum companding law, const uint8_t *octets, size_t n, int16_t *samples);

/* Codes n samples to n octets. */
void companding_encode(enum companding law, const int16_t *samples, size_t n, uint8_t *octets);

#endif
