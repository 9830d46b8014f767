#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option export_options[] = {
    {"format", "pdf|tiff", "of the document"},
    {"out", "FILE", "where to write it (standard output)"},
    {"force", NULL, "replace FILE when it exists"},
    {NULL, NULL, NULL},
};

static int complain(const char *file, int error)
{
    fputs("sealfax: ", stderr);
    cli_print_escaped(stderr, file);
    fprintf(stderr, ": %s\n", strerror(error));
    return CLI_FAILED;
}

static int fetch(struct cli *cli, const char *format, int fd)
{
    struct http_target target;
    struct http_answer answer;
    struct http_call call = {.method = "GET", .body_fd = -1, .answer_fd = fd};
    http_target_begin(&target, "/v1/faxes");
    http_target_segment(&target, cli->arguments[0]);
    http_target_plain(&target, "/document");
    http_target_query(&target, "format", format);
    int result = cli_call(cli, &call, &target, &answer);
    if (result == CLI_DONE && answer.json) {
        fprintf(stderr, "sealfax: the gateway sent no document\n");
        result = CLI_FAILED;
    }
    http_answer_free(&answer);
    return result;
}

/* The document appears under its name only when it is complete. */
static int fetch_to_file(struct cli *cli, const char *format, const char *file, bool force)
{
    char part[4096];
    if (!force && access(file, F_OK) == 0)
        return complain(file, EEXIST);
    if ((size_t)snprintf(part, sizeof part, "%s.XXXXXX", file) >= sizeof part)
        return complain(file, ENAMETOOLONG);
    int fd = mkostemp(part, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return complain(file, errno);
    int result = fetch(cli, format, fd);
    if (result == CLI_DONE && fsync(fd) < 0)
        result = complain(file, errno);
    close(fd);
    if (result == CLI_DONE &&
        renameat2(AT_FDCWD, part, AT_FDCWD, file, force ? 0 : RENAME_NOREPLACE) < 0)
        result = complain(file, errno);
    if (result != CLI_DONE)
        unlink(part);
    return result;
}

static int run_export(struct cli *cli)
{
    const char *format = cli_option(cli, "format"), *file = cli_option(cli, "out");
    if (!format || (strcmp(format, "pdf") != 0 && strcmp(format, "tiff") != 0))
        return cli_usage(cli, "--format must be 'pdf' or 'tiff'");
    if (file && !*file)
        return cli_usage(cli, "--out is empty");
    if (file)
        return fetch_to_file(cli, format, file, cli_option(cli, "force") != NULL);
    if (isatty(STDOUT_FILENO))
        return cli_usage(cli, "the document is not written to a terminal: give --out FILE");
    return fetch(cli, format, STDOUT_FILENO);
}

const struct cli_command cli_export_commands[] = {
    {"export", NULL, "ID", "Write the pages of a fax as a document",
     "sealfax export --format pdf --out fax.pdf 019aa7f3-1c00-7000-8000-0123456789ab",
     export_options, 1, run_export},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
