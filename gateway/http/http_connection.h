/* http_connection.h: the server's own structs; only for the files of this folder. */
#ifndef GATEWAY_HTTP_HTTP_CONNECTION_H
#define GATEWAY_HTTP_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/http/http_body.h"
#include "gateway/http/http_head.h"
#include "gateway/http/http_listen.h"
#include "gateway/http/http_server.h"
#include "gateway/http/http_transport.h"

enum { HTTP_PARAMS_MAX = 4, HTTP_EXTRA_HEADERS_BYTES = 1024 };

struct http_connection;

struct http_request {
    struct http_connection *connection; /* NULL when the client has gone */
    struct http_head head;
    const struct http_route *route;
    struct {
        const char *name; /* in the pattern, up to '}' */
        size_t name_length;
        char *value;
    } params[HTTP_PARAMS_MAX];
    size_t param_count;
    uint8_t *body;
    size_t body_length;
    size_t body_capacity;
    int body_fd;
    struct http_peer peer;
    void *user;
    void *state;
    http_gone_cb *gone;
    void *gone_user;
    bool handed;    /* the handler has it */
    bool streaming; /* http_stream_begin() was called */
    char extra_headers[HTTP_EXTRA_HEADERS_BYTES];
    size_t extra_length;
};

/* What a connection is doing; one request at a time goes through these in order. */
enum http_phase {
    PHASE_IDLE,      /* no octet of a request yet */
    PHASE_HEAD,      /* some */
    PHASE_BODY,      /* the head is read, the body is coming */
    PHASE_HANDLING,  /* the handler has the request, a stream included */
    PHASE_ANSWERING, /* the answer is given and being sent */
    PHASE_LINGERING, /* all is sent; waiting for the peer to close */
    PHASE_CLOSING,
};

struct http_connection {
    struct http_server *server;
    struct http_connection *previous;
    struct http_connection *next;
    struct http_transport *transport;
    uv_timer_t timer;
    int open_handles;
    enum http_phase phase;
    struct http_peer peer;
    struct http_request *request; /* being received or handled */
    struct http_body_reader reader;
    uint8_t *input; /* received and not used */
    size_t input_length;
    size_t input_capacity;
    size_t head_seen;
    bool paused;          /* reading has stopped because input is full */
    bool peer_ended;      /* the peer sends no more */
    bool close_after;     /* close when the answer is sent */
    size_t charged_bytes; /* of the server's body budget */
    uint64_t body_deadline_ms;
    uint64_t given_bytes; /* ever given to the transport */
    uint64_t taken_bytes; /* given - queued when last looked at, to see progress */
    int answer_fd;        /* still to be sent from; -1: none */
    uint64_t answer_offset;
    uint64_t answer_left;
};

struct http_server {
    uv_loop_t *loop;
    uv_pipe_t listener;
    uv_timer_t drain; /* also: tries again to accept, before that */
    int open_handles;
    struct http_listen_place place;
    http_admit_cb *admit;
    const struct http_route *routes;
    void *user;
    struct http_limits limits;
    struct http_connection *connections;
    unsigned connection_count;
    size_t body_bytes;
    uint8_t *read_buffer;
    size_t read_buffer_size;
    bool closing;
    http_closed_cb *closed;
    void *closed_user;
};

/* Takes an accepted transport, also on failure. */
void http_connection_open(struct http_server *server, struct http_transport *transport);
/* Drops everything of the connection at once; a handler's request is told and left to it. */
void http_connection_close(struct http_connection *connection);
/* Closes when nothing is under way, otherwise after the answer. */
void http_connection_drain(struct http_connection *connection);
/* Called when the last handle of a closed connection is gone; may free the server. */
void http_server_forget(struct http_server *server, struct http_connection *connection);

/* Sets the one timer of the connection anew; what it means depends on the phase. */
void http_connection_set_timer(struct http_connection *connection, uint64_t after_ms);

/* Gives octets to the transport and watches that the peer takes them. Takes octets over. */
int http_connection_send(struct http_connection *connection, void *octets, size_t length,
                         void (*free_cb)(void *octets, void *user), void *user);
/* The answer was given completely: the request is freed, the connection sends what is queued (and
 * answer_fd) and goes on. NULL connection (client gone): only frees. */
void http_connection_answered(struct http_connection *connection, struct http_request *request);

/* http_receive.c: takes what is in connection->input as far as the phase allows. */
void http_connection_advance(struct http_connection *connection);
/* Answers a refusal and closes afterwards. */
void http_connection_refuse(struct http_connection *connection, const struct http_refusal *refusal);

/* Makes an empty request of the connection; NULL: no memory. */
struct http_request *http_request_new(struct http_connection *connection);
/* Frees a request; its body is wiped. */
void http_request_free(struct http_request *request);

/* Finds the route of the request and fills its parameters. Returns 0; 404; 405 with allow filled
 * (at least 64 octets); 400 for a broken escape in the path; 503 without memory. */
int http_route_find(const struct http_route *routes, struct http_request *request, char *allow,
                    size_t allow_size);

#endif
