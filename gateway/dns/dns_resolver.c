#include "gateway/dns/dns_resolver.h"

#include <ares.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TICK_MS = 50, TRIES = 2, CLASS_IN = 1 };

struct dns_waiter {
    struct dns_waiter *next;
    dns_answer_cb *cb;
    void *user;
};

struct dns_entry {
    struct dns_entry *next;
    struct dns_resolver *resolver;
    char name[DNS_NAME_TEXT];
    enum dns_type type;
    bool asking, known;
    unsigned held; /* in use below a callback: not to be dropped */
    uint64_t expires_ms, stale_ms;
    struct dns_answer answer;
    struct dns_waiter *waiters;
};

struct dns_socket {
    uv_poll_t poll;
    struct dns_socket *next;
    struct dns_resolver *resolver;
    ares_socket_t fd;
};

struct dns_resolver {
    uv_loop_t *loop;
    ares_channel channel;
    uv_timer_t timer;
    struct dns_socket *sockets;
    struct dns_entry *entries;
    size_t entry_count, asking;
    unsigned open_handles;
    bool closing;
    void (*done)(void *user);
    void *done_user;
};

/* --- sockets of c-ares --- */

static void on_handle_closed(struct dns_resolver *r)
{
    if (--r->open_handles > 0 || !r->closing)
        return;
    if (r->done)
        r->done(r->done_user);
    free(r);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct dns_socket *s = handle->data;
    struct dns_resolver *r = s->resolver;
    free(s);
    on_handle_closed(r);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    const struct dns_socket *s = poll->data;
    bool readable = status < 0 || (events & UV_READABLE);
    ares_process_fd(s->resolver->channel, readable ? s->fd : ARES_SOCKET_BAD,
                    events & UV_WRITABLE ? s->fd : ARES_SOCKET_BAD);
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct dns_resolver *r = data;
    struct dns_socket **at = &r->sockets;
    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    struct dns_socket *s = *at;
    if (!readable && !writable) {
        if (s) {
            *at = s->next;
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        }
        return;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s || uv_poll_init(r->loop, &s->poll, fd) < 0) {
            free(s); /* the question runs into its time-out */
            return;
        }
        s->resolver = r;
        s->fd = fd;
        s->poll.data = s;
        s->next = r->sockets;
        r->sockets = s;
        r->open_handles++;
    }
    uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_socket);
}

static void on_tick(uv_timer_t *timer)
{
    struct dns_resolver *r = timer->data;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (r->asking == 0)
        uv_timer_stop(timer);
}

int dns_resolver_open(uv_loop_t *loop, const struct dns_config *config, struct dns_resolver **out)
{
    struct ares_options options = {.timeout = config->timeout_ms ? (int)config->timeout_ms : 700,
                                   .tries = TRIES,
                                   .sock_state_cb = on_socket_state,
                                   .ndomains = 0};
    struct dns_resolver *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->loop = loop;
    options.sock_state_cb_data = r;
    int rc = ares_init_options(&r->channel, &options,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
                                   ARES_OPT_DOMAINS);
    if (rc != ARES_SUCCESS) {
        free(r);
        return rc == ARES_ENOMEM ? -ENOMEM : -EINVAL;
    }
    if (config->servers && config->servers[0])
        rc = ares_set_servers_ports_csv(r->channel, config->servers);
    if (rc != ARES_SUCCESS) {
        ares_destroy(r->channel);
        free(r);
        return rc == ARES_ENOMEM ? -ENOMEM : -EINVAL;
    }
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    r->open_handles = 1;
    *out = r;
    return 0;
}

/* --- the cache --- */

static struct dns_entry *find(struct dns_resolver *r, const char *name, enum dns_type type)
{
    for (struct dns_entry *e = r->entries; e; e = e->next)
        if (e->type == type && strcasecmp(e->name, name) == 0)
            return e;
    return NULL;
}

/* Makes room by dropping the one that runs out first. Those under way stay. */
static void drop_oldest(struct dns_resolver *r)
{
    struct dns_entry **oldest = NULL;
    for (struct dns_entry **at = &r->entries; *at; at = &(*at)->next)
        if (!(*at)->asking && (*at)->held == 0 &&
            (!oldest || (*at)->expires_ms < (*oldest)->expires_ms))
            oldest = at;
    if (!oldest)
        return;
    struct dns_entry *gone = *oldest;
    *oldest = gone->next;
    free(gone);
    r->entry_count--;
}

static struct dns_entry *add(struct dns_resolver *r, const char *name, enum dns_type type)
{
    if (r->entry_count >= DNS_CACHE_ENTRIES)
        drop_oldest(r);
    struct dns_entry *e = r->entry_count < DNS_CACHE_ENTRIES ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    snprintf(e->name, sizeof e->name, "%s", name);
    e->type = type;
    e->resolver = r;
    e->next = r->entries;
    r->entries = e;
    r->entry_count++;
    return e;
}

static void tell(struct dns_entry *e)
{
    e->held++;
    while (e->waiters) {
        struct dns_waiter *w = e->waiters;
        e->waiters = w->next;
        w->cb(w->user, &e->answer);
        free(w);
    }
    e->held--;
}

static void take(struct dns_entry *e, const struct dns_answer *answer)
{
    uint64_t now_ms = uv_now(e->resolver->loop), ttl_s = answer->ttl_s;
    bool told = answer->status == 0 || answer->status == -ENOENT;
    if (!told && e->known && now_ms < e->stale_ms) {
        e->expires_ms = now_ms + DNS_TTL_FAILED_S * 1000ull;
        return; /* what was true is a better guess than nothing */
    }
    if (answer->status == -ENOENT && (ttl_s == 0 || ttl_s > DNS_TTL_NONE_S))
        ttl_s = DNS_TTL_NONE_S;
    if (ttl_s < DNS_TTL_LEAST_S)
        ttl_s = DNS_TTL_LEAST_S;
    if (ttl_s > DNS_TTL_MOST_S)
        ttl_s = DNS_TTL_MOST_S;
    e->answer = *answer;
    e->answer.ttl_s = (uint32_t)(told ? ttl_s : DNS_TTL_FAILED_S);
    e->known = true;
    e->expires_ms = now_ms + e->answer.ttl_s * 1000ull;
    e->stale_ms = answer->status == 0 ? e->expires_ms + DNS_STALE_S * 1000ull : 0;
}

static int status_of(int status)
{
    switch (status) {
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return -ETIMEDOUT;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return -ECANCELED;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        return -ENOENT;
    default:
        return -EIO;
    }
}

static void on_answer(void *user, int status, int timeouts, unsigned char *bytes, int length)
{
    struct dns_entry *e = user;
    struct dns_answer answer = {.status = status_of(status)};
    (void)timeouts;
    e->resolver->asking--;
    e->asking = false;
    if (bytes && length > 0 &&
        (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND))
        dns_message_read(bytes, (size_t)length, e->type, &answer);
    take(e, &answer);
    if (answer.status == -ECANCELED)
        e->answer.status = -ECANCELED;
    tell(e);
}

static const struct dns_answer failed = {.status = -EIO}, no_memory = {.status = -ENOMEM};

void dns_resolver_ask(struct dns_resolver *r, const char *name, enum dns_type type,
                      dns_answer_cb *cb, void *user)
{
    if (!r || r->closing || strlen(name) >= DNS_NAME_TEXT) {
        cb(user, &failed);
        return;
    }
    struct dns_entry *e = find(r, name, type);
    if (e && !e->asking && e->known && uv_now(r->loop) < e->expires_ms) {
        e->held++;
        cb(user, &e->answer);
        e->held--;
        return;
    }
    if (!e)
        e = add(r, name, type);
    struct dns_waiter *w = e ? calloc(1, sizeof *w) : NULL;
    if (!w) {
        cb(user, &no_memory);
        return;
    }
    *w = (struct dns_waiter){e->waiters, cb, user};
    e->waiters = w;
    if (e->asking)
        return;
    e->asking = true;
    r->asking++;
    if (!uv_is_active((uv_handle_t *)&r->timer))
        uv_timer_start(&r->timer, on_tick, TICK_MS, TICK_MS);
    ares_query(r->channel, e->name, CLASS_IN, (int)type, on_answer, e);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

void dns_resolver_close(struct dns_resolver *r, void (*done)(void *user), void *user)
{
    if (!r) {
        if (done)
            done(user);
        return;
    }
    r->closing = true;
    r->done = done;
    r->done_user = user;
    ares_destroy(r->channel); /* answers all that is under way, closes the sockets */
    for (struct dns_entry *e = r->entries, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    r->entries = NULL;
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}
