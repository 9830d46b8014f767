#include "gateway/socket_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* Copies, because a struct sockaddr need not be aligned as those of its families. */
static struct sockaddr_in as_ipv4(const struct sockaddr *address)
{
    struct sockaddr_in ipv4;
    memcpy(&ipv4, address, sizeof ipv4);
    return ipv4;
}

static struct sockaddr_in6 as_ipv6(const struct sockaddr *address)
{
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, address, sizeof ipv6);
    return ipv6;
}

int socket_address_parse(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &ipv4.sin_addr) == 1)
        memcpy(out, &ipv4, sizeof ipv4);
    else if (inet_pton(AF_INET6, host, &ipv6.sin6_addr) == 1)
        memcpy(out, &ipv6, sizeof ipv6);
    else
        return -EINVAL;
    return 0;
}

void socket_address_with_port(const struct sockaddr *address, uint16_t port,
                              struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6 = as_ipv6(address);
        ipv6.sin6_port = htons(port);
        memcpy(out, &ipv6, sizeof ipv6);
    } else if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4 = as_ipv4(address);
        ipv4.sin_port = htons(port);
        memcpy(out, &ipv4, sizeof ipv4);
    }
}

socklen_t socket_address_length(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return sizeof(struct sockaddr_in6);
    return address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : 0;
}

uint16_t socket_address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(as_ipv6(address).sin6_port);
    return address->sa_family == AF_INET ? ntohs(as_ipv4(address).sin_port) : 0;
}

void socket_address_host(const struct sockaddr *address, char text[SOCKET_ADDRESS_HOST])
{
    text[0] = '\0';
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6 = as_ipv6(address);
        (void)inet_ntop(AF_INET6, &ipv6.sin6_addr, text, SOCKET_ADDRESS_HOST);
    } else if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4 = as_ipv4(address);
        (void)inet_ntop(AF_INET, &ipv4.sin_addr, text, SOCKET_ADDRESS_HOST);
    }
}

bool socket_address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return as_ipv4(a).sin_addr.s_addr == as_ipv4(b).sin_addr.s_addr;
    struct sockaddr_in6 six_a, six_b;
    if (a->sa_family != AF_INET6)
        return false;
    six_a = as_ipv6(a);
    six_b = as_ipv6(b);
    return memcmp(&six_a.sin6_addr, &six_b.sin6_addr, sizeof six_a.sin6_addr) == 0;
}
