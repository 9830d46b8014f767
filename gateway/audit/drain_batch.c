#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/audit/drain_private.h"

static const struct db_statement partition_ensure = {
    .name = "drain_partition",
    .sql = "SELECT audit_partition_ensure(micro_time($1::bigint))",
    .parameters = 1,
};

static const struct db_statement refused_insert = {
    .name = "drain_refused",
    .sql = "INSERT INTO audit_refused (node, index, event, sqlstate, message) "
           "VALUES ($1, $2::bigint, $3, $4, $5) ON CONFLICT DO NOTHING",
    .parameters = 5,
};

bool drain_is_data_error(const char *sqlstate)
{
    static const char *const classes[] = {"0A", "21", "22", "23", "42", "44", "54", "P0"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
        if (strncmp(sqlstate, classes[i], 2) == 0)
            return true;
    return false;
}

static int add_partition(struct drain *drain, struct db_batch *batch,
                         const struct drain_record *record)
{
    time_t seconds = (time_t)(record->time_us / 1000000);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc))
        return -EINVAL;
    int month = utc.tm_year * 12 + utc.tm_mon + 1;
    if (month == drain->month)
        return 0;
    char time_us[24];
    snprintf(time_us, sizeof(time_us), "%" PRId64, record->time_us);
    const char *parameters[] = {time_us};
    drain->month = month;
    return db_batch_add(batch, &partition_ensure, parameters);
}

/* One record with statements of its own. */
static int add_single(struct drain *drain, struct db_batch *batch,
                      const struct drain_record *record, bool effects)
{
    struct drain_groups *groups = drain_groups_new();
    int error = groups ? add_partition(drain, batch, record) : -ENOMEM;
    if (!error)
        error = drain_groups_add(groups, record, effects);
    if (!error)
        error = drain_groups_queue(groups, drain->node, batch);
    drain_groups_free(groups);
    return error;
}

/* So that a refusal names the record. */
static int add_singles(struct drain *drain, struct db_batch *batch, size_t limit, size_t *sent)
{
    /* A partition, the record, its values and its effects. */
    enum { QUERIES_OF_RECORD_MAX = 3 + PROJECT_STATEMENTS_MAX };
    int error = 0;
    for (*sent = 0;
         *sent < limit && !error && db_batch_count(batch) + QUERIES_OF_RECORD_MAX <= DB_BATCH_MAX;
         ++*sent) {
        drain->starts[*sent] = db_batch_count(batch);
        error = add_single(drain, batch, &drain->records[*sent], true);
    }
    drain->starts[*sent] = db_batch_count(batch);
    return error;
}

static int add_grouped(struct drain *drain, struct db_batch *batch, size_t limit, size_t *sent)
{
    struct drain_groups *groups = drain_groups_new();
    int error = groups ? 0 : -ENOMEM;
    *sent = 0;
    while (!error && *sent < limit) {
        error = drain_groups_add(groups, &drain->records[*sent], true);
        if (!error)
            error = add_partition(drain, batch, &drain->records[*sent]);
        *sent += !error;
    }
    if (error == -ENOBUFS && *sent > 0)
        error = 0;
    if (!error)
        error = drain_groups_queue(groups, drain->node, batch);
    drain_groups_free(groups);
    return error;
}

int drain_batch_send(struct drain *drain, size_t limit, db_batch_cb *cb)
{
    struct db_batch *batch = db_batch_new();
    if (!batch)
        return -ENOMEM;
    if (limit > drain->record_count)
        limit = drain->record_count;
    drain->grouped = limit > 1 && drain->state.applied >= drain->single_end;
    int error = drain->grouped ? add_grouped(drain, batch, limit, &drain->sent)
                               : add_singles(drain, batch, limit, &drain->sent);
    if (error) {
        db_batch_free(batch);
        return error;
    }
    drain->storing_refused = false;
    return db_batch_send(drain->db, batch, cb, drain);
}

int drain_refused_store(struct drain *drain, const char *sqlstate, const char *message,
                        db_batch_cb *cb)
{
    const struct drain_record *record = &drain->records[0];
    char index[24];
    snprintf(index, sizeof(index), "%" PRIu64, record->index);
    const char *row[] = {drain->node, index, record->event, sqlstate, message};
    struct db_batch *batch = db_batch_new();
    if (!batch)
        return -ENOMEM;
    drain->month = 0; /* the partition may have been part of what was rolled back */
    int error = add_single(drain, batch, record, false);
    if (!error)
        error = db_batch_add(batch, &refused_insert, row);
    if (error) {
        db_batch_free(batch);
        return error;
    }
    drain->storing_refused = true;
    drain->sent = 1;
    return db_batch_send(drain->db, batch, cb, drain);
}
