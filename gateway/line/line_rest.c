/* line_rest.c: sockets in the middle of a page.
 *
 * Then a datagram comes each 30 ms and none asks for an answer, so nobody need ask the kernel which
 * sockets have something: the call rests from being watched, and its socket is read each 240 ms,
 * all of what came at once. That spares the kernel's work for a watched socket at each datagram, on
 * both ends of it, and seven of eight visits. Whatever is not plainly that is watched again.
 */
#include "gateway/line/line_call.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

enum {
    REST_DATAGRAMS = 32, /* read at once: a peer may send one each 10 ms, and late ones with them */
    CROWD_TICKS = 4,     /* after more than that, or three at one tick */
};

static unsigned rest_ms(const struct line_call *call)
{
    return call->sender ? 2 * LINE_CALL_REST_MS : LINE_CALL_REST_MS;
}

static void set_resting(struct line_call *call, bool resting)
{
    unsigned *count = call->sender ? &call->line->pacing : &call->line->resting;

    *count += (unsigned)resting - (unsigned)call->resting;
    call->resting = resting;
}

int line_call_watch(struct line_call *call)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};

    set_resting(call, false);
    if (call->watched)
        return 0;
    if (epoll_ctl(call->line->epoll_fd, EPOLL_CTL_ADD, call->media.socket.fd, &event) < 0)
        return -errno;
    call->watched = true;
    return 0;
}

/* Control still holds the same socket: closing ours alone would leave it in the epoll set. */
void line_call_unwatch(struct line_call *call)
{
    struct media_arrival *unheard = line_tick_unheard(call->line, call);

    if (unheard != NULL)
        explicit_bzero(unheard->octets, (size_t)unheard->length);
    set_resting(call, false);
    if (call->watched)
        (void)epoll_ctl(call->line->epoll_fd, EPOLL_CTL_DEL, call->media.socket.fd, NULL);
    call->watched = false;
}

/* A receiver rests only when something has just come: who hears nothing waits for something. */
static bool may_begin(const struct line_call *call)
{
    uint64_t tick = call->line->stall.ticks;

    return call->audio == NULL && !call->express && !call->shield.shaking && call->watched &&
           call->media.socket.only_peer && tick > call->crowded_tick + CROWD_TICKS &&
           (call->sender || call->heard_tick == tick) && fax_engine_mid_page(call->engine);
}

static void begin(struct line_call *call)
{
    line_call_unwatch(call);
    set_resting(call, true);
    call->line->rests++;
    call->read_ms = line_now_ms();
}

/* Without room for it in the set (the kernel has no memory) the call goes on as it is. */
static void end(struct line_call *call)
{
    if (line_call_watch(call) != 0)
        set_resting(call, true);
}

uint64_t line_call_looks_ms(const struct line_call *call)
{
    uint64_t read_ms = call->resting ? call->read_ms + rest_ms(call) : UINT64_MAX;

    return call->due_ms < read_ms ? call->due_ms : read_ms;
}

void line_call_want(struct line_call *call)
{
    uint64_t looks_ms = line_call_looks_ms(call), leaves_ms = line_ahead_due_ms(call);

    call_wheel_want(&call->line->wheel, &call->wheel, looks_ms < leaves_ms ? looks_ms : leaves_ms);
}

void line_call_plan(struct line_call *call)
{
    if (call->resting && !fax_engine_mid_page(call->engine))
        end(call);
    else if (!call->resting && may_begin(call))
        begin(call);
    call->due_ms = line_call_due_ms(call);
    line_call_want(call);
}

/* Returns how many there were; *stirred: one of them was more than octets of a frame. */
static unsigned read_all(struct line_call *call, uint64_t now_ms, bool *stirred)
{
    struct media_arrival *arrivals = call->line->arrivals;
    unsigned count = media_transport_read_many(&call->media, arrivals, REST_DATAGRAMS);

    for (unsigned i = 0; i < count; i++) {
        call->stirred = true;
        if (arrivals[i].length >= 0)
            media_transport_take(&call->media, arrivals[i].octets, (size_t)arrivals[i].length,
                                 now_ms);
        *stirred |= call->stirred;
    }
    return count;
}

void line_call_wake(struct line_call *call, uint64_t now_ms)
{
    struct media_arrival *unheard = line_tick_unheard(call->line, call);
    bool stirred = false;

    if (unheard != NULL)
        media_transport_take(&call->media, unheard->octets, (size_t)unheard->length, now_ms);
    if (!call->resting)
        return;
    (void)read_all(call, now_ms, &stirred);
    end(call);
}

bool line_call_rest(struct line_call *call, uint64_t now_ms)
{
    bool stirred = false;
    unsigned count;

    /* A receiver that is visited for something else may find in the socket what it waits for. */
    if (!call->resting || (call->sender && now_ms < call->read_ms + rest_ms(call)))
        return false;
    count = read_all(call, now_ms, &stirred);
    if (count == REST_DATAGRAMS)
        call->crowded_tick = call->line->stall.ticks;
    if (count > 0)
        call->heard_tick = call->line->stall.ticks;
    if (count == REST_DATAGRAMS || (count == 0 && !call->sender))
        end(call);
    call->read_ms = now_ms;
    if (call->finished || stirred || !call->resting || now_ms >= call->due_ms)
        return false;
    line_watch_charge(call);
    if (call->watch_now || (call->sender && call->ahead_next == NULL))
        return false;
    line_call_want(call);
    return true;
}
