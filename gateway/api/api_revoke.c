#include "gateway/api/api_revoke.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/register_queries.h"

struct grant_name {
    char id[FAX_ID_TEXT];
    char role[POLICY_NAME_TEXT];
};

struct api_revocation {
    char principal[POLICY_NAME_TEXT + 8];
    void (*next)(struct api_request *r);
    struct grant_name *grants;
    size_t count;
};

void api_revocation_free(struct api_revocation *revocation)
{
    if (revocation)
        free(revocation->grants);
    free(revocation);
}

/* The last one first; each is recorded before the next. */
static void revoke_next(struct api_request *r)
{
    struct event e;
    struct api_revocation *v = r->revocation;
    if (v->count == 0) {
        v->next(r);
        return;
    }
    const struct grant_name *grant = &v->grants[--v->count];
    event_begin(&e, "grant.revoked", r->principal, NULL);
    event_text(&e, "grant", grant->id);
    event_text(&e, "principal", v->principal);
    event_text(&e, "role", grant->role);
    api_record(r, &e, revoke_next);
}

static void on_grants(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct api_revocation *v = r->revocation;
    if (!api_rows(r, status, "the grants could not be read"))
        return;
    int rows = db_result_rows(result);
    v->grants = calloc((size_t)rows + 1, sizeof *v->grants);
    if (!v->grants) {
        api_answer_error(r, -ENOMEM, "the grants could not be read");
        return;
    }
    for (int i = 0; i < rows; i++) {
        struct grant_row row;
        grant_row_read(result, i, &row);
        if (row.revoked_ms || strcmp(row.principal, v->principal) != 0)
            continue;
        snprintf(v->grants[v->count].id, sizeof v->grants->id, "%s", row.grant);
        snprintf(v->grants[v->count].role, sizeof v->grants->role, "%s", row.role);
        v->count++;
    }
    revoke_next(r);
}

void api_revoke_grants(struct api_request *r, const char *principal,
                       void (*next)(struct api_request *r))
{
    int rc = -ENOMEM;
    r->revocation = calloc(1, sizeof *r->revocation);
    if (r->revocation) {
        snprintf(r->revocation->principal, sizeof r->revocation->principal, "%s", principal);
        r->revocation->next = next;
        rc = register_query_grants(r->control->db, on_grants, r);
    }
    if (rc < 0)
        api_answer_error(r, rc, "the grants could not be read");
}
