#include "gateway/control/peer_health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/call_target.h"
#include "gateway/control/control.h"
#include "gateway/control/event.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"

enum { PROBE_TIMEOUT_MS = 4000 };

static const char *const protocols[] = {"udp", "tcp", "tls"};

static void write_address(const struct sockaddr *address, char *text, size_t size)
{
    char host[SOCKET_ADDRESS_HOST];
    socket_address_host(address, host);
    bool colon = strchr(host, ':') != NULL;
    snprintf(text, size, "%s%s%s:%u", colon ? "[" : "", host, colon ? "]" : "",
             (unsigned)socket_address_port(address));
}

void peer_health_key(const char *trunk, const struct sockaddr *address, enum sip_protocol protocol,
                     char key[PEER_BREAKER_KEY])
{
    char text[SOCKET_ADDRESS_HOST + 16];
    write_address(address, text, sizeof text);
    snprintf(key, PEER_BREAKER_KEY, "%.60s %s %s", trunk, protocols[protocol], text);
}

enum peer_state peer_health_state(const struct control *control, const char *trunk,
                                  const struct sockaddr *address, enum sip_protocol protocol)
{
    char key[PEER_BREAKER_KEY];
    peer_health_key(trunk, address, protocol, key);
    return peer_breaker_state(&control->breaker, key, uv_now(&control->loop));
}

void peer_health_try(struct control *control, const char *trunk, const struct sockaddr *address,
                     enum sip_protocol protocol)
{
    char key[PEER_BREAKER_KEY];
    peer_health_key(trunk, address, protocol, key);
    peer_breaker_try(&control->breaker, key, uv_now(&control->loop));
}

static void record(struct control *control, const char *type, const char *trunk,
                   const struct sockaddr *address, enum sip_protocol protocol, const char *cause,
                   uint64_t held_ms)
{
    struct event e;
    char text[SOCKET_ADDRESS_HOST + 16];
    write_address(address, text, sizeof text);
    event_begin(&e, type, "system", NULL);
    event_text(&e, "trunk", trunk);
    event_personal(&e, "peer", text);
    event_text(&e, "transport", protocols[protocol]);
    if (held_ms > 0) {
        event_outcome(&e, "failed");
        event_text(&e, "cause", cause);
        event_integer(&e, "held_ms", (int64_t)held_ms);
    }
    event_note(&e, control->audit);
    log_write(LOG_LEVEL_NOTICE, "trunk %s: %s %s%s", trunk, text,
              held_ms > 0 ? "is held back: " : "works again", cause);
}

void peer_health_good(struct control *control, const char *trunk, const struct sockaddr *address,
                      enum sip_protocol protocol)
{
    char key[PEER_BREAKER_KEY];
    peer_health_key(trunk, address, protocol, key);
    if (peer_breaker_success(&control->breaker, key) == PEER_CAME_UP)
        record(control, "trunk.peer_up", trunk, address, protocol, "", 0);
}

void peer_health_bad(struct control *control, const char *trunk, const struct sockaddr *address,
                     enum sip_protocol protocol, uint32_t retry_after_s, const char *cause)
{
    char key[PEER_BREAKER_KEY];
    uint64_t held_ms = 0;
    peer_health_key(trunk, address, protocol, key);
    if (peer_breaker_failure(&control->breaker, key, retry_after_s * 1000ull,
                             uv_now(&control->loop), &held_ms) == PEER_WENT_DOWN)
        record(control, "trunk.peer_down", trunk, address, protocol, cause, held_ms);
}

struct peer_probe {
    struct peer_probe *next;
    struct control *control;
    char trunk[POLICY_NAME_TEXT];
    union call_address address;
    enum sip_protocol protocol;
};

static void drop(struct peer_probe *p)
{
    struct peer_probe **at = &p->control->probes;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

void peer_health_free(struct control *control)
{
    while (control->probes)
        drop(control->probes);
}

static void on_options(void *user, const struct sip_options_result *result)
{
    struct peer_probe *p = user;
    char cause[160];
    if (result->who == SIP_PARTY_PEER && result->code != 503) {
        peer_health_good(p->control, p->trunk, &p->address.any, p->protocol);
    } else {
        snprintf(cause, sizeof cause, "OPTIONS: %d %.100s", result->code, result->reason);
        peer_health_bad(p->control, p->trunk, &p->address.any, p->protocol, result->retry_after_s,
                        cause);
    }
    drop(p);
}

void peer_health_probe(struct control *control, const struct trunk_info *trunk,
                       const struct sockaddr *address, enum sip_protocol protocol)
{
    char uri[400];
    struct call_target target;
    struct peer_probe *p = calloc(1, sizeof *p);
    if (!p)
        return;
    p->control = control;
    p->next = control->probes;
    control->probes = p;
    p->protocol = protocol;
    snprintf(p->trunk, sizeof p->trunk, "%s", trunk->name);
    memcpy(&p->address, address,
           address->sa_family == AF_INET6 ? sizeof p->address.v6 : sizeof p->address.v4);
    call_target_of_trunk(trunk, &target);
    call_target_add(&target, address, protocol);
    int rc = call_target_uri(&target, "", uri, sizeof uri);
    const struct sip_options_target options = {.address = target.address,
                                               .protocol = protocol,
                                               .request_uri = uri,
                                               .timeout_ms = PROBE_TIMEOUT_MS};
    if (rc == 0)
        rc = sip_options_send(control->sip, &options, on_options, p, NULL);
    if (rc < 0) {
        log_write(LOG_LEVEL_WARNING, "trunk %s cannot be asked by OPTIONS: %s", trunk->name,
                  strerror(-rc));
        drop(p);
    }
}
