/* migrate.h: brings the database schema to the version this program was built with.
 *
 * The migrations are the files migrations/NNNN_name.sql, built into the program. Those that are
 * missing run in one transaction together with their rows in schema_migration (version, name,
 * sha256, applied_at): all or none. All tables stand in the schema "sealfax" and belong to the role
 * sealfax_owner. */
#ifndef GATEWAY_DB_MIGRATE_H
#define GATEWAY_DB_MIGRATE_H

#include <stdint.h>

struct migrate_report {
    unsigned applied;  /* migrations applied by this call */
    unsigned version;  /* of the schema now */
    char message[512]; /* on failure: what happened, in one line without secrets */
};

/* The version this program needs: the number of its last migration. */
unsigned migrate_version(void);

/* Applies what is missing. Blocking, for the command line and for a thread of the pool. The login
 * of owner_conninfo must be sealfax_owner or be allowed to become it. The roles sealfax_owner,
 * sealfax_app and sealfax_reader must exist. An advisory lock keeps two callers apart.
 * Returns 0; -ENOTCONN: no connection; -EPROTONOSUPPORT: the schema is newer than this program;
 * -EILSEQ: an applied migration is not the one this program knows (altered or renamed);
 * -ENOENT: a role is missing; -EIO: a statement was refused; report->message says more. */
int migrate_run(const char *owner_conninfo, struct migrate_report *report)
    __attribute__((warn_unused_result));

/* Compares the schema with this program through any login that may read it; changes nothing.
 * Returns 0 when it is exactly what this program needs, -EAGAIN when migrations are missing, else
 * as migrate_run. */
int migrate_check(const char *conninfo, struct migrate_report *report)
    __attribute__((warn_unused_result));

#endif
