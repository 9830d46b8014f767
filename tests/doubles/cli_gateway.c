#include "tests/doubles/cli_gateway.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/http/http_server.h"

static void show_request(struct http_request *request, void *user)
{
    (void)user;
    static const char *const names[] = {
        "attempt", "from", "to",    "direction", "state",  "mailbox", "limit",  "event",
        "actor",   "fax",  "since", "until",     "before", "dry_run", "format", NULL};
    json_t *answer = json_pack("{s:s, s:s}", "method", http_request_method(request), "path",
                               http_request_path(request));
    for (size_t i = 0; names[i]; i++)
        if (http_request_query(request, names[i]))
            json_object_set_new(answer, names[i],
                                json_string(http_request_query(request, names[i])));
    http_respond_json(request, 200, answer);
}

static void echo_body(struct http_request *request, void *user)
{
    (void)user;
    json_t *body = http_request_json(request);
    if (body)
        http_respond_json(request, 201, body);
}

static void give_nothing(struct http_request *request, void *user)
{
    (void)user;
    http_respond_empty(request, 204);
}

static void take_fax(struct http_request *request, void *user)
{
    (void)user;
    size_t length = 0;
    int fd = http_request_take_body(request, &length);
    const char *to = http_request_query(request, "to");
    const char *key = http_request_header(request, "Idempotency-Key");
    http_body_close(fd);
    if (to && strcmp(to, "+666") == 0) {
        http_respond_problem(request, 403, "denied", "Not allowed", "you may not call \"+666\"");
        return;
    }
    http_respond_json(
        request, key && strcmp(key, "again") == 0 ? 200 : 201,
        json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:I}", "id", CLI_GATEWAY_FAX,
                  "state", "queued", "from", http_request_query(request, "from"), "to", to, "key",
                  key, "type", http_request_header(request, "Content-Type"), "resolution",
                  http_request_query(request, "resolution"), "ranges",
                  http_request_query(request, "pages"), "rotate",
                  http_request_query(request, "rotate"), "pages", (json_int_t)length));
}

static void list_faxes(struct http_request *request, void *user)
{
    (void)user;
    http_respond_json(
        request, 200,
        json_pack("{s:[{s:s, s:s, s:s, s:s, s:i, s:s, s:n}, {s:s, s:s, s:s, s:s, s:i, s:s, s:n}],"
                  " s:s}",
                  "faxes", "id", CLI_GATEWAY_FAX, "direction", "out", "state", "delivered", "from",
                  "\xc3\x84rger \x1b[31m\x01", "pages", 3, "created", "2026-11-21T21:33:36.123Z",
                  "disposal", "id", "short", "direction", "in", "state", "received", "from",
                  "plain", "pages", 112, "created", "2026-01-01T00:00:00Z", "disposal", "next",
                  "mark\x1b"));
}

static json_t *step(const char *kind, const char *state, int page)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "time", "2026-11-21T21:33:36Z", "kind",
                     kind, "state", state, "page", page, "pages", 5, "rate", 14400, "modem",
                     "V.17");
}

/* The fax "cut" ends without its last line, "busy" fails, others are delivered. */
static void watch_fax(struct http_request *request, void *user)
{
    (void)user;
    const char *fax = http_request_param(request, "id");
    const char *end = strcmp(fax, "busy") == 0 ? "failed" : "delivered";
    http_stream_begin(request, "application/jsonl");
    (void)http_stream_json_line(request, step("dialling", "sending", 0));
    (void)http_stream_json_line(request, step("training", "sending", 0));
    (void)http_stream_json_line(request, step("page", "sending", 2));
    (void)http_stream_json_line(request, step("confirmed", "sending", 2));
    if (strcmp(fax, "broken") == 0) {
        http_stream_abort(request);
        return;
    }
    if (strcmp(fax, "cut") != 0)
        (void)http_stream_json_line(request, step("ended", end, 0));
    http_stream_end(request);
}

static void give_document(struct http_request *request, void *user)
{
    (void)user;
    if (strcmp(http_request_param(request, "id"), "gone") == 0)
        http_respond_problem(request, 410, "disposed", "Disposed of", NULL);
    else
        http_respond_bytes(request, 200, "application/pdf", "%PDF-\0\1\2", 8, NULL, NULL);
}

static void verify(struct http_request *request, void *user)
{
    http_stream_begin(request, "application/jsonl");
    (void)http_stream_json_line(
        request, json_pack("{s:s, s:i, s:i}", "stage", "journal", "checked", 5, "total", 9));
    if (user)
        (void)http_stream_json_line(
            request, json_pack("{s:s, s:i, s:i, s:{s:i, s:s, s:s}}", "result", "broken", "records",
                               9, "checkpoints", 2, "first_broken", "index", 7, "source",
                               "database", "why", "the hash differs"));
    else
        (void)http_stream_json_line(request,
                                    json_pack("{s:s, s:i, s:i, s:n}", "result", "ok", "records", 9,
                                              "checkpoints", 2, "first_broken"));
    http_stream_end(request);
}

static void give_note(struct http_request *request, void *user)
{
    (void)user;
    static const char note[] = "node\n9\nroot\n\n\xe2\x80\x94 node sig\n";
    http_respond_bytes(request, 200, "text/plain; charset=utf-8", note, sizeof note - 1, NULL,
                       NULL);
}

static void give_status(struct http_request *request, void *user)
{
    (void)user;
    http_respond_json(
        request, 200,
        json_pack("{s:s, s:s, s:b, s:i, s:{s:b, s:i}, s:{s:i, s:i, s:i, s:b}, s:[{s:i, s:i}],"
                  " s:{s:b, s:s}, s:{s:s}, s:n}",
                  "version", "0.1.0", "node", "n1", "ready", 1, "uptime_s", 90061, "database", "up",
                  1, "lag", 2, "audit", "index", 7, "applied", 5, "checkpoint_size", 4, "failed", 0,
                  "lines", "pid", 11, "calls", 3, "keeper", "up", 1, "master_key_id", "mk", "sip",
                  "listen", "127.0.0.1:5060", "principal"));
}

static char broken_mark; /* its address tells the route */

static const struct http_route routes[] = {
    {"GET", "/v1/status", give_status, NULL, 0, 0},
    {"GET", "/v1/faxes", list_faxes, NULL, 0, 0},
    {"POST", "/v1/faxes", take_fax, NULL, HTTP_ROUTE_BODY_MEMFD, 1 << 20},
    {"GET", "/v1/faxes/{id}", show_request, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/watch", watch_fax, NULL, 0, 0},
    {"POST", "/v1/faxes/{id}/cancel", show_request, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/trace", show_request, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/document", give_document, NULL, 0, 0},
    {"GET", "/v1/principals", show_request, NULL, 0, 0},
    {"POST", "/v1/principals", echo_body, NULL, 0, 4096},
    {"POST", "/v1/principals/{name}/disable", show_request, NULL, 0, 0},
    {"POST", "/v1/principals/{name}/enable", show_request, NULL, 0, 0},
    {"PUT", "/v1/principals/{name}/credentials/{user}", echo_body, NULL, 0, 4096},
    {"GET", "/v1/roles", show_request, NULL, 0, 0},
    {"POST", "/v1/roles", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/roles/{name}", give_nothing, NULL, 0, 0},
    {"GET", "/v1/grants", show_request, NULL, 0, 0},
    {"POST", "/v1/grants", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/grants/{id}", give_nothing, NULL, 0, 0},
    {"GET", "/v1/mailboxes", show_request, NULL, 0, 0},
    {"POST", "/v1/mailboxes", echo_body, NULL, 0, 4096},
    {"PATCH", "/v1/mailboxes/{name}", echo_body, NULL, 0, 4096},
    {"GET", "/v1/numbers", show_request, NULL, 0, 0},
    {"POST", "/v1/numbers", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/numbers/{number}", show_request, NULL, 0, 0},
    {"GET", "/v1/trunks", show_request, NULL, 0, 0},
    {"POST", "/v1/trunks", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/trunks/{name}", give_nothing, NULL, 0, 0},
    {"PUT", "/v1/trunks/{name}/credential", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/trunks/{name}/credential", give_nothing, NULL, 0, 0},
    {"PUT", "/v1/trunks/{name}/registration", echo_body, NULL, 0, 4096},
    {"DELETE", "/v1/trunks/{name}/registration", give_nothing, NULL, 0, 0},
    {"GET", "/v1/keys", show_request, NULL, 0, 0},
    {"GET", "/v1/audit/records", show_request, NULL, 0, 0},
    {"POST", "/v1/audit/verify", verify, NULL, 0, 0},
    {"GET", "/v1/audit/checkpoint", give_note, NULL, 0, 0},
    {"POST", "/v1/dispose", show_request, NULL, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};

static const struct http_route broken_routes[] = {
    {"POST", "/v1/audit/verify", verify, &broken_mark, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};

static void serve(const char *path, const struct http_route *table, int ready)
{
    struct http_server_config config = {.socket_path = path, .routes = table};
    struct http_server *server;
    uv_loop_t loop;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (uv_loop_init(&loop) == 0 && http_server_open(&loop, &config, &server) == 0 &&
        write(ready, "r", 1) == 1)
        uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

pid_t cli_gateway_start(const char *path, bool broken)
{
    int ready[2];
    char octet = 0;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        serve(path, broken ? broken_routes : routes, ready[1]);
    close(ready[1]);
    if (pid > 0 && read(ready[0], &octet, 1) != 1) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    close(ready[0]);
    return pid;
}

int cli_gateway_stop(pid_t pid)
{
    return kill(pid, SIGTERM) == 0 && waitpid(pid, NULL, 0) == pid ? 0 : -1;
}
