/* media_transport.h: a call's way to its peer: datagrams in, datagrams out. Below it is the socket
 * (media_socket.h), above it whoever understands the datagrams (UDPTL, RTP); between the two may
 * stand a shield (DTLS, SRTP).
 *
 *   receive: socket -> shield's receive -> media_transport_deliver -> the user's callback
 *   send:    media_transport_send -> shield's send -> media_transport_send_wire -> socket
 *
 * Everything runs on the loop's thread. No function here allocates.
 */
#ifndef GATEWAY_LINE_MEDIA_TRANSPORT_H
#define GATEWAY_LINE_MEDIA_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/line/media_socket.h"
#include "gateway/process/messages.h"

struct media_transport;

/* A datagram of the peer, in clear. It may be altered; it is wiped after the call. Must not close
 * the transport. */
typedef void media_datagram_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms);

/* What protects a stream. All functions but due_ms and tick are required. */
struct media_shield_ops {
    /* A datagram as it came from the peer's address; it may be altered. Gives what it opens to
     * media_transport_deliver (any number, also none: forged, or part of a handshake) and may
     * answer by media_transport_send_wire. */
    void (*receive)(void *shield, struct media_transport *transport, uint8_t *data, size_t length,
                    uint64_t now_ms);
    /* A datagram in clear: what is to leave for it goes to media_transport_send_wire. What cannot
     * leave yet is dropped or kept by the shield. */
    void (*send)(void *shield, struct media_transport *transport, const uint8_t *data,
                 size_t length);
    /* When tick has something to do (retransmission of a handshake), or UINT64_MAX. */
    uint64_t (*due_ms)(const void *shield);
    void (*tick)(void *shield, struct media_transport *transport, uint64_t now_ms);
    /* Wipes and frees. */
    void (*free)(void *shield);
};

/* All zero but socket.fd -1: closed. */
struct media_transport {
    media_datagram_cb *datagram_cb;
    void *user;
    const struct media_shield_ops *shield_ops; /* NULL: datagrams pass as they are */
    void *shield;
    struct media_socket socket;
};

/* Takes over a bound UDP socket, also on failure (it is closed then). Without a callback what comes
 * is dropped. Returns 0 or a negative errno as media_socket_open. */
int media_transport_open(struct media_transport *transport, int fd)
    __attribute__((warn_unused_result));

/* Who takes the datagrams; may change at any time but inside that callback. */
void media_transport_on_datagram(struct media_transport *transport, media_datagram_cb *cb,
                                 void *user);

/* Puts a shield in, which the transport owns from then on; an earlier one is freed. */
void media_transport_shield(struct media_transport *transport, const struct media_shield_ops *ops,
                            void *shield);

/* Connects to the signalled peer, or to its new address. Returns 0 or a negative errno as
 * media_socket_connect. */
int media_transport_connect(struct media_transport *transport, const struct sockaddr_storage *peer)
    __attribute__((warn_unused_result));

/* The same for what the line is told of a peer: of one behind an address translation only the host
 * is known (media_socket_latch). */
int media_transport_reach(struct media_transport *transport, const struct msg_call_media *media)
    __attribute__((warn_unused_result));

/* The two halves of media_transport_receive, for who reads from many first and then gives each what
 * came. read: one datagram into out, MEDIA_DATAGRAM_MAX octets; returns as media_socket_receive.
 * take: gives it to shield and user, and wipes it. */
ssize_t media_transport_read(struct media_transport *transport, uint8_t *out)
    __attribute__((warn_unused_result));
void media_transport_take(struct media_transport *transport, uint8_t *data, size_t length,
                          uint64_t now_ms);

/* As media_transport_read for as many as wait, `limit` at most: returns their number. */
unsigned media_transport_read_many(struct media_transport *transport,
                                   struct media_arrival *arrivals, unsigned limit);

/* Reads at most `limit` datagrams; those of others count and are dropped. scratch: room for one
 * datagram, MEDIA_DATAGRAM_MAX octets, wiped before return. Returns how many were read: less than
 * limit means that the queue is empty. */
unsigned media_transport_receive(struct media_transport *transport, uint8_t *scratch,
                                 unsigned limit, uint64_t now_ms);

/* For shields: a datagram in clear. */
void media_transport_deliver(struct media_transport *transport, uint8_t *data, size_t length,
                             uint64_t now_ms);

/* Sends a datagram in clear. Loss is the network's way and is only counted. */
void media_transport_send(struct media_transport *transport, const uint8_t *data, size_t length);

/* For shields: puts a datagram on the wire as it is. */
void media_transport_send_wire(struct media_transport *transport, const uint8_t *data,
                               size_t length);

/* When media_transport_tick has something to do; UINT64_MAX: never. */
uint64_t media_transport_due_ms(const struct media_transport *transport);
void media_transport_tick(struct media_transport *transport, uint64_t now_ms);

/* Frees the shield and closes the socket; safe to repeat. */
void media_transport_close(struct media_transport *transport);

#endif
