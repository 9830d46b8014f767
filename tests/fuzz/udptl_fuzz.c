/* udptl_fuzz.c: datagrams into a receiver, made up or made by a sender and damaged.
 *
 * The first octet chooses the sender's recovery and the receiver's T.38 version. Then come
 * commands, an octet each with the low bits of what to do: 0, 1: a raw datagram: 2 octets of
 * length, then itself 2, 3: the sender makes the next datagram of an IFP with n octets of image
 * (one octet n), which arrives if the command's bit 2 is clear and is kept if it is not 4:    a
 * kept datagram arrives (one octet says which) 5:    the same with an octet of it replaced (where,
 * what) 6:    time passes, n times 10 ms 7:    the sender begins its numbers anew at n times 256
 *
 * What was sent honestly must arrive as it was, or not at all, as long as nothing was made up. */
#include "t38/udptl.h"
#include "t38/udptl_packet.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT = 16, IFP_ROOM = 300 };

struct run {
    const uint8_t *data;
    size_t size;
    struct udptl_receiver *receiver;
    struct udptl_sender *sender;
    uint64_t now_ms;
    uint8_t kept[KEPT][UDPTL_DATAGRAM_MAX];
    size_t kept_length[KEPT];
    unsigned next;
    uint8_t sent; /* IFPs so far */
    bool honest;
    bool any;
    uint16_t last;
    uint64_t restarts; /* of the numbers, when that one came */
};

static uint8_t take(struct run *r)
{
    if (r->size == 0)
        return 0;
    r->size--;
    return *r->data++;
}

/* An image packet says in each octet which it is; its number is in the first. */
static size_t make_ifp(uint8_t number, uint8_t octets, uint8_t *ifp)
{
    ifp[0] = 0xD0;
    ifp[1] = 1;
    ifp[2] = 0xE0;
    ifp[3] = 0;
    ifp[4] = octets;
    memset(ifp + 5, number | 1, octets + 1u);
    return octets + 6u;
}

static void on_ifp(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct run *r = user;
    uint8_t expected[IFP_ROOM];
    uint64_t restarts = udptl_receiver_counters(r->receiver)->restarts;
    /* Numbers that begin anew may do so at any one. */
    if (r->any && sequence == r->last && restarts == r->restarts)
        abort();
    r->any = true;
    r->restarts = restarts;
    r->last = sequence;
    if (length > UDPTL_IFP_MAX)
        abort();
    if (!r->honest)
        return;
    if (length < 6 || make_ifp(data[5], data[4], expected) != length ||
        memcmp(expected, data, length) != 0)
        abort();
}

static void arrive(struct run *r, const uint8_t *datagram, size_t length)
{
    uint8_t *exact = malloc(length ? length : 1);
    if (!exact)
        abort();
    memcpy(exact, datagram, length);
    (void)udptl_packet_is_rtp(exact, length);
    (void)udptl_receiver_push(r->receiver, exact, length, r->now_ms, on_ifp, r);
    free(exact);
}

static void send_one(struct run *r, bool keep)
{
    uint8_t ifp[IFP_ROOM], *out = r->kept[r->next % KEPT];
    size_t n = make_ifp(r->sent++, take(r), ifp), length;
    if (udptl_sender_produce(r->sender, ifp, n, out, UDPTL_DATAGRAM_MAX, &length))
        abort();
    r->kept_length[r->next % KEPT] = length;
    if (!keep)
        arrive(r, out, length);
    r->next++;
}

static void arrive_raw(struct run *r)
{
    size_t length = (size_t)take(r) << 8;
    length = (length | take(r)) % UDPTL_DATAGRAM_MAX;
    if (length > r->size)
        length = r->size;
    r->honest = false;
    arrive(r, r->data, length);
    r->data += length;
    r->size -= length;
}

static void arrive_kept(struct run *r, bool damaged)
{
    unsigned i = take(r) % KEPT;
    uint8_t copy[UDPTL_DATAGRAM_MAX];
    if (!r->kept_length[i])
        return;
    memcpy(copy, r->kept[i], r->kept_length[i]);
    if (damaged) {
        size_t at = take(r) % r->kept_length[i];
        copy[at] = take(r);
        r->honest = false;
    }
    arrive(r, copy, r->kept_length[i]);
}

static void run_command(struct run *r)
{
    uint8_t command = take(r);
    switch (command & 7) {
    case 0:
    case 1:
        arrive_raw(r);
        break;
    case 2:
    case 3:
        send_one(r, command & 8);
        break;
    case 4:
    case 5:
        arrive_kept(r, (command & 7) == 5);
        break;
    case 6:
        r->now_ms += take(r) * 10u;
        udptl_receiver_flush(r->receiver, r->now_ms, on_ifp, r);
        break;
    default:
        r->honest = false; /* parity then joins packets of both numberings */
        udptl_sender_set_sequence(r->sender, (uint16_t)(take(r) << 8));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return 0;
    *r = (struct run){.data = data + 2, .size = size - 2, .honest = true};
    struct udptl_receiver_config config = udptl_receiver_default;
    config.t38_version = data[0] & 64 ? 1 : 0;
    if (config.t38_version) /* its IFPs are of version 0: parity of odd lengths is refused */
        r->honest = false;
    unsigned packets = data[0] & 7, fields = 1 + (data[0] >> 3 & 7);
    size_t room = data[1] ? data[1] * 8u : 0;
    int error = packets ? udptl_sender_new_fec(&r->sender, packets, fields, room)
                        : udptl_sender_new(&r->sender, fields, room);
    if (!error)
        error = udptl_receiver_new(&r->receiver, &config);
    while (!error && r->size > 0)
        run_command(r);
    udptl_sender_free(r->sender);
    udptl_receiver_free(r->receiver);
    free(r);
    return 0;
}
