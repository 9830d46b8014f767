/* media_socket.h: the UDP socket of one call, connected to the address that signalling named.
 *
 * Nothing latches: datagrams from any other address are counted and dropped, whatever came first.
 */
#ifndef GATEWAY_LINE_MEDIA_SOCKET_H
#define GATEWAY_LINE_MEDIA_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* fd -1: closed. */
struct media_socket {
    int fd;
    bool only_peer;       /* connected, and the queue was empty since: no address to check */
    uint64_t foreign;     /* datagrams of others that were dropped */
    uint64_t unreachable; /* ICMP errors reported by the kernel */
    uint64_t unsent;      /* datagrams that the kernel did not take */
    struct sockaddr_storage peer; /* family AF_UNSPEC: not connected yet */
};

/* Takes over a bound UDP socket, also on failure (it is closed then). Returns 0 or a negative
 * errno: -ENOTSOCK, -EPROTOTYPE (not a datagram socket), -EBADF. */
int media_socket_open(struct media_socket *media, int fd) __attribute__((warn_unused_result));

/* Connects to the peer, or to its new address. Datagrams that arrived before from elsewhere stay in
 * the kernel's queue; media_socket_receive drops them. Returns 0 or a negative errno
 * (-EAFNOSUPPORT: neither IPv4 nor IPv6, or not the socket's family). */
int media_socket_connect(struct media_socket *media, const struct sockaddr_storage *peer)
    __attribute__((warn_unused_result));

/* Takes one datagram from the queue. Returns its length (0 is possible; what is longer than
 * capacity is cut); -EAGAIN when the queue is empty; -ENOMSG when the datagram was somebody else's
 * and is dropped; -ECONNREFUSED for an ICMP error (tolerated: the peer may not listen yet); another
 * negative errno when the socket is of no more use. */
ssize_t media_socket_receive(struct media_socket *media, uint8_t *out, size_t capacity)
    __attribute__((warn_unused_result));

/* Sends one datagram to the peer. Loss is the network's way: a full queue or an ICMP error is
 * counted and not reported. Before media_socket_connect nothing is sent. */
void media_socket_send(struct media_socket *media, const uint8_t *data, size_t length);

/* Closes; safe to repeat. */
void media_socket_close(struct media_socket *media);

#endif
