/* The one-shot process that brings the schema up to date before control starts, with the owner's
 * login, which no lasting process has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/db/migrate.h"
#include "gateway/process/log.h"
#include "gateway/process/roles.h"

int migrate_main(int fd, const struct role_context *context)
{
    struct migrate_report report;
    (void)fd;
    memset(&report, 0, sizeof report);
    if (!context->conninfo) {
        log_write(LOG_LEVEL_ERROR, "there is no login of the schema's owner");
        return ROLE_EXIT_PERMANENT;
    }
    int rc = migrate_run(context->conninfo, &report);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "the database schema: %s", report.message);
        return rc == -ENOTCONN ? ROLE_EXIT_UNAVAILABLE : ROLE_EXIT_PERMANENT;
    }
    if (report.applied > 0)
        log_write(LOG_LEVEL_NOTICE, "%u migrations applied, the schema has version %u",
                  report.applied, report.version);
    return ROLE_EXIT_OK;
}
