#include <stdio.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_column columns[] = {
    {"KEY-ENCRYPTION KEY", "kek_id", CELL_TEXT},
    {"DATA KEYS", "data_keys", CELL_NUMBER},
    {"CREATED", "created", CELL_TIME},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    json_t *answer = NULL;
    http_target_begin(&target, "/v1/keys");
    int result = cli_call_json(cli, "GET", &target, NULL, &answer);
    if (result == CLI_DONE && cli->json) {
        cli_print_json(stdout, answer, 0);
    } else if (result == CLI_DONE) {
        printf("master key  ");
        cli_print_escaped(stdout, cli_text(answer, "master_key_id"));
        printf("\n\n");
        cli_print_table(stdout, json_object_get(answer, "keys"), columns,
                        "no key-encryption keys yet");
    }
    json_decref(answer);
    return result;
}

const struct cli_command cli_key_commands[] = {
    {"key", "list", NULL, "List key-encryption keys (never key material)", "sealfax key list", NULL,
     0, run_list},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
