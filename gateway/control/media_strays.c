#include "gateway/control/media_strays.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <unistd.h>

#include "gateway/socket_address.h"

enum { HELD_MAX = 64 }; /* more than the smallest buffer holds */

int media_strays_open(struct media_strays *strays, const char *address, uint16_t port)
{
    struct sockaddr_storage bound;
    const int yes = 1, least = 0;

    if (strays->is_open)
        return 0;
    int rc = socket_address_parse(address, port, &bound);
    if (rc < 0)
        return rc;
    int fd = socket(bound.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) < 0 ||
        bind(fd, (const struct sockaddr *)&bound,
             socket_address_length((const struct sockaddr *)&bound)) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    strays->fd = fd;
    strays->is_open = true;
    return 0;
}

static void take_held(struct media_strays *strays, const struct sockaddr_storage *peer)
{
    const struct sockaddr *p = (const struct sockaddr *)peer;

    for (int i = 0; i < HELD_MAX; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        const struct sockaddr *f = (const struct sockaddr *)&from;
        socklen_t length = sizeof from;
        char octet;
        if (recvfrom(strays->fd, &octet, 1, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from,
                     &length) < 0)
            return;
        strays->read +=
            !(socket_address_same_host(f, p) && socket_address_port(f) == socket_address_port(p));
    }
}

uint64_t media_strays_report(struct media_strays *strays, const struct sockaddr_storage *peer,
                             int64_t now_ms, bool last)
{
    if (strays->is_open) {
        uint32_t memory[SK_MEMINFO_VARS] = {0};
        socklen_t length = sizeof memory;
        take_held(strays, peer);
        if (getsockopt(strays->fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0)
            strays->total = strays->read + memory[SK_MEMINFO_DROPS];
    }
    uint64_t more = strays->total - strays->reported;
    if (!last && strays->reported && now_ms - strays->reported_ms < MEDIA_STRAYS_PERIOD_MS)
        return 0;
    if (more)
        strays->reported_ms = now_ms;
    strays->reported = strays->total;
    return more;
}

void media_strays_close(struct media_strays *strays)
{
    if (strays->is_open)
        close(strays->fd);
    strays->is_open = false;
}
