#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option add_options[] = {
    {"actions", "A,B", "what it allows"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},
    {"ACTIONS", "actions", CELL_LIST},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/roles");
    return cli_list(cli, &target, "roles", columns, "no roles");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    if (!cli_option(cli, "actions"))
        return cli_usage(cli, "--actions is needed");
    json_t *body = json_pack("{s:s}", "name", cli->arguments[0]);
    if (!body)
        return cli_usage(cli, "the name is no UTF-8");
    if (cli_option_list(cli, "actions", body, "actions") < 0) {
        json_decref(body);
        return CLI_USAGE;
    }
    http_target_begin(&target, "/v1/roles");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/roles");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

const struct cli_command cli_role_commands[] = {
    {"role", "list", NULL, "List roles and what they allow", "sealfax role list", NULL, 0,
     run_list},
    {"role", "add", "NAME", "Add a role", "sealfax role add clerk --actions fax.submit,fax.view",
     add_options, 1, run_add},
    {"role", "remove", "NAME", "Remove a role", "sealfax role remove clerk", NULL, 1, run_remove},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
