#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option add_options[] = {
    {"uid", "N", "the user id on this host that it acts from"},
    {"kind", "person|service", "what it is (person)"},
    {"full-name", "TEXT", "its full name"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},           {"KIND", "kind", CELL_TEXT},
    {"UIDS", "local_uids", CELL_LIST},     {"ROLES", "roles", CELL_LIST},
    {"DISABLED", "disabled", CELL_FLAG},   {"CREATED", "created", CELL_TIME},
    {"FULL NAME", "full_name", CELL_TEXT}, {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/principals");
    return cli_list(cli, &target, "principals", columns, "no principals");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    int64_t uid = 0;
    const char *kind = cli_option(cli, "kind"), *full_name = cli_option(cli, "full-name");
    int has_uid = cli_option_number(cli, "uid", 0, 4294967294, &uid);
    if (has_uid < 0)
        return CLI_USAGE;
    if (kind && strcmp(kind, "person") != 0 && strcmp(kind, "service") != 0)
        return cli_usage(cli, "--kind must be 'person' or 'service'");
    http_target_begin(&target, "/v1/principals");
    json_t *body = json_pack("{s:s, s:s, s:s*}", "name", cli->arguments[0], "kind",
                             kind ? kind : "person", "full_name", full_name);
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (has_uid)
        json_object_set_new(body, "local_uid", json_integer(uid));
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int change_state(struct cli *cli, const char *action, const char *done_text)
{
    struct http_target target;
    http_target_begin(&target, "/v1/principals");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, action);
    return cli_change(cli, "POST", &target, NULL, done_text, cli->arguments[0]);
}

static int run_disable(struct cli *cli)
{
    return change_state(cli, "/disable", "disabled");
}

static int run_enable(struct cli *cli)
{
    return change_state(cli, "/enable", "enabled");
}

const struct cli_command cli_user_commands[] = {
    {"user", "list", NULL, "List persons, services, trunks and devices", "sealfax user list", NULL,
     0, run_list},
    {"user", "add", "NAME", "Add a person or service",
     "sealfax user add ada --uid 1000 --full-name 'Ada Example'", add_options, 1, run_add},
    {"user", "disable", "NAME", "Take all rights from a principal until it is enabled again",
     "sealfax user disable ada", NULL, 1, run_disable},
    {"user", "enable", "NAME", "Give a disabled principal its rights back",
     "sealfax user enable ada", NULL, 1, run_enable},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
