#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_documents.h"

static const struct cli_option send_options[] = {
    {"as", "NUMBER", "the number to send as"},
    {"to", "NUMBER", "the number to call"},
    {"idempotency-key", "KEY", "the same key again gives the same fax, not another one"},
    {"resolution", "NAME",
     "standard (204×98), fine (204×196, as without), superfine (204×391) or 400 (408×391)"},
    {"paper", "NAME", "a4 (as without), letter, legal, b4 or a3"},
    {"pages", "RANGES", "only these pages, as 1-3,5,8-; counted through all files"},
    {"rotate", "MODE", "auto: wide pages are turned where that fits better; none: never"},
    {"priority", "NAME", "low: after all others; high: before them; normal, as without"},
    {"at", "TIME", "not before, as \"2026-11-21 09:30\" (local time) or 2026-11-21T09:30:00Z"},
    {"wait", NULL, "follow it; exit 0 only when it is delivered"},
    {NULL, NULL, NULL},
};

static const char *type_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot && strcasecmp(dot, ".pdf") == 0)
        return "application/pdf";
    if (dot && (strcasecmp(dot, ".tif") == 0 || strcasecmp(dot, ".tiff") == 0))
        return "image/tiff";
    if (dot && strcasecmp(dot, ".png") == 0)
        return "image/png";
    if (dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0))
        return "image/jpeg";
    if (dot && strcasecmp(dot, ".txt") == 0)
        return "text/plain";
    return "application/octet-stream";
}

static void report(struct cli *cli, const json_t *fax, int status)
{
    if (cli->json) {
        cli_print_json(stdout, fax, cli_option(cli, "wait") != NULL);
        return;
    }
    printf("fax ");
    cli_print_escaped(stdout, cli_text(fax, "id"));
    printf("%s, %lld pages, ", status == 200 ? " was submitted before" : " submitted",
           (long long)json_integer_value(json_object_get(fax, "pages")));
    cli_print_escaped(stdout, cli_text(fax, "state"));
    putchar('\n');
    fflush(stdout);
}

static int submit(struct cli *cli, int fd, const char *type, struct http_answer *answer)
{
    struct http_target target;
    char at[32] = "";
    if (cli_option_time(cli, "at", at) < 0)
        return CLI_USAGE;
    struct http_call call = {.method = "POST",
                             .content_type = type,
                             .idempotency_key = cli_option(cli, "idempotency-key"),
                             .body_fd = fd,
                             .answer_fd = -1};
    http_target_begin(&target, "/v1/faxes");
    http_target_query(&target, "from", cli_option(cli, "as"));
    http_target_query(&target, "to", cli_option(cli, "to"));
    http_target_query(&target, "resolution", cli_option(cli, "resolution"));
    http_target_query(&target, "paper", cli_option(cli, "paper"));
    http_target_query(&target, "pages", cli_option(cli, "pages"));
    http_target_query(&target, "rotate", cli_option(cli, "rotate"));
    http_target_query(&target, "priority", cli_option(cli, "priority"));
    if (at[0])
        http_target_query(&target, "not_before", at);
    return cli_call(cli, &call, &target, answer);
}

static int run_send(struct cli *cli)
{
    struct http_answer answer;
    char state[CLI_STATE_TEXT], type[CLI_DOCUMENTS_TYPE_TEXT];
    if (!cli_option(cli, "as") || !cli_option(cli, "to"))
        return cli_usage(cli, "--as and --to are needed");
    snprintf(type, sizeof type, "%s", type_of(cli->arguments[0]));
    int fd = cli->argument_count == 1
                 ? cli_documents_open(cli->arguments[0])
                 : cli_documents_join(cli->arguments, cli->argument_count, type);
    if (fd < 0)
        return CLI_FAILED;
    int result = submit(cli, fd, type, &answer);
    if (fd != STDIN_FILENO)
        close(fd);
    if (result == CLI_DONE)
        report(cli, answer.json, answer.status);
    if (result == CLI_DONE && cli_option(cli, "wait")) {
        result = cli_watch_fax(cli, cli_text(answer.json, "id"), state);
        if (result == CLI_DONE && strcmp(state, "delivered") != 0)
            result = CLI_FAILED;
    }
    http_answer_free(&answer);
    return result;
}

const struct cli_command cli_send_commands[] = {
    {"send", NULL, "FILE...",
     "Send PDF, TIFF, PNG, JPEG, Office or text files ('-': standard input) as one fax",
     "sealfax send --as +49301111111 --to +49302222222 --wait letter.pdf", send_options, 1,
     run_send},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
