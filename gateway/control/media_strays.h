/* media_strays.h: counts the datagrams that others than the peer send to a call's media port.
 *
 * The media socket is connected, so the kernel gives it the peer's datagrams only and throws the
 * others away unseen. A second socket on the same port, made when the first is connected, gets
 * them: it is never read while they come, holds two or three, and the kernel counts what it drops.
 * So a flood costs this process nothing, and its count is exact all the same.
 */
#ifndef GATEWAY_CONTROL_MEDIA_STRAYS_H
#define GATEWAY_CONTROL_MEDIA_STRAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { MEDIA_STRAYS_PERIOD_MS = 60000 };

/* All zero: not open. */
struct media_strays {
    bool is_open;
    int fd;
    uint64_t read;     /* taken from the socket, and not the peer's */
    uint64_t total;    /* with those that were dropped; also after the end */
    uint64_t reported; /* by media_strays_report */
    int64_t reported_ms;
};

/* Opens on the literal address and port, on which media_ports_open has a socket that is connected
 * by now. Returns 0 or a negative errno; already open is 0. */
int media_strays_open(struct media_strays *strays, const char *address, uint16_t port)
    __attribute__((warn_unused_result));

/* Counts anew, and returns how many came that were not reported, 0 while the last report is
 * younger than MEDIA_STRAYS_PERIOD_MS unless `last`. What is returned counts as reported. peer: its
 * own datagrams, come after the media socket has closed, are not counted. */
uint64_t media_strays_report(struct media_strays *strays, const struct sockaddr_storage *peer,
                             int64_t now_ms, bool last);

/* Closes; safe to repeat. The counters stay. */
void media_strays_close(struct media_strays *strays);

#endif
