#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option add_options[] = {
    {"trunk", "NAME", "where it leads"},
    {"prefix", "DIGITS", "numbers that begin so, as +49 (all)"},
    {"class", "NAME", "faxes of this class only (all)"},
    {"time", "HOURS", "when it is open, as 'Mo-Fr 08:00-18:00; Sa 09:00-12:00' (always)"},
    {"priority", "N", "lower ones first, among prefixes of equal length (10)"},
    {"cost", "N", "lower ones first, among equal priorities (0)"},
    {NULL, NULL, NULL},
};

static const struct cli_option test_options[] = {
    {"to", "NUMBER", "the number called"},
    {"class", "NAME", "the class of the fax"},
    {"at", "TIME", "as 2026-11-22T18:30 (now)"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},
    {"PREFIX", "prefix", CELL_TEXT},
    {"CLASS", "class", CELL_TEXT},
    {"TRUNK", "trunk", CELL_TEXT},
    {"PRIORITY", "priority", CELL_NUMBER},
    {"COST", "cost", CELL_NUMBER},
    {"TIME", "hours", CELL_TEXT},
    {"OF TRUNK", "implicit", CELL_FLAG},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column test_columns[] = {
    {"ORDER", "order", CELL_NUMBER},       {"NAME", "name", CELL_TEXT},
    {"PREFIX", "prefix", CELL_TEXT},       {"TRUNK", "trunk", CELL_TEXT},
    {"PRIORITY", "priority", CELL_NUMBER}, {"COST", "cost", CELL_NUMBER},
    {"WHY", "verdict", CELL_TEXT},         {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/routes");
    return cli_list(cli, &target, "routes", columns, "no routes");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    int64_t priority = 10, cost = 0;
    if (cli_option_number(cli, "priority", 0, 65535, &priority) < 0 ||
        cli_option_number(cli, "cost", 0, 1000000, &cost) < 0)
        return CLI_USAGE;
    if (!cli_option(cli, "trunk"))
        return cli_usage(cli, "--trunk is needed");
    json_t *body = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:I, s:I}", "name", cli->arguments[0],
                             "trunk", cli_option(cli, "trunk"), "prefix", cli_option(cli, "prefix"),
                             "class", cli_option(cli, "class"), "hours", cli_option(cli, "time"),
                             "priority", (json_int_t)priority, "cost", (json_int_t)cost);
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    http_target_begin(&target, "/v1/routes");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/routes");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

static int run_test(struct cli *cli)
{
    static const char *const names[] = {"to", "class", "at"};
    struct http_target target;
    json_t *answer = NULL;
    if (!cli_option(cli, "to"))
        return cli_usage(cli, "--to is needed");
    http_target_begin(&target, "/v1/route-test");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cli_option(cli, names[i]))
            http_target_query(&target, names[i], cli_option(cli, names[i]));
    int result = cli_call_json(cli, "GET", &target, NULL, &answer);
    if (result != CLI_DONE)
        return result;
    const char *reason = cli_text(answer, "reason");
    if (cli->json) {
        cli_print_json(stdout, answer, 0);
    } else {
        cli_print_table(stdout, json_object_get(answer, "routes"), test_columns,
                        "no route is asked");
        if (*reason) {
            cli_print_escaped(stdout, reason);
            putchar('\n');
        }
    }
    result = strcmp(cli_text(answer, "outcome"), "found") == 0 ? CLI_DONE : CLI_FAILED;
    json_decref(answer);
    return result;
}

const struct cli_command cli_route_commands[] = {
    {"route", "list", NULL, "List routes, those of the prefixes of trunks too",
     "sealfax route list", NULL, 0, run_list},
    {"route", "add", "NAME", "Lead numbers to a trunk",
     "sealfax route add cheap --prefix +49 --trunk carrier --cost 2 --time 'Mo-Fr 08:00-18:00'",
     add_options, 1, run_add},
    {"route", "remove", "NAME", "Remove a route", "sealfax route remove cheap", NULL, 1,
     run_remove},
    {"route", "test", NULL, "Show over which trunks a fax would go, and why not over others",
     "sealfax route test --to +49301111111", test_options, 0, run_test},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
