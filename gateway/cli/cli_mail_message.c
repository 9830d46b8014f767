#include "gateway/cli/cli_mail_message.h"

#include <stdio.h>

#include "gateway/cli/cli_api.h"

const struct cli_option cli_mail_sender_options[] = {
    {"principal", "NAME", "the user or service in whose name its mails are sent"},
    {"from", "NUMBER", "the number to send as, unless a mail says another one"},
    {NULL, NULL, NULL},
};

const struct cli_option cli_mail_list_options[] = {
    {"before", "ID", "only those that are older than this one"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"ID", "id", CELL_TEXT},
    {"ACCEPTED", "accepted", CELL_TIME},
    {"STATE", "state", CELL_TEXT},
    {"FROM", "from", CELL_TEXT},
    {"PRINCIPAL", "principal", CELL_TEXT},
    {"RECIPIENTS", "recipients", CELL_NUMBER},
    {"REFUSED", "refusal", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column recipient_columns[] = {
    {"N", "recipient", CELL_NUMBER}, {"NUMBER", "number", CELL_TEXT},
    {"STATE", "state", CELL_TEXT},   {"PAGES", "pages", CELL_NUMBER},
    {"FAX", "fax", CELL_TEXT},       {"STATUS", "status", CELL_TEXT},
    {"REASON", "reason", CELL_TEXT}, {"REPORT DUE", "report_due", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column sender_columns[] = {
    {"ADDRESS", "address", CELL_TEXT},
    {"PRINCIPAL", "principal", CELL_TEXT},
    {"NUMBER", "number", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

int cli_mail_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/messages");
    if (cli_option(cli, "before"))
        http_target_query(&target, "before", cli_option(cli, "before"));
    return cli_list(cli, &target, "messages", columns, "no messages");
}

int cli_mail_show(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/messages");
    http_target_segment(&target, cli->arguments[0]);
    return cli_list(cli, &target, "recipient_list", recipient_columns, "no recipients");
}

int cli_mail_sender_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/senders");
    return cli_list(cli, &target, "senders", sender_columns, "no senders");
}

static void sender_target(const struct cli *cli, struct http_target *target)
{
    http_target_begin(target, "/v1/mail/senders");
    http_target_segment(target, cli->arguments[0]);
}

int cli_mail_sender_add(struct cli *cli)
{
    struct http_target target;
    const char *principal = cli_option(cli, "principal"), *from = cli_option(cli, "from");
    if (!principal || !from)
        return cli_usage(cli, "--principal and --from are needed");
    json_t *body = json_pack("{s:s, s:s}", "principal", principal, "number", from);
    if (!body)
        return cli_usage(cli, "a value is no UTF-8");
    sender_target(cli, &target);
    return cli_change(cli, "PUT", &target, body, "added", cli->arguments[0]);
}

int cli_mail_sender_remove(struct cli *cli)
{
    struct http_target target;
    sender_target(cli, &target);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}
