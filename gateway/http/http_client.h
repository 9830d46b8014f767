/* http_client.h: a small blocking HTTP/1.1 client over the gateway's Unix socket, for the command
 * line. One connection per call. */
#ifndef GATEWAY_HTTP_HTTP_CLIENT_H
#define GATEWAY_HTTP_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { HTTP_CLIENT_ERROR_TEXT = 512, HTTP_CLIENT_TYPE_TEXT = 128 };

/* Called for each line of a streamed answer, as JSON (borrowed). Not 0 ends the call, which then
 * returns -ECANCELED. */
typedef int http_line_cb(void *user, const json_t *line);

struct http_call {
    const char *socket_path;
    const char *method;
    const char *target;          /* path and query, encoded: see http_target_* */
    const char *content_type;    /* of the body; NULL: none */
    const char *idempotency_key; /* NULL: none */
    const void *body;            /* sent with Content-Length */
    size_t body_length_bytes;
    int body_fd;        /* sent instead of body, chunked, read to its end; -1: none */
    int answer_fd;      /* a 2xx answer that is not JSON goes there; -1: into memory */
    http_line_cb *line; /* for an answer of type application/jsonl */
    void *user;
    uint64_t timeout_ms;        /* without any octet either way; 0: 60 s */
    uint64_t stream_timeout_ms; /* the same between lines of a stream; 0: none */
};

struct http_answer {
    int status;
    char content_type[HTTP_CLIENT_TYPE_TEXT]; /* without parameters */
    json_t *json;                             /* of a JSON or problem answer, else NULL */
    char *body;                               /* other answers, with a NUL after it, else NULL */
    size_t body_length_bytes;                 /* also counts what went to answer_fd */
    char error[HTTP_CLIENT_ERROR_TEXT];       /* one sentence when the call failed */
};

/* Makes a call and reads the whole answer. Returns 0 when an answer came, whatever its status;
 * otherwise a negative errno and answer->error says why ("no gateway listens on PATH: start one
 * with 'sealfax serve'"). answer must be released with http_answer_free() in both cases. An upload
 * that the server refuses early yields its answer. Answers in memory are limited to 64 MiB. */
int http_client_call(const struct http_call *call, struct http_answer *answer)
    __attribute__((warn_unused_result));

/* Releases what an answer holds. */
void http_answer_free(struct http_answer *answer);

/* Builds a request target piece by piece. A piece that does not fit or cannot stand in a path sets
 * failed, which stays; http_client_call() is not to be used then. */
struct http_target {
    char text[4096];
    size_t length_bytes;
    int failed;
    int has_query;
};

/* Starts with a path that needs no encoding. */
void http_target_begin(struct http_target *target, const char *path);
/* Adds "/" and the encoded segment. */
void http_target_segment(struct http_target *target, const char *segment);
/* Adds a plain path part, as "/cancel". */
void http_target_plain(struct http_target *target, const char *path);
/* Adds an encoded query parameter; nothing when value is NULL. */
void http_target_query(struct http_target *target, const char *name, const char *value);

#endif
