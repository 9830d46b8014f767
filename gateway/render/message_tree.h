/* message_tree.h: a message as GMime reads it, and what every user of it needs: its fields, the
 * octets of its parts. Private to gateway/render/. */
#ifndef GATEWAY_RENDER_MESSAGE_TREE_H
#define GATEWAY_RENDER_MESSAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/render/message_library.h"

enum { MESSAGE_REASON_MAX = 256 };

struct message_tree {
    struct message_library library;
    GMimeMessage *message;
    const uint8_t *octets; /* the whole message, mapped */
    size_t length;
    size_t head_length; /* with the empty line */
};

/* Reads the message in a descriptor, which stays the caller's. Returns 0, or a negative error with
 * one sentence in reason: -ENOSYS (no GMime), FAX_EFORMAT (no head, or one larger than 256 KiB),
 * FAX_EEMPTY, negative errno. message_tree_close() is safe after each. */
int message_tree_open(struct message_tree *tree, int descriptor, char reason[MESSAGE_REASON_MAX])
    __attribute__((warn_unused_result));
void message_tree_close(struct message_tree *tree);

/* The position'th field of a part or message, its value decoded to UTF-8; false past the last. */
bool message_field_at(const struct message_tree *tree, GMimeObject *object, int position,
                      const char **name, const char **value);

/* The first field called wanted, or NULL; *count (may be NULL): how many there are. */
const char *message_field(const struct message_tree *tree, GMimeObject *object, const char *wanted,
                          unsigned *count);

/* Whether an object is of a GMime type. */
bool message_is(const struct message_tree *tree, const void *object, GType type);

/* Copies text as clean UTF-8 without control characters, cut where it fits. NULL becomes "". */
void message_copy_text(char *out, size_t capacity, const char *text);

#endif
