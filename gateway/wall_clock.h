/* wall_clock.h: the time of day as the gateway counts it, UTC since 1970, and as text. */
#ifndef GATEWAY_WALL_CLOCK_H
#define GATEWAY_WALL_CLOCK_H

#include <stdint.h>

/* Octets of a time as text with its NUL. */
enum { WALL_CLOCK_TEXT = 40 };

/* Now, in microseconds or milliseconds. May be set back; deadlines take a monotonic clock. */
int64_t wall_clock_us(void);
int64_t wall_clock_ms(void);

/* "2026-11-21T09:30:00.123Z" (RFC 3339 §5.6) for a time in milliseconds since 1970; a time before
 * 1970 or beyond the year 9999 is written as 1970-01-01T00:00:00.000Z. */
void wall_clock_text(int64_t time_ms, char text[WALL_CLOCK_TEXT]);

/* The same without the fraction: "2026-11-21T09:30:00Z". */
void wall_clock_text_seconds(int64_t time_s, char text[WALL_CLOCK_TEXT]);

#endif
