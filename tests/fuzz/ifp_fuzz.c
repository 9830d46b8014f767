/* ifp_fuzz.c: what ifp_check lets through, spandsp's parser must take to its last octet. */
#include "t38/ifp.h"
#include "t38/spandsp_session.h"

#include <stdlib.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_indicator(t38_core_state_t *core, void *user, int indicator)
{
    (void)core;
    (void)user;
    return indicator < 0;
}

static int on_data(t38_core_state_t *core, void *user, int type, int field, const uint8_t *data,
                   int length)
{
    size_t *sum = user;
    (void)core;
    (void)type;
    (void)field;
    for (int i = 0; i < length; i++)
        *sum += data[i];
    return 0;
}

static int on_missing(t38_core_state_t *core, void *user, int got, int expected)
{
    (void)core;
    (void)user;
    return got == expected;
}

static int on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
{
    (void)core;
    (void)user;
    (void)ifp;
    return length == copies;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    t38_core_state_t core;
    size_t sum = 0;
    if (size < 1)
        return 0;
    int version = data[0] & 3;
    data++;
    size--;
    if (ifp_check(data, size, version, NULL) || size > 1400)
        return 0;
    t38_core_init(&core, on_indicator, on_data, on_missing, &sum, on_packet, NULL);
    t38_set_t38_version(&core, version);
    if (t38_core_rx_ifp_packet(&core, data, (int)size, 0) != 0)
        abort();
    return 0;
}
