/* migrate_command.h: `sealfax migrate`: brings the schema of a configured database up to date. */
#ifndef GATEWAY_DB_MIGRATE_COMMAND_H
#define GATEWAY_DB_MIGRATE_COMMAND_H

/* `sealfax migrate [--config FILE] [--state DIR] [--check]`. The login is database.owner_dsn; the
 * private cluster is brought up to date by `sealfax serve` itself. Returns 0 when the schema is
 * what this program needs, 1 when it is not or cannot be had, 2 on usage. */
int migrate_command_main(int argc, char **argv);

#endif
