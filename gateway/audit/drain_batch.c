#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/audit/drain_private.h"
#include "gateway/audit/drain_project.h"

static const struct db_statement partition_ensure = {
    .name = "drain_partition",
    .sql = "SELECT audit_partition_ensure(micro_time($1::bigint))",
    .parameters = 1,
};

static const struct db_statement record_insert = {
    .name = "drain_record",
    .sql =
        "INSERT INTO audit_record (time, node, index, event, actor, outcome, fax, bytes, record) "
        "VALUES (micro_time($1::bigint), $2, $3::bigint, $4, $5, $6, $7::uuid, "
        "convert_to($8::text, 'UTF8'), ($8::text)::jsonb) ON CONFLICT DO NOTHING",
    .parameters = 8,
};

static const struct db_statement personal_insert = {
    .name = "drain_personal",
    .sql = "INSERT INTO audit_personal (node, index, key, salt, value) "
           "VALUES ($1, $2::bigint, $3, $4::bytea, $5) ON CONFLICT DO NOTHING",
    .parameters = 5,
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

int drain_project_add(struct db_batch *batch, const char *const parameters[], const char *event)
{
    const struct db_statement *const *statements = project_statements(event);
    int error = 0;
    for (size_t i = 0; statements && statements[i] && !error; i++)
        error = db_batch_add(batch, statements[i], parameters);
    return error;
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

static int add_stored(struct drain *drain, struct db_batch *batch,
                      const struct drain_record *record)
{
    char index[24];
    char time_us[24];
    snprintf(index, sizeof(index), "%" PRIu64, record->index);
    snprintf(time_us, sizeof(time_us), "%" PRId64, record->time_us);
    const char *row[] = {time_us,
                         drain->node,
                         index,
                         record->event,
                         record->actor,
                         record->outcome,
                         record->fax[0] ? record->fax : NULL,
                         record->text};
    int error = add_partition(drain, batch, record);
    if (!error)
        error = db_batch_add(batch, &record_insert, row);
    for (size_t i = 0; i < record->side_count && !error; i++) {
        const struct drain_side *side = &record->sides[i];
        const char *value[] = {drain->node, index, side->key, side->salt, side->value};
        error = db_batch_add(batch, &personal_insert, value);
    }
    return error;
}

static int add_effects(struct drain *drain, struct db_batch *batch,
                       const struct drain_record *record)
{
    char index[24];
    snprintf(index, sizeof(index), "%" PRIu64, record->index);
    const char *parameters[PROJECT_PARAMETERS] = {drain->node, index, record->text,
                                                  record->personal};
    return drain_project_add(batch, parameters, record->event);
}

int drain_batch_send(struct drain *drain, size_t limit, db_batch_cb *cb)
{
    /* A partition, the record, its values and its effects. */
    enum { QUERIES_OF_RECORD_MAX = 2 + JOURNAL_SIDES_MAX + PROJECT_STATEMENTS_MAX };
    struct db_batch *batch = db_batch_new();
    if (!batch)
        return -ENOMEM;
    size_t sent = 0;
    while (sent < drain->record_count && sent < limit &&
           db_batch_count(batch) + QUERIES_OF_RECORD_MAX <= DB_BATCH_MAX) {
        drain->starts[sent] = db_batch_count(batch);
        int error = add_stored(drain, batch, &drain->records[sent]);
        if (!error)
            error = add_effects(drain, batch, &drain->records[sent]);
        if (error) {
            db_batch_free(batch);
            return error;
        }
        sent++;
    }
    drain->starts[sent] = db_batch_count(batch);
    drain->storing_refused = false;
    drain->sent = sent;
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
    int error = add_stored(drain, batch, record);
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
