/* drain_groups.h: gathers the records of a batch into few statements: all records in one, all
 * personal values in one, and what they change in groups of the same event type.
 *
 * What the events of one fax change, and what events without a fax change, happens in the order of
 * the log: groups are applied one after the other, and an event goes into the first group of its
 * type behind the last group of its fax. So one statement never changes a row twice. */
#ifndef GATEWAY_AUDIT_DRAIN_GROUPS_H
#define GATEWAY_AUDIT_DRAIN_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/audit/drain_project.h"
#include "policy/record.h"

enum {
    DRAIN_GROUP_RECORDS_MAX = 512, /* of one set */
    DRAIN_GROUPS_MAX = 128,
};

/* A record on its way from the journal to the database. */
struct drain_record {
    uint64_t index;
    int64_t time_us;
    char event[RECORD_EVENT_TEXT];
    char fax[40];   /* "" none */
    char *text;     /* the record's octets and a NUL */
    char *personal; /* JSON object of the personal values */
    char *salts;    /* and of their salts, hexadecimal */
    bool has_sides;
};

struct drain_groups;

/* For records that follow each other. Returns NULL without memory. */
struct drain_groups *drain_groups_new(void);

/* NULL is allowed. */
void drain_groups_free(struct drain_groups *groups);

/* Adds a record, which is not kept; effects: with what it changes. Returns 0; -ENOBUFS: the set is
 * full, send it first; -ENOMEM. */
int drain_groups_add(struct drain_groups *groups, const struct drain_record *record, bool effects)
    __attribute__((warn_unused_result));

/* Adds the statements of all that was gathered to a batch. Returns 0 or a negative errno. */
int drain_groups_queue(const struct drain_groups *groups, const char *node, struct db_batch *batch)
    __attribute__((warn_unused_result));

#endif
