#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option list_options[] = {
    {"direction", "in|out", "only those received or sent"},
    {"state", "STATE", "only those in this state"},
    {"mailbox", "NAME", "only those of this mailbox"},
    {"limit", "N", "at most so many (100)"},
    {"before", "MARK", "go on where the last list ended"},
    {NULL, NULL, NULL},
};

static const struct cli_column fax_columns[] = {
    {"ID", "id", CELL_TEXT},           {"DIR", "direction", CELL_TEXT},
    {"STATE", "state", CELL_TEXT},     {"FROM", "from", CELL_TEXT},
    {"TO", "to", CELL_TEXT},           {"MAILBOX", "mailbox", CELL_TEXT},
    {"PAGES", "pages", CELL_NUMBER},   {"CONF", "pages_confirmed", CELL_NUMBER},
    {"CREATED", "created", CELL_TIME}, {"DISPOSAL", "disposal", CELL_TIME},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column detail_columns[] = {
    {"fax", "id", CELL_TEXT},
    {"direction", "direction", CELL_TEXT},
    {"state", "state", CELL_TEXT},
    {"reason", "reason", CELL_TEXT},
    {"from", "from", CELL_TEXT},
    {"to", "to", CELL_TEXT},
    {"mailbox", "mailbox", CELL_TEXT},
    {"class", "class", CELL_TEXT},
    {"by", "principal", CELL_TEXT},
    {"pages", "pages", CELL_TEXT},
    {"confirmed", "pages_confirmed", CELL_TEXT},
    {"created", "created", CELL_TIME},
    {"completed", "completed", CELL_TIME},
    {"next try", "next_attempt", CELL_TIME},
    {"disposal", "disposal", CELL_TIME},
    {"disposed", "disposed", CELL_TIME},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column attempt_columns[] = {
    {"ATTEMPT", "attempt", CELL_NUMBER},
    {"STARTED", "started", CELL_TIME},
    {"TRUNK", "trunk", CELL_TEXT},
    {"OUTCOME", "outcome", CELL_TEXT},
    {"SIP", "sip_code", CELL_NUMBER},
    {"T.30", "t30_result", CELL_NUMBER},
    {"RATE", "rate", CELL_NUMBER},
    {"MODEM", "modem", CELL_TEXT},
    {"MEDIA", "media", CELL_TEXT},
    {"ECM", "ecm", CELL_FLAG},
    {"AGAIN", "retransmissions", CELL_NUMBER},
    {"PAGES", "pages", CELL_NUMBER},
    {"SECONDS", "seconds", CELL_NUMBER},
    {"PEER", "peer_ident", CELL_TEXT},
    {"SIGNALLING", "signalling", CELL_TEXT},
    {"PROTECTION", "protection", CELL_TEXT},
    {"EXPRESS", "express", CELL_FLAG},
    {"TEXT", "text", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column page_columns[] = {
    {"PAGE", "page", CELL_NUMBER},     {"WIDTH", "width", CELL_NUMBER},
    {"ROWS", "rows", CELL_NUMBER},     {"X-DPI", "x_dpi", CELL_NUMBER},
    {"Y-DPI", "y_dpi", CELL_NUMBER},   {"CODING", "coding", CELL_TEXT},
    {"OCTETS", "octets", CELL_NUMBER}, {"CONFIRMED", "confirmed", CELL_TIME},
    {"SHA-256", "digest", CELL_TEXT},  {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    int64_t limit;
    const char *direction = cli_option(cli, "direction");
    if (cli_option_number(cli, "limit", 1, 1000, &limit) < 0)
        return CLI_USAGE;
    if (direction && strcmp(direction, "in") != 0 && strcmp(direction, "out") != 0)
        return cli_usage(cli, "--direction must be 'in' or 'out'");
    http_target_begin(&target, "/v1/faxes");
    http_target_query(&target, "direction", direction);
    http_target_query(&target, "state", cli_option(cli, "state"));
    http_target_query(&target, "mailbox", cli_option(cli, "mailbox"));
    http_target_query(&target, "limit", cli_option(cli, "limit"));
    http_target_query(&target, "before", cli_option(cli, "before"));
    return cli_list(cli, &target, "faxes", fax_columns, "no faxes");
}

static void fax_target(struct http_target *target, const char *id, const char *action)
{
    http_target_begin(target, "/v1/faxes");
    http_target_segment(target, id);
    http_target_plain(target, action);
}

static void print_detail(const json_t *fax)
{
    cli_print_record(stdout, fax, detail_columns);
    printf("key        ");
    cli_print_escaped(stdout, cli_text(json_object_get(fax, "key"), "kek_id"));
    printf("\n\n");
    cli_print_table(stdout, json_object_get(fax, "attempts"), attempt_columns, "no attempts yet");
    putchar('\n');
    cli_print_table(stdout, json_object_get(fax, "page_list"), page_columns, "no pages");
}

static int run_show(struct cli *cli)
{
    struct http_target target;
    json_t *fax = NULL;
    fax_target(&target, cli->arguments[0], "");
    int result = cli_call_json(cli, "GET", &target, NULL, &fax);
    if (result == CLI_DONE && cli->json)
        cli_print_json(stdout, fax, 0);
    else if (result == CLI_DONE)
        print_detail(fax);
    json_decref(fax);
    return result;
}

static int run_watch(struct cli *cli)
{
    char state[CLI_STATE_TEXT];
    return cli_watch_fax(cli, cli->arguments[0], state);
}

static int run_cancel(struct cli *cli)
{
    struct http_target target;
    fax_target(&target, cli->arguments[0], "/cancel");
    return cli_change(cli, "POST", &target, NULL, "is being cancelled", cli->arguments[0]);
}

const struct cli_command cli_fax_commands[] = {
    {"faxes", NULL, NULL, "List faxes, newest first", "sealfax faxes --direction in --limit 20",
     list_options, 0, run_list},
    {"fax", "show", "ID", "Show one fax with its attempts and pages",
     "sealfax fax show 019aa7f3-1c00-7000-8000-0123456789ab", NULL, 1, run_show},
    {"fax", "watch", "ID", "Follow a fax until it ends",
     "sealfax fax watch 019aa7f3-1c00-7000-8000-0123456789ab", NULL, 1, run_watch},
    {"fax", "trace", "ID", "Show what was signalled in a call of a fax, and why it went so",
     "sealfax fax trace 019aa7f3-1c00-7000-8000-0123456789ab", cli_trace_options, 1, cli_run_trace},
    {"fax", "cancel", "ID", "Cancel a fax that is queued or under way",
     "sealfax fax cancel 019aa7f3-1c00-7000-8000-0123456789ab", NULL, 1, run_cancel},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
