/* verifier.h: verifies a log from its records and checkpoints, as a state machine: give it all
 * checkpoints, then the records in rising order of index as found in journal and database, then
 * finish. It recomputes every hash and every root, and names the first broken record. */
#ifndef POLICY_VERIFIER_H
#define POLICY_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/checkpoint.h"

enum verifier_fault {
    VERIFIER_OK = 0,
    VERIFIER_ALTERED,       /* a record's bytes are not what its hash or a checkpoint proves */
    VERIFIER_MISSING,       /* no record at this index */
    VERIFIER_DUPLICATE,     /* an index that came before */
    VERIFIER_NOT_CANONICAL, /* not a record in canonical form, or of another node or index */
    VERIFIER_DIFFER,        /* journal and database differ, no checkpoint says which is right */
    VERIFIER_ROOT,      /* the root differs at a checkpoint: some record from index up to its size
                           is altered */
    VERIFIER_CHECKPOINT /* a checkpoint with a bad signature, form or contradicting another */
};

enum verifier_source {
    VERIFIER_NOWHERE = 0,
    VERIFIER_JOURNAL = 1,
    VERIFIER_DATABASE = 2,
    VERIFIER_BOTH = 3
};

struct verifier_problem {
    enum verifier_fault fault;
    enum verifier_source source; /* where it is broken (VERIFIER_NOWHERE: cannot be told) */
    uint64_t index; /* of the record; see VERIFIER_ROOT; means nothing for VERIFIER_CHECKPOINT */
    uint64_t checkpoint_size; /* of the checkpoint concerned, or 0 */
    char text[200];           /* one English sentence */
};

struct verifier_report {
    uint64_t records;              /* distinct indexes seen */
    uint64_t journal_records;      /* seen in the journal */
    uint64_t database_records;     /* seen in the database */
    uint64_t checkpoints;          /* given */
    uint64_t checkpoints_good;     /* whose signature and root are right */
    uint64_t covered;              /* records proven by a good checkpoint: those below this index */
    uint64_t problems;             /* found in all */
    struct verifier_problem first; /* the one with the lowest index; fault VERIFIER_OK if none */
    struct merkle_hash root;       /* of all records as found */
};

/* One index as found. Absent sources have NULL bytes. database_hash is the leaf hash that the
 * database holds beside the bytes, or NULL. Nothing is kept after the call. */
struct verifier_record {
    uint64_t index;
    const uint8_t *journal;
    size_t journal_length;
    const uint8_t *database;
    size_t database_length;
    const struct merkle_hash *database_hash;
};

struct verifier;

/* Makes a verifier for the log of node; the first record has index 0. The keys are copied.
 * Errors: FAX_EP_INVAL, FAX_EP_NOMEM. */
int verifier_new(const char *node, const struct checkpoint_key *keys, size_t key_count,
                 struct verifier **verifier) __attribute__((warn_unused_result));
void verifier_free(struct verifier *verifier);

/* Gives a checkpoint note, in any order, before the first record. A bad one is a problem in the
 * report, not an error. Errors: FAX_EP_INVAL (after a record), FAX_EP_NOMEM. */
int verifier_add_checkpoint(struct verifier *verifier, const char *note, size_t length)
    __attribute__((warn_unused_result));

/* Gives what is at the next index. Gaps and repetitions are problems in the report, as is
 * everything else that is wrong with a record. Errors: FAX_EP_INVAL (no bytes at all),
 * FAX_EP_CRYPTO. */
int verifier_add_record(struct verifier *verifier, const struct verifier_record *record)
    __attribute__((warn_unused_result));

/* Ends the log and fills report. Errors: FAX_EP_CRYPTO. */
int verifier_finish(struct verifier *verifier, struct verifier_report *report)
    __attribute__((warn_unused_result));

/* "altered", "missing", …; "journal", "database", …; never NULL. */
const char *verifier_fault_text(enum verifier_fault fault);
const char *verifier_source_text(enum verifier_source source);

#endif
