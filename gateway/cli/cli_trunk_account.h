/* cli_trunk_account.h: the trunk commands of cli_trunk_account.c, for the table in cli_trunk.c. */
#ifndef GATEWAY_CLI_CLI_TRUNK_ACCOUNT_H
#define GATEWAY_CLI_CLI_TRUNK_ACCOUNT_H

#include "gateway/cli/cli_options.h"

extern const struct cli_option cli_trunk_credential_options[], cli_trunk_realm_options[],
    cli_trunk_registration_options[];

/* What the commands run; they return an exit code. */
int cli_trunk_credential_set(struct cli *cli);
int cli_trunk_credential_remove(struct cli *cli);
int cli_trunk_registration_set(struct cli *cli);
int cli_trunk_registration_remove(struct cli *cli);
int cli_trunk_show(struct cli *cli);

/* Puts what stands deeper in a trunk of the API beside the rest, for tables: "registered",
 * "registration_*", "realms". */
void cli_trunk_flatten(json_t *trunk);

#endif
