#include "gateway/dns/dns_locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/dns/srv_order.h"
#include "gateway/socket_address.h"

enum { SERVICES_MAX = 4, SERVERS_MAX = 8, FAMILIES = 2, ADDRESSES_MAX = 4, NAME_MAX_OCTETS = 253 };

/* A name to ask for SRV, of one transport. */
struct service {
    struct search *search;
    char name[DNS_NAME_TEXT];
    enum sip_protocol protocol;
    struct dns_answer answer;
};

/* A host with a port. */
struct server {
    char name[DNS_NAME_TEXT];
    uint16_t port;
    enum sip_protocol protocol;
    struct family {
        struct server *server;
        struct search *search;
        struct sockaddr_storage addresses[ADDRESSES_MAX];
        size_t count;
    } families[FAMILIES]; /* IPv6, IPv4 */
};

struct search {
    struct dns_resolver *resolver;
    char host[DNS_NAME_TEXT];
    unsigned protocols;
    bool v4, v6;
    dns_located_cb *cb;
    void *user;
    unsigned pending;
    int error; /* of a question that nobody answered */
    uint32_t ttl_s;
    struct service services[SERVICES_MAX];
    struct server servers[SERVERS_MAX];
    size_t service_count, server_count;
    struct dns_location location;
};

/* In the order of our preference, where the peer has none. */
static const struct {
    enum sip_protocol protocol;
    const char *prefix, *naptr;
    uint16_t port;
} transports[] = {{SIP_TLS, "_sips._tcp.", "SIPS+D2T", 5061},
                  {SIP_UDP, "_sip._udp.", "SIP+D2U", 5060},
                  {SIP_TCP, "_sip._tcp.", "SIP+D2T", 5060}};
enum { TRANSPORTS = sizeof transports / sizeof *transports };

bool dns_name_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    struct sockaddr_storage address;
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_OCTETS || socket_address_parse(name, 0, &address) == 0)
        return false;
    for (const char *at = name; *at;) {
        size_t label = strspn(at, allowed);
        if (label == 0 || label > 63 || at[0] == '-' || at[label - 1] == '-')
            return false;
        at += label;
        if (*at == '\0')
            return strspn(name, "0123456789.") != length; /* no address that lacks a number */
        if (*at++ != '.' || *at == '\0')
            return false;
    }
    return false;
}

static void note(struct search *s, const struct dns_answer *answer)
{
    if (answer->status == -ETIMEDOUT || answer->status == -EIO || answer->status == -ENOMEM)
        s->error = answer->status == -ENOMEM ? -ENOMEM : -ETIMEDOUT;
    if (answer->ttl_s < s->ttl_s)
        s->ttl_s = answer->ttl_s;
}

static void finish(struct search *s)
{
    struct dns_location *l = &s->location;
    for (size_t i = 0; i < s->server_count; i++) {
        for (size_t f = 0; f < FAMILIES; f++) {
            const struct family *family = &s->servers[i].families[f];
            for (size_t a = 0; a < family->count && l->count < DNS_PLACES_MAX; a++) {
                l->places[l->count].address = family->addresses[a];
                l->places[l->count++].protocol = s->servers[i].protocol;
            }
        }
    }
    l->ttl_s = s->ttl_s;
    l->status = l->count > 0 ? 0 : s->error ? s->error : -ENXIO;
    s->cb(s->user, l);
    free(s);
}

/* --- addresses --- */

static void on_addresses(void *user, const struct dns_answer *answer)
{
    struct family *family = user;
    struct search *s = family->search;
    bool v6 = family == &family->server->families[0];
    note(s, answer);
    for (size_t i = 0; i < answer->count && family->count < ADDRESSES_MAX; i++) {
        struct sockaddr_storage *to = &family->addresses[family->count++];
        memset(to, 0, sizeof *to);
        if (v6) {
            struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
            in6->sin6_family = AF_INET6;
            in6->sin6_addr = answer->records[i].u.aaaa;
            in6->sin6_port = htons(family->server->port);
        } else {
            struct sockaddr_in *in = (struct sockaddr_in *)to;
            in->sin_family = AF_INET;
            in->sin_addr = answer->records[i].u.a;
            in->sin_port = htons(family->server->port);
        }
    }
    if (--s->pending == 0)
        finish(s);
}

static void ask_addresses(struct search *s)
{
    s->pending = 1;
    for (size_t i = 0; i < s->server_count; i++) {
        struct server *server = &s->servers[i];
        for (size_t f = 0; f < FAMILIES; f++) {
            struct family *family = &server->families[f];
            family->server = server;
            family->search = s;
            if (f == 0 ? !s->v6 : !s->v4)
                continue;
            s->pending++;
            dns_resolver_ask(s->resolver, server->name, f == 0 ? DNS_AAAA : DNS_A, on_addresses,
                             family);
        }
    }
    if (--s->pending == 0)
        finish(s);
}

static void add_server(struct search *s, const char *name, uint16_t port,
                       enum sip_protocol protocol)
{
    if (s->server_count == SERVERS_MAX)
        return;
    struct server *server = &s->servers[s->server_count++];
    snprintf(server->name, sizeof server->name, "%s", name);
    server->port = port;
    server->protocol = protocol;
}

/* --- servers --- */

/* Returns true when the service is said not to be. */
static bool add_servers(struct search *s, const struct service *service)
{
    struct srv_item items[DNS_RECORDS_MAX];
    size_t order[DNS_RECORDS_MAX];
    const struct dns_answer *answer = &service->answer;
    if (answer->count == 1 && !answer->records[0].u.srv.target[0])
        return true;
    for (size_t i = 0; i < answer->count; i++)
        items[i] =
            (struct srv_item){answer->records[i].u.srv.priority, answer->records[i].u.srv.weight};
    srv_order(items, answer->count, order, srv_random, NULL);
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[order[i]];
        if (record->u.srv.target[0])
            add_server(s, record->u.srv.target, record->u.srv.port, service->protocol);
    }
    return false;
}

static void after_services(struct search *s)
{
    bool denied = false;
    for (size_t i = 0; i < s->service_count; i++)
        denied = add_servers(s, &s->services[i]) || denied;
    /* Without SRV the name itself is the server, at the usual port (§4.2). */
    for (size_t i = 0; i < TRANSPORTS && s->server_count == 0 && !denied; i++) {
        /* Of several transports UDP, which every peer has (RFC 3261 §18). */
        bool only = s->protocols == 1u << transports[i].protocol;
        if (only || ((s->protocols & 1u << SIP_UDP) && transports[i].protocol == SIP_UDP))
            add_server(s, s->host, transports[i].port, transports[i].protocol);
    }
    ask_addresses(s);
}

static void on_servers(void *user, const struct dns_answer *answer)
{
    struct service *service = user;
    struct search *s = service->search;
    if (answer->status == 0) {
        service->answer = *answer;
        if (answer->ttl_s < s->ttl_s)
            s->ttl_s = answer->ttl_s;
    } else {
        note(s, answer);
    }
    if (--s->pending == 0)
        after_services(s);
}

static void ask_services(struct search *s)
{
    s->pending = 1;
    for (size_t i = 0; i < s->service_count; i++) {
        s->pending++;
        s->services[i].search = s;
        dns_resolver_ask(s->resolver, s->services[i].name, DNS_SRV, on_servers, &s->services[i]);
    }
    if (--s->pending == 0)
        after_services(s);
}

static void add_service(struct search *s, size_t transport, const char *name)
{
    if (s->service_count == SERVICES_MAX)
        return;
    struct service *service = &s->services[s->service_count];
    int n = name ? snprintf(service->name, sizeof service->name, "%s", name)
                 : snprintf(service->name, sizeof service->name, "%s%s",
                            transports[transport].prefix, s->host);
    service->protocol = transports[transport].protocol;
    if (n > 0 && (size_t)n < sizeof service->name)
        s->service_count++;
}

/* Those of our transports, without NAPTR. */
static void add_usual_services(struct search *s)
{
    for (size_t i = 0; i < TRANSPORTS; i++)
        if (s->protocols & 1u << transports[i].protocol)
            add_service(s, i, NULL);
}

/* --- transports --- */

static size_t transport_of(const struct search *s, const struct dns_record *record)
{
    for (size_t i = 0; i < TRANSPORTS; i++)
        if ((s->protocols & 1u << transports[i].protocol) &&
            strcasecmp(record->u.naptr.service, transports[i].naptr) == 0)
            return i;
    return TRANSPORTS;
}

static bool comes_before(const struct dns_record *a, const struct dns_record *b)
{
    if (a->u.naptr.order != b->u.naptr.order)
        return a->u.naptr.order < b->u.naptr.order;
    return a->u.naptr.preference < b->u.naptr.preference;
}

static void on_transports(void *user, const struct dns_answer *answer)
{
    struct search *s = user;
    bool taken[DNS_RECORDS_MAX] = {false};
    note(s, answer);
    for (size_t round = 0; round < answer->count; round++) {
        size_t best = DNS_RECORDS_MAX;
        for (size_t i = 0; i < answer->count; i++)
            if (!taken[i] && (best == DNS_RECORDS_MAX ||
                              comes_before(&answer->records[i], &answer->records[best])))
                best = i;
        if (best == DNS_RECORDS_MAX)
            break;
        taken[best] = true;
        const struct dns_record *record = &answer->records[best];
        size_t transport = transport_of(s, record);
        if (transport < TRANSPORTS && strcasecmp(record->u.naptr.flags, "s") == 0 &&
            record->u.naptr.replacement[0])
            add_service(s, transport, record->u.naptr.replacement);
    }
    if (s->service_count == 0)
        add_usual_services(s);
    ask_services(s);
}

static enum sip_protocol preferred(unsigned protocols)
{
    if (protocols & 1u << SIP_UDP)
        return SIP_UDP;
    return protocols & 1u << SIP_TCP ? SIP_TCP : SIP_TLS;
}

static void answer_literal(const struct dns_question *q, const struct sockaddr_storage *address,
                           dns_located_cb *cb, void *user)
{
    struct dns_location location = {.ttl_s = DNS_TTL_MOST_S, .count = 1};
    enum sip_protocol protocol = preferred(q->protocols);
    uint16_t port = q->port ? q->port : protocol == SIP_TLS ? 5061 : 5060;
    location.places[0].protocol = protocol;
    if (socket_address_parse(q->host, port, &location.places[0].address) < 0)
        location.places[0].address = *address;
    cb(user, &location);
}

void dns_locate(struct dns_resolver *resolver, const struct dns_question *q, dns_located_cb *cb,
                void *user)
{
    struct sockaddr_storage address;
    if (socket_address_parse(q->host, q->port, &address) == 0) {
        answer_literal(q, &address, cb, user);
        return;
    }
    struct search *s = calloc(1, sizeof *s);
    if (!s || !dns_name_valid(q->host)) {
        cb(user, &(struct dns_location){.status = s ? -ENXIO : -ENOMEM});
        free(s);
        return;
    }
    snprintf(s->host, sizeof s->host, "%s", q->host);
    s->resolver = resolver;
    s->protocols = q->protocols;
    s->v4 = q->v4;
    s->v6 = q->v6;
    s->cb = cb;
    s->user = user;
    s->ttl_s = DNS_TTL_MOST_S;
    if (q->port) {
        add_server(s, s->host, q->port, preferred(q->protocols));
        ask_addresses(s);
    } else if ((q->protocols & (q->protocols - 1)) == 0) {
        add_usual_services(s);
        ask_services(s);
    } else {
        dns_resolver_ask(resolver, s->host, DNS_NAPTR, on_transports, s);
    }
}
