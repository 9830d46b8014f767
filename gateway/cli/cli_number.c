#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option add_options[] = {
    {"mailbox", "NAME", "where its faxes go"},
    {"ident", "TEXT", "the identity that it sends (T.30), at most 20 characters"},
    {"bridge", "TARGET",
     "take calls through to this trunk, or device:NAME, in real time (faxes are stored)"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NUMBER", "number", CELL_TEXT}, {"MAILBOX", "mailbox", CELL_TEXT},
    {"IDENT", "ident", CELL_TEXT},   {"DELIVER", "deliver", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/numbers");
    return cli_list(cli, &target, "numbers", columns, "no numbers");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    if (!cli_option(cli, "mailbox"))
        return cli_usage(cli, "--mailbox is needed");
    json_t *body = json_pack("{s:s, s:s, s:s*}", "number", cli->arguments[0], "mailbox",
                             cli_option(cli, "mailbox"), "ident", cli_option(cli, "ident"));
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    if (cli_option(cli, "bridge"))
        json_object_set_new(body, "deliver", json_sprintf("bridge:%s", cli_option(cli, "bridge")));
    http_target_begin(&target, "/v1/numbers");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/numbers");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

const struct cli_command cli_number_commands[] = {
    {"number", "list", NULL, "List our numbers", "sealfax number list", NULL, 0, run_list},
    {"number", "add", "NUMBER", "Give a number a mailbox",
     "sealfax number add +49301111111 --mailbox claims --ident '+49 30 1111111'", add_options, 1,
     run_add},
    {"number", "remove", "NUMBER", "Remove a number", "sealfax number remove +49301111111", NULL, 1,
     run_remove},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
