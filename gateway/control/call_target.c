#include "gateway/control/call_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/device_register.h"
#include "gateway/socket_address.h"

/* A question that is answered in the next turn of the loop. */
struct search {
    uv_timer_t timer;
    int status;
    struct call_target target;
    call_target_cb *cb;
    void *user;
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

int call_target_find(struct control *control, const char *name, const char *to_number,
                     call_target_cb *cb, void *user)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    const struct trunk_info *trunk = policy_cache_trunk(control->policy, name);
    const char *device = device_name_of(name);
    s->cb = cb;
    s->user = user;
    s->status = device ? device_find_target(control, device, &s->target) : trunk ? 0 : -ENOENT;
    if (trunk) {
        call_target_of_trunk(trunk, &s->target);
        snprintf(s->target.number, sizeof s->target.number, "%s", to_number);
        call_target_add(&s->target, (const struct sockaddr *)&trunk->address, trunk->protocol);
    }
    uv_timer_init(&control->loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_turn, 0, 0);
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
    int n =
        snprintf(out, size, "%s:%s@%s%s", target->sips ? "sips" : "sip", user, host, parameters);
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
