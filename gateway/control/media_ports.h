/* media_ports.h: UDP sockets for the media of calls, bound to ports of the configured range. */
#ifndef GATEWAY_CONTROL_MEDIA_PORTS_H
#define GATEWAY_CONTROL_MEDIA_PORTS_H

#include <stdint.h>

struct media_ports {
    char address[64]; /* literal to bind to */
    uint16_t first, last, next;
};

/* Takes the range first..last of address. Returns 0 or -EINVAL (no literal, empty range). */
int media_ports_init(struct media_ports *ports, const char *address, int64_t first, int64_t last)
    __attribute__((warn_unused_result));

/* Binds the next free even port (RFC 3550 §11 asks RTP to be even; T.38 takes the place of RTP). On
 * success the caller owns *descriptor, which is non-blocking and close-on-exec. Errors: -EADDRINUSE
 * when no port is free, other negative errno. */
int media_ports_open(struct media_ports *ports, int *descriptor, uint16_t *port)
    __attribute__((warn_unused_result));

#endif
