/* record_private.h: what record.c and record_parse.c share. */
#ifndef POLICY_RECORD_PRIVATE_H
#define POLICY_RECORD_PRIVATE_H

#include "policy/record.h"

/* Empties a record. */
void record_clear(struct record *record);

/* Says whether text of length octets is [a-z][a-z0-9_]{0,31}. */
bool record_key_valid(const char *text, size_t length);

/* Adds a field in its place. Errors: FAX_EP_INVAL (bad or repeated key, not UTF-8, NUL inside,
 * number out of range), FAX_EP_LIMIT. */
int record_insert_string(struct record *record, const char *key, const char *value, size_t length)
    __attribute__((warn_unused_result));
int record_insert_int(struct record *record, const char *key, int64_t value)
    __attribute__((warn_unused_result));

/* Checks that the fixed fields are there and well-formed. Errors: FAX_EP_FORMAT, FAX_EP_VERSION. */
int record_check_head(const struct record *record) __attribute__((warn_unused_result));

#endif
