/* drain_project_sql.h: what the statements of projections are written with (private to
 * drain_project*.c). */
#ifndef GATEWAY_AUDIT_DRAIN_PROJECT_SQL_H
#define GATEWAY_AUDIT_DRAIN_PROJECT_SQL_H

#include "gateway/audit/drain_project.h"

/* n node, i index, r record, p personal values. MATERIALIZED: else the JSON is parsed again for
 * every key that is taken from it. */
#define EVENT                                                                                      \
    "WITH e AS MATERIALIZED (SELECT $1::text AS n, x.i, x.r, x.p FROM audit_events($2::jsonb) x) "
#define NEWER(t) "(" t ".last_node <> e.n OR " t ".last_index < e.i)"
#define CHANGED  "last_node = e.n, last_index = e.i"
/* As micro_time(), which cannot be inlined. */
#define MICRO(x) "(timestamptz '1970-01-01 00:00:00+00' + " x " * interval '1 microsecond')"
#define TIME     MICRO("(e.r->>'time')::bigint")
#define TEXT(k)  "coalesce(e.p->>'" k "', e.r->>'" k "', '')"
#define INT(k)   "coalesce((e.r->>'" k "')::integer, 0)"
#define BIG(k)   "coalesce((e.r->>'" k "')::bigint, 0)"
#define OWN(k)   "coalesce(e.p->>'" k "', '')"
#define FAX      "(e.r->>'fax')::uuid"

#define STATEMENT(id, sql_text)                                                                    \
    static const struct db_statement id = {                                                        \
        .name = #id, .sql = EVENT sql_text, .parameters = PROJECT_PARAMETERS}

/* Those of mail, in and out; else as projection_find(). */
const struct projection *projection_find_mail(const char *event);

#endif
