/* audit_log.h: a log with a real signer and a real database connection for tests: what control and
 * keeper are to gateway/audit. */
#ifndef TESTS_DOUBLES_AUDIT_LOG_H
#define TESTS_DOUBLES_AUDIT_LOG_H

#include <uv.h>

#include "gateway/audit/audit.h"
#include "policy/checkpoint.h"

struct audit_log {
    uv_loop_t loop;
    struct db *db;
    struct audit *audit;
    struct audit_recovery recovery;
    uint8_t private_key[CHECKPOINT_KEY_OCTETS];
    struct checkpoint_key key;
    char verifier_key[CHECKPOINT_KEY_TEXT];
    uint64_t appended; /* appends that were taken */
    uint64_t durable;  /* appends that were acknowledged */
    uint64_t failed;   /* appends that were refused later */
    int last_status;
    int checkpoints;
    int closed;
};

/* Opens. conninfo NULL: no database; segment_bytes 0: the default. Returns as audit_open. */
int audit_log_open(struct audit_log *log, const char *directory, const char *conninfo,
                   uint64_t segment_bytes) __attribute__((warn_unused_result));

/* Records an event with count fields; fax may be NULL. Returns as audit_append. */
int audit_log_event(struct audit_log *log, const char *type, const struct fax_id *fax,
                    const struct audit_field *fields, size_t count);

/* Records the events of a whole fax (6 records) under an identifier made from the number. */
int audit_log_fax(struct audit_log *log, unsigned number);

/* Runs the loop until everything that was appended is durable / applied in the database. Returns 0,
 * or -ETIMEDOUT after 60 s. */
int audit_log_flush(struct audit_log *log) __attribute__((warn_unused_result));
int audit_log_apply(struct audit_log *log) __attribute__((warn_unused_result));
int audit_log_checkpoint(struct audit_log *log) __attribute__((warn_unused_result));

void audit_log_close(struct audit_log *log);

#endif
