/* timer.h: many timers of one stack on a single uv_timer: an intrusive pairing heap, so that
 * arming needs no memory and cannot fail, and an owner may be freed without closing a handle. */
#ifndef GATEWAY_SIP_TIMER_H
#define GATEWAY_SIP_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct sip_timer;

typedef void sip_timer_cb(struct sip_timer *timer);

struct sip_timer {
    uint64_t due_ms; /* in uv_now() time */
    sip_timer_cb *cb;
    void *owner;
    struct sip_timer *child, *next, *previous; /* previous: the parent for a first child */
    bool armed;
};

struct sip_timers {
    uv_timer_t uv;
    struct sip_timer *root;
    void *user; /* the owner's */
};

/* Errors: those of uv_timer_init(). */
int sip_timers_open(struct sip_timers *timers, uv_loop_t *loop) __attribute__((warn_unused_result));

/* (Re)arms timer to run cb in delay_ms; 0 is the next turn of the loop. */
void sip_timer_start(struct sip_timers *timers, struct sip_timer *timer, uint64_t delay_ms,
                     sip_timer_cb *cb, void *owner);

/* Disarms; safe when not armed. */
void sip_timer_stop(struct sip_timers *timers, struct sip_timer *timer);

#endif
