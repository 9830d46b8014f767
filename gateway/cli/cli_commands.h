/* cli_commands.h: the commands, one table per group. */
#ifndef GATEWAY_CLI_CLI_COMMANDS_H
#define GATEWAY_CLI_CLI_COMMANDS_H

#include "gateway/cli/cli_options.h"

extern const struct cli_command cli_status_commands[];
extern const struct cli_command cli_send_commands[];
extern const struct cli_command cli_render_commands[];
extern const struct cli_command cli_fax_commands[];
extern const struct cli_command cli_export_commands[];
extern const struct cli_command cli_user_commands[];
extern const struct cli_command cli_credential_commands[];
extern const struct cli_command cli_role_commands[];
extern const struct cli_command cli_grant_commands[];
extern const struct cli_command cli_mailbox_commands[];
extern const struct cli_command cli_mail_commands[];
extern const struct cli_command cli_number_commands[];
extern const struct cli_command cli_trunk_commands[];
extern const struct cli_command cli_device_commands[];
extern const struct cli_command cli_route_commands[];
extern const struct cli_command cli_key_commands[];
extern const struct cli_command cli_audit_commands[];
extern const struct cli_command cli_dispose_commands[];

enum { CLI_STATE_TEXT = 32 };

/* Follows a fax and prints a line per step until it ends. state gets its final state. Returns
 * CLI_DONE when it has ended, else CLI_FAILED. */
int cli_watch_fax(struct cli *cli, const char *id, char state[CLI_STATE_TEXT]);

/* cli_trace.c: `fax trace`. */
extern const struct cli_option cli_trace_options[];
int cli_run_trace(struct cli *cli);

#endif
