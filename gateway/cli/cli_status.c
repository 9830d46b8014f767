#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static void print_duration(json_int_t seconds)
{
    printf("%lldd %02lld:%02lld:%02lld", (long long)(seconds / 86400),
           (long long)(seconds / 3600 % 24), (long long)(seconds / 60 % 60),
           (long long)(seconds % 60));
}

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_text(const char *title, const char *text)
{
    printf("%-10s ", title);
    cli_print_escaped(stdout, *text ? text : "-");
    putchar('\n');
}

static void print_status(const json_t *status)
{
    const json_t *database = json_object_get(status, "database");
    const json_t *audit = json_object_get(status, "audit");
    const json_t *keeper = json_object_get(status, "keeper");
    const json_t *line;
    size_t i;
    print_text("gateway", json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready");
    print_text("version", cli_text(status, "version"));
    print_text("node", cli_text(status, "node"));
    printf("%-10s ", "up");
    print_duration((json_int_t)number(status, "uptime_s"));
    printf("\n%-10s %s, %lld events behind\n", "database",
           json_is_true(json_object_get(database, "up")) ? "up" : "down", number(database, "lag"));
    printf("%-10s %s, next index %lld, applied %lld, checkpoint over %lld\n", "audit",
           json_is_true(json_object_get(audit, "failed")) ? "FAILED" : "recording",
           number(audit, "index"), number(audit, "applied"), number(audit, "checkpoint_size"));
    if (*cli_text(audit, "damage"))
        print_text("DAMAGED", cli_text(audit, "damage"));
    printf("%-10s %s, master key ", "keeper",
           json_is_true(json_object_get(keeper, "up")) ? "up" : "DOWN");
    cli_print_escaped(stdout, cli_text(keeper, "master_key_id"));
    putchar('\n');
    json_array_foreach(json_object_get(status, "lines"), i, line) printf(
        "%-10s process %lld, %lld calls\n", "line", number(line, "pid"), number(line, "calls"));
    print_text("sip", cli_text(json_object_get(status, "sip"), "listen"));
    const char *principal = cli_text(status, "principal");
    print_text("you are", *principal ? principal : "nobody here");
}

/* For health checks: they know no JSON. */
static int run_ready(struct cli *cli)
{
    struct http_target target;
    json_t *answer = NULL;
    http_target_begin(&target, "/readyz");
    int result = cli_call_json(cli, "GET", &target, NULL, &answer);
    if (result == CLI_DONE && cli->json)
        cli_print_json(stdout, answer, 0);
    else if (result == CLI_DONE)
        puts("ready");
    json_decref(answer);
    return result;
}

static int run_status(struct cli *cli)
{
    struct http_target target;
    json_t *status = NULL;
    if (cli_option(cli, "ready"))
        return run_ready(cli);
    http_target_begin(&target, "/v1/status");
    int result = cli_call_json(cli, "GET", &target, NULL, &status);
    if (result == CLI_DONE && cli->json)
        cli_print_json(stdout, status, 0);
    else if (result == CLI_DONE)
        print_status(status);
    json_decref(status);
    return result;
}

static const struct cli_option status_options[] = {
    {"ready", NULL, "only whether it takes calls and faxes now: exit status 0 or 1"},
    {NULL, NULL, NULL},
};

const struct cli_command cli_status_commands[] = {
    {"status", NULL, NULL, "Show the state of the gateway and who you are to it", "sealfax status",
     status_options, 0, run_status},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
