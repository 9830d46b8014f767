/* Serves a few routes on the socket given as argument until SIGTERM: for http_curl_test.sh. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api/openapi_document.h"
#include "gateway/http/http_server.h"

struct program {
    uv_signal_t stop;
    struct http_server *server;
};

static void echo(struct http_request *request, void *user)
{
    (void)user;
    size_t length = 0;
    int fd = http_request_take_body(request, &length);
    if (fd < 0)
        http_respond_problem(request, 422, "no-document", "No document", NULL);
    else
        http_respond_fd(request, 200, "application/octet-stream", fd, length);
}

static void stream(struct http_request *request, void *user)
{
    (void)user;
    http_stream_begin(request, "application/jsonl");
    for (int i = 1; i <= 3; i++)
        (void)http_stream_json_line(request, json_pack("{s:i}", "page", i));
    http_stream_end(request);
}

static void describe(struct http_request *request, void *user)
{
    (void)user;
    http_respond_bytes(request, 200, "application/json", openapi_document,
                       openapi_document_length_bytes, NULL, NULL);
}

static void stop(uv_signal_t *handle, int number)
{
    (void)number;
    struct program *program = handle->data;
    http_server_close(program->server, 1000, NULL, NULL);
    uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv)
{
    static const struct http_route routes[] = {
        {"POST", "/echo", echo, NULL, HTTP_ROUTE_BODY_MEMFD, 8 << 20},
        {"GET", "/stream", stream, NULL, 0, 0},
        {"GET", "/v1/openapi.json", describe, NULL, 0, 0},
        {NULL, NULL, NULL, NULL, 0, 0},
    };
    struct program program;
    uv_loop_t loop;
    struct http_server_config config = {.socket_path = argv[1], .routes = routes};
    if (argc != 2 || uv_loop_init(&loop) < 0)
        return 2;
    int error = http_server_open(&loop, &config, &program.server);
    if (error < 0) {
        fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        return 1;
    }
    uv_signal_init(&loop, &program.stop);
    program.stop.data = &program;
    uv_signal_start(&program.stop, stop, SIGTERM);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
