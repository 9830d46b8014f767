#include "gateway/control/credential_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/login_queries.h"

int credential_table_read(struct credential_table *t, const struct db_result *result, int rows)
{
    t->all = calloc((size_t)rows + 1, sizeof *t->all);
    if (!t->all)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct login_row row;
        struct credential_info *c = &t->all[t->count++];
        login_row_read(result, i, &row);
        (void)snprintf(c->user, sizeof c->user, "%s", row.user);
        (void)snprintf(c->principal, sizeof c->principal, "%s", row.principal);
        (void)snprintf(c->sealed, sizeof c->sealed, "%s", row.sealed);
    }
    return 0;
}

void credential_table_free(struct credential_table *t)
{
    free(t->all);
    *t = (struct credential_table){0};
}

static int compare_user(const void *user, const void *credential)
{
    return strcmp(user, ((const struct credential_info *)credential)->user);
}

const struct credential_info *credential_table_find(const struct credential_table *t,
                                                    const char *user)
{
    return t->count ? bsearch(user, t->all, t->count, sizeof *t->all, compare_user) : NULL;
}
