#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_file.h"

static const struct cli_option add_options[] = {
    {"extension", "NUMBER", "its number, one of ours: it sends as it and is called by it"},
    {"user", "NAME", "user name that it registers with (its NAME)"},
    {"password-file", "FILE", "file whose first line is its password; -: standard input"},
    {"calls", "HOW", "what becomes of its calls: store, bridge or bridge:TRUNK, at once (store)"},
    {"tls-certificate-name", "NAME",
     "by TLS with a certificate (SAN) for it no password is needed"},
    {"nat", NULL, "behind an address translation: media from where it registered, by any port"},
    {NULL, NULL, NULL},
};

static const struct cli_option change_options[] = {
    {"calls", "HOW", "what becomes of its calls: store, bridge (by the routes) or bridge:TRUNK"},
    {"tls-certificate-name", "NAME", "for whom (SAN) its certificate is; '': it has none"},
    {"nat", "YESNO", "yes or no: behind an address translation, see device add"},
    {NULL, NULL, NULL},
};

static const struct cli_option credential_options[] = {
    {"user", "NAME", "user name that it registers with (as before)"},
    {"password-file", "FILE", "file whose first line is its new password; -: standard input"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},
    {"EXTENSION", "extension", CELL_TEXT},
    {"USER", "user", CELL_TEXT},
    {"CALLS", "calls", CELL_TEXT},
    {"CERTIFICATE", "tls_certificate_name", CELL_TEXT},
    {"REGISTERED", "registered", CELL_FLAG},
    {"DISABLED", "disabled", CELL_FLAG},
    {"NAT", "nat", CELL_FLAG},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column binding_columns[] = {
    {"HOST", "host", CELL_TEXT},
    {"PORT", "port", CELL_NUMBER},
    {"TRANSPORT", "transport", CELL_TEXT},
    {"EXPIRES S", "expires_s", CELL_NUMBER},
    {"REACHABLE", "reachable", CELL_FLAG},
    {"CONTACT", "contact", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static void device_target(const struct cli *cli, struct http_target *target, const char *verb)
{
    http_target_begin(target, "/v1/devices");
    http_target_segment(target, cli->arguments[0]);
    if (verb)
        http_target_segment(target, verb);
}

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/devices");
    return cli_list(cli, &target, "devices", columns, "no devices");
}

static int run_show(struct cli *cli)
{
    struct http_target target;
    device_target(cli, &target, NULL);
    return cli_list(cli, &target, "bindings", binding_columns, "not registered");
}

/* Adds the first line of the file. Returns CLI_DONE, or after having complained. */
static int add_password(struct cli *cli, json_t *body)
{
    char *text = NULL;
    size_t length = 0;
    const char *file = cli_option(cli, "password-file");
    if (!file)
        return cli_usage(cli, "--password-file is needed");
    if (cli_file_read(file, &text, &length) != CLI_DONE)
        return CLI_FAILED;
    size_t line = strcspn(text, "\r\n");
    int rc = json_object_set_new(body, "password", json_stringn(text, line));
    OPENSSL_cleanse(text, length);
    free(text);
    return rc == 0 ? CLI_DONE : cli_usage(cli, "the password is no UTF-8");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    if (!cli_option(cli, "extension"))
        return cli_usage(cli, "--extension is needed");
    const char *tls_name = cli_option(cli, "tls-certificate-name");
    json_t *body =
        json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:b}", "name", cli->arguments[0], "extension",
                  cli_option(cli, "extension"), "user", cli_option(cli, "user"), "calls",
                  cli_option(cli, "calls"), "tls_certificate_name", tls_name, "nat",
                  cli_option(cli, "nat") != NULL);
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    bool without = tls_name && !cli_option(cli, "password-file");
    int rc = without ? CLI_DONE : add_password(cli, body);
    if (rc != CLI_DONE) {
        json_decref(body);
        return rc;
    }
    http_target_begin(&target, "/v1/devices");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_change(struct cli *cli)
{
    struct http_target target;
    const char *calls = cli_option(cli, "calls");
    const char *tls_name = cli_option(cli, "tls-certificate-name");
    const char *nat = cli_option(cli, "nat");
    if (!calls && !tls_name && !nat)
        return cli_usage(cli, "--calls, --tls-certificate-name or --nat is needed");
    if (nat && strcmp(nat, "yes") != 0 && strcmp(nat, "no") != 0)
        return cli_usage(cli, "--nat is yes or no");
    json_t *body = json_pack("{s:s*, s:s*}", "calls", calls, "tls_certificate_name", tls_name);
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    if (nat)
        json_object_set_new(body, "nat", json_boolean(strcmp(nat, "yes") == 0));
    device_target(cli, &target, NULL);
    return cli_change(cli, "PATCH", &target, body, "changed", cli->arguments[0]);
}

static int run_credential(struct cli *cli)
{
    struct http_target target;
    json_t *body = json_pack("{s:s*}", "user", cli_option(cli, "user"));
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    int rc = add_password(cli, body);
    if (rc != CLI_DONE) {
        json_decref(body);
        return rc;
    }
    device_target(cli, &target, "credential");
    return cli_change(cli, "PUT", &target, body, "changed", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    device_target(cli, &target, NULL);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

static int run_disable(struct cli *cli)
{
    struct http_target target;
    device_target(cli, &target, "disable");
    return cli_change(cli, "POST", &target, NULL, "disabled", cli->arguments[0]);
}

static int run_enable(struct cli *cli)
{
    struct http_target target;
    device_target(cli, &target, "enable");
    return cli_change(cli, "POST", &target, NULL, "enabled", cli->arguments[0]);
}

const struct cli_command cli_device_commands[] = {
    {"device", "list", NULL, "List fax machines that register", "sealfax device list", NULL, 0,
     run_list},
    {"device", "add", "NAME", "Add a fax machine that registers",
     "sealfax device add copier --extension +49301111111 --password-file copier.password",
     add_options, 1, run_add},
    {"device", "show", "NAME", "Show where a fax machine is registered",
     "sealfax device show copier", NULL, 1, run_show},
    {"device", "change", "NAME", "Set what becomes of the calls of a fax machine",
     "sealfax device change copier --calls bridge:carrier", change_options, 1, run_change},
    {"device", "credential", "NAME", "Give a fax machine another password",
     "sealfax device credential copier --password-file copier.password", credential_options, 1,
     run_credential},
    {"device", "disable", "NAME", "Let a fax machine neither register nor call",
     "sealfax device disable copier", NULL, 1, run_disable},
    {"device", "enable", "NAME", "Let it again", "sealfax device enable copier", NULL, 1,
     run_enable},
    {"device", "remove", "NAME", "Remove a fax machine", "sealfax device remove copier", NULL, 1,
     run_remove},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
