#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

enum { LADDER_COLUMNS = 68 };

const struct cli_option cli_trace_options[] = {
    {"attempt", "N", "of this attempt (the latest)"},
    {NULL, NULL, NULL},
};

static const struct cli_column head_columns[] = {
    {"fax", "fax", CELL_TEXT},
    {"attempt", "attempt", CELL_TEXT},
    {"direction", "direction", CELL_TEXT},
    {"begun", "begun", CELL_TIME},
    {"from", "from", CELL_TEXT},
    {"to", "to", CELL_TEXT},
    {"trunk", "trunk", CELL_TEXT},
    {"state", "state", CELL_TEXT},
    {"verdict", "verdict", CELL_TEXT},
    {"look at", "look_at", CELL_TEXT},
    {"retry", "retry", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static void fill(char with, size_t from)
{
    for (size_t column = from; column < LADDER_COLUMNS; column++)
        putchar(with);
}

/* Whether it is the trace of a bridged call. */
static bool has_legs(const json_t *entries)
{
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (json_object_get(json_array_get(entries, i), "leg"))
            return true;
    return false;
}

/* One rung: an arrow to the peer's side or from it, or what happened at the gateway. */
static void print_rung(const json_t *entry, bool legs)
{
    const char *text = cli_text(entry, "text"), *direction = cli_text(entry, "direction");
    json_int_t ms = json_integer_value(json_object_get(entry, "ms"));
    bool sent = strcmp(direction, "sent") == 0, received = strcmp(direction, "received") == 0;
    bool detail = strcmp(cli_text(entry, "kind"), "sdp") == 0;
    printf("%6lld.%03lld  ", (long long)(ms / 1000), (long long)(ms % 1000));
    if (legs)
        printf("%-6s ", cli_text(entry, "leg"));
    putchar('|');
    fputs(detail ? "     " : sent ? "---- " : received ? "<--- " : "  *  ", stdout);
    size_t column = 5 + cli_print_escaped(stdout, text);
    if (detail || (!sent && !received)) {
        fill(' ', column);
    } else {
        putchar(' ');
        fill('-', column + (sent ? 2 : 1));
        if (sent)
            putchar('>');
    }
    puts("|");
}

static void print_ladder(const json_t *trace)
{
    const json_t *entries = json_object_get(trace, "entries");
    json_int_t left_out = json_integer_value(json_object_get(trace, "left_out"));
    bool legs = has_legs(entries);
    cli_print_record(stdout, trace, head_columns);
    printf("\n   seconds  %sgateway", legs ? "leg    " : "");
    fill(' ', 10);
    puts("peer");
    for (size_t i = 0; i < json_array_size(entries); i++)
        print_rung(json_array_get(entries, i), legs);
    if (left_out > 0)
        printf("\n%lld entries in the middle were left out.\n", (long long)left_out);
}

int cli_run_trace(struct cli *cli)
{
    struct http_target target;
    json_t *trace = NULL;
    int64_t attempt;
    if (cli_option_number(cli, "attempt", 1, 65535, &attempt) < 0)
        return CLI_USAGE;
    http_target_begin(&target, "/v1/faxes");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/trace");
    http_target_query(&target, "attempt", cli_option(cli, "attempt"));
    int result = cli_call_json(cli, "GET", &target, NULL, &trace);
    if (result == CLI_DONE && cli->json)
        cli_print_json(stdout, trace, 0);
    else if (result == CLI_DONE)
        print_ladder(trace);
    json_decref(trace);
    return result;
}
