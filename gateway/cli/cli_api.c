#include "gateway/cli/cli_api.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALL_TIMEOUT_MS = 600000 };

int cli_find_socket(struct cli *cli)
{
    static const char system_state[] = "/var/lib/sealfax";
    const char *given = getenv("SEALFAX_SOCKET");
    const char *home = getenv("HOME");
    size_t size = sizeof cli->socket_path;
    int length;
    if (cli->socket_path[0])
        return 0;
    if (given && *given)
        length = snprintf(cli->socket_path, size, "%s", given);
    else if (geteuid() == 0 || access(system_state, F_OK) == 0 || !home || !*home)
        length = snprintf(cli->socket_path, size, "%s/run/api.sock", system_state);
    else
        length = snprintf(cli->socket_path, size, "%s/.local/state/sealfax/run/api.sock", home);
    if (length > 0 && (size_t)length < size)
        return 0;
    cli_usage(cli, "the path of the socket is too long: give --socket");
    return -1;
}

const char *cli_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void complain(struct cli *cli, const struct http_answer *answer)
{
    const char *title = cli_text(answer->json, "title");
    const char *detail = cli_text(answer->json, "detail");
    fputs("sealfax: ", stderr);
    if (*title)
        cli_print_escaped(stderr, title);
    else
        fprintf(stderr, "the gateway answers %d", answer->status);
    if (*detail) {
        fputs(": ", stderr);
        cli_print_escaped(stderr, detail);
    }
    fputc('\n', stderr);
    if (cli->json && answer->json)
        cli_print_json(stdout, answer->json, 0);
}

int cli_call(struct cli *cli, struct http_call *call, const struct http_target *target,
             struct http_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    if (target->failed) {
        fprintf(stderr, "sealfax: a name is empty or too long\n");
        return CLI_FAILED;
    }
    call->socket_path = cli->socket_path;
    call->target = target->text;
    if (call->timeout_ms == 0)
        call->timeout_ms = CALL_TIMEOUT_MS;
    if (http_client_call(call, answer) < 0) {
        fputs("sealfax: ", stderr);
        cli_print_escaped(stderr, answer->error);
        fputc('\n', stderr);
        return CLI_FAILED;
    }
    if (answer->status >= 200 && answer->status < 300)
        return CLI_DONE;
    complain(cli, answer);
    return CLI_FAILED;
}

int cli_call_json(struct cli *cli, const char *method, const struct http_target *target,
                  json_t *body, json_t **out)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct http_call call = {.method = method, .body_fd = -1, .answer_fd = -1};
    struct http_answer answer;
    if (text) {
        call.content_type = "application/json";
        call.body = text;
        call.body_length_bytes = strlen(text);
    }
    json_decref(body);
    int result = cli_call(cli, &call, target, &answer);
    if (result == CLI_DONE && out)
        *out = json_incref(answer.json);
    http_answer_free(&answer);
    free(text);
    return result;
}

int cli_list(struct cli *cli, const struct http_target *target, const char *key,
             const struct cli_column *columns, const char *empty_text)
{
    json_t *answer = NULL;
    int result = cli_call_json(cli, "GET", target, NULL, &answer);
    if (result != CLI_DONE)
        return result;
    if (cli->json) {
        cli_print_json(stdout, answer, 0);
    } else {
        const char *next = cli_text(answer, "next");
        cli_print_table(stdout, json_object_get(answer, key), columns, empty_text);
        if (*next) {
            fputs("there are more: --before ", stderr);
            cli_print_escaped(stderr, next);
            fputc('\n', stderr);
        }
    }
    json_decref(answer);
    return CLI_DONE;
}

int cli_change(struct cli *cli, const char *method, const struct http_target *target, json_t *body,
               const char *done_text, const char *name)
{
    json_t *answer = NULL;
    int result = cli_call_json(cli, method, target, body, &answer);
    if (result == CLI_DONE && cli->json && answer) {
        cli_print_json(stdout, answer, 0);
    } else if (result == CLI_DONE && !cli->json) {
        cli_print_escaped(stdout, name);
        printf(" %s\n", done_text);
    }
    json_decref(answer);
    return result;
}
