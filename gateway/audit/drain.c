#include "gateway/audit/drain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/audit/drain_private.h"

static const struct db_statement locate = {
    .name = "drain_locate",
    .sql = "WITH seen AS (INSERT INTO node (node, version) VALUES ($1, $2) ON CONFLICT (node) "
           "DO UPDATE SET version = excluded.version, last_seen_at = now()) "
           "SELECT index, bytes FROM audit_record WHERE node = $1 ORDER BY index DESC LIMIT 1",
    .parameters = 2,
};

static void start_locating(struct drain *drain);
static void go_on(struct drain *drain);
static void on_batch(void *user, int status, size_t failed, const struct db_result *result);

static void say(struct drain *drain, const char *reason)
{
    if (strncmp(drain->state.reason, reason, sizeof(drain->state.reason) - 1) == 0)
        return;
    snprintf(drain->state.reason, sizeof(drain->state.reason), "%s", reason);
    if (*reason)
        fprintf(stderr, "audit: record %" PRIu64 " is not applied to the database: %s\n",
                drain->state.applied, drain->state.reason);
}

static void on_timer(uv_timer_t *timer)
{
    struct drain *drain = timer->data;
    if (drain->phase != DRAIN_WAITING)
        return;
    if (drain->up)
        start_locating(drain);
    else
        drain->phase = DRAIN_DOWN;
}

static void wait_then_locate(struct drain *drain)
{
    drain->phase = DRAIN_WAITING;
    drain_records_clear(drain);
    if (drain->closing) {
        drain_close_if_idle(drain);
        return;
    }
    uv_timer_start(&drain->timer, on_timer, drain->backoff_ms, 0);
    drain->backoff_ms *= 2;
    if (drain->backoff_ms > DRAIN_BACKOFF_MAX_MS)
        drain->backoff_ms = DRAIN_BACKOFF_MAX_MS;
}

static void contradict(struct drain *drain, const char *reason)
{
    say(drain, reason);
    drain->state.conflict = true;
    wait_then_locate(drain);
}

static void agree(struct drain *drain)
{
    drain->state.located = true;
    drain->state.conflict = false;
    drain->limit = UINT64_MAX;
}

static void go_down(struct drain *drain)
{
    drain->phase = DRAIN_DOWN;
    drain->state.located = false;
    drain_records_clear(drain);
    if (drain->up && !drain->closing)
        start_locating(drain);
    drain_close_if_idle(drain);
}

/* The end of an operation that a closing or a new connection may have overtaken. */
static bool overtaken(struct drain *drain)
{
    if (!drain->up || drain->closing || drain->relocate) {
        drain->relocate = false;
        go_down(drain);
        return true;
    }
    return false;
}

static bool lost(struct drain *drain, int status)
{
    if (status != -ECONNRESET && status != -ECANCELED)
        return false;
    drain->relocate = false;
    drain->up = false; /* the connection's own word comes after this */
    go_down(drain);
    return true;
}

static void read_done(uv_work_t *work, int status)
{
    struct drain *drain = work->data;
    (void)status;
    if (overtaken(drain))
        return;
    if (drain->read_status == -EILSEQ || drain->read_status == -ENODATA) {
        contradict(drain, "the database holds another record at this place: two gateways with one "
                          "name, or an altered record");
        return;
    }
    if (drain->read_status) {
        char text[DRAIN_REASON_TEXT];
        snprintf(text, sizeof(text), "the journal cannot be read: %s",
                 strerror(-drain->read_status));
        say(drain, text);
        wait_then_locate(drain);
        return;
    }
    if (drain->compare) {
        drain->compare = false;
        agree(drain);
        drain->applied_cb(drain->user, drain->state.applied, false);
        drain_refused_count(drain);
        go_on(drain);
        return;
    }
    if (drain->record_count == 0)
        wait_then_locate(drain);
    else
        go_on(drain);
}

static void queue_reading(struct drain *drain)
{
    drain->phase = DRAIN_READING;
    drain->work.data = drain;
    if (uv_queue_work(drain->loop, &drain->work, drain_read_run, read_done) != 0)
        wait_then_locate(drain);
}

/* Records before a refused one go together up to it, the refused one alone. */
static size_t batch_limit(const struct drain *drain)
{
    uint64_t next = drain->state.applied;
    if (drain->careful_end <= next)
        return DRAIN_BATCH_MAX;
    uint64_t before = drain->careful_end - 1 - next;
    return before > 0 ? (size_t)before : 1;
}

static void start_reading(struct drain *drain)
{
    bool backlog = drain->size - drain->state.applied > (uint64_t)4 * DRAIN_BATCH_MAX;
    drain->read_wanted = backlog ? DRAIN_BATCH_MAX : DRAIN_BATCH_MIN;
    drain->read_limit = drain->size;
    drain->compare = false;
    queue_reading(drain);
}

static void go_on(struct drain *drain)
{
    if (drain->record_count > 0) {
        drain->phase = DRAIN_SENDING;
        if (drain_batch_send(drain, batch_limit(drain), on_batch) != 0)
            wait_then_locate(drain);
    } else if (drain->state.applied < drain->size) {
        start_reading(drain);
    } else {
        drain->phase = DRAIN_IDLE;
        drain_close_if_idle(drain);
    }
}

static void on_located(void *user, int status, const struct db_result *result)
{
    struct drain *drain = user;
    if (lost(drain, status) || overtaken(drain))
        return;
    if (status) {
        say(drain, result ? db_result_message(result) : "the database does not answer");
        wait_then_locate(drain);
        return;
    }
    drain->month = 0;
    journal_cursor_close(drain->cursor);
    drain->cursor = NULL;
    free(drain->compare_octets);
    drain->compare_octets = NULL;
    drain->state.applied = (uint64_t)(db_result_integer(result, 0, 0, -1) + 1);
    uint64_t limit = drain->limit < drain->size ? drain->limit : drain->size;
    if (drain->state.applied > limit) {
        char text[DRAIN_REASON_TEXT];
        snprintf(text, sizeof(text),
                 "the journal ends at record %" PRIu64 ", but the database holds %" PRIu64
                 " records of it: it was cut, or is an older copy",
                 limit, drain->state.applied);
        drain->state.applied = 0;
        contradict(drain, text);
        return;
    }
    if (drain->state.applied == 0) {
        agree(drain);
        drain->applied_cb(drain->user, 0, false);
        go_on(drain);
    } else if (db_result_octets(result, 0, 1, &drain->compare_octets, &drain->compare_length)) {
        wait_then_locate(drain);
    } else {
        drain->compare = true;
        queue_reading(drain);
    }
}

static void start_locating(struct drain *drain)
{
    const char *parameters[] = {drain->node, SEALFAX_VERSION};
    drain->phase = DRAIN_LOCATING;
    if (db_query(drain->db, &locate, parameters, on_located, drain) != 0)
        wait_then_locate(drain);
}

static void advance(struct drain *drain)
{
    bool refused = drain->storing_refused;
    drain->storing_refused = false;
    drain->state.applied += drain->sent;
    drain_records_drop(drain, drain->sent);
    drain->backoff_ms = DRAIN_BACKOFF_MIN_MS;
    if (drain->state.refused == 0)
        drain->state.reason[0] = '\0';
    drain->applied_cb(drain->user, drain->state.applied, refused);
}

static void batch_refused(struct drain *drain, size_t failed, const struct db_result *result)
{
    char text[DRAIN_REASON_TEXT];
    const char *sqlstate = db_result_sqlstate(result);
    snprintf(text, sizeof(text), "SQLSTATE %s: %s", sqlstate, db_result_message(result));
    if (!drain_is_data_error(sqlstate) || drain->storing_refused) {
        say(drain, text);
        wait_then_locate(drain);
        return;
    }
    if (drain->grouped) {
        drain->single_end = drain->state.applied + drain->sent;
        drain->month = 0;
        go_on(drain);
        return;
    }
    size_t position = 0;
    while (position + 1 < drain->sent && drain->starts[position + 1] <= failed)
        position++;
    drain->month = 0;
    if (drain->sent > 1) {
        drain->careful_end = drain->records[position].index + 1;
        go_on(drain);
        return;
    }
    say(drain, text);
    if (drain->state.refused++ == 0)
        drain->state.refused_index = drain->records[0].index;
    if (drain_refused_store(drain, sqlstate, db_result_message(result), on_batch) != 0)
        wait_then_locate(drain);
    drain_refused_schedule(drain);
}

static void on_batch(void *user, int status, size_t failed, const struct db_result *result)
{
    struct drain *drain = user;
    if (status == 0) {
        advance(drain);
        if (!overtaken(drain))
            go_on(drain);
        return;
    }
    if (lost(drain, status) || overtaken(drain))
        return;
    if (status == -EIO && result) {
        batch_refused(drain, failed, result);
        return;
    }
    say(drain, strerror(-status));
    wait_then_locate(drain);
}

void drain_db_state(struct drain *drain, bool up)
{
    drain->up = up;
    if (!up) {
        drain->state.located = false;
        return;
    }
    if (drain->closing)
        return;
    if (drain->phase == DRAIN_DOWN || drain->phase == DRAIN_IDLE || drain->phase == DRAIN_WAITING)
        start_locating(drain);
    else
        drain->relocate = true;
}

void drain_wake(struct drain *drain, uint64_t size)
{
    drain->size = size;
    if (drain->phase == DRAIN_IDLE && drain->up && !drain->closing)
        go_on(drain);
}

void drain_state_get(const struct drain *drain, struct drain_state *out)
{
    *out = drain->state;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct drain *drain = handle->data;
    if (--drain->open_timers > 0)
        return;
    drain_closed_cb *closed_cb = drain->closed_cb;
    void *user = drain->closed_user;
    drain_records_clear(drain);
    journal_cursor_close(drain->cursor);
    free(drain->compare_octets);
    free(drain->records);
    free(drain->directory);
    free(drain);
    if (closed_cb)
        closed_cb(user);
}

void drain_close_if_idle(struct drain *drain)
{
    bool busy = drain->phase == DRAIN_LOCATING || drain->phase == DRAIN_READING ||
                drain->phase == DRAIN_SENDING || drain->refused_busy;
    if (!drain->closing || busy || uv_is_closing((uv_handle_t *)&drain->timer))
        return;
    uv_close((uv_handle_t *)&drain->timer, on_timer_closed);
    uv_close((uv_handle_t *)&drain->refused_timer, on_timer_closed);
}

void drain_close(struct drain *drain, drain_closed_cb *done, void *user)
{
    if (!drain) {
        if (done)
            done(user);
        return;
    }
    drain->closing = true;
    drain->closed_cb = done;
    drain->closed_user = user;
    drain_close_if_idle(drain);
}

int drain_open(uv_loop_t *loop, const struct drain_config *config, drain_applied_cb *applied_cb,
               void *user, struct drain **out)
{
    struct drain *drain = calloc(1, sizeof(*drain));
    if (!drain)
        return -ENOMEM;
    drain->directory = strdup(config->directory);
    drain->records = calloc(DRAIN_BATCH_MAX, sizeof(*drain->records));
    if (!drain->directory || !drain->records) {
        free(drain->directory);
        free(drain->records);
        free(drain);
        return -ENOMEM;
    }
    snprintf(drain->node, sizeof(drain->node), "%s", config->node);
    drain->loop = loop;
    drain->db = config->db;
    drain->limit = config->size;
    drain->applied_cb = applied_cb;
    drain->user = user;
    drain->backoff_ms = DRAIN_BACKOFF_MIN_MS;
    drain->refused_backoff_ms = DRAIN_BACKOFF_MIN_MS;
    drain->open_timers = 2;
    uv_timer_init(loop, &drain->timer);
    uv_timer_init(loop, &drain->refused_timer);
    drain->timer.data = drain->refused_timer.data = drain;
    *out = drain;
    return 0;
}
