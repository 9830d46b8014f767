/* journal_segment.h: the files of the journal: names, listing, mapping, creation. Blocking. */
#ifndef GATEWAY_AUDIT_JOURNAL_SEGMENT_H
#define GATEWAY_AUDIT_JOURNAL_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "policy/journal_frame.h"
#include "policy/merkle.h"

enum { JOURNAL_NAME_TEXT = 32 };

/* What a segment consists of: ".journal", ".side", ".tree". */
void journal_name_make(uint64_t first, const char *suffix, char name[JOURNAL_NAME_TEXT]);

/* The first indexes of all segments, rising. */
struct journal_list {
    uint64_t *first;
    size_t count;
};

/* Returns 0 or a negative errno. Free with journal_list_free (NULL-safe inside). */
int journal_list_read(int directory, struct journal_list *list) __attribute__((warn_unused_result));
void journal_list_free(struct journal_list *list);

/* A file in memory, read-only. An empty file has bytes NULL and length 0. */
struct journal_map {
    const uint8_t *bytes;
    size_t length;
};

/* Returns 0, -ENOENT or another negative errno. */
int journal_map_open(int directory, const char *name, struct journal_map *map)
    __attribute__((warn_unused_result));
void journal_map_close(struct journal_map *map);

/* A segment that is being written. */
struct journal_segment {
    uint64_t first;
    uint64_t capacity;                   /* octets preallocated for each file */
    int record_fd, side_fd;              /* -1: none */
    uint64_t record_offset, side_offset; /* where the next frame goes */
};

struct journal_segment_plan {
    const char *node;
    uint64_t first, side_first;
    uint64_t bytes; /* to preallocate for the records; half of it for the side file */
    const struct merkle_tree *tree;
};

/* Makes the files of a segment, durable with their directory entries. Files of the same name, which
 * then hold no record, are replaced. Returns 0 or a negative errno; nothing is left on failure. */
int journal_segment_create(int directory, const struct journal_segment_plan *plan,
                           struct journal_segment *segment) __attribute__((warn_unused_result));

/* Cuts the files to what is durable and closes them. Returns 0 or a negative errno; the descriptors
 * stay open then. */
int journal_segment_finish(struct journal_segment *segment) __attribute__((warn_unused_result));

/* Closes without a change. */
void journal_segment_drop(struct journal_segment *segment);

/* Removes the files of a segment. Returns 0 or a negative errno. */
int journal_segment_remove(int directory, uint64_t first) __attribute__((warn_unused_result));

/* Reads the frontier before the first record of a segment; the empty tree for index 0. Returns 0,
 * -ENOENT, -EBADMSG or another negative errno. */
int journal_tree_read(int directory, uint64_t first, struct merkle_tree *tree)
    __attribute__((warn_unused_result));

#endif
