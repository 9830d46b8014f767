/* journal.h: the append-only file of audit records and the side file of their personal values.
 *
 * The directory holds segments `<first index, 16 hex digits>.journal` of frames
 * (policy/journal_frame.h), next to each `<same>.side` with the personal values, which can be
 * disposed of alone, and `<same>.tree`, the Merkle frontier before its first record, so that older
 * segments may be removed. Space is preallocated; both files are fdatasynced before anything is
 * acknowledged, the side file first, so that no record stands there without its values. All appends
 * that wait are committed together.
 *
 * When writing fails, everything that waits fails, and the journal refuses to take more until the
 * unacknowledged end is cut off again and a new segment is begun (tried every second). When no
 * space is left for a segment, the file `reserve` is given up for a last one.
 *
 * Process: control. One thread; the writing runs on libuv's pool. */
#ifndef GATEWAY_AUDIT_JOURNAL_H
#define GATEWAY_AUDIT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "policy/journal_frame.h"
#include "policy/merkle.h"

enum {
    JOURNAL_QUEUE_MAX = 65536, /* appends that may wait */
    JOURNAL_SIDES_MAX = 16,    /* personal values of one record */
    JOURNAL_SEGMENT_MIN = 65536,
    JOURNAL_MESSAGE_TEXT = 256,
};

struct journal;

struct journal_config {
    const char *directory;
    const char *node;
    uint64_t segment_bytes; /* at least JOURNAL_SEGMENT_MIN */
    uint64_t reserve_bytes; /* at least JOURNAL_SEGMENT_MIN */
    uint64_t covered;       /* the caller knows the root over so many records: see journal_open */
};

/* A record as it goes in and comes out. */
struct journal_entry {
    uint64_t index;
    const uint8_t *record;
    size_t record_length;
    const struct journal_side *sides; /* its personal values; record_index is set by the journal */
    size_t side_count;
};

struct journal_recovery {
    uint64_t first_index, size;
    uint64_t begun;      /* the first record that was read */
    uint64_t torn_bytes; /* cut off at the end: never acknowledged */
    char message[JOURNAL_MESSAGE_TEXT];
};

typedef void journal_done_cb(void *user, int status, uint64_t index);
typedef void journal_closed_cb(void *user);

/* Called for each record, oldest first, while the journal is opened, with the tree up to and with
 * that record. Returns 0 or a negative errno, which ends the opening. */
typedef int journal_seen_cb(void *user, const struct journal_frame *frame,
                            const struct merkle_tree *tree);

/* Opens the directory (made when missing, 0700) for one writer (flock). Reads the segments from the
 * one on in which record config->covered - 1 stands (0: from the first), so that the time does not
 * grow with the past; the frontier before it is taken from its file and is right if seen finds the
 * known root at config->covered. The segments before it are left to journal_history.h. Cuts off the
 * torn tail of the last segment and begins a new one. Blocking. Returns 0; -EBADMSG: damage
 * to what was durable, named in recovery->message; -EBUSY: another writer; -EINVAL; -ENOMEM;
 * another negative errno. seen may be NULL. */
int journal_open(uv_loop_t *loop, const struct journal_config *config, journal_seen_cb *seen,
                 void *user, struct journal_recovery *recovery, struct journal **out)
    __attribute__((warn_unused_result));

/* The index that the next append must have. Goes back when a commit fails. */
uint64_t journal_next_index(const struct journal *journal);

/* Durable records, and the Merkle tree over them. */
uint64_t journal_size(const struct journal *journal);
const struct merkle_tree *journal_tree(const struct journal *journal);

/* 0, or the negative errno for which the journal refuses to write at present. */
int journal_failed(const struct journal *journal);

/* The disk is full and the reserve is in use. */
bool journal_low_space(const struct journal *journal);

/* Queues a record, which must be made for journal_next_index(). Copied. done runs once, in order of
 * the index. Returns 0, -EINVAL, -ENOBUFS, -ESHUTDOWN, -ENOMEM, or journal_failed(). */
int journal_append(struct journal *journal, const struct journal_entry *entry,
                   journal_done_cb *done, void *user) __attribute__((warn_unused_result));

/* Removes the segments that end at or before index and were last written before time_s (seconds
 * since 1970); never the one in use. Returns how many, or a negative errno. Blocking, but only for
 * unlinks. */
int journal_remove_before(struct journal *journal, uint64_t index, int64_t time_s);

/* Commits what waits, then closes. NULL is allowed (done runs before return). */
void journal_close(struct journal *journal, journal_closed_cb *done, void *user);

#endif
