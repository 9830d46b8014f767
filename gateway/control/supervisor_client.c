#include "gateway/control/supervisor_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/process/ipc.h"
#include "gateway/process/log.h"

struct child {
    struct child *next;
    uint64_t tag;
    bool abandoned;
    struct child_handlers handlers;
};

struct supervisor_client {
    struct ipc_channel *channel;
    struct supervisor_handlers handlers;
    struct child *children;
    uint64_t next_tag;
};

static struct child **find_child(struct supervisor_client *c, uint64_t tag)
{
    struct child **at = &c->children;
    while (*at && (*at)->tag != tag)
        at = &(*at)->next;
    return at;
}

static void drop_child(struct child **at)
{
    struct child *gone = *at;
    *at = gone->next;
    free(gone);
}

static void on_spawned(struct supervisor_client *c, struct ipc_message *m,
                       const struct msg_spawned *body)
{
    struct child **at = find_child(c, m->header.tag);
    if (!*at)
        return;
    struct child_handlers h = (*at)->handlers;
    if ((*at)->abandoned) {
        if (body->status != 0)
            drop_child(at);
        else
            supervisor_kill(c, m->header.tag);
        return;
    }
    int status = body->status;
    if (status == 0 && (m->descriptor_count != 1 || m->descriptors[0] < 0))
        status = -EPROTO;
    if (status != 0) {
        drop_child(at);
        h.started(h.user, status, -1, -1);
        return;
    }
    int descriptor = m->descriptors[0];
    m->descriptors[0] = -1;
    h.started(h.user, 0, body->pid, descriptor);
}

static void on_exited(struct supervisor_client *c, uint64_t tag, const struct msg_exited *body)
{
    struct child **at = find_child(c, tag);
    if (!*at)
        return;
    struct child_handlers h = (*at)->handlers;
    bool abandoned = (*at)->abandoned;
    drop_child(at);
    if (!abandoned)
        h.ended(h.user, body->wait_status);
}

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *m)
{
    struct supervisor_client *c = user;
    (void)channel;
    const struct msg_spawned *spawned = ipc_message_body(m, MSG_SPAWNED, sizeof *spawned);
    const struct msg_exited *exited = ipc_message_body(m, MSG_EXITED, sizeof *exited);
    if (spawned) {
        on_spawned(c, m, spawned);
    } else if (exited) {
        on_exited(c, m->header.tag, exited);
    } else if (ipc_message_body(m, MSG_KEEPER_UP, 0) && m->descriptor_count == 1) {
        int descriptor = m->descriptors[0];
        m->descriptors[0] = -1;
        c->handlers.keeper_up(c->handlers.user, descriptor);
    } else if (ipc_message_body(m, MSG_STOP, 0)) {
        c->handlers.stop(c->handlers.user);
    } else if (m->header.type == MSG_KEEPER_DOWN) {
        log_write(LOG_LEVEL_WARNING, "the keeper has ended; waiting for a new one");
    } else {
        log_write(LOG_LEVEL_ERROR, "supervisor: unexpected message %u", m->header.type);
    }
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    struct supervisor_client *c = user;
    (void)channel;
    (void)status;
    c->handlers.gone(c->handlers.user);
}

int supervisor_client_new(uv_loop_t *loop, int descriptor,
                          const struct supervisor_handlers *handlers,
                          struct supervisor_client **out)
{
    struct supervisor_client *c = calloc(1, sizeof *c);
    if (!c) {
        close(descriptor);
        return -ENOMEM;
    }
    c->handlers = *handlers;
    c->next_tag = 1;
    const struct ipc_handlers ipc = {on_message, on_gone, c};
    int rc = ipc_channel_open(loop, descriptor, &ipc, &c->channel);
    if (rc < 0) {
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void supervisor_client_free(struct supervisor_client *c)
{
    if (!c)
        return;
    ipc_channel_close(c->channel);
    while (c->children)
        drop_child(&c->children);
    free(c);
}

int supervisor_spawn(struct supervisor_client *c, enum child_kind kind,
                     const struct child_handlers *handlers, uint64_t *tag)
{
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return -ENOMEM;
    child->tag = c->next_tag++;
    child->handlers = *handlers;
    const struct msg_spawn body = {.kind = kind};
    int rc = ipc_channel_send(c->channel, MSG_SPAWN, child->tag, &body, sizeof body, NULL, 0);
    if (rc < 0) {
        free(child);
        return rc;
    }
    child->next = c->children;
    c->children = child;
    *tag = child->tag;
    return 0;
}

void supervisor_kill(struct supervisor_client *c, uint64_t tag)
{
    if (ipc_channel_send(c->channel, MSG_KILL, tag, NULL, 0, NULL, 0) < 0)
        log_write(LOG_LEVEL_ERROR, "supervisor: a child cannot be ended");
}

void supervisor_forget(struct supervisor_client *c, uint64_t tag)
{
    struct child **at = find_child(c, tag);
    if (*at)
        (*at)->abandoned = true;
}

void supervisor_abandon(struct supervisor_client *c, uint64_t tag)
{
    struct child **at = find_child(c, tag);
    if (!*at)
        return;
    (*at)->abandoned = true;
    supervisor_kill(c, tag);
}

int supervisor_say_ready(struct supervisor_client *c)
{
    return ipc_channel_send(c->channel, MSG_READY, 0, NULL, 0, NULL, 0);
}
