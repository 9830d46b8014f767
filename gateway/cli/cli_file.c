#include "gateway/cli/cli_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/cli_output.h"
#include "gateway/config/config.h"

int cli_file_read(const char *file, char **text, size_t *length)
{
    /* Not /dev/stdin: a pipe of another account, or a socket, cannot be opened. */
    int fd = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                    : open(file, O_RDONLY | O_CLOEXEC);
    int status = fd < 0 ? -errno : config_read_descriptor(fd, text, length);
    if (fd >= 0)
        close(fd);
    if (status == 0)
        return CLI_DONE;
    fputs("sealfax: ", stderr);
    cli_print_escaped(stderr, strcmp(file, "-") == 0 ? "standard input" : file);
    fprintf(stderr, ": %s\n", strerror(-status));
    return CLI_FAILED;
}
