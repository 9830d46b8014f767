/* line.h: one media process: a libuv loop with the channel to control, one tick, and the
 * calls. Private to gateway/line/. Everything runs on the loop's thread except the two jobs of a
 * call on libuv's pool (received_page.h, document_load.h). */
#ifndef GATEWAY_LINE_LINE_H
#define GATEWAY_LINE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/line/call_wheel.h"
#include "gateway/line/delay_counts.h"
#include "gateway/line/media_transport.h"
#include "gateway/process/ipc.h"
#include "gateway/process/messages.h"

struct line_bridges;
struct line_call;
struct dtls_identity;
struct srtp_media;

enum { LINE_BUCKETS = 4096, LINE_READY_MAX = 32 };

/* What the loop's punctuality was, for the log at the end. */
struct line_stall {
    uint64_t last_wall_us;    /* of the latest tick; 0: none since the timer started */
    uint64_t last_cpu_us;     /* of the latest turn; 0: likewise */
    uint64_t before_us;       /* at the tick before: what waits at this one came since */
    uint64_t longest_wall_us; /* longest time between two ticks beyond their distance */
    uint64_t longest_cpu_us;  /* most CPU of the loop's thread between two turns */
    uint64_t ticks, turns;
    uint64_t busy_turns; /* with a millisecond of CPU and more */
};

struct line {
    uv_loop_t loop;
    struct ipc_channel *channel; /* NULL once control is gone */
    uv_timer_t tick;
    uv_idle_t rest; /* active while a tick goes on in the loop's next turn */
    bool ticking;
    unsigned hasty;        /* calls that need the tick at each step of the wheel: express ones */
    unsigned audio_calls;  /* calls over audio */
    unsigned resting;      /* receivers in the middle of a page, whose sockets nobody watches */
    unsigned pacing;       /* senders there, whose packets are made ahead */
    uint64_t rests;        /* how often a socket came to rest */
    uint64_t ahead;        /* how many packets were made before their time */
    unsigned tick_ms;      /* from the tick before, or the one under way, to the next */
    uint64_t turn_ns;      /* when the turn began */
    uint64_t clock_ns;     /* latest look at the clock: what came since is charged to a call */
    unsigned batches_left; /* of sockets to be read, in the tick under way */
    bool tick_unfinished;  /* calls of it have still to be visited */
    bool closing;          /* control is gone: calls end without a word */
    int epoll_fd;          /* media sockets of all calls */
    struct call_wheel wheel;
    struct line_call *calls[LINE_BUCKETS]; /* by call number, chained */
    unsigned call_count, call_limit;
    struct line_bridges *bridges;   /* the calls with two legs */
    struct dtls_identity *identity; /* of this process; its fingerprint goes out with each call */
    struct srtp_media *srtp;        /* keeps libsrtp2's parts loaded */
    uint64_t hold_rnr_ms, hold_without_ecm_ms;
    uint64_t progress_dropped; /* messages that the channel had no room for */
    struct line_stall stall;
    struct delay_counts confirmed; /* from the end of a page until it may be confirmed */
    unsigned calls_peak;           /* most calls since memory was given back */
    bool trimming;                 /* that is under way */
    uv_work_t trim;
    uint8_t datagram[MEDIA_DATAGRAM_MAX]; /* the one being looked at */
    struct media_arrival arrivals[LINE_READY_MAX];
    struct line_call *batch[LINE_READY_MAX]; /* whose they are; NULL: nobody's any more */
    unsigned batch_count, batch_next;        /* the next to be heard */
    uint8_t leaving[MEDIA_DATAGRAM_MAX];     /* the one being sent */
};

/* The loop's clock: steady, milliseconds. */
uint64_t line_now_ms(void);

/* Sends a message to control about a call. Returns 0 or a negative errno (-EPIPE: control is gone).
 */
int line_send(struct line *line, uint16_t type, const void *body, size_t length)
    __attribute__((warn_unused_result));

/* Starts the tick when the first call needs it; it stops by itself when no call is left on the
 * wheel. */
void line_tick_start(struct line *line);

/* The tick's callbacks: drain the media sockets, then visit the calls that are due. After 0.25 ms
 * of it the loop gets its turn, and the tick goes on in the next. */
void line_tick_cb(uv_timer_t *timer);
void line_rest_cb(uv_idle_t *idle);

/* A datagram of the call's that was read and not yet heard, as the turn was over: it is the
 * caller's now, to be taken or wiped. NULL: there is none. */
struct media_arrival *line_tick_unheard(struct line *line, const struct line_call *call);

/* The calls by control's number: find (NULL: none), add, take out. They are not owned by
 * the table. A line that is closing ends with the last one taken out. */
struct line_call *line_find_call(struct line *line, uint32_t number);
void line_insert_call(struct line *line, struct line_call *call);
void line_remove_call(struct line *line, struct line_call *call);

/* A call of either sort is gone: the loop of a line that is closing ends with the last one. */
void line_ended(struct line *line);

/* line_watch.c: the computing time since the latest look at the clock, which this is one of;
 * microseconds. */
uint64_t line_watch_us(struct line *line);

#endif
