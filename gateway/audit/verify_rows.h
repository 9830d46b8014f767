/* verify_rows.h: reads the rows of a node from PostgreSQL in order of the index, all from one
 * snapshot. Blocking. */
#ifndef GATEWAY_AUDIT_VERIFY_ROWS_H
#define GATEWAY_AUDIT_VERIFY_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "policy/record.h"

struct verify_rows;

/* A row; the texts live until the next call. */
struct verify_row {
    uint64_t index;
    int64_t time_us;
    const char *event, *actor, *outcome, *fax; /* fax: "" for NULL */
    const char *json;                          /* the column record */
    uint8_t *bytes;
    size_t length;
};

/* A personal value of the database: what its commitment would be. */
struct verify_value {
    uint64_t index;
    const char *key, *commitment;
};

typedef void verify_note_cb(void *user, const char *note, uint64_t size, const char *root);

/* Connects and takes the snapshot. Returns 0 or -ENOTCONN, -EIO, -ENOMEM with the reason in message
 * (capacity size). */
int verify_rows_open(const char *conninfo, const char *node, char *message, size_t size,
                     struct verify_rows **out) __attribute__((warn_unused_result));

/* Gives every checkpoint of the table. Returns 0 or -EIO. */
int verify_rows_notes(struct verify_rows *rows, verify_note_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* The next row. Returns 1, 0 at the end, or a negative errno. */
int verify_rows_next(struct verify_rows *rows, struct verify_row *row)
    __attribute__((warn_unused_result));

/* The next personal value with at most this index, in order of index and key. Call it with rising
 * indexes. Returns 1, 0 when there is none, or a negative errno. */
int verify_rows_value(struct verify_rows *rows, uint64_t index, struct verify_value *value)
    __attribute__((warn_unused_result));

/* Why a call failed. */
const char *verify_rows_message(const struct verify_rows *rows);

/* NULL is allowed. */
void verify_rows_close(struct verify_rows *rows);

#endif
