#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/audit/drain_private.h"

/* The refused record tried least so far, and the later records of its fax: those changed nothing
 * where the row that they change could not be made. Applying them again is harmless. */
static const struct db_statement refused_oldest = {
    .name = "drain_refused_oldest",
    .sql = "SELECT a.index, a.event, convert_from(a.bytes, 'UTF8'), "
           "coalesce((SELECT jsonb_object_agg(p.key, p.value) FROM audit_personal p "
           "WHERE p.node = a.node AND p.index = a.index), '{}') "
           "FROM (SELECT q.index, (SELECT x.fax FROM audit_record x WHERE x.node = q.node AND "
           "x.index = q.index LIMIT 1) AS fax FROM audit_refused q "
           "WHERE q.node = $1 AND q.resolved_at IS NULL ORDER BY q.tries, q.index LIMIT 1) r "
           "JOIN audit_record a ON a.node = $1 AND (a.index = r.index OR "
           "(a.fax = r.fax AND a.index > r.index)) ORDER BY a.index LIMIT 120",
    .parameters = 1,
};

static const struct db_statement refused_resolve = {
    .name = "drain_refused_resolve",
    .sql = "UPDATE audit_refused SET resolved_at = now(), last_at = now() "
           "WHERE node = $1 AND index = $2::bigint AND resolved_at IS NULL",
    .parameters = 2,
};

static const struct db_statement refused_again = {
    .name = "drain_refused_again",
    .sql = "UPDATE audit_refused SET tries = tries + 1, last_at = now(), sqlstate = $2, "
           "message = $3 WHERE (node, index) IN (SELECT node, index FROM audit_refused "
           "WHERE node = $1 AND resolved_at IS NULL ORDER BY tries, index LIMIT 1)",
    .parameters = 3,
};

static const struct db_statement refused_open = {
    .name = "drain_refused_open",
    .sql = "SELECT count(*), min(index), (SELECT 'SQLSTATE ' || sqlstate || ': ' || message "
           "FROM audit_refused WHERE node = $1 AND resolved_at IS NULL ORDER BY index LIMIT 1) "
           "FROM audit_refused WHERE node = $1 AND resolved_at IS NULL",
    .parameters = 1,
};

static void finish(struct drain *drain)
{
    drain->refused_busy = false;
    if (drain->state.refused && !drain->closing)
        drain_refused_schedule(drain);
    drain_close_if_idle(drain);
}

static void on_counted(void *user, int status, const struct db_result *result)
{
    struct drain *drain = user;
    if (status == 0) {
        drain->state.refused = (uint64_t)db_result_integer(result, 0, 0, 0);
        drain->state.refused_index = (uint64_t)db_result_integer(result, 0, 1, 0);
        const char *reason = db_result_text(result, 0, 2);
        snprintf(drain->state.reason, sizeof(drain->state.reason), "%s", reason ? reason : "");
    }
    finish(drain);
}

void drain_refused_count(struct drain *drain)
{
    const char *parameters[] = {drain->node};
    if (drain->refused_busy)
        return;
    drain->refused_busy = db_query(drain->db, &refused_open, parameters, on_counted, drain) == 0;
}

static void count_again(struct drain *drain)
{
    drain->refused_busy = false;
    if (!drain->closing && drain->up)
        drain_refused_count(drain);
    drain_close_if_idle(drain);
}

static void on_marked(void *user, int status, const struct db_result *result)
{
    (void)status;
    (void)result;
    count_again(user);
}

static void on_tried(void *user, int status, size_t failed, const struct db_result *result)
{
    struct drain *drain = user;
    (void)failed;
    if (status == 0) {
        drain->refused_backoff_ms = DRAIN_BACKOFF_MIN_MS;
        count_again(drain);
        return;
    }
    if (status == -EIO && result && drain_is_data_error(db_result_sqlstate(result))) {
        const char *parameters[] = {drain->node, db_result_sqlstate(result),
                                    db_result_message(result)};
        if (db_query(drain->db, &refused_again, parameters, on_marked, drain) == 0)
            return;
    }
    finish(drain);
}

/* In the order of the log: each with statements of its own. */
static int add_row(struct drain *drain, struct db_batch *batch, const struct db_result *result,
                   int row)
{
    const char *parameters[] = {drain->node, db_result_text(result, row, 0)};
    const struct projection *projection = projection_find(db_result_text(result, row, 1));
    char *event = NULL;
    int length = asprintf(&event, "[{\"i\":%s,\"r\":%s,\"p\":%s}]", parameters[1],
                          db_result_text(result, row, 2), db_result_text(result, row, 3));
    const char *change[PROJECT_PARAMETERS] = {drain->node, event};
    int error = length < 0 ? -ENOMEM : 0;
    for (size_t i = 0; projection && projection->statements[i] && !error; i++)
        error = db_batch_add(batch, projection->statements[i], change);
    if (length >= 0)
        free(event);
    return error ? error : db_batch_add(batch, &refused_resolve, parameters);
}

static void on_oldest(void *user, int status, const struct db_result *result)
{
    struct drain *drain = user;
    struct db_batch *batch = NULL;
    if (status || drain->closing || db_result_rows(result) == 0)
        goto fail;
    batch = db_batch_new();
    if (!batch)
        goto fail;
    for (int row = 0; row < db_result_rows(result); row++)
        if (add_row(drain, batch, result, row) != 0)
            goto fail;
    if (db_batch_send(drain->db, batch, on_tried, drain) == 0)
        return;
    batch = NULL;
fail:
    db_batch_free(batch);
    finish(drain);
}

static void on_refused_timer(uv_timer_t *timer)
{
    struct drain *drain = timer->data;
    const char *parameters[] = {drain->node};
    if (drain->refused_busy || drain->closing || !drain->up)
        return;
    drain->refused_busy = db_query(drain->db, &refused_oldest, parameters, on_oldest, drain) == 0;
    if (!drain->refused_busy)
        finish(drain);
}

void drain_refused_schedule(struct drain *drain)
{
    if (uv_is_active((uv_handle_t *)&drain->refused_timer) || drain->closing)
        return;
    uv_timer_start(&drain->refused_timer, on_refused_timer, drain->refused_backoff_ms, 0);
    drain->refused_backoff_ms *= 2;
    if (drain->refused_backoff_ms > DRAIN_REFUSED_MAX_MS)
        drain->refused_backoff_ms = DRAIN_REFUSED_MAX_MS;
}
