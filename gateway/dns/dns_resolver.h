/* dns_resolver.h: DNS without blocking, by c-ares on the loop of the control process, with a cache
 * that keeps answers as long as they say. */
#ifndef GATEWAY_DNS_DNS_RESOLVER_H
#define GATEWAY_DNS_DNS_RESOLVER_H

#include <uv.h>

#include "gateway/dns/dns_message.h"

struct dns_resolver;

struct dns_config {
    /* "ADDRESS[:PORT]", separated by commas; "" or NULL: those of /etc/resolv.conf, read once. */
    const char *servers;
    uint32_t timeout_ms; /* for one try of one server; 0: 700 */
};

/* Limits: answers kept, shortest and longest time; how long a failure is not asked for again; how
 * long an answer that ran out still serves when nobody can be asked (RFC 8767). */
enum {
    DNS_CACHE_ENTRIES = 512,
    DNS_TTL_LEAST_S = 2,
    DNS_TTL_MOST_S = 86400,
    DNS_TTL_NONE_S = 30, /* "no such thing" without SOA, and at most */
    DNS_TTL_FAILED_S = 2,
    DNS_STALE_S = 86400,
};

/* Returns 0, -EINVAL (servers) or -ENOMEM. */
int dns_resolver_open(uv_loop_t *loop, const struct dns_config *config, struct dns_resolver **out)
    __attribute__((warn_unused_result));

/* Questions under way end with -ECANCELED; done is called from the loop, also for NULL never
 * opened: then at once. */
void dns_resolver_close(struct dns_resolver *resolver, void (*done)(void *user), void *user);

/* answer is valid during the callback. */
typedef void dns_answer_cb(void *user, const struct dns_answer *answer);

/* Asks for the records of a name. cb is called exactly once, before this returns when the answer is
 * known. Equal questions that are under way are asked once. resolver NULL: -EIO. */
void dns_resolver_ask(struct dns_resolver *resolver, const char *name, enum dns_type type,
                      dns_answer_cb *cb, void *user);

#endif
