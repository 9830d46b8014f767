/* cli_gateway.h: a gateway that answers with what it was asked, in a process of its own, to test
 * the command line: the real HTTP server with made-up contents. */
#ifndef TESTS_DOUBLES_CLI_GATEWAY_H
#define TESTS_DOUBLES_CLI_GATEWAY_H

#include <stdbool.h>
#include <sys/types.h>

/* The id of every fax that it accepts. */
#define CLI_GATEWAY_FAX "019aa7f3-1c00-7000-8000-0123456789ab"

/* Starts one on a socket at path; it dies with its parent. Special faxes: to "+666" is refused,
 * key "again" was used before, "cut" and "broken" end their stream early, "busy" fails, "gone" is
 * disposed of. broken: its log does not verify, and nothing else is there. Returns its process id,
 * or -1. */
pid_t cli_gateway_start(const char *path, bool broken);

/* Stops it. Returns 0, or -1 when it was not running. */
int cli_gateway_stop(pid_t pid);

#endif
