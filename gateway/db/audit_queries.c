#include "gateway/db/audit_queries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "gateway/db/row_reader.h"

static const struct db_statement list = {
    .name = "audit_list",
    .sql = "SELECT a.node, a.index, milli_of(a.time), a.event, a.actor, a.outcome, a.fax, "
           "convert_from(a.bytes, 'UTF8'), CASE WHEN $7::boolean THEN "
           "coalesce((SELECT jsonb_object_agg(p.key, p.value) FROM audit_personal p "
           "WHERE p.node = a.node AND p.index = a.index), '{}') ELSE '{}' END "
           "FROM audit_record a WHERE ($1::text IS NULL OR a.event = $1 OR "
           "(right($1, 1) = '.' AND starts_with(a.event, $1))) "
           "AND ($2::text IS NULL OR a.actor = $2) AND ($3::uuid IS NULL OR a.fax = $3) "
           "AND ($4::bigint = 0 OR a.time >= micro_time($4 * 1000)) "
           "AND ($5::bigint = 0 OR a.time < micro_time($5 * 1000)) "
           "AND ($8::bigint = 0 OR (a.time, a.node, a.index) < "
           "(micro_time($8), $9::text, $10::bigint)) "
           "ORDER BY a.time DESC, a.node DESC, a.index DESC LIMIT $6::bigint",
    .parameters = 10,
};
static const struct db_statement checkpoints = {
    .name = "audit_checkpoints",
    .sql = "SELECT node, root, note, size, milli_of(time) FROM checkpoints WHERE node = $1 "
           "ORDER BY size DESC, index DESC LIMIT $2::bigint",
    .parameters = 2,
};

int audit_query_list(struct db *db, const struct audit_filter *filter, db_result_cb *cb, void *user)
{
    char fax[FAX_ID_TEXT];
    char since[24];
    char until[24];
    char limit[16];
    char before_time[24];
    char before_index[24];
    if (filter->limit > AUDIT_LIST_LIMIT_MAX)
        return -EINVAL;
    if (filter->fax)
        fax_id_text(filter->fax, fax);
    snprintf(since, sizeof(since), "%" PRId64, filter->since_ms);
    snprintf(until, sizeof(until), "%" PRId64, filter->until_ms);
    snprintf(limit, sizeof(limit), "%u", filter->limit ? filter->limit : 100);
    snprintf(before_time, sizeof(before_time), "%" PRId64, filter->before_us);
    snprintf(before_index, sizeof(before_index), "%" PRId64, filter->before_index);
    const char *parameters[] = {filter->event,
                                filter->actor,
                                filter->fax ? fax : NULL,
                                since,
                                until,
                                limit,
                                filter->personal ? "t" : "f",
                                before_time,
                                filter->before_node ? filter->before_node : "",
                                before_index};
    return db_query(db, &list, parameters, cb, user);
}

void audit_row_read(const struct db_result *result, int row, struct audit_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->node = row_text(&reader);
    out->index = row_integer(&reader);
    out->time_ms = row_integer(&reader);
    out->event = row_text(&reader);
    out->actor = row_text(&reader);
    out->outcome = row_text(&reader);
    out->fax = row_text(&reader);
    out->record = row_text(&reader);
    out->personal = row_text(&reader);
}

int audit_query_checkpoints(struct db *db, const char *node, unsigned limit, db_result_cb *cb,
                            void *user)
{
    char count[16];
    snprintf(count, sizeof(count), "%u", limit);
    const char *parameters[] = {node, count};
    return db_query(db, &checkpoints, parameters, cb, user);
}

void checkpoint_row_read(const struct db_result *result, int row, struct checkpoint_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->node = row_text(&reader);
    out->root = row_text(&reader);
    out->note = row_text(&reader);
    out->size = row_integer(&reader);
    out->time_ms = row_integer(&reader);
}
