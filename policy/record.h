/* record.h: audit record version 1: one flat JSON object in canonical form (RFC 8785): keys sorted,
 * strings and integers only. A record is at most RECORD_MAX octets. Its Merkle leaf is the hash of
 * exactly these bytes (merkle.h).
 *
 * Fixed keys: "v" 1, "node", "index", "time" (microseconds since 1970 UTC), "event", "actor",
 * "outcome", and "fax" where one is concerned. Others: [a-z][a-z0-9_]{0,31}. What identifies a
 * person stands as a commitment "sha256:<hex>"; the value and its salt are kept apart and can be
 * disposed of alone. */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RECORD_VERSION = 1,
    RECORD_MAX = 16384,       /* octets of an encoded record */
    RECORD_FIELDS_MAX = 64,   /* fields with the fixed ones */
    RECORD_KEY_TEXT = 33,     /* capacity of a key with its NUL */
    RECORD_NODE_TEXT = 64,    /* capacity of a node name with its NUL: [a-z0-9][a-z0-9.-]* */
    RECORD_EVENT_TEXT = 49,   /* capacity of an event name: words [a-z0-9_]+ joined by dots */
    RECORD_OUTCOME_TEXT = 25, /* capacity of an outcome: [a-z_]+ */
    RECORD_SALT_OCTETS = 16,
    RECORD_COMMITMENT_TEXT = 72 /* "sha256:" and 64 hex digits and a NUL */
};

/* Integers stay exact in every JSON reader: ±(2^53 − 1). */
#define RECORD_INT_MAX INT64_C(9007199254740991)

enum record_type { RECORD_STRING = 1, RECORD_INT = 2 };

struct record_field {
    char key[RECORD_KEY_TEXT];
    enum record_type type;
    int64_t number;
    uint32_t offset; /* of the string in text, NUL-terminated */
    uint32_t length; /* octets without the NUL */
};

/* A record being built, or one that was parsed. About 22 kB; needs no freeing. Fields are kept
 * sorted by key. Read it by the functions below only. */
struct record {
    int error; /* the first failure while building; later calls do nothing */
    size_t field_count;
    size_t text_used;
    struct record_field fields[RECORD_FIELDS_MAX];
    char text[RECORD_MAX];
};

/* The fixed part. fax may be NULL; otherwise a UUID in lower case. All texts are copied. */
struct record_head {
    const char *node;
    uint64_t index;
    int64_t time_us;
    const char *event;
    const char *actor;   /* a principal's name, or "system:<process>", up to 200 octets */
    const char *outcome; /* "ok", "denied", "failed", … */
    const char *fax;
};

/* Starts a record. A bad head is a sticky FAX_EP_INVAL, returned by record_finish. */
void record_begin(struct record *record, const struct record_head *head);

/* Adds a field. A NULL value adds nothing. Bad or repeated keys, fixed keys, values that are not
 * UTF-8 and numbers out of range are a sticky FAX_EP_INVAL; too much is FAX_EP_LIMIT. */
void record_add_string(struct record *record, const char *key, const char *value);
void record_add_int(struct record *record, const char *key, int64_t value);

/* Adds the commitment to a personal value: record_commitment(key, value, salt). The salt must be
 * fresh random octets for every value; value and salt go to the side file. */
void record_add_personal(struct record *record, const char *key, const char *value,
                         const uint8_t salt[RECORD_SALT_OCTETS]);

/* Gives the record its place in the log when that is known only after building. */
void record_set_index(struct record *record, uint64_t index);

/* Writes the canonical bytes (no NUL). May be called again, e.g. after record_set_index.
 * Errors: the sticky one; FAX_EP_LIMIT (over RECORD_MAX or capacity). */
int record_finish(const struct record *record, uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Parses a record strictly: the bytes must be exactly what record_finish would write for it.
 * Errors: FAX_EP_FORMAT (not canonical, unsorted or repeated keys, missing or mistyped fixed keys),
 * FAX_EP_VERSION, FAX_EP_LIMIT. */
int record_parse(const uint8_t *bytes, size_t length, struct record *record)
    __attribute__((warn_unused_result));

/* The string under key, or NULL if there is none. Lives as long as record is unchanged. */
const char *record_string(const struct record *record, const char *key);

/* The integer under key in *value; false if there is none. */
bool record_int(const struct record *record, const char *key, int64_t *value);

/* The fixed fields of a parsed record; the texts live as long as record is unchanged. */
void record_head_get(const struct record *record, struct record_head *head);

/* "sha256:" and the hex of SHA-256(salt || 0x00 || key || 0x00 || value). Errors: FAX_EP_CRYPTO. */
int record_commitment(const char *key, const char *value, const uint8_t salt[RECORD_SALT_OCTETS],
                      char text[RECORD_COMMITMENT_TEXT]) __attribute__((warn_unused_result));

/* Checks a disclosed value against its commitment. Returns 0, FAX_EP_MISMATCH (another value or no
 * such field), FAX_EP_CRYPTO. */
int record_check_personal(const struct record *record, const char *key, const char *value,
                          const uint8_t salt[RECORD_SALT_OCTETS])
    __attribute__((warn_unused_result));

#endif
