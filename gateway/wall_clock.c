#include "gateway/wall_clock.h"

#include <stdio.h>
#include <time.h>

/* The last second of the year 9999, the last that has a form in RFC 3339. */
static const int64_t last_s = INT64_C(253402300799);

int64_t wall_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t wall_clock_ms(void)
{
    return wall_clock_us() / 1000;
}

static void write_time(int64_t time_s, const char *end, char text[WALL_CLOCK_TEXT])
{
    time_t seconds = (time_t)time_s;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(text, WALL_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + used, WALL_CLOCK_TEXT - used, "%sZ", end);
}

void wall_clock_text(int64_t time_ms, char text[WALL_CLOCK_TEXT])
{
    char fraction[8];
    if (time_ms < 0 || time_ms / 1000 > last_s)
        time_ms = 0;
    snprintf(fraction, sizeof fraction, ".%03d", (int)(time_ms % 1000));
    write_time(time_ms / 1000, fraction, text);
}

void wall_clock_text_seconds(int64_t time_s, char text[WALL_CLOCK_TEXT])
{
    write_time(time_s < 0 || time_s > last_s ? 0 : time_s, "", text);
}
