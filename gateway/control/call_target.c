#include "gateway/control/call_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/device_register.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/dns/srv_order.h"
#include "gateway/routing/number_rewrite.h"
#include "gateway/socket_address.h"

/* A search for the addresses of all peers of a trunk, answered in a turn of the loop of its own. */
struct search {
    uv_timer_t timer;
    struct control *control;
    int status;
    struct call_target target;
    call_target_cb *cb;
    void *user;
    unsigned pending;
    struct place {
        struct search *search;
        struct dns_location location;
    } places[TRUNK_PEERS_MAX + 1]; /* in the order of trial */
    size_t count;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_turn(uv_timer_t *timer)
{
    struct search *s = timer->data;
    s->cb(s->user, s->status, s->status == 0 ? &s->target : NULL);
    uv_close((uv_handle_t *)timer, on_closed);
}

/* Those that work come first in their order; one that may be tried again is tried as the last. */
static bool add_places(struct search *s, enum peer_state wanted)
{
    bool held_back = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct dns_location *l = &s->places[i].location;
        for (size_t a = 0; a < l->count; a++) {
            const struct sockaddr *address = (const struct sockaddr *)&l->places[a].address;
            enum peer_state state =
                peer_health_state(s->control, s->target.name, address, l->places[a].protocol);
            if (state == wanted)
                call_target_add(&s->target, address, l->places[a].protocol);
            held_back = held_back || state != PEER_CLOSED;
        }
    }
    return held_back;
}

static void finish(struct search *s)
{
    bool held_back = add_places(s, PEER_CLOSED);
    (void)add_places(s, PEER_HALF_OPEN);
    if (s->status == 0 && s->target.count == 0) {
        s->status = held_back ? -EHOSTDOWN : -ENXIO;
        for (size_t i = 0; !held_back && i < s->count; i++)
            if (s->places[i].location.status == -ETIMEDOUT)
                s->status = -ETIMEDOUT;
    }
    uv_timer_start(&s->timer, on_turn, 0, 0);
}

static void on_located(void *user, const struct dns_location *location)
{
    struct place *place = user;
    place->location = *location;
    if (--place->search->pending == 0)
        finish(place->search);
}

void call_target_families(const struct control *control, struct dns_question *q)
{
    for (enum sip_protocol p = SIP_UDP; p <= SIP_TLS; p++) {
        struct sockaddr_storage bound;
        if (!control->sip || !(q->protocols & 1u << p))
            continue;
        sip_stack_address(control->sip, p, &bound);
        if (bound.ss_family == 0) /* connections of ours come from the address of UDP */
            sip_stack_address(control->sip, SIP_UDP, &bound);
        q->v4 = q->v4 || bound.ss_family == AF_INET;
        q->v6 = q->v6 || bound.ss_family == AF_INET6;
    }
}

static void locate(struct search *s, const struct trunk_info *trunk)
{
    struct srv_item items[TRUNK_PEERS_MAX + 1];
    struct dns_question questions[TRUNK_PEERS_MAX + 1];
    size_t order[TRUNK_PEERS_MAX + 1];
    s->count = trunk->peer_count;
    for (size_t i = 0; i < s->count; i++)
        items[i] = (struct srv_item){trunk->peers[i].priority, trunk->peers[i].weight};
    srv_order(items, s->count, order, srv_random, NULL);
    s->pending = 1;
    for (size_t i = 0; i < s->count; i++) {
        const struct trunk_peer *peer = &trunk->peers[order[i]];
        questions[i] = (struct dns_question){
            .host = peer->host, .port = peer->port, .protocols = trunk->protocols};
        call_target_families(s->control, &questions[i]);
        s->places[i].search = s;
        s->pending++;
        dns_locate(s->control->dns, &questions[i], on_located, &s->places[i]);
    }
    if (--s->pending == 0)
        finish(s);
}

/* Names stand in the request as they are (RFC 3263 §4), addresses as the one in use. */
static void write_number(struct call_target *target, const struct trunk_info *trunk,
                         const char *to_number)
{
    struct sockaddr_storage address;
    (void)number_rewrite(trunk->rewrite_out, to_number, target->number);
    if (socket_address_parse(trunk->host, 0, &address) == 0)
        return;
    if (trunk->port)
        snprintf(target->host, sizeof target->host, "%s:%u", trunk->host, trunk->port);
    else
        snprintf(target->host, sizeof target->host, "%s", trunk->host);
}

int call_target_find(struct control *control, const char *name, const char *to_number,
                     call_target_cb *cb, void *user)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    const struct trunk_info *trunk = policy_cache_trunk(control->policy, name);
    const char *device = device_name_of(name);
    s->control = control;
    s->cb = cb;
    s->user = user;
    s->status = device ? device_find_target(control, device, &s->target) : trunk ? 0 : -ENOENT;
    uv_timer_init(&control->loop, &s->timer);
    s->timer.data = s;
    char why[TRUNK_ROUTES_TEXT];
    if (trunk && to_number[0] && trunk_routes_denied(control, trunk, to_number, why)) {
        s->status = -EACCES;
        uv_timer_start(&s->timer, on_turn, 0, 0);
    } else if (trunk) {
        call_target_of_trunk(trunk, &s->target);
        write_number(&s->target, trunk, to_number);
        locate(s, trunk);
    } else {
        uv_timer_start(&s->timer, on_turn, 0, 0);
    }
    return 0;
}

const char *call_target_error(int status)
{
    switch (status) {
    case -ENOENT:
        return "the trunk or device is gone";
    case -ENXIO:
        return "the name of the trunk leads to no address, or the device is not registered";
    case -ETIMEDOUT:
        return "the name of the trunk could not be looked up in time";
    case -EHOSTDOWN:
        return "all peers of the trunk are held back";
    case -EACCES:
        return "the number is denied, as it was asked for or as the trunk would dial it";
    case -EBUSY:
        return "the trunk has no room";
    default:
        return strerror(-status);
    }
}

void call_target_of_trunk(const struct trunk_info *trunk, struct call_target *target)
{
    memset(target, 0, sizeof *target);
    snprintf(target->name, sizeof target->name, "%s", trunk->name);
    target->protocol = trunk->protocol;
    target->sips = trunk->sips;
    target->secured = trunk->secured;
    target->express = trunk->express;
    target->long_by_tcp = trunk->long_by_tcp;
    target->t38_first = trunk->t38_first;
    target->audio_fallback = trunk->audio_fallback;
    target->no_t38 = trunk->no_t38;
    target->asserts_identity = trunk->asserts_identity;
    target->nat = trunk->nat;
}

static void use(struct call_target *target, size_t at)
{
    const union call_address *address = &target->addresses[at].address;
    target->at = at;
    target->protocol = target->addresses[at].protocol;
    memset(&target->address, 0, sizeof target->address);
    memcpy(&target->address, address, sizeof *address);
}

void call_target_add(struct call_target *target, const struct sockaddr *address,
                     enum sip_protocol protocol)
{
    if (target->count == CALL_TARGET_ADDRESSES)
        return;
    union call_address *to = &target->addresses[target->count].address;
    memset(to, 0, sizeof *to);
    memcpy(to, address, address->sa_family == AF_INET6 ? sizeof to->v6 : sizeof to->v4);
    target->addresses[target->count].protocol = protocol;
    if (target->count++ == 0)
        use(target, 0);
}

bool call_target_next(struct call_target *target)
{
    if (target->at + 1 >= target->count)
        return false;
    use(target, target->at + 1);
    return true;
}

/* The number, at a host that may have to be written from the address. */
static int write_uri(const struct call_target *target, const char *user, const char *host,
                     const char *parameters, char *out, size_t size)
{
    char literal[SOCKET_ADDRESS_HOST + 16];
    if (!host[0]) {
        char text[SOCKET_ADDRESS_HOST];
        const struct sockaddr *address = (const struct sockaddr *)&target->address;
        socket_address_host(address, text);
        bool colon = strchr(text, ':') != NULL;
        snprintf(literal, sizeof literal, "%s%s%s:%u", colon ? "[" : "", text, colon ? "]" : "",
                 (unsigned)socket_address_port(address));
        host = literal;
    }
    int n = snprintf(out, size, "%s:%s%s%s%s", target->sips ? "sips" : "sip", user,
                     user[0] ? "@" : "", host, parameters);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int call_target_uri(const struct call_target *target, const char *number, char *out, size_t size)
{
    static const char *const parameters[] = {"", ";transport=tcp", ";transport=tls"};
    if (target->is_device) {
        int n = snprintf(out, size, "%s", target->contact);
        return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
    }
    return write_uri(target, number, target->host, target->sips ? "" : parameters[target->protocol],
                     out, size);
}

int call_target_from_uri(const struct call_target *target, const char *number, const char *own_host,
                         char *out, size_t size)
{
    return write_uri(target, target->from_user[0] ? target->from_user : number,
                     target->from_host[0] ? target->from_host : own_host, "", out, size);
}
