/* cli_api.h: calling the gateway from a command and reporting what it refuses. */
#ifndef GATEWAY_CLI_CLI_API_H
#define GATEWAY_CLI_CLI_API_H

#include "gateway/cli/cli.h"
#include "gateway/cli/cli_options.h"
#include "gateway/cli/cli_output.h"
#include "gateway/http/http_client.h"

/* Finds the socket when no --socket was given: $SEALFAX_SOCKET, else run/api.sock in the state
 * directory (/var/lib/sealfax for root or when it exists, else ~/.local/state/sealfax). Returns 0
 * or -1 after having complained. */
int cli_find_socket(struct cli *cli) __attribute__((warn_unused_result));

/* Makes the call (socket_path is filled in) and complains on stderr when it fails or is answered
 * with a problem ('sealfax: <title>: <detail>'; with --json the problem goes to stdout too).
 * Returns CLI_DONE or CLI_FAILED. answer must be released in both cases. */
int cli_call(struct cli *cli, struct http_call *call, const struct http_target *target,
             struct http_answer *answer) __attribute__((warn_unused_result));

/* Makes a call with an optional JSON body (the reference is taken). On CLI_DONE *out is the answer,
 * owned by the caller, NULL for an empty one; out may be NULL. */
int cli_call_json(struct cli *cli, const char *method, const struct http_target *target,
                  json_t *body, json_t **out) __attribute__((warn_unused_result));

/* GETs path and prints its array 'key' as a table, or all with --json. */
int cli_list(struct cli *cli, const struct http_target *target, const char *key,
             const struct cli_column *columns, const char *empty_text);

/* Makes a call that changes something and prints done_text (escaped, with the name), or the answer
 * with --json. Takes body. */
int cli_change(struct cli *cli, const char *method, const struct http_target *target, json_t *body,
               const char *done_text, const char *name);

/* The string under key, "" when there is none. */
const char *cli_text(const json_t *object, const char *key);

#endif
