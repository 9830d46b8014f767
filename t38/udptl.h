/* udptl.h: IFP packets in and out of UDPTL datagrams (T.38 §9.1), with redundancy, parity FEC and a
 * reorder buffer.
 *
 * Pure: datagrams and the time in, IFPs and datagrams out. One sender and one receiver per stream.
 * Nothing here keeps a page longer than its recovery or reordering needs; what is kept is wiped.
 */
#ifndef T38_UDPTL_H
#define T38_UDPTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UDPTL_IFP_MAX = 1400,      /* octets of one IFP packet */
    UDPTL_DATAGRAM_MAX = 2048, /* octets of a datagram that is looked at */
    UDPTL_DEPTH_MAX = 8,       /* earlier IFPs in one datagram that we send */
    UDPTL_HOLD_PACKETS_MAX = 32,
    UDPTL_FEC_PACKETS_MAX = 8, /* packets that one parity field of ours joins */
    UDPTL_FEC_FIELDS_MAX = 8,  /* parity fields in one datagram that we send */
    UDPTL_FEC_WINDOW_MAX = 64, /* packets x fields of a peer's datagram that is still used */
};

/* ---- sender ---- */

struct udptl_sender;

/* Makes a sender. depth: how many earlier IFPs each datagram repeats, 0 to UDPTL_DEPTH_MAX.
 * max_datagram: what the peer accepts (T38FaxMaxDatagram), octets of UDP payload, 0 for 400.
 * The first datagram has sequence number 0. The caller owns *out; NULL on failure.
 * Returns 0, FAX_EINVAL or FAX_ENOMEM. */
int udptl_sender_new(struct udptl_sender **out, unsigned depth, size_t max_datagram)
    __attribute__((warn_unused_result));

/* The same with parity FEC instead (T.38 §9.1.4.2). Each datagram carries up to `fields` parity
 * fields, each the exclusive-or of `packets` (fec-npackets) earlier IFPs that lie `fields` apart;
 * so the packets x fields IFPs before it stand each in one of them. packets: 1 to
 * UDPTL_FEC_PACKETS_MAX; fields: 1 to UDPTL_FEC_FIELDS_MAX. Fewer are sent at the beginning and
 * when they do not fit max_datagram. */
int udptl_sender_new_fec(struct udptl_sender **out, unsigned packets, unsigned fields,
                         size_t max_datagram) __attribute__((warn_unused_result));

/* Frees a sender; NULL is allowed. */
void udptl_sender_free(struct udptl_sender *s);

/* Puts one IFP, with as much of the redundancy as fits the peer's maximum, into a datagram at out.
 * An IFP whose `copies` is more than one is sent as the same datagram several times: produce it
 * once. The primary is sent even if it alone exceeds the peer's maximum. *length gets the octets
 * written. Returns 0; FAX_EINVAL for an IFP of 0 or more than UDPTL_IFP_MAX octets; FAX_ELIMIT when
 * capacity is too small for the primary alone (UDPTL_DATAGRAM_MAX always suffices). On failure the
 * sequence number does not move. */
int udptl_sender_produce(struct udptl_sender *s, const uint8_t *ifp, size_t ifp_length,
                         uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* What a signal ends with has no later datagram to repeat it: lost, the peer waits for seconds. So
 * the latest datagram is worth sending again, unchanged, 60, 160 and 320 ms after it when no other
 * followed; a receiver knows it by its number. The datagram produced last was sent at now_ms; those
 * of which this is not said are not repeated. */
void udptl_sender_sent(struct udptl_sender *s, uint64_t now_ms);

/* Takes the latest datagram if it is to be sent again by now. out must have room for
 * UDPTL_DATAGRAM_MAX octets. Returns false when it is not. */
bool udptl_sender_repeat(struct udptl_sender *s, uint64_t now_ms, uint8_t *out, size_t *length);

/* When that will be; UINT64_MAX: not again. */
uint64_t udptl_sender_due_ms(const struct udptl_sender *s);

/* Sets the number the next datagram will carry (after a re-INVITE that keeps the stream, and in
 * tests). */
void udptl_sender_set_sequence(struct udptl_sender *s, uint16_t sequence);

/* ---- receiver ---- */

struct udptl_receiver;

struct udptl_receiver_config {
    unsigned
        hold_packets; /* how far ahead of a gap packets are kept, 0 to UDPTL_HOLD_PACKETS_MAX */
    unsigned hold_ms; /* how long a gap is waited for */
    int t38_version;  /* 0 to 3: an IFP out of parity is cut to the length that its syntax has */
};

/* 5 packets, 100 ms: late packets are useless to T.30 beyond that, and 100 ms harm no timer of it.
 * A peer that sends parity is waited for as long as its parity can still help, at most
 * UDPTL_HOLD_PACKETS_MAX packets and 400 ms. */
extern const struct udptl_receiver_config udptl_receiver_default;

struct udptl_counters {
    uint64_t datagrams;     /* pushed */
    uint64_t malformed;     /* refused with FAX_EFORMAT */
    uint64_t ignored;       /* numbers too far from the stream (FAX_ELIMIT) */
    uint64_t duplicates;    /* nothing new in them: repeated or too late */
    uint64_t reordered;     /* came after a later one and were still used */
    uint64_t delivered;     /* IFPs given to the callback */
    uint64_t recovered;     /* of these, out of redundancy or parity */
    uint64_t lost;          /* numbers that were given up */
    uint64_t fec;           /* datagrams whose error recovery was FEC */
    uint64_t fec_recovered; /* IFPs made out of parity, whether they were still wanted or not */
    uint64_t fec_refused;   /* datagrams whose parity was not used: over the limits, or untrue */
    uint64_t restarts; /* new numberings accepted after several consecutive datagrams of them */
    uint64_t rtp;      /* RTP and RTCP of the audio before, on the same port (FAX_EUNSUPPORTED) */
};

/* Called with IFPs in rising order of sequence number (modulo 65536), each number once. A number
 * that is left out was lost. data is valid during the call only; length may be 0 (an empty packet
 * that still takes a number). It runs inside push or flush and must not call them for the same
 * receiver. */
typedef void (*udptl_ifp_cb)(void *user, uint16_t sequence, const uint8_t *data, size_t length);

/* Makes a receiver; config NULL means udptl_receiver_default. The stream may start at any number.
 * The caller owns *out; NULL on failure. Returns 0, FAX_EINVAL or FAX_ENOMEM. */
int udptl_receiver_new(struct udptl_receiver **out, const struct udptl_receiver_config *config)
    __attribute__((warn_unused_result));

/* Frees a receiver; NULL is allowed. Packets that wait are dropped. */
void udptl_receiver_free(struct udptl_receiver *r);

/* Takes one datagram. The callback may run several times before return, or not at all.
 * now_ms: a clock that does not go back. Returns 0 (also for duplicates); FAX_EFORMAT when the
 * datagram breaks T.38 §9.1, FAX_EUNSUPPORTED when it does and is RTP or RTCP, FAX_ELIMIT when its
 * number is too far from the stream; all leave the stream as it was. */
int udptl_receiver_push(struct udptl_receiver *r, const uint8_t *datagram, size_t length,
                        uint64_t now_ms, udptl_ifp_cb cb, void *user);

/* Asks the processor to fetch what push will need for a datagram that was read; its octets may be
 * anything. Changes nothing, and reads nothing of the receiver. */
void udptl_receiver_prefetch(const struct udptl_receiver *r, const uint8_t *datagram,
                             size_t length);

/* Gives up gaps that were waited for long enough. To be called from the 20 ms tick. */
void udptl_receiver_flush(struct udptl_receiver *r, uint64_t now_ms, udptl_ifp_cb cb, void *user);

/* When flush will have something to do, or UINT64_MAX. */
uint64_t udptl_receiver_due_ms(const struct udptl_receiver *r);

/* The counters, borrowed; they change with each push and flush. */
const struct udptl_counters *udptl_receiver_counters(const struct udptl_receiver *r);

#endif
