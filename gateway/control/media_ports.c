#include "gateway/control/media_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/socket_address.h"

int media_ports_init(struct media_ports *ports, const char *address, int64_t first, int64_t last)
{
    struct sockaddr_storage unused;
    if (strlen(address) >= sizeof ports->address || socket_address_parse(address, 0, &unused) < 0 ||
        first < 1 || last > 65535 || first > last)
        return -EINVAL;
    snprintf(ports->address, sizeof ports->address, "%s", address);
    ports->first = (uint16_t)((first + 1) & ~1);
    ports->last = (uint16_t)last;
    if (ports->first > ports->last || ports->first == 0)
        return -EINVAL;
    ports->next = ports->first;
    return 0;
}

static int bind_port(const struct media_ports *ports, uint16_t port)
{
    struct sockaddr_storage address;
    int rc = socket_address_parse(ports->address, port, &address);
    if (rc < 0)
        return rc;
    const struct sockaddr *bound = (const struct sockaddr *)&address;
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, bound, socket_address_length(bound)) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    /* Set after bind, so that no other call can have the port; media_strays.h shares it later. */
    const int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    return fd;
}

int media_ports_open(struct media_ports *ports, int *descriptor, uint16_t *port)
{
    int tries = (ports->last - ports->first) / 2 + 1;
    while (tries-- > 0) {
        uint16_t candidate = ports->next;
        ports->next = candidate + 2 > ports->last ? ports->first : (uint16_t)(candidate + 2);
        int fd = bind_port(ports, candidate);
        if (fd >= 0) {
            *descriptor = fd;
            *port = candidate;
            return 0;
        }
        if (fd != -EADDRINUSE)
            return fd;
    }
    return -EADDRINUSE;
}
