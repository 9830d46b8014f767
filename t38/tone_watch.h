/* tone_watch.h: is the peer on an audio call a fax machine? Listens for CNG (1100 Hz, T.30 §4.1.1),
 * CED (2100 Hz, T.30 §4.1.2, also with the phase reversals of ANSam) and the flags of a V.21
 * preamble (T.30 §5.3.1). Pure; spandsp's detectors behind it.
 */
#ifndef T38_TONE_WATCH_H
#define T38_TONE_WATCH_H

#include <stddef.h>
#include <stdint.h>

enum tone_heard {
    TONE_NONE = 0,
    TONE_CNG = 1,      /* the peer is a machine that calls */
    TONE_CED = 2,      /* the peer is a machine that answers */
    TONE_PREAMBLE = 4, /* the peer speaks T.30 already */
};

struct tone_watch;

/* Returns 0 or FAX_ENOMEM. The caller owns *out. */
int tone_watch_new(struct tone_watch **out) __attribute__((warn_unused_result));
void tone_watch_free(struct tone_watch *w);

/* Takes n samples at 8,000 a second. Returns a set of enum tone_heard: what was heard since the
 * start. */
unsigned tone_watch_hear(struct tone_watch *w, const int16_t *samples, size_t n);

#endif
