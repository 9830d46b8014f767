#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_file.h"

static const struct cli_option set_options[] = {
    {"user", "NAME", "user name to sign in with (that of the principal)"},
    {"password-file", "FILE", "file whose first line is the password; -: standard input"},
    {NULL, NULL, NULL},
};

static const struct cli_option revoke_options[] = {
    {"user", "NAME", "user name of the credential (that of the principal)"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"USER", "user", CELL_TEXT},
    {"PRINCIPAL", "principal", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const char *user_of(const struct cli *cli)
{
    const char *user = cli_option(cli, "user");
    return user ? user : cli->arguments[0];
}

static void credential_target(const struct cli *cli, struct http_target *target)
{
    http_target_begin(target, "/v1/principals");
    http_target_segment(target, cli->arguments[0]);
    http_target_segment(target, "credentials");
    http_target_segment(target, user_of(cli));
}

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/credentials");
    return cli_list(cli, &target, "credentials", columns, "no credentials");
}

static int run_set(struct cli *cli)
{
    char *text = NULL;
    size_t length = 0;
    struct http_target target;
    const char *file = cli_option(cli, "password-file");
    if (!file)
        return cli_usage(cli, "--password-file is needed");
    if (cli_file_read(file, &text, &length) != CLI_DONE)
        return CLI_FAILED;
    json_t *body = json_pack("{s:o}", "password", json_stringn(text, strcspn(text, "\r\n")));
    OPENSSL_cleanse(text, length);
    free(text);
    if (!body)
        return cli_usage(cli, "the password is no UTF-8");
    credential_target(cli, &target);
    return cli_change(cli, "PUT", &target, body, "set", user_of(cli));
}

static int run_revoke(struct cli *cli)
{
    struct http_target target;
    credential_target(cli, &target);
    return cli_change(cli, "DELETE", &target, NULL, "revoked", user_of(cli));
}

const struct cli_command cli_credential_commands[] = {
    {"credential", "list", NULL, "List who can sign in with a password", "sealfax credential list",
     NULL, 0, run_list},
    {"credential", "set", "PRINCIPAL", "Give a person or service a password for mail",
     "sealfax credential set scanner --password-file scanner.password", set_options, 1, run_set},
    {"credential", "revoke", "PRINCIPAL", "Take it away", "sealfax credential revoke scanner",
     revoke_options, 1, run_revoke},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
