#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option add_options[] = {
    {"from", "P,P", "numbers or patterns to send as; '*' for all (none)"},
    {"to", "P,P", "numbers or patterns to send or bring faxes to; '*' for all (none)"},
    {"mailbox", "M,M", "mailboxes; '*' for all (none)"},
    {"expires", "DATE", "when it ends (never)"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"ID", "id", CELL_TEXT},           {"PRINCIPAL", "principal", CELL_TEXT},
    {"ROLE", "role", CELL_TEXT},       {"FROM", "from_numbers", CELL_LIST},
    {"TO", "to_numbers", CELL_LIST},   {"MAILBOXES", "mailboxes", CELL_LIST},
    {"EXPIRES", "expires", CELL_TIME}, {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/grants");
    return cli_list(cli, &target, "grants", columns, "no grants");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    char expires[32];
    int has_expires = cli_option_time(cli, "expires", expires);
    if (has_expires < 0)
        return CLI_USAGE;
    json_t *body = json_pack("{s:s, s:s, s:s*}", "principal", cli->arguments[0], "role",
                             cli->arguments[1], "expires", has_expires ? expires : NULL);
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (cli_option_list(cli, "from", body, "from_numbers") < 0 ||
        cli_option_list(cli, "to", body, "to_numbers") < 0 ||
        cli_option_list(cli, "mailbox", body, "mailboxes") < 0) {
        json_decref(body);
        return CLI_USAGE;
    }
    http_target_begin(&target, "/v1/grants");
    return cli_change(cli, "POST", &target, body, "granted", cli->arguments[1]);
}

static int run_revoke(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/grants");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "revoked", cli->arguments[0]);
}

const struct cli_command cli_grant_commands[] = {
    {"grant", "list", NULL, "List who has which role, within which bounds", "sealfax grant list",
     NULL, 0, run_list},
    {"grant", "add", "PRINCIPAL ROLE", "Give a principal a role",
     "sealfax grant add ada clerk --from +49301111111 --to '+49*' --expires 2027-01-31",
     add_options, 2, run_add},
    {"grant", "revoke", "ID", "Take a grant back",
     "sealfax grant revoke 019aa7f3-1c00-7000-8000-0123456789ab", NULL, 1, run_revoke},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
