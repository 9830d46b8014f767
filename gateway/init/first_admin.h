/* first_admin.h: names the first administrator in the database before any gateway runs. */
#ifndef GATEWAY_INIT_FIRST_ADMIN_H
#define GATEWAY_INIT_FIRST_ADMIN_H

#include <stddef.h>
#include <sys/types.h>

/* The hooks of `sealfax init` (init.h). Blocking. */
int first_admin_record(const char *owner_conninfo, const char *name, uid_t uid, char *existing,
                       size_t existing_size) __attribute__((warn_unused_result));
int first_admin_migrate(const char *owner_conninfo, const char *application, const char *reader)
    __attribute__((warn_unused_result));

#endif
