#include "gateway/line/line_bridges.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/line/line_bridge.h"

enum { READY_MAX = 64 };

int line_bridges_new(struct line *line, struct line_bridges **out)
{
    struct line_bridges *bridges = calloc(1, sizeof *bridges);

    *out = bridges;
    if (bridges == NULL)
        return -ENOMEM;
    bridges->line = line;
    bridges->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (bridges->epoll_fd < 0)
        return -errno;
    call_wheel_init(&bridges->wheel, line_now_ms());
    return 0;
}

void line_bridges_free(struct line_bridges *bridges)
{
    if (bridges == NULL)
        return;
    if (bridges->epoll_fd >= 0)
        close(bridges->epoll_fd);
    free(bridges);
}

unsigned line_bridges_count(const struct line_bridges *bridges)
{
    return bridges != NULL ? bridges->count : 0;
}

void line_bridges_add(struct line_bridges *bridges, struct line_bridge *b)
{
    b->next = bridges->first;
    bridges->first = b;
    bridges->count++;
}

void line_bridges_remove(struct line_bridges *bridges, struct line_bridge *b)
{
    struct line_bridge **at = &bridges->first;

    while (*at != NULL && *at != b)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = b->next;
    bridges->count--;
    call_wheel_remove(&bridges->wheel, &b->wheel);
    line_ended(bridges->line);
}

static struct line_bridge *find(const struct line_bridges *bridges, uint32_t call)
{
    struct line_bridge *b = bridges->first;

    while (b != NULL && b->start.call != call)
        b = b->next;
    return b;
}

bool line_bridges_message(struct line_bridges *bridges, struct ipc_message *message)
{
    const struct msg_bridge_media *media =
        ipc_message_body(message, MSG_BRIDGE_MEDIA, sizeof *media);
    const struct msg_call_stop *stop = ipc_message_body(message, MSG_CALL_STOP, sizeof *stop);
    struct line_bridge *b = NULL;

    if (ipc_message_body(message, MSG_BRIDGE_START, sizeof(struct msg_bridge_start)) != NULL) {
        line_bridge_start(bridges->line, message);
        return true;
    }
    if (media != NULL) {
        b = find(bridges, media->call);
        if (b != NULL)
            line_bridge_media(b, media);
        return true;
    }
    if (stop == NULL || (b = find(bridges, stop->call)) == NULL)
        return false;
    line_bridge_stop(b, stop);
    return true;
}

/* As line_tick.c does it for other calls. No call is freed here: one that has ended took both legs
 * out of the set, and ends by visits and messages only. */
static void drain(struct line_bridges *bridges, uint64_t now_ms)
{
    struct epoll_event ready[READY_MAX];
    unsigned rounds = bridges->count * BRIDGE_LEGS / READY_MAX + 1;
    int n;

    do {
        n = epoll_wait(bridges->epoll_fd, ready, READY_MAX, 0);
        for (int i = 0; i < n; i++)
            line_bridge_hear(ready[i].data.ptr, bridges->line->stall.ticks, now_ms);
    } while (n == READY_MAX && --rounds > 0);
}

static bool visit_cb(void *user, struct call_wheel_entry *entry, uint64_t now_ms)
{
    (void)user;
    line_bridge_visit(
        (struct line_bridge *)(void *)((char *)entry - offsetof(struct line_bridge, wheel)),
        now_ms);
    return true;
}

void line_bridges_tick(struct line_bridges *bridges, uint64_t now_ms)
{
    if (line_bridges_count(bridges) == 0)
        return;
    drain(bridges, now_ms);
    (void)call_wheel_advance(&bridges->wheel, now_ms, visit_cb, NULL, NULL);
}

bool line_bridges_wait(const struct line_bridges *bridges)
{
    return bridges != NULL && bridges->wheel.count > 0;
}

void line_bridges_end(struct line_bridges *bridges)
{
    for (struct line_bridge *b = bridges->first, *next; b != NULL; b = next) {
        next = b->next;
        line_bridge_abort(b);
    }
}
