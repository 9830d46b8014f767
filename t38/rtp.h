/* rtp.h: RTP packets of one direction each (RFC 3550): reading and writing them, and which of them
 * belong to the peer's stream. Pure; arrival times are given by the caller. Everything read from
 * the wire is bounded; nothing is allocated.
 */
#ifndef T38_RTP_H
#define T38_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_HEADER_OCTETS = 12,
    RTP_PACKET_MAX = 1500,
    RTP_PAYLOAD_PCMU = 0, /* RFC 3551 §6 */
    RTP_PAYLOAD_PCMA = 8,
    RTP_SAMPLE_RATE = 8000,
};

struct rtp_packet {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    const uint8_t *payload; /* inside the datagram */
    size_t payload_length;
};

/* Reads a datagram: header, CSRC list, extension and padding (RFC 3550 §5.1, §5.3.1). Returns 0, or
 * FAX_EFORMAT for what is no RTP of version 2 or has lengths that do not fit; also for RTCP on the
 * same port (payload types 64 to 95, RFC 5761 §4). out points into data. */
int rtp_read(const uint8_t *data, size_t n, struct rtp_packet *out)
    __attribute__((warn_unused_result));

/* What we send. Start values should be random (RFC 3550 §5.1). */
struct rtp_sender {
    uint32_t ssrc, timestamp;
    uint16_t sequence;
    uint8_t payload_type;
    bool started;             /* the first packet has gone: it bears the marker */
    uint32_t packets, octets; /* for RTCP; they wrap */
};

void rtp_sender_init(struct rtp_sender *s, uint8_t payload_type, uint32_t ssrc, uint16_t sequence,
                     uint32_t timestamp);

/* Writes a packet with n octets of payload, which last n samples. Returns the packet's length, or 0
 * when it does not fit into capacity. */
size_t rtp_sender_write(struct rtp_sender *s, const uint8_t *payload, size_t n, uint8_t *out,
                        size_t capacity);

enum rtp_verdict {
    RTP_TAKE,
    RTP_PROBATION, /* a source that has not proved itself yet (two packets in sequence) */
    RTP_REPLAY,    /* a sequence number that was had, or one far behind */
    RTP_STRANGER,  /* another source than the peer's, which is still heard */
};

/* The peer's stream (RFC 3550 §6.4.1, appendices A.1, A.3, A.8). */
struct rtp_source {
    uint32_t ssrc;
    bool valid;
    uint16_t highest;  /* sequence */
    uint64_t had;      /* bit i: highest - i was taken */
    uint32_t cycles;   /* wraps of the sequence, << 16 */
    uint32_t base;     /* extended sequence of the first packet */
    uint32_t received; /* packets taken */
    uint32_t replays, strangers;
    uint32_t expected_prior, received_prior;
    uint32_t jitter; /* in 1/16 sample */
    uint32_t transit;
    uint64_t heard_ms;  /* when the last packet was taken */
    uint32_t candidate; /* an SSRC on probation */
    uint16_t candidate_next;
    bool any_candidate;
};

/* Judges a packet that came at now_ms. A new SSRC becomes the source after two packets in sequence
 * when there was none or it has been silent for 200 ms; all counts begin anew then. A jump of the
 * sequence by 3,000 or more is a new start after two packets as well. */
enum rtp_verdict rtp_source_judge(struct rtp_source *s, const struct rtp_packet *p,
                                  uint64_t now_ms);

/* Packets lost so far; negative with duplicates. 24 bits in RTCP. */
int32_t rtp_source_lost(const struct rtp_source *s);

/* The share lost since the last call, in 1/256. RFC 3550 A.3. */
uint8_t rtp_source_fraction_lost(struct rtp_source *s);

#endif
