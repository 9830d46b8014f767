/* checkpoint_file.h: the file `checkpoints` beside the journal: signed notes one after the other,
 * as they can be sent to whoever keeps them outside. Blocking. */
#ifndef GATEWAY_AUDIT_CHECKPOINT_FILE_H
#define GATEWAY_AUDIT_CHECKPOINT_FILE_H

#include <stddef.h>

#include "policy/checkpoint.h"

struct checkpoint_note {
    struct checkpoint checkpoint; /* as the note says; its signature is not verified here */
    char *note;
};

/* Notes by rising size. */
struct checkpoint_list {
    struct checkpoint_note *notes;
    size_t count;
    size_t whole_bytes; /* of the file: what follows is an unfinished write */
    size_t file_bytes;
};

/* Reads the file; an absent one has no notes. Returns 0; -EBADMSG: a note that cannot be read,
 * whose place is whole_bytes; -ENOMEM; another negative errno. Free the list also after -EBADMSG.
 */
int checkpoint_file_read(const char *directory, struct checkpoint_list *list)
    __attribute__((warn_unused_result));

/* Reads only the notes at the end of the file, at least one if it has any; whole_bytes and
 * file_bytes are those of the whole file. For the start, whose time must not grow with the past.
 * Returns as above. */
int checkpoint_file_read_end(const char *directory, struct checkpoint_list *list)
    __attribute__((warn_unused_result));

/* Frees the notes; an empty list is allowed. */
void checkpoint_list_free(struct checkpoint_list *list);

/* Adds a note to a list in its place by size. Returns 0, -EBADMSG or -ENOMEM. */
int checkpoint_list_add(struct checkpoint_list *list, const char *note, size_t length)
    __attribute__((warn_unused_result));

/* Cuts off an unfinished write. Returns 0 or a negative errno. */
int checkpoint_file_cut(const char *directory, const struct checkpoint_list *list)
    __attribute__((warn_unused_result));

/* Appends a note, durably. Returns 0 or a negative errno. */
int checkpoint_file_append(const char *directory, const char *note)
    __attribute__((warn_unused_result));

#endif
