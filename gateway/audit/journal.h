/* journal.h: the append-only file of audit records and the side file of their personal values.
 *
 * Segments `<first index, 16 hex digits>.journal` hold frames (policy/journal_frame.h); next to
 * each stands `<same>.side` with the personal values, which can be disposed of alone. Both are
 * written with space preallocated, and fdatasynced before anything is acknowledged: side file
 * first, so that a record never stands there without its values. All appends that wait are
 * committed together.
 *
 * When writing fails, everything that waits fails, and the journal refuses to take more until it
 * could cut the unacknowledged end off again and start a new segment (tried every second).
 *
 * Process: control. One thread; the writing runs on libuv's pool. */
#ifndef GATEWAY_AUDIT_JOURNAL_H
#define GATEWAY_AUDIT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum {
    JOURNAL_RECORD_MAX = 65536,
    JOURNAL_PERSONAL_MAX = 65536,
    JOURNAL_QUEUE_MAX = 65536,
};

struct journal;

struct journal_config {
    const char *directory;
    uint64_t segment_bytes; /* a new segment is begun beyond this size */
    uint64_t reserve_bytes; /* a file of this size is given up when the disk is full */
};

/* A record as it goes in and comes out. */
struct journal_entry {
    uint64_t index;
    const uint8_t *record;
    size_t record_length;
    const uint8_t *personal; /* encoded personal values, may be empty */
    size_t personal_length;
};

struct journal_recovery {
    uint64_t first_index, size;
    uint64_t torn_bytes;
    char message[256];
};

typedef void journal_done_cb(void *user, int status, uint64_t index);
typedef void journal_closed_cb(void *user);

/* Called for each record, oldest first, while the journal is opened. Returns 0 or a negative errno,
 * which ends the opening. */
typedef int journal_seen_cb(void *user, const struct journal_entry *entry);

/* Opens the directory (made when missing, 0700) for one writer (flock). Reads all segments; the
 * torn tail of the last one is cut off. Blocking. Returns 0; -EBADMSG: damage before the tail,
 * named in recovery->message; -EBUSY: another writer; -ENOMEM; another negative errno. */
int journal_open(uv_loop_t *loop, const struct journal_config *config, journal_seen_cb *seen,
                 void *user, struct journal_recovery *recovery, struct journal **out)
    __attribute__((warn_unused_result));

/* The index that the next append will get. Goes back when a commit fails. */
uint64_t journal_next_index(const struct journal *journal);

/* Durable records. */
uint64_t journal_size(const struct journal *journal);

/* 0, or the negative errno for which the journal refuses to write at present. */
int journal_failed(const struct journal *journal);

/* Queues a record, which must have been made for journal_next_index(). Copied. done runs once.
 * Returns 0, -EINVAL, -E2BIG, -ENOBUFS, -ESHUTDOWN, -ENOMEM, or journal_failed(). */
int journal_append(struct journal *journal, const struct journal_entry *entry,
                   journal_done_cb *done, void *user) __attribute__((warn_unused_result));

/* Removes the segments that end at or before index and were last written before time_s (seconds
 * since 1970); never the one in use. Returns how many, or a negative errno. */
int journal_remove_before(struct journal *journal, uint64_t index, int64_t time_s);

/* Commits what waits, then closes. NULL is allowed. */
void journal_close(struct journal *journal, journal_closed_cb *done, void *user);

#endif
