/* cli_file.h: short files that commands are given: passwords, certificates. */
#ifndef GATEWAY_CLI_CLI_FILE_H
#define GATEWAY_CLI_CLI_FILE_H

#include <stddef.h>

/* Reads a file to its end; "-" is standard input. A pipe is waited for. Returns CLI_DONE with a new
 * NUL-terminated text (to be wiped where it is secret, then free()), or CLI_FAILED after having
 * complained, also about more than CONFIG_TEXT_MAX octets. */
int cli_file_read(const char *file, char **text, size_t *length)
    __attribute__((warn_unused_result));

#endif
