#include "gateway/db/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/db_connection.h"

static void connect_begin(struct db *db);
static void on_timer(uv_timer_t *timer);
static void on_connected_event(uv_poll_t *poll, int status, int events);

static void free_poll(uv_handle_t *handle)
{
    free(handle);
}

static void drop_poll(struct db *db)
{
    if (!db->poll)
        return;
    db->poll->data = NULL;
    uv_close((uv_handle_t *)db->poll, free_poll);
    db->poll = NULL;
    db->socket = -1;
}

static void drop_connection(struct db *db)
{
    drop_poll(db);
    PQfinish(db->connection);
    db->connection = NULL;
    db->broken = false;
    db->phase = DB_IDLE;
    db_pipeline_reset(db);
}

static void tell_state(struct db *db, enum db_state state, const char *reason)
{
    if (!db->state_cb || db->closing)
        return;
    char line[256] = "";
    if (reason) {
        snprintf(line, sizeof(line), "%s", reason);
        line[strcspn(line, "\n")] = '\0';
    }
    db->state_cb(db->user, state, reason ? line : NULL);
}

/* The connection is gone: what was on its way is lost, what waits goes on waiting. */
static void connection_lost(struct db *db, const char *reason)
{
    char text[256];
    snprintf(text, sizeof(text), "%s", reason && *reason ? reason : "connection lost");
    struct db_list lost = db->sent;
    db->sent = (struct db_list){0};
    drop_connection(db);
    uv_timer_start(&db->timer, on_timer, db->closing ? 0 : db->backoff_ms, 0);
    db->backoff_ms =
        db->backoff_ms * 2 > DB_BACKOFF_MAX_MS ? DB_BACKOFF_MAX_MS : db->backoff_ms * 2;
    db_list_finish(db, &lost, -ECONNRESET);
    tell_state(db, DB_DOWN, text);
}

/* libpq may open another socket at each step of connecting, even one with the same number. */
static int watch_socket(struct db *db)
{
    int fd = PQsocket(db->connection);
    if (db->poll && db->socket == fd)
        return 0;
    drop_poll(db);
    uv_poll_t *poll = malloc(sizeof(*poll));
    if (!poll)
        return -ENOMEM;
    int error = uv_poll_init(db->loop, poll, fd);
    if (error) {
        free(poll);
        return error;
    }
    poll->data = db;
    db->poll = poll;
    db->socket = fd;
    return 0;
}

void db_connection_watch(struct db *db, int events)
{
    if (db->broken || !db->poll || uv_poll_start(db->poll, events, on_connected_event) != 0) {
        db->broken = true;
        uv_timer_start(&db->timer, on_timer, 0, 0);
    }
}

static void close_if_done(struct db *db)
{
    if (db->closing && db->sent.count == 0)
        uv_timer_start(&db->timer, on_timer, 0, 0);
}

static void on_connected_event(uv_poll_t *poll, int status, int events)
{
    struct db *db = poll->data;
    (void)events;
    if (!db || db->phase != DB_CONNECTED)
        return;
    int error = status < 0 ? status : db_pipeline_receive(db);
    if (db->phase != DB_CONNECTED)
        return;
    if (error) {
        connection_lost(db, PQerrorMessage(db->connection));
        return;
    }
    db_pipeline_send(db);
    close_if_done(db);
}

/* The server's notices are not for our standard error. */
static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

static void connection_made(struct db *db)
{
    if (PQsetnonblocking(db->connection, 1) != 0 || !PQenterPipelineMode(db->connection)) {
        connection_lost(db, PQerrorMessage(db->connection));
        return;
    }
    uv_timer_stop(&db->timer);
    db->phase = DB_CONNECTED;
    db->backoff_ms = DB_BACKOFF_MIN_MS;
    tell_state(db, DB_UP, NULL);
    db_pipeline_send(db);
}

static void on_connecting_event(uv_poll_t *poll, int status, int events);

static void connect_step(struct db *db)
{
    if (db->poll)
        uv_poll_stop(db->poll);
    PostgresPollingStatusType step = PQconnectPoll(db->connection);
    if (step == PGRES_POLLING_FAILED || watch_socket(db) != 0) {
        connection_lost(db, PQerrorMessage(db->connection));
        return;
    }
    if (step == PGRES_POLLING_OK) {
        connection_made(db);
        return;
    }
    int wanted = step == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE;
    if (uv_poll_start(db->poll, wanted, on_connecting_event) != 0)
        connection_lost(db, "cannot watch the socket");
}

static void on_connecting_event(uv_poll_t *poll, int status, int events)
{
    struct db *db = poll->data;
    (void)status; /* libpq finds out by itself */
    (void)events;
    if (db && db->phase == DB_CONNECTING)
        connect_step(db);
}

static void connect_begin(struct db *db)
{
    const char *keys[] = {"dbname", "application_name", "options", "client_encoding", NULL};
    const char *values[] = {db->conninfo, db->application_name, db->options, "UTF8", NULL};
    db->phase = DB_CONNECTING;
    uv_timer_start(&db->timer, on_timer, DB_CONNECT_TIMEOUT_MS, 0);
    db->connection = PQconnectStartParams(keys, values, 1);
    if (!db->connection || PQstatus(db->connection) == CONNECTION_BAD || watch_socket(db) != 0) {
        connection_lost(db, db->connection ? PQerrorMessage(db->connection) : "out of memory");
        return;
    }
    PQsetNoticeReceiver(db->connection, ignore_notice, NULL);
    if (uv_poll_start(db->poll, UV_WRITABLE, on_connecting_event) != 0)
        connection_lost(db, "cannot watch the socket");
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct db *db = handle->data;
    if (--db->open_timers > 0)
        return;
    db_closed_cb *closed_cb = db->closed_cb;
    void *user = db->closed_user;
    free(db->prepared);
    free(db->conninfo);
    free(db->application_name);
    free(db->options);
    free(db);
    if (closed_cb)
        closed_cb(user);
}

static void close_finally(struct db *db)
{
    struct db_list lost = db->sent;
    db->sent = (struct db_list){0};
    drop_connection(db);
    db->phase = DB_CLOSED;
    db_list_finish(db, &lost, -ECONNRESET);
    db_list_finish(db, &db->waiting, -ECANCELED);
    uv_close((uv_handle_t *)&db->timer, on_handle_closed);
    uv_close((uv_handle_t *)&db->sweep, on_handle_closed);
}

static void on_timer(uv_timer_t *timer)
{
    struct db *db = timer->data;
    if (db->phase == DB_CLOSED)
        return;
    if (db->closing)
        close_finally(db);
    else if (db->phase == DB_IDLE)
        connect_begin(db);
    else if (db->phase == DB_CONNECTING)
        connection_lost(db, "no connection in time");
    else if (db->broken)
        connection_lost(db, PQerrorMessage(db->connection));
}

/* Takes the groups whose time is over out of the waiting list. */
static struct db_list take_overdue(struct db *db, uint64_t now)
{
    struct db_list kept = {0};
    struct db_list overdue = {0};
    for (struct db_group *group = db_list_pop(&db->waiting); group;
         group = db_list_pop(&db->waiting))
        db_list_push(group->deadline_ms <= now ? &overdue : &kept, group);
    db->waiting = kept;
    return overdue;
}

static void on_sweep(uv_timer_t *timer)
{
    struct db *db = timer->data;
    uint64_t now = uv_now(db->loop);
    if (db->waiting.first && db->waiting.first->deadline_ms <= now) {
        struct db_list overdue = take_overdue(db, now);
        db_list_finish(db, &overdue, -ETIMEDOUT);
    }
    /* The server's own limit comes first; when even that does not answer, the line is dead. */
    if (db->phase == DB_CONNECTED && db->sent.first && db->sent.first->deadline_ms <= now)
        connection_lost(db, "no answer in time");
}

/* Our settings stand behind those of the connection string, so that ours win. */
static char *make_options(const struct db_config *config, const char *given)
{
    char *options = NULL;
    unsigned timeout = config->statement_timeout_ms ? config->statement_timeout_ms : 30000;
    int length = asprintf(&options, "%s -c statement_timeout=%u -c search_path=sealfax,pg_temp%s%s",
                          given ? given : "", timeout, config->role ? " -c role=" : "",
                          config->role ? config->role : "");
    return length < 0 ? NULL : options;
}

static int parse_conninfo(const struct db_config *config, char **options)
{
    PQconninfoOption *parsed = PQconninfoParse(config->conninfo, NULL);
    if (!parsed)
        return -EINVAL;
    const char *given = NULL;
    for (PQconninfoOption *option = parsed; option->keyword; option++)
        if (strcmp(option->keyword, "options") == 0)
            given = option->val;
    *options = make_options(config, given);
    PQconninfoFree(parsed);
    return *options ? 0 : -ENOMEM;
}

static int start_timers(struct db *db)
{
    int error = uv_timer_init(db->loop, &db->timer);
    if (error)
        return error;
    error = uv_timer_init(db->loop, &db->sweep);
    if (error)
        return error;
    db->timer.data = db;
    db->sweep.data = db;
    db->open_timers = 2;
    uv_timer_start(&db->timer, on_timer, 0, 0);
    uv_timer_start(&db->sweep, on_sweep, DB_SWEEP_MS, DB_SWEEP_MS);
    return 0;
}

int db_open(uv_loop_t *loop, const struct db_config *config, db_state_cb *state_cb, void *user,
            struct db **out)
{
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return -ENOMEM;
    int error = parse_conninfo(config, &db->options);
    if (error)
        goto fail;
    error = -ENOMEM;
    db->conninfo = strdup(config->conninfo);
    db->application_name = strdup(config->application_name ? config->application_name : "sealfax");
    if (!db->conninfo || !db->application_name)
        goto fail;
    db->loop = loop;
    db->socket = -1;
    db->state_cb = state_cb;
    db->user = user;
    db->backoff_ms = DB_BACKOFF_MIN_MS;
    db->query_timeout_ms = config->query_timeout_ms ? config->query_timeout_ms : 35000;
    error = start_timers(db);
    if (error)
        goto fail;
    *out = db;
    return 0;
fail:
    free(db->conninfo);
    free(db->application_name);
    free(db->options);
    free(db);
    return error;
}

void db_close(struct db *db, db_closed_cb *done_cb, void *user)
{
    if (!db) {
        if (done_cb)
            done_cb(user);
        return;
    }
    db->closing = true;
    db->closed_cb = done_cb;
    db->closed_user = user;
    bool finished = db->phase != DB_CONNECTED || db->sent.count == 0;
    uv_timer_start(&db->timer, on_timer, finished ? 0 : DB_CLOSE_TIMEOUT_MS, 0);
}

bool db_is_up(const struct db *db)
{
    return db && db->phase == DB_CONNECTED && !db->broken && !db->closing;
}

size_t db_pending(const struct db *db)
{
    return db->pending;
}
