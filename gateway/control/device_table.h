/* device_table.h: the devices as they were read from PostgreSQL. Immutable. */
#ifndef GATEWAY_CONTROL_DEVICE_TABLE_H
#define GATEWAY_CONTROL_DEVICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/db/db.h"
#include "policy/decision.h"
#include "policy/number.h"
#include "policy/secret_record.h"

struct device_info {
    char name[POLICY_NAME_TEXT];
    char extension[NUMBER_TEXT]; /* plain form */
    char user[64], realm[128];
    char secret[2 * SECRET_RECORD_MAX + 1]; /* HA1 as sealed, hex; "": none */
    char calls[POLICY_NAME_TEXT + 8];       /* "store", "bridge", "bridge:TRUNK" */
    char tls_name[256];                     /* of its certificate; "": it has none */
    bool disabled, nat;
};

/* Whether calls that a device makes are taken through in real time, else received and sent on. */
bool device_calls_are_bridged(const struct device_info *device);
/* Whether a text says one of these; the trunk is not looked for. */
bool device_calls_valid(const char *calls);
/* The trunk that they are taken through to; NULL: the one that the routes say. */
const char *device_calls_trunk(const struct device_info *device);

/* All zero is an empty table. */
struct device_table {
    struct device_info *all; /* by name */
    const struct device_info **by_number;
    size_t count;
};

/* Takes rows of register_query_devices(), sorted by name. Returns 0 or -ENOMEM; the table is then
 * only to be freed. */
int device_table_read(struct device_table *table, const struct db_result *result, int rows)
    __attribute__((warn_unused_result));
void device_table_free(struct device_table *table);

/* One after the other; by name; by number in plain form. NULL when there is none. */
const struct device_info *device_table_at(const struct device_table *table, size_t position);
const struct device_info *device_table_named(const struct device_table *table, const char *name);
const struct device_info *device_table_of(const struct device_table *table, const char *number);

#endif
