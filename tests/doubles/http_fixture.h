/* http_fixture.h: an HTTP server with a few handlers on a loop that the test turns itself, and a
 * raw client for it. Uses cmocka's assertions. */
#ifndef TESTS_DOUBLES_HTTP_FIXTURE_H
#define TESTS_DOUBLES_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/http/http_server.h"

enum { HTTP_FIXTURE_ANSWER_BYTES = 4 << 20 };

struct http_fixture {
    uv_loop_t loop;
    struct http_server *server;
    char folder[64];
    char path[80];
    char *answer; /* what the last exchange brought */
    size_t answer_length;
    bool closed_by_server;
    bool server_closed;
    struct http_request *held; /* by the handler that answers later */
    unsigned gone;
    unsigned stream_refused;
    unsigned freed;
};

int http_fixture_set_up(void **state);
int http_fixture_tear_down(void **state);

/* The configuration with small limits; a test changes what it needs and starts the server. */
struct http_server_config http_fixture_config(struct http_fixture *f);
void http_fixture_start(struct http_fixture *f, const struct http_server_config *config);

/* Given to http_server_close(): sets server_closed. user: the fixture. */
void http_fixture_note_closed(void *user);

/* The gone callback of its handlers: counts in f->gone. user: the fixture. */
void http_fixture_is_gone(struct http_request *request, void *user);

/* A new connection, non-blocking. */
int http_fixture_connect(const char *path);

/* Runs the loop without waiting. */
void http_fixture_turn(struct http_fixture *f, int times);

/* Sends octets and reads into f->answer until the server has closed, or until all is sent and
 * wanted stands in the answer. Fails after 20 s. */
void http_fixture_exchange_on(struct http_fixture *f, int fd, const void *octets, size_t length,
                              const char *wanted);
/* The same on a connection of its own. */
void http_fixture_exchange(struct http_fixture *f, const char *text, const char *wanted);

/* Fails unless part stands in the last answer. */
void http_fixture_expect(const struct http_fixture *f, const char *part);

#endif
