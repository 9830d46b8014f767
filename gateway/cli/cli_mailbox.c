#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

enum { RETENTION_DAYS_MAX = 36500 };

static const struct cli_option add_options[] = {
    {"class", "CLASS", "classification of its faxes"},
    {"retention-days", "N", "when they are disposed of (0: undated)"},
    {"capture", NULL, "pages of bridged calls are sealed as well"},
    {"deliver-to", "DEVICE", "fax machine that what it receives is sent to"},
    {"mail-to", "ADDRESS[,ADDRESS...]", "to whom what it receives is mailed"},
    {"mail-form", "FORM", "pdf, tiff, smime or notice (notice)"},
    {NULL, NULL, NULL},
};

static const struct cli_option change_options[] = {
    {"retention-days", "N", "when faxes that come from now on are disposed of (0: undated)"},
    {"capture", NULL, "pages of bridged calls are sealed as well"},
    {"no-capture", NULL, "they are not"},
    {"deliver-to", "DEVICE", "fax machine that what it receives is sent to (\"\": none)"},
    {"mail-to", "ADDRESS[,ADDRESS...]", "to whom what it receives is mailed (\"\": to nobody)"},
    {"mail-form", "FORM", "pdf, tiff, smime or notice"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"NAME", "name", CELL_TEXT},
    {"CLASS", "class", CELL_TEXT},
    {"RETENTION DAYS", "retention_days", CELL_NUMBER},
    {"CAPTURE", "capture", CELL_FLAG},
    {"DELIVER TO", "device", CELL_TEXT},
    {"MAIL TO", "mail_to", CELL_LIST},
    {"FORM", "mail_form", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mailboxes");
    return cli_list(cli, &target, "mailboxes", columns, "no mailboxes");
}

/* Returns 0, or -1 after having complained. */
static int add_mail(struct cli *cli, json_t *body)
{
    const char *to = cli_option(cli, "mail-to"), *form = cli_option(cli, "mail-form");
    if (form)
        json_object_set_new(body, "mail_form", json_string(form));
    if (to && !to[0])
        return json_object_set_new(body, "mail_to", json_array());
    return cli_option_list(cli, "mail-to", body, "mail_to");
}

static int run_add(struct cli *cli)
{
    struct http_target target;
    int64_t days = 0;
    int has_days = cli_option_number(cli, "retention-days", 0, RETENTION_DAYS_MAX, &days);
    if (has_days < 0)
        return CLI_USAGE;
    json_t *body = json_pack("{s:s, s:s*, s:s*}", "name", cli->arguments[0], "class",
                             cli_option(cli, "class"), "device", cli_option(cli, "deliver-to"));
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (has_days)
        json_object_set_new(body, "retention_days", json_integer(days));
    if (cli_option(cli, "capture"))
        json_object_set_new(body, "capture", json_true());
    if (add_mail(cli, body) < 0) {
        json_decref(body);
        return CLI_USAGE;
    }
    http_target_begin(&target, "/v1/mailboxes");
    return cli_change(cli, "POST", &target, body, "added", cli->arguments[0]);
}

static int run_change(struct cli *cli)
{
    struct http_target target;
    int64_t days = 0;
    int has_days = cli_option_number(cli, "retention-days", 0, RETENTION_DAYS_MAX, &days);
    if (has_days < 0)
        return CLI_USAGE;
    bool capture = cli_option(cli, "capture") != NULL,
         no_capture = cli_option(cli, "no-capture") != NULL;
    if (capture && no_capture)
        return cli_usage(cli, "--capture and --no-capture exclude each other");
    json_t *body = json_pack("{s:s*}", "device", cli_option(cli, "deliver-to"));
    if (!body)
        return cli_usage(cli, "a name is no UTF-8");
    if (has_days)
        json_object_set_new(body, "retention_days", json_integer(days));
    if (capture || no_capture)
        json_object_set_new(body, "capture", json_boolean(capture));
    if (add_mail(cli, body) < 0) {
        json_decref(body);
        return CLI_USAGE;
    }
    if (json_object_size(body) == 0) {
        json_decref(body);
        return cli_usage(cli, "--retention-days, --capture, --no-capture, --deliver-to, --mail-to "
                              "or --mail-form is needed");
    }
    http_target_begin(&target, "/v1/mailboxes");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "PATCH", &target, body, "changed", cli->arguments[0]);
}

const struct cli_command cli_mailbox_commands[] = {
    {"mailbox", "list", NULL, "List mailboxes", "sealfax mailbox list", NULL, 0, run_list},
    {"mailbox", "add", "NAME", "Add a mailbox", "sealfax mailbox add claims --retention-days 3650",
     add_options, 1, run_add},
    {"mailbox", "change", "NAME", "Change what becomes of the faxes of a mailbox",
     "sealfax mailbox change claims --retention-days 2190", change_options, 1, run_change},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
