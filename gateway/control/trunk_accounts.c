#include "gateway/control/trunk_accounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/account_queries.h"
#include "gateway/process/log.h"
#include "policy/text_code.h"

int trunk_accounts_take_credentials(struct trunk_accounts *a, const struct db_result *result,
                                    int rows)
{
    a->credentials = calloc((size_t)rows + 1, sizeof *a->credentials);
    if (!a->credentials)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct credential_row row;
        credential_row_read(result, i, &row);
        struct trunk_credential *c = &a->credentials[a->credential_count];
        size_t digits = strlen(row.sealed);
        snprintf(c->trunk, sizeof c->trunk, "%s", row.trunk);
        snprintf(c->realm, sizeof c->realm, "%s", row.realm);
        snprintf(c->user, sizeof c->user, "%s", row.user);
        c->sealed_length = digits / 2;
        if (digits % 2 == 0 && c->sealed_length <= sizeof c->sealed &&
            hex_decode(row.sealed, c->sealed, c->sealed_length) == 0)
            a->credential_count++;
        else
            log_write(LOG_LEVEL_ERROR, "trunk %s: its sealed secret cannot be read", row.trunk);
    }
    return 0;
}

int trunk_accounts_take_registrations(struct trunk_accounts *a, const struct db_result *result,
                                      int rows)
{
    a->registrations = calloc((size_t)rows + 1, sizeof *a->registrations);
    if (!a->registrations)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct registration_row row;
        registration_row_read(result, i, &row);
        struct trunk_registration *g = &a->registrations[a->registration_count++];
        snprintf(g->trunk, sizeof g->trunk, "%s", row.trunk);
        snprintf(g->user, sizeof g->user, "%s", row.user);
        snprintf(g->domain, sizeof g->domain, "%s", row.domain);
        g->expires_s = (uint32_t)row.expires_s;
    }
    return 0;
}

void trunk_accounts_clear(struct trunk_accounts *a)
{
    free(a->credentials);
    free(a->registrations);
    *a = (struct trunk_accounts){0};
}

const struct trunk_credential *trunk_accounts_credentials(const struct trunk_accounts *a,
                                                          const char *trunk, size_t *count)
{
    const struct trunk_credential *first = NULL;
    *count = 0;
    for (size_t i = 0; a && i < a->credential_count; i++) {
        if (strcmp(a->credentials[i].trunk, trunk) != 0)
            continue;
        first = first ? first : &a->credentials[i];
        ++*count;
    }
    return first;
}

const struct trunk_registration *trunk_accounts_registration(const struct trunk_accounts *a,
                                                             const char *trunk)
{
    for (size_t i = 0; a && i < a->registration_count; i++)
        if (strcmp(a->registrations[i].trunk, trunk) == 0)
            return &a->registrations[i];
    return NULL;
}
