/* http_answer.h: reading an answer in the client; only for http_client.c and its test. */
#ifndef GATEWAY_HTTP_HTTP_ANSWER_H
#define GATEWAY_HTTP_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <http_parser.h>

#include "gateway/http/http_client.h"

struct http_answer_reader {
    http_parser parser;
    const struct http_call *call;
    struct http_answer *answer;
    char *kept; /* the body, or the line that is not complete yet */
    size_t kept_length;
    size_t kept_capacity;
    char name[32]; /* of the header being read, its beginning */
    size_t name_length;
    bool in_value;
    enum { SINK_MEMORY, SINK_FD, SINK_LINES } sink;
    bool complete;
    int error; /* negative errno; answer->error is set */
};

/* Makes a reader for the answer to call; answer is filled as it comes. Both must outlive the
 * reader. */
void http_answer_begin(struct http_answer_reader *reader, const struct http_call *call,
                       struct http_answer *answer);

/* Takes received octets; length 0: the peer has closed. Returns 0 or a negative errno with
 * answer->error set. */
int http_answer_feed(struct http_answer_reader *reader, const char *octets, size_t length);

/* Moves the body into the answer, as JSON where it is, and releases the reader. Returns 0 or a
 * negative errno. */
int http_answer_end(struct http_answer_reader *reader);

/* Sets answer->error and returns error. */
int http_answer_fail(struct http_answer *answer, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
