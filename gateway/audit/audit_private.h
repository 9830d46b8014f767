/* audit_private.h: the inside of struct audit, for gateway/audit/audit*.c only. */
#ifndef GATEWAY_AUDIT_AUDIT_PRIVATE_H
#define GATEWAY_AUDIT_AUDIT_PRIVATE_H

#include "gateway/audit/audit.h"
#include "gateway/audit/drain.h"
#include "gateway/audit/journal.h"
#include "gateway/audit/journal_history.h"
#include "policy/checkpoint.h"
#include "policy/record.h"

enum {
    AUDIT_CLOSE_STEP_MS = 3000,
    AUDIT_REMOVAL_MS = 3600000,
    AUDIT_HISTORY_DELAY_MS = 10000, /* after the start, which has other things to do */
    AUDIT_HISTORY_PAUSE = 4,
};

/* A caller that waits for something to reach an index. */
struct audit_waiter {
    struct audit_waiter *next;
    uint64_t index;
    audit_done_cb *cb;
    void *user;
};

/* By rising index. */
struct audit_waiters {
    struct audit_waiter *first, *last;
    size_t count;
};

struct audit_checkpoints {
    audit_sign_cb *sign;
    void *sign_user;
    uint64_t every_records;
    unsigned interval_ms;
    uint64_t last_other; /* records up to the last one that is no checkpoint itself */
    uint64_t covered;    /* records below are covered by a durable checkpoint */
    int64_t time_ms;
    bool asked;   /* the signer is working … */
    bool storing; /* … and has answered */
    uint64_t size;
    struct merkle_hash root;
    uint64_t asked_at_ms;
    char note[CHECKPOINT_TEXT];
    uv_work_t work;
    int work_status;
    struct audit_waiters waiters;
};

enum audit_closing { AUDIT_OPEN, AUDIT_FLUSHING, AUDIT_SIGNING, AUDIT_DRAINING, AUDIT_ENDING };

struct audit {
    uv_loop_t *loop;
    char *directory;
    char node[RECORD_NODE_TEXT];
    struct journal *journal;
    struct journal_history *history; /* NULL: the start has read all */
    char damage[JOURNAL_MESSAGE_TEXT];
    struct drain *drain; /* NULL: journal only */
    bool db_up;
    uint64_t applied;
    unsigned retention_days;
    struct audit_waiters waiters;
    struct audit_checkpoints checkpoints;
    uv_timer_t timer;   /* checkpoints */
    uv_timer_t removal; /* of segments */
    uv_timer_t soon;    /* callbacks that may not run inside the call; steps of closing */
    int open_timers;
    size_t appending; /* appends on their way */
    enum audit_closing closing;
    bool step_over; /* the present step of closing has had its time */
    audit_closed_cb *closed_cb;
    void *closed_user;
};

/* audit_event.c: the octets of an event's record and its personal values. */
struct audit_built {
    uint8_t record[RECORD_MAX];
    struct journal_side sides[JOURNAL_SIDES_MAX];
    size_t length, side_count;
    char clean[2 * (AUDIT_TEXT_MAX + 1)]; /* texts that had to be replaced */
    size_t clean_used;
};
int audit_event_build(const struct audit *audit, const struct audit_event *event,
                      struct audit_built *built) __attribute__((warn_unused_result));

/* audit.c: audit_append, also while closing. */
int audit_append_now(struct audit *audit, const struct audit_event *event, audit_done_cb *done,
                     void *user) __attribute__((warn_unused_result));
void audit_close_step(struct audit *audit);

/* audit_wait.c */
int audit_waiters_add(struct audit_waiters *waiters, uint64_t index, audit_done_cb *cb, void *user)
    __attribute__((warn_unused_result));
/* Calls those that wait for less than end. */
void audit_waiters_call(struct audit_waiters *waiters, uint64_t end, int status);

/* audit_checkpoint.c */
bool audit_checkpoint_needed(const struct audit *audit);
void audit_checkpoint_ask(struct audit *audit);
void audit_checkpoint_note_durable(struct audit *audit, const char *type, uint64_t index);

#endif
