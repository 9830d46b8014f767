/* Framing of a stream: however the octets are cut, the same messages come out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/stream_frame.h"

enum { FRAMES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    size_t lengths[FRAMES_MAX];
    int kinds[FRAMES_MAX];
    size_t count, used;
    int error;
};

/* step 0: all at once; else so many octets more at a time. */
static void cut(const char *bytes, size_t size, size_t step, struct outcome *out)
{
    struct sip_frame frame = {0};
    size_t available = step && step < size ? step : size;
    memset(out, 0, sizeof *out);
    while (out->count < FRAMES_MAX) {
        enum sip_frame_kind kind;
        size_t length = 0;
        out->error =
            sip_frame_next(&frame, bytes + out->used, available - out->used, false, &kind, &length);
        if (out->error == 0) {
            if (length == 0 || length > available - out->used)
                abort();
            out->lengths[out->count] = length;
            out->kinds[out->count++] = (int)kind;
            out->used += length;
        } else if (available == size) {
            return;
        } else {
            available = size - available < step ? size : available + step;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, parts;
    char *bytes = malloc(size + 1);
    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    cut(bytes, size, 0, &whole);
    for (size_t step = 1; step < 8; step += 3) {
        cut(bytes, size, step, &parts);
        /* An error may be seen earlier in parts, never later; messages before it are the same. */
        if (parts.count != whole.count || parts.used != whole.used ||
            memcmp(parts.lengths, whole.lengths, whole.count * sizeof *whole.lengths) != 0 ||
            memcmp(parts.kinds, whole.kinds, whole.count * sizeof *whole.kinds) != 0)
            abort();
    }
    free(bytes);
    return 0;
}
