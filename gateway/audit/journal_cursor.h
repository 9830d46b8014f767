/* journal_cursor.h: reads the journal from an index on, while it may be written to. Blocking; one
 * thread at a time. */
#ifndef GATEWAY_AUDIT_JOURNAL_CURSOR_H
#define GATEWAY_AUDIT_JOURNAL_CURSOR_H

#include "gateway/audit/journal.h"

struct journal_cursor;

/* Goes to index. Returns 0; -ENOENT: no segment reaches back so far; -EBADMSG; -ENOMEM; another
 * negative errno. */
int journal_cursor_open(const char *directory, uint64_t index, struct journal_cursor **out)
    __attribute__((warn_unused_result));

/* Goes to the oldest record there is; its index in *first. Errors as journal_cursor_open. */
int journal_cursor_open_first(const char *directory, uint64_t *first, struct journal_cursor **out)
    __attribute__((warn_unused_result));

/* Reads the record at the cursor when its index is below limit (the durable size). Returns 1 and
 * the entry, whose octets stay until journal_cursor_release or the next call; 0: no more below
 * limit; -EBADMSG: damage, with entry->index the record concerned: the next call goes on behind it;
 * -ENOENT: the journal ends here; another negative errno. */
int journal_cursor_next(struct journal_cursor *cursor, uint64_t limit, struct journal_entry *entry)
    __attribute__((warn_unused_result));

/* Where the last entry or damage stands: "0000000000000000.journal: octet 128". */
const char *journal_cursor_where(const struct journal_cursor *cursor);

/* Gives the mappings back until the next call. */
void journal_cursor_release(struct journal_cursor *cursor);

/* NULL is allowed. */
void journal_cursor_close(struct journal_cursor *cursor);

#endif
