#include <errno.h>
#include <stdlib.h>

#include "gateway/audit/audit_private.h"

int audit_waiters_add(struct audit_waiters *waiters, uint64_t index, audit_done_cb *cb, void *user)
{
    if (waiters->count >= AUDIT_WAITERS_MAX)
        return -ENOBUFS;
    struct audit_waiter *waiter = malloc(sizeof(*waiter));
    if (!waiter)
        return -ENOMEM;
    *waiter = (struct audit_waiter){.index = index, .cb = cb, .user = user};
    waiters->count++;
    if (!waiters->first || waiters->last->index <= index) {
        if (waiters->last)
            waiters->last->next = waiter;
        else
            waiters->first = waiter;
        waiters->last = waiter;
        return 0;
    }
    struct audit_waiter **place = &waiters->first;
    while ((*place)->index <= index)
        place = &(*place)->next;
    waiter->next = *place;
    *place = waiter;
    return 0;
}

void audit_waiters_call(struct audit_waiters *waiters, uint64_t end, int status)
{
    while (waiters->first && waiters->first->index < end) {
        struct audit_waiter *waiter = waiters->first;
        waiters->first = waiter->next;
        if (!waiters->first)
            waiters->last = NULL;
        waiters->count--;
        waiter->cb(waiter->user, status, waiter->index);
        free(waiter);
    }
}
