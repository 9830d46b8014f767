/* http_server.h: an HTTP/1.1 server on a libuv loop, listening on a Unix socket.
 *
 * Framing is strict (RFC 9112): what two readers could understand differently is refused with 400
 * and the connection is closed. Requests of one connection are handled one after another. Callers
 * are known by SO_PEERCRED. Everything here runs on the loop's thread.
 *
 * Life of a request: the handler gets it and owns it until it answers exactly once, by one of the
 * http_respond_* functions or by http_stream_end() or http_stream_abort(), during the handler or
 * any time later. After the answer the pointer is invalid. A request stays valid when the client
 * or even the server has gone: answers then go nowhere. */
#ifndef GATEWAY_HTTP_HTTP_SERVER_H
#define GATEWAY_HTTP_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <uv.h>

struct http_server;
struct http_request;

/* Called with a complete request, its body included. user: the route's, else the server's. */
typedef void http_handler_cb(struct http_request *request, void *user);

/* Called at most once, when the client has gone before the answer was given or a stream ended.
 * The request still has to be answered, here or later. */
typedef void http_gone_cb(struct http_request *request, void *user);

typedef void http_closed_cb(void *user);

/* Asked with the user id of the other end before a body is received. Returns 0, or the status that
 * refuses it (403 or 503) with the reason, a static text, in *why. */
typedef int http_admit_cb(void *user, uid_t uid, const char **why);

enum http_route_flag {
    HTTP_ROUTE_BODY_MEMFD = 1, /* the body is collected in a memfd, see http_request_take_body() */
};

struct http_route {
    const char *method;  /* upper case; NULL ends a table */
    const char *pattern; /* "/v1/faxes/{id}": a parameter takes one whole segment, not empty */
    http_handler_cb *handler;
    void *user;              /* NULL: that of the server */
    unsigned flags;          /* of enum http_route_flag */
    size_t body_limit_bytes; /* 0: the route takes no body */
};

/* Limits; a field left 0 takes the default in brackets. */
struct http_limits {
    unsigned connections;          /* in all [256] */
    unsigned connections_per_user; /* of one user id, root is exempt [64] */
    size_t body_total_bytes;       /* of all requests being received or handled [512 MiB]; one user
                                      id, root exempt, may have half of it */
    size_t head_bytes;             /* request line and headers [16 KiB] */
    unsigned headers;              /* count [64] */
    size_t target_bytes;           /* path and query [4096] */
    size_t stream_queue_bytes;     /* unsent lines of one stream [256 KiB] */
    uint64_t idle_timeout_ms;      /* between requests [30 s] */
    uint64_t head_timeout_ms;      /* from the first octet to the end of the headers [10 s] */
    uint64_t body_stall_ms;        /* without a body octet [15 s] */
    uint64_t body_timeout_ms;      /* for the whole body [300 s] */
    uint64_t write_stall_ms;       /* with octets to send and none taken [30 s] */
};

struct http_server_config {
    const char *socket_path;         /* at most 98 octets */
    mode_t socket_mode;              /* 0: 0666, everybody may connect and is judged by user id */
    http_admit_cb *admit;            /* NULL: everybody may send bodies */
    const struct http_route *routes; /* ends with method NULL; must outlive the server */
    void *user;
    struct http_limits limits;
};

/* Binds, listens and serves on loop. A socket file that nobody listens on is replaced, any other
 * file is not; the change is atomic, so that of two starting servers one wins. SIGPIPE is set to
 * be ignored. Returns 0, -EADDRINUSE when somebody listens there, -EEXIST when the path is no
 * socket, -ENAMETOOLONG, or another negative errno; then *out is untouched. */
int http_server_open(uv_loop_t *loop, const struct http_server_config *config,
                     struct http_server **out) __attribute__((warn_unused_result));

/* Stops listening, removes the socket file, closes idle connections, lets the others finish for at
 * most drain_ms, then cuts them (gone callbacks run). closed runs once all is released, never
 * before this returns. The server must not be used after this call. Requests not yet answered stay
 * with their handlers. NULL server: nothing happens, closed is not called. */
void http_server_close(struct http_server *server, uint64_t drain_ms, http_closed_cb *closed,
                       void *user);

/* --- the request ---
 * All strings returned here are valid UTF-8 without control characters and live as long as the
 * request. */

/* The method, upper case. */
const char *http_request_method(const struct http_request *request);

/* The path as sent, without the query, not decoded. */
const char *http_request_path(const struct http_request *request);

/* A decoded path parameter of the route's pattern; NULL when the pattern has none of that name. */
const char *http_request_param(const struct http_request *request, const char *name);

/* A decoded query parameter, "" when it stands without value, NULL when absent. '+' means itself
 * (numbers are written with it). A parameter given twice was refused with 400 before the handler.
 */
const char *http_request_query(const struct http_request *request, const char *name);

/* Answers 400 and returns -EINVAL when the query holds a parameter that is not in known (ended by
 * NULL), else returns 0. After -EINVAL the request is gone. */
int http_request_check_query(struct http_request *request, const char *const *known)
    __attribute__((warn_unused_result));

/* Reads a query parameter as decimal number. Absent: *value = fallback. Answers 400 and returns
 * -EINVAL when it is no number or not within min..max, else returns 0. */
int http_request_query_number(struct http_request *request, const char *name, int64_t min,
                              int64_t max, int64_t fallback, int64_t *value)
    __attribute__((warn_unused_result));

/* The value of a header without surrounding blanks, NULL when absent; the first when it stands
 * there more than once. name: any case. */
const char *http_request_header(const struct http_request *request, const char *name);

/* True when Content-Type is this media type ("application/pdf"), parameters ignored. */
int http_request_has_type(const struct http_request *request, const char *media_type);

/* The body and its length. NULL when it is empty or in a memfd. Wiped when the request ends. */
const uint8_t *http_request_body(const struct http_request *request, size_t *length_bytes);

/* Reads the body as a JSON object. Returns a new reference that the caller owns; or NULL after
 * having answered 415 (not application/json) or 400 (with line and column); then the request is
 * gone. Duplicate keys are refused. */
json_t *http_request_json(struct http_request *request) __attribute__((warn_unused_result));

/* Gives the body of a route with HTTP_ROUTE_BODY_MEMFD to the caller: a close-on-exec memfd at
 * offset 0, sealed against a change of size. The caller closes it with http_body_close(). Returns
 * -ENODATA when there is none (no body, taken already, or another kind of route). */
int http_request_take_body(struct http_request *request, size_t *length_bytes)
    __attribute__((warn_unused_result));

/* Overwrites a memfd with zeros (when its seals allow) and closes it. -1 is allowed. */
void http_body_close(int fd);

/* Who is at the other end: SO_PEERCRED at the time of connect. */
uid_t http_request_peer_uid(const struct http_request *request);
gid_t http_request_peer_gid(const struct http_request *request);
pid_t http_request_peer_pid(const struct http_request *request);

/* A place for the handler's own state; NULL at first. */
void http_request_set_state(struct http_request *request, void *state);
void *http_request_state(const struct http_request *request);

/* Asks to be told when the client goes away. NULL withdraws it. When the client has gone already,
 * the callback never runs and -EPIPE is returned, else 0. */
int http_request_on_gone(struct http_request *request, http_gone_cb *gone, void *user);

/* --- the answer, once per request --- */

/* Adds a header to the answer that follows. name and value: visible ASCII, at most 512 octets;
 * returns -EINVAL otherwise or when too many are added. */
int http_respond_header(struct http_request *request, const char *name, const char *value);

/* Answers with JSON. Takes the reference, also on failure; NULL body gives a 500. */
void http_respond_json(struct http_request *request, int status, json_t *body);

/* Answers with a problem document (RFC 9457): type "urn:sealfax:problem:<slug>". detail may be
 * NULL. */
void http_respond_problem(struct http_request *request, int status, const char *slug,
                          const char *title, const char *detail);

/* Answers with length octets. The buffer belongs to the server from here on; free_cb(octets, user)
 * is called once, when sent or dropped, possibly before this returns. free_cb NULL: the buffer is
 * static. */
void http_respond_bytes(struct http_request *request, int status, const char *content_type,
                        const void *octets, size_t length_bytes,
                        void (*free_cb)(void *octets, void *user), void *user);

/* Answers with length octets of fd from offset 0 (a memfd: it is read without waiting). Takes fd
 * over; it is wiped and closed with http_body_close(). */
void http_respond_fd(struct http_request *request, int status, const char *content_type, int fd,
                     size_t length_bytes);

/* Answers without a body (204). */
void http_respond_empty(struct http_request *request, int status);

/* Begins an answer 200 of JSON lines, chunked. content_type: "application/jsonl". */
void http_stream_begin(struct http_request *request, const char *content_type);

/* Sends one line. Takes the reference, also on failure. Returns 0; -EPIPE when the client has gone;
 * -ENOBUFS when more than limits.stream_queue_bytes wait to be taken: the line is not sent, the
 * handler may leave it out or call http_stream_abort(); -ENOMEM. */
int http_stream_json_line(struct http_request *request, json_t *line);

/* Ends the stream properly. The request is gone. */
void http_stream_end(struct http_request *request);

/* Ends the stream by cutting the connection: the client sees that it is incomplete. */
void http_stream_abort(struct http_request *request);

#endif
