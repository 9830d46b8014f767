/* drain_private.h: the inside of struct drain, for gateway/audit/drain*.c only. */
#ifndef GATEWAY_AUDIT_DRAIN_PRIVATE_H
#define GATEWAY_AUDIT_DRAIN_PRIVATE_H

#include "gateway/audit/drain.h"
#include "gateway/audit/drain_groups.h"
#include "gateway/audit/journal_cursor.h"
#include "policy/record.h"

enum {
    DRAIN_BATCH_MIN = 64, /* records a Sync; more when many wait */
    DRAIN_BATCH_MAX = DRAIN_GROUP_RECORDS_MAX,
    DRAIN_BACKOFF_MIN_MS = 1000,
    DRAIN_BACKOFF_MAX_MS = 60000,
    DRAIN_REFUSED_MAX_MS = 600000,
};

enum drain_phase {
    DRAIN_DOWN,     /* no connection */
    DRAIN_LOCATING, /* asking the database where to go on */
    DRAIN_IDLE,     /* everything durable is applied */
    DRAIN_READING,  /* on the pool */
    DRAIN_SENDING,
    DRAIN_WAITING, /* back-off after a refusal */
};

struct drain {
    uv_loop_t *loop;
    char *directory;
    char node[RECORD_NODE_TEXT];
    struct db *db;
    drain_applied_cb *applied_cb;
    void *user;
    enum drain_phase phase;
    uint64_t size;  /* durable in the journal */
    uint64_t limit; /* what the database can hold at most; `size` once it was compared */
    struct drain_state state;
    uint64_t careful_end; /* the record before this one was refused: it goes alone */
    uint64_t single_end;  /* records below were refused together: each with its own statements */
    unsigned backoff_ms, refused_backoff_ms;
    uv_timer_t timer;         /* back-off */
    uv_timer_t refused_timer; /* next try of refused records */
    bool refused_busy;
    bool up, relocate;
    int month; /* last one whose partition was asked for, as year * 12 + month */

    /* The reading; only the work touches these while it runs. */
    uv_work_t work;
    struct journal_cursor *cursor;
    bool compare; /* only compare the record at `applied` - 1 with what the database has */
    uint8_t *compare_octets;
    size_t compare_length;
    uint64_t read_limit;
    size_t read_wanted;
    int read_status;
    struct drain_record *records; /* DRAIN_BATCH_MAX places */
    size_t record_count;
    size_t sent;  /* of them in the batch on its way */
    bool grouped; /* the batch on its way has statements for many records each */
    size_t starts[DRAIN_BATCH_MAX + 1]; /* else: where in the batch the queries of each begin */
    bool storing_refused;               /* the batch stores a record without its effect */

    bool closing;
    int open_timers;
    drain_closed_cb *closed_cb;
    void *closed_user;
};

/* drain_read.c: runs on the pool. */
void drain_read_run(uv_work_t *work);
void drain_records_clear(struct drain *drain);
/* Forgets the first records: they are in the database. */
void drain_records_drop(struct drain *drain, size_t count);

/* drain_batch.c: queues the first of the records read, at most limit and as many as fit, with
 * statements for many at once unless a set with them was refused; how many is in drain->sent.
 * Returns 0 or a negative errno. */
int drain_batch_send(struct drain *drain, size_t limit, db_batch_cb *cb)
    __attribute__((warn_unused_result));

/* Queues the first record without its effect, with the reason. */
int drain_refused_store(struct drain *drain, const char *sqlstate, const char *message,
                        db_batch_cb *cb) __attribute__((warn_unused_result));

/* Says whether an SQLSTATE speaks of the data or the statement, so that trying again at once is
 * useless. */
bool drain_is_data_error(const char *sqlstate);

/* drain_refused.c: tries the oldest refused record again, later and later. */
void drain_refused_schedule(struct drain *drain);
void drain_refused_count(struct drain *drain);

/* drain.c */
void drain_close_if_idle(struct drain *drain);

#endif
