/* udptl_fuzz.c: datagrams one after another into a receiver: 2 octets of length, 1 of time, then
 * the datagram. */
#include "t38/udptl.h"

#include <stdbool.h>
#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    bool any;
    uint16_t last;
    size_t octets;
};

static void on_ifp(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct seen *seen = user;
    if (seen->any && sequence == seen->last)
        abort();
    seen->any = true;
    seen->last = sequence;
    for (size_t i = 0; i < length; i++)
        seen->octets += data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct udptl_receiver *r;
    struct seen seen = {0};
    uint64_t now_ms = 0;
    if (udptl_receiver_new(&r, NULL))
        return 0;
    while (size >= 3) {
        size_t length = (size_t)(data[0] << 8 | data[1]) % 1500;
        now_ms += data[2];
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        (void)udptl_receiver_push(r, data, length, now_ms, on_ifp, &seen);
        udptl_receiver_flush(r, now_ms, on_ifp, &seen);
        data += length;
        size -= length;
    }
    udptl_receiver_free(r);
    return 0;
}
