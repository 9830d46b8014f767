#include "gateway/control/sip_admission.h"

#include <stdio.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/socket_address.h"

enum { KEY = POLICY_NAME_TEXT + 2 };

static void count(struct control *c, const char *trunk, const struct sockaddr *source,
                  const char *reason)
{
    stranger_log_note_limit(&c->limited, trunk, source, reason, uv_now(&c->loop));
}

static bool take(struct control *c, char kind, const void *name, size_t length,
                 const struct rate *rate)
{
    char key[KEY];
    key[0] = kind;
    if (length > sizeof key - 1)
        length = sizeof key - 1;
    memcpy(key + 1, name, length);
    return rate_limit_take(c->rates, key, length + 1, rate, uv_now(&c->loop));
}

/* Datagrams have a share of their own: whoever forges them takes nothing from connections. */
static char kind_of(enum sip_protocol protocol, char udp, char connection)
{
    return protocol == SIP_UDP ? udp : connection;
}

static enum sip_admission admit_stranger(struct control *c, const struct sockaddr *source,
                                         enum sip_protocol protocol)
{
    const struct rate rate = {(uint32_t)c->config->sip.source_requests_per_s, 0};
    bool v6 = source->sa_family == AF_INET6;
    const void *address = v6 ? (const void *)&((const struct sockaddr_in6 *)source)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)source)->sin_addr;
    /* Whoever has an IPv6 address has 2^64 of them. */
    char kind = v6 ? kind_of(protocol, '6', 'S') : kind_of(protocol, '4', 'F');
    if (rate.per_second > 0 && take(c, kind, address, v6 ? 8 : 4, &rate))
        return SIP_ADMITTED;
    count(c, "", source, "requests of an address of no trunk");
    return SIP_DROPPED;
}

static enum sip_admission admit_call(struct control *c, const struct trunk_info *trunk,
                                     const struct sockaddr *source)
{
    const struct rate rate = {trunk->max_calls_per_second, 0};
    if (trunk->max_calls > 0 && trunk_routes_calls(c, trunk->name) >= trunk->max_calls) {
        count(c, trunk->name, source, "calls at a time");
        return SIP_BUSY;
    }
    if (!take(c, '<', trunk->name, strlen(trunk->name), &rate)) {
        count(c, trunk->name, source, "calls a second");
        return SIP_BUSY;
    }
    return SIP_ADMITTED;
}

enum sip_admission sip_admission(void *user, const struct sockaddr *source,
                                 enum sip_protocol protocol, enum sip_stage stage)
{
    struct control *c = user;
    const struct rate rate = {(uint32_t)c->config->sip.trunk_requests_per_s, 0};
    const struct trunk_info *trunk = trunk_sources_find(c, source, protocol);
    if (stage == SIP_STAGE_CALL)
        return trunk ? admit_call(c, trunk, source) : SIP_ADMITTED;
    if (!trunk)
        return admit_stranger(c, source, protocol);
    if (take(c, kind_of(protocol, 't', 'T'), trunk->name, strlen(trunk->name), &rate))
        return SIP_ADMITTED;
    count(c, trunk->name, source, "requests a second");
    return SIP_DROPPED;
}
