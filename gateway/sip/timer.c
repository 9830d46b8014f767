#include "gateway/sip/timer.h"

#include <stddef.h>

static struct sip_timer *meld(struct sip_timer *a, struct sip_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->due_ms < a->due_ms) {
        struct sip_timer *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    if (a->child)
        a->child->previous = b;
    b->previous = a;
    a->child = b;
    return a;
}

/* Two passes: pairs from left to right, then the pairs from right to left. */
static struct sip_timer *meld_siblings(struct sip_timer *first)
{
    struct sip_timer *pairs = NULL, *root = NULL;
    while (first) {
        struct sip_timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b)
            b->next = b->previous = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct sip_timer *a = pairs;
        pairs = a->next;
        a->next = NULL;
        root = meld(root, a);
    }
    return root;
}

static void take_out(struct sip_timers *timers, struct sip_timer *t)
{
    struct sip_timer *below = meld_siblings(t->child);
    if (t == timers->root) {
        timers->root = below;
    } else {
        if (t->previous->child == t)
            t->previous->child = t->next;
        else
            t->previous->next = t->next;
        if (t->next)
            t->next->previous = t->previous;
        timers->root = meld(timers->root, below);
    }
    t->child = t->next = t->previous = NULL;
    t->armed = false;
}

static void on_due(uv_timer_t *uv);

static void schedule(struct sip_timers *timers)
{
    uint64_t now = uv_now(timers->uv.loop);
    if (!timers->root) {
        uv_timer_stop(&timers->uv);
        return;
    }
    uint64_t due = timers->root->due_ms;
    uv_timer_start(&timers->uv, on_due, due > now ? due - now : 0, 0);
}

static void on_due(uv_timer_t *uv)
{
    struct sip_timers *timers = uv->data;
    uint64_t now = uv_now(uv->loop);
    /* Bounded, so that timers armed with 0 by their own callbacks cannot starve the loop. */
    for (int i = 0; i < 4096 && timers->root && timers->root->due_ms <= now; i++) {
        struct sip_timer *t = timers->root;
        take_out(timers, t);
        t->cb(t);
    }
    schedule(timers);
}

int sip_timers_open(struct sip_timers *timers, uv_loop_t *loop)
{
    *timers = (struct sip_timers){.root = NULL};
    int error = uv_timer_init(loop, &timers->uv);
    timers->uv.data = timers;
    return error;
}

void sip_timer_start(struct sip_timers *timers, struct sip_timer *timer, uint64_t delay_ms,
                     sip_timer_cb *cb, void *owner)
{
    struct sip_timer *first = timers->root;
    if (timer->armed)
        take_out(timers, timer);
    timer->due_ms = uv_now(timers->uv.loop) + delay_ms;
    timer->cb = cb;
    timer->owner = owner;
    timer->armed = true;
    timer->child = timer->next = timer->previous = NULL;
    timers->root = meld(timers->root, timer);
    if (timers->root != first || first == timer)
        schedule(timers);
}

void sip_timer_stop(struct sip_timers *timers, struct sip_timer *timer)
{
    if (timer->armed)
        take_out(timers, timer);
}
