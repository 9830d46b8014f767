/* t4_codes.h: the run-length codes of T.4 (tables 2, 3a and 3b), for the encoder and the decoder.
 */
#ifndef CODECS_T4_CODES_H
#define CODECS_T4_CODES_H

#include <stdint.h>

enum {
    T4_RUN_CODES = 104, /* runs 0–63, then make-up codes for 64, 128 … 2560 */
    T4_LONGEST_MAKE_UP = 2560,
    T4_CODE_BITS_MAX = 13,
    T4_EOL_BITS = 12, /* 000000000001 */
    T4_EOLS_OF_RTC = 6,
};

struct t4_code {
    uint16_t bits; /* right-aligned */
    uint8_t length;
};

/* Index: the run itself below 64; 63 + run / 64 for a make-up code. */
extern const struct t4_code t4_white_codes[T4_RUN_CODES];
extern const struct t4_code t4_black_codes[T4_RUN_CODES];

#endif
