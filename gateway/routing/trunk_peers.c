#include "gateway/routing/trunk_peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/dns/dns_locate.h"
#include "gateway/socket_address.h"

static bool read_number(const char *text, long most, uint16_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    long value = strtol(text, &end, 10);
    *out = (uint16_t)value;
    return *end == '\0' && value <= most;
}

/* "HOST", "HOST:PORT", "[V6]:PORT" or "V6". */
static bool read_host(char *text, struct trunk_peer *peer)
{
    struct sockaddr_storage address;
    char *port = NULL, *host = text;
    if (*text == '[') {
        char *end = strchr(text, ']');
        if (!end || (end[1] && end[1] != ':'))
            return false;
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
        host = text + 1;
    } else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
        port = strchr(text, ':') + 1;
        port[-1] = '\0';
    }
    if (port && (!read_number(port, UINT16_MAX, &peer->port) || peer->port == 0))
        return false;
    if (socket_address_parse(host, 0, &address) < 0 && !dns_name_valid(host))
        return false;
    snprintf(peer->host, sizeof peer->host, "%s", host);
    return true;
}

static bool read_peer(char *text, size_t place, struct trunk_peer *peer)
{
    char *rest = NULL, *part = strtok_r(text, ";", &rest);
    memset(peer, 0, sizeof *peer);
    peer->priority = (uint16_t)place;
    if (!part || !read_host(part, peer))
        return false;
    while ((part = strtok_r(NULL, ";", &rest))) {
        if (strncmp(part, "priority=", 9) == 0) {
            if (!read_number(part + 9, UINT16_MAX, &peer->priority))
                return false;
        } else if (strncmp(part, "weight=", 7) != 0 ||
                   !read_number(part + 7, UINT16_MAX, &peer->weight)) {
            return false;
        }
    }
    return true;
}

int trunk_peers_read(const char *text, struct trunk_peer *peers, size_t most)
{
    char copy[TRUNK_PEERS_TEXT], *rest = NULL;
    size_t count = 0;
    int n = snprintf(copy, sizeof copy, "%s", text);
    if (n < 0 || (size_t)n >= sizeof copy)
        return -EINVAL;
    for (char *part = strtok_r(copy, ", ", &rest); part; part = strtok_r(NULL, ", ", &rest)) {
        if (count == most || !read_peer(part, count + 1, &peers[count]))
            return -EINVAL;
        count++;
    }
    return (int)count;
}
