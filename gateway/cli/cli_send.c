#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option send_options[] = {
    {"as", "NUMBER", "the number to send as"},
    {"to", "NUMBER", "the number to call"},
    {"idempotency-key", "KEY", "the same key again gives the same fax, not another one"},
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
    return "application/octet-stream";
}

static int open_document(const char *file)
{
    struct stat info;
    if (strcmp(file, "-") == 0)
        return STDIN_FILENO;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 || fstat(fd, &info) < 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (error == 0)
        return fd;
    fputs("sealfax: ", stderr);
    cli_print_escaped(stderr, file);
    fprintf(stderr, ": %s\n", strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
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

static int submit(struct cli *cli, int fd, struct http_answer *answer)
{
    struct http_target target;
    struct http_call call = {.method = "POST",
                             .content_type = type_of(cli->arguments[0]),
                             .idempotency_key = cli_option(cli, "idempotency-key"),
                             .body_fd = fd,
                             .answer_fd = -1};
    http_target_begin(&target, "/v1/faxes");
    http_target_query(&target, "from", cli_option(cli, "as"));
    http_target_query(&target, "to", cli_option(cli, "to"));
    return cli_call(cli, &call, &target, answer);
}

static int run_send(struct cli *cli)
{
    struct http_answer answer;
    char state[CLI_STATE_TEXT];
    if (!cli_option(cli, "as") || !cli_option(cli, "to"))
        return cli_usage(cli, "--as and --to are needed");
    int fd = open_document(cli->arguments[0]);
    if (fd < 0)
        return CLI_FAILED;
    int result = submit(cli, fd, &answer);
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
    {"send", NULL, "FILE", "Send a PDF or TIFF ('-': standard input) as a fax",
     "sealfax send --as +49301111111 --to +49302222222 --wait letter.pdf", send_options, 1,
     run_send},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
