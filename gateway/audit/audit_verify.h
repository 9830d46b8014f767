/* audit_verify.h: recomputes the whole log of a node from the journal and from the database and
 * compares both with the signed checkpoints. */
#ifndef GATEWAY_AUDIT_AUDIT_VERIFY_H
#define GATEWAY_AUDIT_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

struct audit_verify_config {
    const char *directory; /* of the journal; NULL: database only */
    const char *conninfo;  /* login of sealfax_reader; NULL: journal only */
    const char *node;
    const char *verifier_key; /* C2SP verifier key of the checkpoint signer */
    uint64_t applied; /* records that the database must hold; UINT64_MAX: all that the journal
                         holds. A running gateway passes audit_state.applied */
    uint64_t size;    /* records that the journal must hold at least; 0: not known */
    void (*progress)(void *user, uint64_t done, uint64_t of); /* on the same thread; may be NULL */
    void *user;
};

enum audit_finding {
    AUDIT_INTACT = 0,
    AUDIT_RECORD_ALTERED,     /* journal: frame or record is not what was written */
    AUDIT_RECORD_MISSING,     /* journal: index does not continue, or the end is missing */
    AUDIT_ROW_ALTERED,        /* database: bytes differ from the journal or from the tree */
    AUDIT_ROW_MISSING,        /* database: no row for an index */
    AUDIT_ROW_EXTRA,          /* database: two rows for an index, or beyond the end */
    AUDIT_ROW_COLUMNS,        /* database: searchable columns or jsonb are not what the bytes say */
    AUDIT_PERSONAL_ALTERED,   /* a personal value does not fit its commitment */
    AUDIT_ROOT_DIFFERS,       /* the tree over the records does not give a checkpoint's root */
    AUDIT_CHECKPOINT_INVALID, /* a checkpoint's signature, text or row is wrong */
};

struct audit_verify_result {
    enum audit_finding finding; /* the first one in order of the index; those of no record last */
    uint64_t index;             /* of the record named by the finding */
    char where[256];            /* file and offset, or table and key */
    char detail[256];           /* one sentence */
    uint64_t findings;          /* how many there are in all */
    uint64_t journal_records, database_records, personal_values, personal_disposed;
    uint64_t checkpoints; /* whose signature and root are right */
    uint64_t covered;     /* records covered by the last of them */
    uint64_t first_index; /* oldest record that was seen */
    uint8_t root[32];     /* over all records */
};

/* A short text for a finding; static storage. */
const char *audit_finding_text(enum audit_finding finding);

/* Blocking: for the command line or a thread of the pool. Returns 0 when it ran to the end,
 * whatever it found (see result->finding); a negative errno when it could not run, with the reason
 * in result->detail. */
int audit_verify_run(const struct audit_verify_config *config, struct audit_verify_result *result)
    __attribute__((warn_unused_result));

#endif
