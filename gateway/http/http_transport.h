/* http_transport.h: the ordered stream of octets under a connection. The Unix socket is the first
 * kind; TCP with TLS is another set of operations. */
#ifndef GATEWAY_HTTP_HTTP_TRANSPORT_H
#define GATEWAY_HTTP_HTTP_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

struct http_transport;

struct http_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* What the owner is told. None of these runs before the operation that causes it has returned. */
struct http_transport_events {
    void (*octets)(void *user, const uint8_t *octets, size_t length); /* wiped afterwards */
    void (*ended)(void *user, int status);                            /* 0: the peer has finished */
    void (*sent)(void *user, int status);                             /* one write is done with */
    void (*closed)(void *user); /* the last event; the transport is gone */
};

struct http_transport_ops {
    int (*read_start)(struct http_transport *transport);
    void (*read_stop)(struct http_transport *transport);
    /* Takes octets over in all cases; free_cb (NULL: static octets) runs once, when sent or not. */
    int (*write)(struct http_transport *transport, void *octets, size_t length,
                 void (*free_cb)(void *octets, void *user), void *user);
    size_t (*queued_bytes)(const struct http_transport *transport);
    /* Says to the peer that nothing more follows, after what is queued. */
    void (*finish)(struct http_transport *transport);
    void (*close)(struct http_transport *transport);
};

struct http_transport {
    const struct http_transport_ops *ops;
    struct http_transport_events events;
    void *user;
    struct http_peer peer;
};

/* Accepts one connection from a listening pipe and finds out who it is. read_buffer is shared by
 * all transports of the loop. events and user are set by the caller before any operation. Returns
 * 0 or a negative errno. */
int http_transport_accept_unix(uv_stream_t *listener, uv_buf_t read_buffer,
                               struct http_transport **out) __attribute__((warn_unused_result));

#endif
