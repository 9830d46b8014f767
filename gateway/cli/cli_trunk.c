#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_trunk_account.h"

static const struct cli_option add_options[] = {
    {"host", "HOST", "its IPv4 or IPv6 address"},
    {"port", "PORT", "its SIP port"},
    {"t38-first", NULL, "offer T.38 already in the first INVITE"},
    {"no-audio-fallback", NULL, "never send or receive over audio when T.38 cannot be had"},
    {"prefix", "DIGITS", "numbers that go there, as +49 (all)"},
    {"transport", "NAME", "udp, tcp, tls or sips: how its requests travel (udp)"},
    {"long-by-tcp", NULL, "udp: requests of more than 1,300 octets go by TCP"},
    {"secured", NULL, "with tls: protected media or no call"},
    {"express", NULL, "with tls: a sealfax gateway too, pages go as fast as the network"},
    {"tls-name", "NAME", "with tls: what its certificate must be for (its address)"},
    {"tls-ca", "FILE", "file in sip.tls_directory: who may sign it (sip.tls_ca)"},
    {"tls-certificate", "FILE", "file there: what it is shown (sip.tls_certificate)"},
    {"tls-key", "FILE", "file there: the key of that"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},
    {"HOST", "host", CELL_TEXT},
    {"PORT", "port", CELL_NUMBER},
    {"T.38 FIRST", "t38_first", CELL_FLAG},
    {"AUDIO", "audio_fallback", CELL_FLAG},
    {"TRANSPORT", "transport", CELL_TEXT},
    {"SECURED", "secured", CELL_FLAG},
    {"EXPRESS", "express", CELL_FLAG},
    {"PREFIX", "prefix", CELL_TEXT},
    {"REGISTERED", "registered", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    json_t *answer = NULL, *trunk;
    size_t i;
    http_target_begin(&target, "/v1/trunks");
    int exit_code = cli_call_json(cli, "GET", &target, NULL, &answer);
    if (exit_code == CLI_DONE && cli->json) {
        cli_print_json(stdout, answer, 0);
    } else if (exit_code == CLI_DONE) {
        json_array_foreach(json_object_get(answer, "trunks"), i, trunk) cli_trunk_flatten(trunk);
        cli_print_table(stdout, json_object_get(answer, "trunks"), columns, "no trunks");
    }
    json_decref(answer);
    return exit_code;
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    int64_t port = 0;
    const char *host = cli_option(cli, "host"), *prefix = cli_option(cli, "prefix");
    int has_port = cli_option_number(cli, "port", 1, 65535, &port);
    if (has_port < 0)
        return CLI_USAGE;
    if (!host || !has_port)
        return cli_usage(cli, "--host and --port are needed");
    json_t *body = json_pack("{s:s, s:s, s:I, s:b, s:s}", "name", cli->arguments[0], "host", host,
                             "port", (json_int_t)port, "t38_first",
                             cli_option(cli, "t38-first") != NULL, "prefix", prefix ? prefix : "");
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    if (cli_option(cli, "no-audio-fallback"))
        json_object_set_new(body, "audio_fallback", json_false());
    static const char *const texts[][2] = {{"transport", "transport"},
                                           {"tls-name", "tls_name"},
                                           {"tls-ca", "tls_ca"},
                                           {"tls-certificate", "tls_certificate"},
                                           {"tls-key", "tls_key"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = cli_option(cli, texts[i][0]);
        if (value && json_object_set_new(body, texts[i][1], json_string(value)) != 0) {
            json_decref(body);
            return cli_usage(cli, "a value is no UTF-8");
        }
    }
    if (cli_option(cli, "secured"))
        json_object_set_new(body, "secured", json_true());
    if (cli_option(cli, "express"))
        json_object_set_new(body, "express", json_true());
    if (cli_option(cli, "long-by-tcp"))
        json_object_set_new(body, "long_by_tcp", json_true());
    http_target_begin(&target, "/v1/trunks");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

const struct cli_command cli_trunk_commands[] = {
    {"trunk", "list", NULL, "List SIP trunks", "sealfax trunk list", NULL, 0, run_list},
    {"trunk", "add", "NAME", "Add a SIP trunk",
     "sealfax trunk add carrier --host 192.0.2.10 --port 5060 --prefix +49", add_options, 1,
     run_add},
    {"trunk", "remove", "NAME", "Remove a SIP trunk", "sealfax trunk remove carrier", NULL, 1,
     run_remove},
    {"trunk", "show", "NAME", "Show how we stand with a trunk", "sealfax trunk show carrier", NULL,
     1, cli_trunk_show},
    {"trunk", "credential set", "NAME", "Set what answers a trunk's challenges",
     "sealfax trunk credential set carrier --user 4989 --password-file /root/carrier.password",
     cli_trunk_credential_options, 1, cli_trunk_credential_set},
    {"trunk", "credential remove", "NAME", "Remove it", "sealfax trunk credential remove carrier",
     cli_trunk_realm_options, 1, cli_trunk_credential_remove},
    {"trunk", "registration set", "NAME", "Register with a trunk",
     "sealfax trunk registration set carrier --user 4989", cli_trunk_registration_options, 1,
     cli_trunk_registration_set},
    {"trunk", "registration remove", "NAME", "Register no more with a trunk",
     "sealfax trunk registration remove carrier", NULL, 1, cli_trunk_registration_remove},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
