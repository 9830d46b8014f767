/* audit.h: the one way by which anything is recorded.
 *
 * An event becomes a record of the journal (policy/record.h), is fsynced together with all others
 * that wait (group commit), and then goes to PostgreSQL: the record, its personal values, and what
 * it changes in the tables, in one transaction, exactly once. An action is only released when
 * audit_append's callback said 0. When the journal cannot be written every append fails: fail
 * closed. PostgreSQL being away stops nothing here; the journal holds the events.
 *
 * Process: control. One thread: that of the loop (the writing itself is done on libuv's pool). No
 * callback runs before the call that asked for it has returned. */
#ifndef GATEWAY_AUDIT_AUDIT_H
#define GATEWAY_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/db/db.h"
#include "gateway/fax_id.h"

enum {
    AUDIT_FIELDS_MAX = 32,
    AUDIT_TEXT_MAX = 4096,    /* octets of one text */
    AUDIT_QUEUE_MAX = 65536,  /* events that may wait for the disk */
    AUDIT_WAITERS_MAX = 65536 /* audit_when_applied calls that may wait */
};

enum audit_field_kind {
    AUDIT_TEXT,
    AUDIT_INTEGER,
    AUDIT_PERSONAL, /* text; stands in the record as a salted commitment only */
};

struct audit_field {
    const char *key;
    enum audit_field_kind kind;
    const char *text; /* UTF-8; NULL counts as "" */
    int64_t integer;
};

struct audit_event {
    const char *type;         /* one of policy/event_types.h */
    const char *actor;        /* principal, or "system" */
    const char *outcome;      /* "ok", "denied", "failed" …; NULL: "ok" */
    const struct fax_id *fax; /* NULL: none */
    const struct audit_field *fields;
    size_t count;
};

struct audit;

/* status 0: durable under this index. Else a negative errno: the event is not recorded and its
 * effect must not happen. */
typedef void audit_done_cb(void *user, int status, uint64_t index);

/* Asks for a signed checkpoint of the first `size` records; the answer comes later by
 * audit_checkpoint_signed(). Returns 0 or a negative errno (tried again at the next interval). */
typedef int audit_sign_cb(void *user, uint64_t size, const uint8_t root[32], int64_t time_ms);

typedef void audit_closed_cb(void *user);

struct audit_config {
    const char *directory; /* of the journal; made when missing, 0700 */
    const char *node;      /* name of this gateway in the log; at most 64 of [a-z0-9.-] */
    struct db *db;         /* role sealfax_app; NULL: journal only. Not owned. Tell its state by
                              audit_db_state() */
    audit_sign_cb *sign;   /* NULL: no checkpoints */
    void *sign_user;
    uint64_t checkpoint_records;     /* a checkpoint after so many records; 0: 10000 */
    unsigned checkpoint_interval_ms; /* and after this time when there are new ones; 0: 60 s */
    uint64_t segment_bytes;          /* 0: 16 MiB */
    uint64_t reserve_bytes;          /* disk kept for 'disk full'; 0: 1 MiB */
    unsigned history_delay_ms;       /* before the older journal is checked; 0: 10 s */
    unsigned retention_days;         /* of drained and covered segments; 0: 400 */
};

/* What was found on disk at the start. */
struct audit_recovery {
    uint64_t size;        /* records in the log of this node */
    uint64_t first_index; /* oldest one still in the journal */
    uint64_t begun;       /* the first one that was read; older ones are checked while running */
    uint64_t torn_bytes;  /* dropped at the end: a write that never was acknowledged */
    char message[256];    /* on failure: file, position and what is wrong */
};

struct audit_state {
    uint64_t size;    /* durable records */
    uint64_t applied; /* of them in PostgreSQL: records 0 … applied-1 */
    uint64_t lag;     /* size - applied */
    int failed;       /* 0, or the negative errno for which the journal refuses to take events */
    bool low_space;   /* the disk is full, the journal's reserve is in use */
    bool db_up;
    bool conflict; /* PostgreSQL holds other records under this name; refused_reason says which */
    uint64_t refused; /* records whose effect PostgreSQL refused so far and that are tried again */
    uint64_t refused_index;   /* the oldest of them */
    char refused_reason[160]; /* SQLSTATE and message, or why nothing can be applied at present */
    uint64_t checkpoint_size; /* records covered by the last signed checkpoint */
    int64_t checkpoint_ms;    /* its time, 0: none yet */
    char damage[256];         /* of older parts of the journal, found while running; "": none */
};

/* Opens journal and drain. Blocking while the journal is read from the last checkpoint on; what is
 * older is checked while running, and damage there is recorded (journal.damaged) and shown in the
 * state. Returns 0; -EBADMSG: the journal is damaged in the middle (recovery->message names file
 * and position) and must be looked at before the gateway may run; -EINVAL; -ENOMEM; another
 * negative errno. recovery may be NULL. */
int audit_open(uv_loop_t *loop, const struct audit_config *config, struct audit_recovery *recovery,
               struct audit **out) __attribute__((warn_unused_result));

/* Tells that the connection came up or went down: call it from the db_state_cb of config.db. */
void audit_db_state(struct audit *audit, enum db_state state);

/* Records an event. All of it is copied; done (may be NULL) runs once when it is durable or has
 * failed. Returns 0; -EINVAL: unknown type, malformed text or key, too many fields; -E2BIG: too
 * large; -ENOBUFS: too many wait; -ESHUTDOWN; -ENOMEM; or the errno for which the journal has
 * failed. Then nothing is recorded and done is not called. */
int audit_append(struct audit *audit, const struct audit_event *event, audit_done_cb *done,
                 void *user) __attribute__((warn_unused_result));

/* Calls cb when the record with this index, already durable, is in PostgreSQL too with all it
 * changes (status 0); with -EBADMSG when PostgreSQL refused what it changes (see audit_state); or
 * with -ECANCELED when the log is closed first. Returns as audit_append. */
int audit_when_applied(struct audit *audit, uint64_t index, audit_done_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Answer to the sign callback: a signed note (C2SP, NUL-terminated) over the root it was given. It
 * is checked against that size and root, appended to the file `checkpoints` and recorded as event
 * audit.checkpoint. Returns 0, -EINVAL when it is for another size or root than asked for. */
int audit_checkpoint_signed(struct audit *audit, uint64_t size, const char *note)
    __attribute__((warn_unused_result));

/* The signer could not sign: the next interval tries again. */
void audit_checkpoint_failed(struct audit *audit, uint64_t size);

/* Asks for a checkpoint now if there are records that none covers (before a clean stop). cb (may be
 * NULL) runs with 0 when a checkpoint covers the present size and is durable, else with the errno.
 */
int audit_checkpoint_now(struct audit *audit, audit_done_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Copies the state as it is now; cheap enough for every status request. */
void audit_state_get(const struct audit *audit, struct audit_state *out);

/* Closes: new events are refused, waiting ones are written, one last checkpoint is asked for (when
 * there is a signer, at most 3 s), the drain is given up to 3 s when the database is up; then done
 * runs. config.db must stay open until done. NULL is allowed (done runs before return). */
void audit_close(struct audit *audit, audit_closed_cb *done, void *user);

#endif
