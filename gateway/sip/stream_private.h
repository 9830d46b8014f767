/* stream_private.h: one connection, for the files stream*.c alone.
 *
 * CONNECTING (ours) -> HANDSHAKE (TLS) -> OPEN -> CLOSING, when its number is gone and libuv still
 * holds the handle; it frees itself then. */
#ifndef GATEWAY_SIP_STREAM_PRIVATE_H
#define GATEWAY_SIP_STREAM_PRIVATE_H

#include "gateway/sip/stack.h"
#include "gateway/sip/stream.h"
#include "gateway/sip/stream_frame.h"
#include "gateway/sip/stream_tls.h"

enum {
    STREAM_UNSENT_MAX = 512 * 1024, /* octets that wait for a peer which does not read */
    STREAM_OUTGOING_MAX = 1024,
    STREAM_PONG_MS = 10000, /* RFC 5626 §4.4.1 */
    STREAM_BACKLOG = 128,
    STREAM_AGAIN_MS = 100, /* until a connection is accepted that could not be */
};

enum stream_state { STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN, STREAM_CLOSING };

struct sip_stream {
    struct sip_stack *stack;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uint32_t number;
    enum stream_state state;
    enum sip_protocol protocol;
    bool incoming;
    bool broken;    /* to be lost as soon as nothing of it is in use */
    bool ever_pong; /* the peer answers pings */
    struct sockaddr_storage peer;
    struct sip_tls *tls; /* NULL: TCP */
    uint64_t terms;      /* what TLS was agreed under, as a hash */
    char *in;            /* the beginning of a message */
    size_t in_length, in_capacity;
    struct sip_frame frame;
    char *waiting; /* plain text for when the connection is open */
    size_t waiting_length;
    size_t unsent; /* octets in libuv's queue */
    uint64_t messages_in;
    uint64_t keep_until_ms; /* a device is registered over it; uv_now() time */
    struct sip_timer timer; /* for the earliest of these, uv_now() time, 0: not armed */
    uint64_t deadline_ms, idle_at_ms, ping_at_ms, pong_by_ms;
};

/* stream.c */

/* Makes one with its handle, in the table. NULL: out of memory or numbers. */
struct sip_stream *stream_new(struct sip_stack *stack, enum sip_protocol protocol, bool incoming,
                              const struct sockaddr *peer);

/* Begins reading, and TLS when that is its protocol. Errors: as sip_tls_new(), libuv's. */
int stream_begin(struct sip_stream *s) __attribute__((warn_unused_result));

/* Whether TLS with the peer would be agreed as it was for this connection: trunks change. */
bool stream_terms_hold(struct sip_stream *s);

/* Ends it: closes the handle, tells those that wait for an answer on it. text NULL: in order. */
void stream_lose(struct sip_stream *s, const char *text, bool verification);

/* The same, once the loop runs on; for code that is called by those who would be told. */
void stream_break(struct sip_stream *s);

/* (Re)arms the timer after a change of the times. */
void stream_arm(struct sip_stream *s);

/* stream_io.c */

/* Encrypts and sends. Errors: -ENOBUFS, -EPROTO, libuv's. */
int stream_write(struct sip_stream *s, const char *bytes, size_t length)
    __attribute__((warn_unused_result));

/* Sends what TLS has to say. Errors: as above. */
int stream_flush(struct sip_stream *s);

/* libuv's. With n 0 the second takes the next step without anything from the network. */
void stream_alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
void stream_read_cb(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buffer);

#endif
