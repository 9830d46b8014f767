#include "gateway/smtp/relay_list.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/socket_address.h"

struct range {
    struct sockaddr_storage address;
    unsigned bits;
};

static const unsigned char *octets_of(const struct sockaddr *address, unsigned *bits)
{
    *bits = address->sa_family == AF_INET6 ? 128 : 32;
    if (address->sa_family == AF_INET6)
        return ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
}

/* Takes the next one. Returns 1, 0 at the end, -EINVAL. */
static int next_range(const char **list, struct range *range)
{
    char text[SOCKET_ADDRESS_HOST + 8];
    unsigned most;
    *list += strspn(*list, ", ");
    size_t length = strcspn(*list, ", ");
    if (length == 0)
        return 0;
    if (length >= sizeof text)
        return -EINVAL;
    memcpy(text, *list, length);
    text[length] = '\0';
    *list += length;
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    if (socket_address_parse(text, 0, &range->address) < 0)
        return -EINVAL;
    (void)octets_of((struct sockaddr *)&range->address, &most);
    range->bits = most;
    if (!slash)
        return 1;
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
        return -EINVAL;
    range->bits = (unsigned)strtoul(slash + 1, NULL, 10);
    return range->bits <= most ? 1 : -EINVAL;
}

bool relay_list_valid(const char *list)
{
    struct range range;
    int rc;
    while ((rc = next_range(&list, &range)) > 0)
        ;
    return rc == 0;
}

static bool is_in(const struct range *range, const struct sockaddr *address)
{
    unsigned most;
    if (range->address.ss_family != address->sa_family)
        return false;
    const unsigned char *wanted = octets_of((const struct sockaddr *)&range->address, &most);
    const unsigned char *octets = octets_of(address, &most);
    unsigned whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(wanted, octets, whole) != 0)
        return false;
    return rest == 0 || (wanted[whole] ^ octets[whole]) >> (8 - rest) == 0;
}

bool relay_list_has(const char *list, const struct sockaddr *address)
{
    struct range range;
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return false;
    while (next_range(&list, &range) > 0)
        if (is_in(&range, address))
            return true;
    return false;
}

int client_list_find(const char *list, const char *name, char *principal, size_t size)
{
    size_t wanted = strlen(name);
    while (*(list += strspn(list, ", "))) {
        size_t length = strcspn(list, ", ");
        const char *equals = memchr(list, '=', length);
        size_t key = equals ? (size_t)(equals - list) : 0;
        if (key == 0 || length - key - 1 == 0 || length - key - 1 >= size)
            return -EINVAL;
        if (key == wanted && strncasecmp(list, name, key) == 0) {
            (void)snprintf(principal, size, "%.*s", (int)(length - key - 1), equals + 1);
            return 0;
        }
        list += length;
    }
    return -ENOENT;
}
