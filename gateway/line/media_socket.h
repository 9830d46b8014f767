/* media_socket.h: the UDP socket of one call, connected to the address that signalling named.
 *
 * Nothing latches: datagrams from any other address are counted and dropped, whatever came first.
 * The exception is a peer behind an address translation, of which signalling knows the host and
 * cannot know the port: media_socket_latch. Then the first datagram of that host names the port,
 * once; nobody else ever can.
 */
#ifndef GATEWAY_LINE_MEDIA_SOCKET_H
#define GATEWAY_LINE_MEDIA_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Datagrams from the port that was in use before the peer was signalled elsewhere: so many are late
 * ones, a second of audio. If more come the peer has not moved at all. */
enum { MEDIA_SOCKET_LATE_MAX = 50 };

enum { MEDIA_DATAGRAM_MAX = 2048 }; /* octets; what is longer is cut */

/* A datagram that was read and waits for its turn. The odd size spreads them over the cache. */
struct media_arrival {
    uint8_t octets[MEDIA_DATAGRAM_MAX + 64];
    ssize_t length; /* negative: there is none */
};

/* fd -1: closed. */
struct media_socket {
    int fd;
    bool latching;        /* the port of the peer is not known yet */
    bool only_peer;       /* connected, and the queue was empty since: no address to check */
    uint64_t foreign;     /* datagrams of others that were dropped */
    uint64_t unreachable; /* ICMP errors reported by the kernel */
    uint64_t unsent;      /* datagrams that the kernel did not take */
    struct sockaddr_storage peer;      /* family AF_UNSPEC: not connected yet */
    struct sockaddr_storage signalled; /* of media_socket_latch; AF_UNSPEC: it was connected */
    uint16_t late_port;                /* where the peer was before; 0: nowhere */
    unsigned late;                     /* datagrams from there since */
};

/* Takes over a bound UDP socket, also on failure (it is closed then). Returns 0 or a negative
 * errno: -ENOTSOCK, -EPROTOTYPE (not a datagram socket), -EBADF. */
int media_socket_open(struct media_socket *media, int fd) __attribute__((warn_unused_result));

/* Connects to the peer, or to its new address. Datagrams that arrived before from elsewhere stay in
 * the kernel's queue; media_socket_receive drops them. Returns 0 or a negative errno
 * (-EAFNOSUPPORT: neither IPv4 nor IPv6, or not the socket's family). */
int media_socket_connect(struct media_socket *media, const struct sockaddr_storage *peer)
    __attribute__((warn_unused_result));

/* Makes who first sends from the host of `signalled` the peer, by whatever port, and connects to
 * it. Until then datagrams go to signalled itself. The same signalled again changes nothing;
 * another one begins anew. Returns as media_socket_connect. */
int media_socket_latch(struct media_socket *media, const struct sockaddr_storage *signalled)
    __attribute__((warn_unused_result));

/* Takes one datagram from the queue. Returns its length (0 is possible; what is longer than
 * capacity is cut); -EAGAIN when the queue is empty; -ENOMSG when the datagram was somebody else's
 * and is dropped; -ECONNREFUSED for an ICMP error (tolerated: the peer may not listen yet); another
 * negative errno when the socket is of no more use. */
ssize_t media_socket_receive(struct media_socket *media, uint8_t *out, size_t capacity)
    __attribute__((warn_unused_result));

/* The same for all datagrams that wait, `limit` at most. Returns how many arrivals were filled in;
 * less than limit: the queue is empty. */
unsigned media_socket_receive_many(struct media_socket *media, struct media_arrival *arrivals,
                                   unsigned limit);

/* Sends one datagram to the peer. Loss is the network's way: a full queue or an ICMP error is
 * counted and not reported. Before media_socket_connect nothing is sent. */
void media_socket_send(struct media_socket *media, const uint8_t *data, size_t length);

/* Closes; safe to repeat. */
void media_socket_close(struct media_socket *media);

#endif
