/* wire_time.h: how long a page takes on the wire, before it is sent. */
#ifndef CODECS_WIRE_TIME_H
#define CODECS_WIRE_TIME_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"

/* Milliseconds from the first signal of a page to the answer to its last command, for so many
 * octets of image at a rate in bit/s, with an answer that comes at once and nothing sent twice.
 * T.6 and T.85 need error correction (T.30 annex A): frames of 256 octets, and a command and its
 * answer at 300 bit/s after each 256 frames. T.4 is taken to go without. 0 for a rate of 0. */
uint64_t wire_time_ms(enum page_coding coding, size_t octets, uint32_t rate);

/* Likewise for what a call costs beside its pages: identification, capabilities, training, and the
 * end. */
uint64_t wire_time_call_ms(uint32_t rate);

#endif
