#include <stdio.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option dispose_options[] = {
    {"dry-run", NULL, "only say what is due"},
    {NULL, NULL, NULL},
};

static const struct cli_column disposed_columns[] = {
    {"ID", "id", CELL_TEXT},
    {"MAILBOX", "mailbox", CELL_TEXT},
    {"DUE", "due", CELL_TIME},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column failed_columns[] = {
    {"ID", "id", CELL_TEXT},   {"MAILBOX", "mailbox", CELL_TEXT},
    {"DUE", "due", CELL_TIME}, {"NOT DISPOSED OF BECAUSE", "why", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static int run_dispose(struct cli *cli)
{
    struct http_target target;
    json_t *answer = NULL;
    http_target_begin(&target, "/v1/dispose");
    http_target_query(&target, "dry_run", cli_option(cli, "dry-run") ? "1" : NULL);
    int result = cli_call_json(cli, "POST", &target, NULL, &answer);
    if (result != CLI_DONE)
        return result;
    const json_t *failed = json_object_get(answer, "failed");
    if (cli->json) {
        cli_print_json(stdout, answer, 0);
    } else {
        cli_print_table(stdout, json_object_get(answer, "disposed"), disposed_columns,
                        "nothing is due");
        if (json_array_size(failed) > 0)
            cli_print_table(stderr, failed, failed_columns, "");
    }
    result = json_array_size(failed) > 0 ? CLI_FAILED : CLI_DONE;
    json_decref(answer);
    return result;
}

const struct cli_command cli_dispose_commands[] = {
    {"dispose", NULL, NULL, "Destroy the keys and pages of faxes that are due",
     "sealfax dispose --dry-run", dispose_options, 0, run_dispose},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
