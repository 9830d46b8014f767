/* express_flow.h: how far an express call may run ahead of the clock: flow control between two
 * gateways that agreed on it. T.38 has none, as its packets are paced.
 *
 * Each end numbers its datagrams as UDPTL does. The end that receives says in reports, which travel
 * between the datagrams of the same two sockets, which number it has seen last and how many it
 * missed. A sender never has more than a window of datagrams on the way; the window halves with
 * loss and grows while all is well. When reports do not come, the call goes on paced.
 *
 * A report is no UDPTL packet: its primary IFP would have no octet.
 *
 * Pure: numbers and the time in, numbers and reports out. All zero is a flow that is off.
 */
#ifndef T38_EXPRESS_FLOW_H
#define T38_EXPRESS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPRESS_REPORT_OCTETS = 16,
    EXPRESS_WINDOW_FIRST = 32, /* datagrams on the way */
    EXPRESS_WINDOW_MIN = 4,
    EXPRESS_WINDOW_MAX = 96, /* with 1,400 octets each they fit the usual receive buffer */
};

struct express_flow {
    bool on;
    /* sending */
    uint16_t next;        /* number of the next datagram */
    uint16_t seen;        /* the peer has seen all numbers before this one, or given them up */
    uint32_t window;      /* datagrams */
    uint32_t peer_missed; /* of the last report */
    uint64_t stalled_ms;  /* since when the window is full, UINT64_MAX: it is not */
    uint32_t reports_taken;
    /* receiving */
    bool any;
    uint16_t highest;       /* number received last, in order of the stream */
    uint32_t missed;        /* datagrams given up */
    uint32_t unreported;    /* datagrams since the last report */
    uint32_t report_number; /* of the last report sent */
    uint32_t report_taken;  /* the newest taken */
    uint64_t reported_ms;
};

/* Turns it on for a call whose next datagram is number `next`. */
void express_flow_begin(struct express_flow *f, uint16_t next);

/* A datagram was sent. */
void express_flow_sent(struct express_flow *f);

/* How many datagrams may be sent ahead of the clock now; 0 when it is off, or the window is full.
 * A window that stays full for a second turns the flow off: the call goes on paced. */
unsigned express_flow_credit(struct express_flow *f, uint64_t now_ms);

/* A UDPTL datagram of the peer came with this number; `missed` is how many numbers were given up in
 * all. */
void express_flow_received(struct express_flow *f, uint16_t sequence, uint32_t missed);

/* Writes a report when one is due: after eight datagrams, or `idle_ms` after the last report while
 * there is something new, and once more each 100 ms. Returns the octets written, 0: none is due. */
size_t express_flow_report(struct express_flow *f, uint64_t now_ms,
                           uint8_t out[EXPRESS_REPORT_OCTETS]);

/* Says whether a datagram is a report; true for malformed ones too, which are not for UDPTL. */
bool express_flow_is_report(const uint8_t *datagram, size_t length);

/* Takes a report. Returns 0, FAX_EFORMAT for a malformed one, or FAX_ESTATE for one that is older
 * than another, says what cannot be, or comes while the flow is off. */
int express_flow_take(struct express_flow *f, const uint8_t *datagram, size_t length);

#endif
