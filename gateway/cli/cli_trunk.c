#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_trunk_account.h"

static const struct cli_option add_options[] = {
    {"host", "HOST", "its IPv4 or IPv6 address, or a name"},
    {"port", "PORT", "its SIP port; of a name it may be left out: then SRV records count"},
    {"peers", "LIST", "more hosts to try, as b.example:5060;priority=2;weight=10,192.0.2.7"},
    {"max-calls", "N", "calls at a time, both ways (no limit)"},
    {"max-calls-per-second", "N", "new calls a second, each way (no limit)"},
    {"asserted-identity", "HOW",
     "P-Asserted-Identity: send (to it), trust (it is believed as well), none (none)"},
    {"probe", "SECONDS", "ask each peer by OPTIONS so often (never)"},
    {"strip", "N", "leave out the first N characters of numbers on their way to it"},
    {"add-prefix", "DIGITS", "and put these before them"},
    {"rewrite", "RULES", "the same by rules, as '+49>0,+>00': the first that fits counts"},
    {"strip-in", "N", "of numbers that it sends"},
    {"add-prefix-in", "DIGITS", "likewise, as +49"},
    {"rewrite-in", "RULES", "likewise, as '00>+,0>+49'"},
    {"t38-first", NULL, "offer T.38 already in the first INVITE"},
    {"no-audio-fallback", NULL, "never send or receive over audio when T.38 cannot be had"},
    {"no-t38", NULL, "G.711 alone: never ask it for T.38, nor take T.38 from it"},
    {"prefix", "DIGITS", "numbers that go there, as +49 (all)"},
    {"transport", "NAME",
     "udp, tcp, tls, sips, or any, as DNS says: how its requests travel (udp)"},
    {"long-by-tcp", NULL, "udp: requests of more than 1,300 octets go by TCP"},
    {"secured", NULL, "with tls: protected media or no call"},
    {"nat", NULL, "behind an address translation: media from the host that signals, by any port"},
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
    {"PEERS", "peers", CELL_TEXT},
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

/* "--strip 2 --add-prefix 00" is the rule "..>00". */
static bool add_rules(struct cli *cli, json_t *body, const char *key, const char *rules,
                      const char *strip, const char *prefix)
{
    char rule[80] = "";
    int64_t left_out = 0;
    const char *added = cli_option(cli, prefix), *text = cli_option(cli, rules);
    int has_strip = cli_option_number(cli, strip, 0, 20, &left_out);
    if (has_strip < 0)
        return false;
    if (text && (has_strip || added)) {
        cli_usage(cli, "--%s does not go with --%s and --%s", rules, strip, prefix);
        return false;
    }
    if (has_strip || added) {
        snprintf(rule, sizeof rule, "%.*s>%.40s", (int)left_out, "....................",
                 added ? added : "");
        text = rule;
    }
    if (text && json_object_set_new(body, key, json_string(text)) != 0) {
        cli_usage(cli, "a value is no UTF-8");
        return false;
    }
    return true;
}

static bool add_routing(struct cli *cli, json_t *body)
{
    static const struct {
        const char *option, *key;
        int64_t most;
    } numbers[] = {{"max-calls", "max_calls", 100000},
                   {"max-calls-per-second", "max_calls_per_second", 100000},
                   {"probe", "probe_s", 3600}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t value = 0;
        int has = cli_option_number(cli, numbers[i].option, 0, numbers[i].most, &value);
        if (has < 0)
            return false;
        if (has)
            json_object_set_new(body, numbers[i].key, json_integer(value));
    }
    return add_rules(cli, body, "rewrite_out", "rewrite", "strip", "add-prefix") &&
           add_rules(cli, body, "rewrite_in", "rewrite-in", "strip-in", "add-prefix-in");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    int64_t port = 0;
    const char *host = cli_option(cli, "host"), *prefix = cli_option(cli, "prefix");
    int has_port = cli_option_number(cli, "port", 1, 65535, &port);
    if (has_port < 0)
        return CLI_USAGE;
    if (!host)
        return cli_usage(cli, "--host is needed");
    json_t *body = json_pack("{s:s, s:s, s:I, s:b, s:s}", "name", cli->arguments[0], "host", host,
                             "port", (json_int_t)port, "t38_first",
                             cli_option(cli, "t38-first") != NULL, "prefix", prefix ? prefix : "");
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    if (cli_option(cli, "no-audio-fallback"))
        json_object_set_new(body, "audio_fallback", json_false());
    if (cli_option(cli, "no-t38"))
        json_object_set_new(body, "t38", json_false());
    static const char *const texts[][2] = {{"transport", "transport"},
                                           {"tls-name", "tls_name"},
                                           {"tls-ca", "tls_ca"},
                                           {"tls-certificate", "tls_certificate"},
                                           {"tls-key", "tls_key"},
                                           {"peers", "peers"},
                                           {"asserted-identity", "asserted_identity"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = cli_option(cli, texts[i][0]);
        if (value && json_object_set_new(body, texts[i][1], json_string(value)) != 0) {
            json_decref(body);
            return cli_usage(cli, "a value is no UTF-8");
        }
    }
    if (!add_routing(cli, body)) {
        json_decref(body);
        return CLI_USAGE;
    }
    if (cli_option(cli, "secured"))
        json_object_set_new(body, "secured", json_true());
    if (cli_option(cli, "express"))
        json_object_set_new(body, "express", json_true());
    if (cli_option(cli, "nat"))
        json_object_set_new(body, "nat", json_true());
    if (cli_option(cli, "long-by-tcp"))
        json_object_set_new(body, "long_by_tcp", json_true());
    http_target_begin(&target, "/v1/trunks");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static const struct cli_option change_options[] = {
    {"asserted-identity", "HOW", "P-Asserted-Identity: none, send (to it), trust (it is believed)"},
    {"nat", "YESNO", "yes or no: behind an address translation, see trunk add"},
    {NULL, NULL, NULL},
};

static int run_change(struct cli *cli)
{
    struct http_target target;
    const char *identity = cli_option(cli, "asserted-identity");
    const char *nat = cli_option(cli, "nat");
    if (!identity && !nat)
        return cli_usage(cli, "--asserted-identity or --nat is needed");
    if (nat && strcmp(nat, "yes") != 0 && strcmp(nat, "no") != 0)
        return cli_usage(cli, "--nat is yes or no");
    json_t *body = json_pack("{s:s*}", "asserted_identity", identity);
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    if (nat)
        json_object_set_new(body, "nat", json_boolean(strcmp(nat, "yes") == 0));
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "PATCH", &target, body, "changed", cli->arguments[0]);
}

static int run_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}

static const struct cli_option retry_options[] = {
    {"number", "NUMBER", "only for that one (all of the trunk)"},
    {NULL, NULL, NULL},
};

static int run_retry_t38(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/trunks");
    http_target_segment(&target, cli->arguments[0]);
    http_target_segment(&target, "t38-refusals");
    http_target_query(&target, "number", cli_option(cli, "number"));
    return cli_change(cli, "DELETE", &target, NULL, "is asked for T.38 again", cli->arguments[0]);
}

const struct cli_command cli_trunk_commands[] = {
    {"trunk", "list", NULL, "List SIP trunks", "sealfax trunk list", NULL, 0, run_list},
    {"trunk", "add", "NAME", "Add a SIP trunk",
     "sealfax trunk add carrier --host 192.0.2.10 --port 5060 --prefix +49", add_options, 1,
     run_add},
    {"trunk", "change", "NAME",
     "Set whether a SIP trunk is told, and believed, who calls, and where its media come from",
     "sealfax trunk change carrier --asserted-identity send", change_options, 1, run_change},
    {"trunk", "retry-t38", "NAME", "Forget who has refused T.38: ask again",
     "sealfax trunk retry-t38 carrier --number +4969123", retry_options, 1, run_retry_t38},
    {"trunk", "remove", "NAME", "Remove a SIP trunk", "sealfax trunk remove carrier", NULL, 1,
     run_remove},
    {"trunk", "show", "NAME", "Show how we stand with a trunk", "sealfax trunk show carrier", NULL,
     1, cli_trunk_show},
    {"trunk", "credential set", "NAME", "Set what answers a trunk's challenges",
     "sealfax trunk credential set carrier --user 4989 --password-file carrier.password",
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
