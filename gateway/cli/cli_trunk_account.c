/* Credentials of a trunk and our registration with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_trunk_account.h"
#include "gateway/sip/digest_secret.h"
#include "policy/secret.h"

enum { PASSWORD_MAX = 1024 };

const struct cli_option cli_trunk_credential_options[] = {
    {"user", "USER", "the user name that the trunk knows"},
    {"realm", "REALM", "what its challenges name as realm (its host)"},
    {"password-file", "FILE", "the first line of this file is the password; -: standard input"},
    {NULL, NULL, NULL},
};

const struct cli_option cli_trunk_realm_options[] = {
    {"realm", "REALM", "only the credential for this realm (all)"},
    {NULL, NULL, NULL},
};

const struct cli_option cli_trunk_registration_options[] = {
    {"user", "USER",
     "the user that is registered: USER@DOMAIN; the number called, for calls to us"},
    {"domain", "DOMAIN", "the domain of that (the host of the trunk)"},
    {"expires", "SECONDS", "for how long a registration is asked for (3600)"},
    {NULL, NULL, NULL},
};

/* Returns 0 or a negative errno. */
static int read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;
    while (length < size && got > 0) {
        got = read(fd, text + length, size - length);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            length += (size_t)got;
        else if (got < 0)
            return -errno;
    }
    if (length == size)
        return -EFBIG;
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return text[0] ? 0 : -ENODATA;
}

static int read_password(const char *path, char password[PASSWORD_MAX])
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_all(fd, password, PASSWORD_MAX);
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        secret_wipe(password, PASSWORD_MAX);
        fprintf(stderr, "sealfax: %s: %s\n", path,
                rc == -ENODATA ? "the first line is empty"
                : rc == -EFBIG ? "longer than a password may be"
                               : strerror(-rc));
    }
    return rc;
}

/* The realm that most carriers use. Returns CLI_DONE with text in *realm, borrowed from *trunks. */
static int find_host(struct cli *cli, json_t **trunks, const char **realm)
{
    struct http_target target;
    size_t i;
    const json_t *trunk;
    http_target_begin(&target, "/v1/trunks");
    int exit_code = cli_call_json(cli, "GET", &target, NULL, trunks);
    if (exit_code != CLI_DONE)
        return exit_code;
    json_array_foreach(json_object_get(*trunks, "trunks"), i, trunk)
    {
        if (strcmp(cli_text(trunk, "name"), cli->arguments[0]) == 0)
            *realm = cli_text(trunk, "host");
    }
    if (*realm)
        return CLI_DONE;
    fprintf(stderr, "sealfax: There is no such trunk\n");
    return CLI_FAILED;
}

static int send_secret(struct cli *cli, const char *user, const char *realm,
                       const struct digest_secret *secret)
{
    struct http_target target;
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "user", user, "realm", realm, "ha1_sha256", secret->sha256);
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (secret->md5[0])
        json_object_set_new(body, "ha1_md5", json_string(secret->md5));
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/credential");
    return cli_change(cli, "PUT", &target, body, "credential set", cli->arguments[0]);
}

/* The password goes no further than this function: the gateway gets HA1. */
int cli_trunk_credential_set(struct cli *cli)
{
    char password[PASSWORD_MAX];
    struct digest_secret secret;
    json_t *trunks = NULL;
    const char *user = cli_option(cli, "user"), *realm = cli_option(cli, "realm");
    const char *path = cli_option(cli, "password-file");
    if (!user || !path)
        return cli_usage(cli, "--user and --password-file are needed");
    int exit_code = realm ? CLI_DONE : find_host(cli, &trunks, &realm);
    if (exit_code == CLI_DONE && read_password(path, password) < 0)
        exit_code = CLI_FAILED;
    if (exit_code == CLI_DONE) {
        int rc = digest_secret_make(user, realm, password, &secret);
        secret_wipe(password, sizeof password);
        exit_code = rc == -EINVAL ? cli_usage(cli, "the user or the realm cannot stand in SIP")
                    : rc < 0      ? CLI_FAILED
                                  : send_secret(cli, user, realm, &secret);
        secret_wipe(&secret, sizeof secret);
    }
    json_decref(trunks);
    return exit_code;
}

int cli_trunk_credential_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/credential");
    http_target_query(&target, "realm", cli_option(cli, "realm"));
    return cli_change(cli, "DELETE", &target, NULL, "credential removed", cli->arguments[0]);
}

int cli_trunk_registration_set(struct cli *cli)
{
    struct http_target target;
    int64_t expires = 0;
    const char *user = cli_option(cli, "user"), *domain = cli_option(cli, "domain");
    int has_expires = cli_option_number(cli, "expires", 30, 604800, &expires);
    if (has_expires < 0)
        return CLI_USAGE;
    if (!user)
        return cli_usage(cli, "--user is needed");
    json_t *body = json_pack("{s:s, s:s}", "user", user, "domain", domain ? domain : "");
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (has_expires)
        json_object_set_new(body, "expires", json_integer(expires));
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/registration");
    return cli_change(cli, "PUT", &target, body, "registration set", cli->arguments[0]);
}

int cli_trunk_registration_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/registration");
    return cli_change(cli, "DELETE", &target, NULL, "registration removed", cli->arguments[0]);
}

void cli_trunk_flatten(json_t *trunk)
{
    static const char *const texts[][2] = {{"state", "registered"},
                                           {"reason", "registration_reason"},
                                           {"user", "registration_user"},
                                           {"domain", "registration_domain"}};
    const json_t *g = json_object_get(trunk, "registration"), *credential;
    json_t *realms = json_array();
    size_t i;
    for (i = 0; json_is_object(g) && i < sizeof texts / sizeof *texts; i++)
        json_object_set(trunk, texts[i][1], json_object_get(g, texts[i][0]));
    if (json_is_object(g))
        json_object_set(trunk, "registration_since", json_object_get(g, "since"));
    json_array_foreach(json_object_get(trunk, "credentials"), i, credential)
        json_array_append(realms, json_object_get(credential, "realm"));
    json_object_set_new(trunk, "realms", realms);
}

static const struct cli_column state_columns[] = {
    {"Trunk", "name", CELL_TEXT},
    {"Host", "host", CELL_TEXT},
    {"Port", "port", CELL_NUMBER},
    {"Transport", "transport", CELL_TEXT},
    {"Secured", "secured", CELL_FLAG},
    {"Express", "express", CELL_FLAG},
    {"Peers", "peers", CELL_TEXT},
    {"Prefix", "prefix", CELL_TEXT},
    {"Numbers to it", "rewrite_out", CELL_TEXT},
    {"Numbers from it", "rewrite_in", CELL_TEXT},
    {"T.38", "t38", CELL_FLAG},
    {"Behind NAT", "nat", CELL_FLAG},
    {"Calls at a time", "max_calls", CELL_NUMBER},
    {"Calls a second", "max_calls_per_second", CELL_NUMBER},
    {"Probe seconds", "probe_s", CELL_NUMBER},
    {"Credentials for", "realms", CELL_LIST},
    {"Registration", "registered", CELL_TEXT},
    {"  as", "registration_user", CELL_TEXT},
    {"  domain", "registration_domain", CELL_TEXT},
    {"  since", "registration_since", CELL_TIME},
    {"  reason", "registration_reason", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

int cli_trunk_show(struct cli *cli)
{
    struct http_target target;
    json_t *trunks = NULL, *trunk, *found = NULL;
    size_t i;
    http_target_begin(&target, "/v1/trunks");
    int exit_code = cli_call_json(cli, "GET", &target, NULL, &trunks);
    json_array_foreach(json_object_get(trunks, "trunks"), i, trunk)
    {
        if (strcmp(cli_text(trunk, "name"), cli->arguments[0]) == 0)
            found = trunk;
    }
    if (exit_code == CLI_DONE && !found) {
        fprintf(stderr, "sealfax: There is no such trunk\n");
        exit_code = CLI_FAILED;
    }
    if (exit_code == CLI_DONE && cli->json) {
        cli_print_json(stdout, found, 0);
    } else if (exit_code == CLI_DONE) {
        cli_trunk_flatten(found);
        cli_print_record(stdout, found, state_columns);
    }
    json_decref(trunks);
    return exit_code;
}
