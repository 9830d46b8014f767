/* journal_writer.h: the blocking half of the journal: used by one thread of the pool at a time. */
#ifndef GATEWAY_AUDIT_JOURNAL_WRITER_H
#define GATEWAY_AUDIT_JOURNAL_WRITER_H

#include "gateway/audit/journal.h"
#include "gateway/audit/journal_segment.h"

/* An append that waits. The record stands behind it, then for each personal value its length as
 * uint32_t and its encoded octets. */
struct journal_waiter {
    struct journal_waiter *next;
    journal_done_cb *done;
    void *user;
    uint64_t index;
    uint32_t record_length, sides_length;
    uint8_t bytes[];
};

struct journal_buffer {
    uint8_t *bytes;
    size_t length, capacity;
};

struct journal_writer {
    int directory; /* descriptor; holds the lock */
    char node[RECORD_NODE_TEXT];
    uint64_t segment_bytes, reserve_bytes;
    struct journal_segment segment;
    struct merkle_tree tree; /* over the durable records; its size is theirs */
    uint64_t side_size;      /* durable side frames */
    bool damaged;            /* the end of the segment is not known: begin a new one first */
    bool low_space;
    struct journal_buffer records, sides;
};

/* Opens directory and lock and reads segments: tree, sizes; then begins a new segment. As
 * journal_open. */
int journal_writer_open(struct journal_writer *writer, const struct journal_config *config,
                        journal_seen_cb *seen, void *user, struct journal_recovery *recovery)
    __attribute__((warn_unused_result));

/* Reads the segments from record covered - 1 on and cuts off what is torn (journal_recover.c). */
int journal_writer_recover(struct journal_writer *writer, uint64_t covered, journal_seen_cb *seen,
                           void *user, struct journal_recovery *report)
    __attribute__((warn_unused_result));

/* Reads a segment that is not the last one and changes nothing: tree, over the records before it,
 * grows by its records. Returns as journal_writer_recover. */
int journal_segment_check(int directory, const char *node, uint64_t first, struct merkle_tree *tree,
                          struct journal_recovery *report) __attribute__((warn_unused_result));

/* Cuts off what is not durable and begins a new segment. Returns 0 or a negative errno. */
int journal_writer_repair(struct journal_writer *writer) __attribute__((warn_unused_result));

/* Writes the first `count` waiters and makes them durable. All or none. Returns 0 or a negative
 * errno; after that the writer is damaged. */
int journal_writer_commit(struct journal_writer *writer, const struct journal_waiter *first,
                          size_t count) __attribute__((warn_unused_result));

/* Finishes the segment unless the journal is damaged, and closes the files. */
void journal_writer_close(struct journal_writer *writer);

#endif
