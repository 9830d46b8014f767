/* cli.h: the user commands of the sealfax program. They use the API over the Unix socket only. */
#ifndef GATEWAY_CLI_CLI_H
#define GATEWAY_CLI_CLI_H

#include <stdbool.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* True when word names a command of this module (status, send, faxes, fax, export, user, …), so
 * that main can tell them from serve, init and the like. */
bool cli_has_command(const char *word);

/* Runs the command in argv (argv[0] is the program). Returns an enum cli_exit: 0 done, 1 refused
 * or failed, 2 usage. Prints to stdout and stderr. */
int cli_main(int argc, char **argv);

/* Prints the list of commands, one line each, as 'sealfax --help' shows them, to stdout. */
void cli_print_commands(void);

#endif
