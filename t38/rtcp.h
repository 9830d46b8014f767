/* rtcp.h: RTCP of a call with one stream each way (RFC 3550 §6): building SR, RR, SDES and BYE,
 * reading the peer's, and when to send. Pure.
 */
#ifndef T38_RTCP_H
#define T38_RTCP_H

#include "t38/rtp.h"

enum { RTCP_PACKET_MAX = 256, RTCP_CNAME_MAX = 40, RTCP_INTERVAL_MS = 5000 };

/* What stands in a report of ours. */
struct rtcp_report {
    const struct rtp_sender *sender; /* SR when it has sent anything, else RR */
    struct rtp_source *source;       /* NULL or not valid: no report block */
    const char *cname;      /* SDES CNAME, RFC 7022: says nothing about us; up to RTCP_CNAME_MAX */
    uint64_t ntp;           /* wall clock, seconds since 1900 << 32 */
    uint32_t last_sr;       /* middle 32 bits of the peer's last SR, 0: none */
    uint32_t since_last_sr; /* in 1/65536 s */
    bool bye;
};

/* Writes a compound packet. Returns its length, 0 when it does not fit. */
size_t rtcp_write(const struct rtcp_report *report, uint8_t *out, size_t capacity);

/* What a compound packet of the peer said. */
struct rtcp_seen {
    bool sender_report, about_us, bye;
    uint32_t ssrc;
    uint32_t last_sr;                  /* to give back */
    uint8_t fraction_lost;             /* of our packets, in 1/256 */
    uint32_t lost, jitter;             /* 24 bits; samples */
    uint32_t echo_last_sr, echo_delay; /* for the round trip */
};

/* Is the datagram RTCP rather than RTP? RFC 5761 §4. */
bool rtcp_is(const uint8_t *data, size_t n);

/* Reads a compound packet. our_ssrc: whose report block is wanted. Returns 0 or FAX_EFORMAT; what
 * stood before a fault is not given. */
int rtcp_read(const uint8_t *data, size_t n, uint32_t our_ssrc, struct rtcp_seen *out)
    __attribute__((warn_unused_result));

/* The time to the next report: RTCP_INTERVAL_MS times 0.5 to 1.5 by 32 random bits; the first comes
 * after half of that. RFC 3550 §6.2, §6.3.1; with two parties the bandwidth never asks for more. */
uint64_t rtcp_interval_ms(uint32_t random, bool first);

#endif
