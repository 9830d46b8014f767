/* dns_locate.h: from the name of a SIP peer to the addresses to try, in their order (RFC 3263 §4):
 * NAPTR, SRV, A and AAAA. */
#ifndef GATEWAY_DNS_DNS_LOCATE_H
#define GATEWAY_DNS_DNS_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "gateway/dns/dns_resolver.h"
#include "gateway/sip/sip.h"

enum { DNS_PLACES_MAX = 8 };

struct dns_question {
    const char *host;   /* a name; address literals are answered as well */
    uint16_t port;      /* 0: by SRV, else without it */
    unsigned protocols; /* 1 << SIP_UDP, ...: several are chosen from by NAPTR, or else in the
                           order TLS, UDP, TCP */
    bool v4, v6;        /* families that can be reached */
};

struct dns_location {
    int status; /* 0; -ENXIO: it leads nowhere; -ETIMEDOUT: nobody could be asked; -ENOMEM */
    uint32_t ttl_s;
    size_t count;
    struct {
        struct sockaddr_storage address;
        enum sip_protocol protocol;
    } places[DNS_PLACES_MAX];
};

/* location is valid during the callback. */
typedef void dns_located_cb(void *user, const struct dns_location *location);

/* cb is called exactly once, before this returns when all is known. */
void dns_locate(struct dns_resolver *resolver, const struct dns_question *question,
                dns_located_cb *cb, void *user);

/* Whether a text can be the name of a host: labels of letters, digits and '-', at most 253 octets,
 * and no address literal. */
bool dns_name_valid(const char *name);

#endif
