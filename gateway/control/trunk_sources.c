#include "gateway/control/trunk_sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/call_target.h"
#include "gateway/control/control.h"
#include "gateway/control/peer_health.h"
#include "gateway/dns/dns_locate.h"
#include "gateway/socket_address.h"

enum { TICK_MS = 500, REFRESH_MOST_S = 300, REFRESH_FAILED_S = 5 };

struct known_address {
    union call_address address;
    enum sip_protocol protocol;
    uint64_t drop_ms; /* of the loop's clock; 0: as long as its peer is */
    uint64_t probe_ms;
};

/* A peer of a trunk. */
struct source {
    struct source *next;
    struct trunk_sources *owner;
    char trunk[POLICY_NAME_TEXT], host[TRUNK_HOST_TEXT];
    uint16_t port;
    unsigned protocols;
    struct known_address addresses[2 * DNS_PLACES_MAX];
    size_t count;
    uint64_t ask_ms; /* when DNS is to be asked again */
    bool asking, wanted;
};

struct trunk_sources {
    struct control *control;
    uv_timer_t timer;
    struct source *first;
    unsigned asking;
    bool closing, timer_closed;
    void (*done)(void *user);
    void *done_user;
};

static void finish_close(struct trunk_sources *t)
{
    if (!t->closing || !t->timer_closed || t->asking > 0)
        return;
    while (t->first) {
        struct source *gone = t->first;
        t->first = gone->next;
        free(gone);
    }
    if (t->done)
        t->done(t->done_user);
    free(t);
}

/* --- addresses of a peer --- */

static void add_address(struct source *s, const struct sockaddr_storage *address,
                        enum sip_protocol protocol)
{
    const struct sockaddr *a = (const struct sockaddr *)address;
    for (size_t i = 0; i < s->count; i++)
        if (s->addresses[i].protocol == protocol &&
            socket_address_same_host(&s->addresses[i].address.any, a) &&
            socket_address_port(&s->addresses[i].address.any) == socket_address_port(a)) {
            s->addresses[i].drop_ms = 0;
            return;
        }
    if (s->count == sizeof s->addresses / sizeof *s->addresses)
        return;
    struct known_address *to = &s->addresses[s->count++];
    memset(to, 0, sizeof *to);
    memcpy(&to->address, address, sizeof to->address);
    to->protocol = protocol;
}

static void drop_old(struct source *s, uint64_t now_ms)
{
    for (size_t i = 0; i < s->count;) {
        if (s->addresses[i].drop_ms > 0 && s->addresses[i].drop_ms <= now_ms)
            s->addresses[i] = s->addresses[--s->count];
        else
            i++;
    }
}

static void on_located(void *user, const struct dns_location *location)
{
    struct source *s = user;
    struct trunk_sources *t = s->owner;
    uint64_t now_ms = uv_now(&t->control->loop);
    uint32_t again_s = location->status < 0 ? REFRESH_FAILED_S : location->ttl_s;
    s->asking = false;
    t->asking--;
    s->ask_ms = now_ms + 1000ull * (again_s > REFRESH_MOST_S ? REFRESH_MOST_S : again_s + 1);
    if (location->status == 0) {
        for (size_t i = 0; i < s->count; i++)
            if (s->addresses[i].drop_ms == 0)
                s->addresses[i].drop_ms = now_ms + TRUNK_SOURCE_KEEP_S * 1000ull;
        drop_old(s, now_ms);
        for (size_t i = 0; i < location->count; i++)
            add_address(s, &location->places[i].address, location->places[i].protocol);
    }
    finish_close(t);
}

static void refresh(struct source *s, uint64_t now_ms)
{
    struct dns_question q = {.host = s->host, .port = s->port, .protocols = s->protocols};
    if (s->asking || now_ms < s->ask_ms)
        return;
    call_target_families(s->owner->control, &q);
    s->asking = true;
    s->owner->asking++;
    dns_locate(s->owner->control->dns, &q, on_located, s);
}

/* --- as the trunks are now --- */

static struct source *find_source(struct trunk_sources *t, const struct trunk_info *trunk,
                                  const struct trunk_peer *peer)
{
    for (struct source *s = t->first; s; s = s->next)
        if (strcmp(s->trunk, trunk->name) == 0 && strcmp(s->host, peer->host) == 0 &&
            s->port == peer->port && s->protocols == trunk->protocols)
            return s;
    return NULL;
}

static void want(struct trunk_sources *t, const struct trunk_info *trunk,
                 const struct trunk_peer *peer)
{
    struct source *s = find_source(t, trunk, peer);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return; /* the next turn tries again */
        s->owner = t;
        snprintf(s->trunk, sizeof s->trunk, "%s", trunk->name);
        snprintf(s->host, sizeof s->host, "%s", peer->host);
        s->port = peer->port;
        s->protocols = trunk->protocols;
        s->next = t->first;
        t->first = s;
    }
    s->wanted = true;
}

static void take_trunks(struct trunk_sources *t)
{
    const struct trunk_info *trunk;
    for (struct source *s = t->first; s; s = s->next)
        s->wanted = false;
    for (size_t i = 0; (trunk = policy_cache_trunk_at(t->control->policy, i)); i++)
        for (size_t p = 0; p < trunk->peer_count; p++)
            want(t, trunk, &trunk->peers[p]);
    for (struct source **at = &t->first; *at;) {
        struct source *s = *at;
        if (s->wanted || s->asking) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s);
    }
}

static void probe(struct source *s, uint64_t now_ms)
{
    const struct trunk_info *trunk = policy_cache_trunk(s->owner->control->policy, s->trunk);
    for (size_t i = 0; trunk && trunk->probe_s > 0 && i < s->count; i++) {
        struct known_address *a = &s->addresses[i];
        if (now_ms < a->probe_ms || a->drop_ms > 0)
            continue;
        a->probe_ms = now_ms + trunk->probe_s * 1000ull;
        peer_health_probe(s->owner->control, trunk, &a->address.any, a->protocol);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct trunk_sources *t = timer->data;
    uint64_t now_ms = uv_now(&t->control->loop);
    take_trunks(t);
    for (struct source *s = t->first; s; s = s->next) {
        drop_old(s, now_ms);
        refresh(s, now_ms);
        if (t->control->sip && !t->control->stopping)
            probe(s, now_ms);
    }
}

int trunk_sources_new(struct control *control, struct trunk_sources **out)
{
    struct trunk_sources *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->control = control;
    uv_timer_init(&control->loop, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_tick, 0, TICK_MS);
    *out = t;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct trunk_sources *t = handle->data;
    t->timer_closed = true;
    finish_close(t);
}

void trunk_sources_close(struct trunk_sources *t, void (*done)(void *user), void *user)
{
    if (!t) {
        if (done)
            done(user);
        return;
    }
    t->closing = true;
    t->done = done;
    t->done_user = user;
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

/* --- who is it? --- */

/* 0: not of this peer; 1: its address; 2: and its port. */
static int match_of(const struct source *s, const struct sockaddr *source)
{
    int best = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct sockaddr *address = &s->addresses[i].address.any;
        if (!socket_address_same_host(address, source))
            continue;
        if (socket_address_port(address) == socket_address_port(source))
            return 2;
        best = 1;
    }
    return best;
}

/* A trunk that was added just now is known before the next turn by what is written in it. */
static int match_of_trunk(const struct trunk_info *trunk, const struct sockaddr *source)
{
    int best = 0;
    for (size_t i = 0; i < trunk->peer_count; i++) {
        const struct sockaddr *literal = (const struct sockaddr *)&trunk->literals[i];
        if (!socket_address_same_host(literal, source))
            continue;
        if (socket_address_port(literal) == socket_address_port(source))
            return 2;
        best = 1;
    }
    return best;
}

const struct trunk_info *trunk_sources_find(const struct control *control,
                                            const struct sockaddr *source,
                                            enum sip_protocol protocol)
{
    const struct trunk_info *found = NULL, *trunk;
    int best = 0;
    for (size_t i = 0; best < 2 && (trunk = policy_cache_trunk_at(control->policy, i)); i++) {
        int match = policy_cache_trunk_uses(trunk, protocol) ? match_of_trunk(trunk, source) : 0;
        if (match > best) {
            best = match;
            found = trunk;
        }
    }
    const struct source *s = control->sources ? control->sources->first : NULL;
    for (; best < 2 && s; s = s->next) {
        int match = match_of(s, source);
        trunk = match > best ? policy_cache_trunk(control->policy, s->trunk) : NULL;
        if (trunk && policy_cache_trunk_uses(trunk, protocol)) {
            best = match;
            found = trunk;
        }
    }
    return found;
}
