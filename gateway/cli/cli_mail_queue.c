#include "gateway/cli/cli_mail_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_file.h"

const struct cli_option cli_mail_queue_options[] = {
    {"state", "STATE", "only queued, sent, failed or dropped ones (all)"},
    {NULL, NULL, NULL},
};

const struct cli_option cli_mail_certificate_options[] = {
    {"file", "FILE",
     "the certificate in PEM form (RSA of 2048 bits or an elliptic curve); -: standard input"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"ID", "id", CELL_TEXT},         {"KIND", "kind", CELL_TEXT}, {"STATE", "state", CELL_TEXT},
    {"TO", "to", CELL_TEXT},         {"FORM", "form", CELL_TEXT}, {"TRIES", "tries", CELL_NUMBER},
    {"QUEUED", "queued", CELL_TIME}, {"NEXT", "next", CELL_TIME}, {"ANSWER", "answer", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct cli_column record[] = {
    {"id", "id", CELL_TEXT},           {"kind", "kind", CELL_TEXT},
    {"state", "state", CELL_TEXT},     {"to", "to", CELL_TEXT},
    {"fax", "fax", CELL_TEXT},         {"about", "about", CELL_TEXT},
    {"action", "action", CELL_TEXT},   {"form", "form", CELL_TEXT},
    {"tries", "tries", CELL_NUMBER},   {"answer", "answer", CELL_TEXT},
    {"queued", "queued", CELL_TIME},   {"next", "next", CELL_TIME},
    {"expires", "expires", CELL_TIME}, {"ended", "ended", CELL_TIME},
    {"bounced", "bounced", CELL_TIME}, {NULL, NULL, CELL_TEXT},
};

static const struct cli_column certificate_columns[] = {
    {"ADDRESS", "address", CELL_TEXT}, {"EXPIRES", "expires", CELL_TIME},
    {"SUBJECT", "subject", CELL_TEXT}, {"FINGERPRINT", "fingerprint", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static void queue_target(const struct cli *cli, struct http_target *target, const char *verb)
{
    http_target_begin(target, "/v1/mail/queue");
    http_target_segment(target, cli->arguments[0]);
    if (verb)
        http_target_segment(target, verb);
}

int cli_mail_queue_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/queue");
    if (cli_option(cli, "state"))
        http_target_query(&target, "state", cli_option(cli, "state"));
    return cli_list(cli, &target, "mails", columns, "no mails");
}

int cli_mail_queue_show(struct cli *cli)
{
    struct http_target target;
    json_t *answer = NULL;
    queue_target(cli, &target, NULL);
    int result = cli_call_json(cli, "GET", &target, NULL, &answer);
    if (result == CLI_DONE && cli->json)
        cli_print_json(stdout, answer, 0);
    else if (result == CLI_DONE)
        cli_print_record(stdout, answer, record);
    json_decref(answer);
    return result;
}

int cli_mail_queue_retry(struct cli *cli)
{
    struct http_target target;
    queue_target(cli, &target, "retry");
    return cli_change(cli, "POST", &target, NULL, "tried again", cli->arguments[0]);
}

int cli_mail_queue_drop(struct cli *cli)
{
    struct http_target target;
    queue_target(cli, &target, "drop");
    return cli_change(cli, "POST", &target, NULL, "dropped", cli->arguments[0]);
}

int cli_mail_certificate_list(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/certificates");
    return cli_list(cli, &target, "certificates", certificate_columns, "no certificates");
}

int cli_mail_certificate_set(struct cli *cli)
{
    struct http_target target;
    const char *file = cli_option(cli, "file");
    char *text = NULL;
    size_t length = 0;
    if (!file)
        return cli_usage(cli, "--file is needed");
    if (cli_file_read(file, &text, &length) != CLI_DONE)
        return CLI_FAILED;
    json_t *body = json_pack("{s:o}", "certificate", json_stringn(text, length));
    free(text);
    if (!body)
        return cli_usage(cli, "the file is no UTF-8");
    http_target_begin(&target, "/v1/mail/certificates");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "PUT", &target, body, "set", cli->arguments[0]);
}

int cli_mail_certificate_remove(struct cli *cli)
{
    struct http_target target;
    http_target_begin(&target, "/v1/mail/certificates");
    http_target_segment(&target, cli->arguments[0]);
    return cli_change(cli, "DELETE", &target, NULL, "removed", cli->arguments[0]);
}
