#include "gateway/control/device_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/register_queries.h"

static const char bridge[] = "bridge";
enum { BRIDGE_LENGTH = sizeof bridge - 1 };

bool device_calls_are_bridged(const struct device_info *device)
{
    return strncmp(device->calls, bridge, BRIDGE_LENGTH) == 0;
}

bool device_calls_valid(const char *calls)
{
    return strcmp(calls, "store") == 0 || strcmp(calls, bridge) == 0 ||
           (strncmp(calls, "bridge:", BRIDGE_LENGTH + 1) == 0 && calls[BRIDGE_LENGTH + 1] &&
            strlen(calls) < sizeof((struct device_info *)NULL)->calls);
}

const char *device_calls_trunk(const struct device_info *device)
{
    return strncmp(device->calls, "bridge:", BRIDGE_LENGTH + 1) == 0
               ? device->calls + BRIDGE_LENGTH + 1
               : NULL;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct device_info *const *left = a, *const *right = b;
    return strcmp((*left)->extension, (*right)->extension);
}

int device_table_read(struct device_table *t, const struct db_result *result, int rows)
{
    t->all = calloc((size_t)rows + 1, sizeof *t->all);
    t->by_number = calloc((size_t)rows + 1, sizeof(const struct device_info *));
    if (!t->all || !t->by_number)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct device_row row;
        device_row_read(result, i, &row);
        struct device_info *d = &t->all[t->count];
        t->by_number[t->count++] = d;
        snprintf(d->name, sizeof d->name, "%s", row.device);
        snprintf(d->extension, sizeof d->extension, "%s", row.extension);
        snprintf(d->user, sizeof d->user, "%s", row.user);
        snprintf(d->realm, sizeof d->realm, "%s", row.realm);
        snprintf(d->secret, sizeof d->secret, "%s", row.secret);
        snprintf(d->calls, sizeof d->calls, "%s", row.calls);
        snprintf(d->tls_name, sizeof d->tls_name, "%s", row.tls_name);
        d->disabled = row.disabled != 0;
        d->nat = row.nat != 0;
    }
    qsort(t->by_number, t->count, sizeof(const struct device_info *), compare_numbers);
    return 0;
}

void device_table_free(struct device_table *t)
{
    free(t->all);
    free(t->by_number);
    *t = (struct device_table){0};
}

const struct device_info *device_table_at(const struct device_table *t, size_t position)
{
    return position < t->count ? &t->all[position] : NULL;
}

static int compare_name(const void *name, const void *device)
{
    return strcmp(name, ((const struct device_info *)device)->name);
}

const struct device_info *device_table_named(const struct device_table *t, const char *name)
{
    return t->count ? bsearch(name, t->all, t->count, sizeof *t->all, compare_name) : NULL;
}

static int compare_number(const void *number, const void *device)
{
    const struct device_info *const *d = device;
    return strcmp(number, (*d)->extension);
}

const struct device_info *device_table_of(const struct device_table *t, const char *number)
{
    const struct device_info **found =
        t->count ? bsearch(number, t->by_number, t->count, sizeof(const struct device_info *),
                           compare_number)
                 : NULL;
    return found ? *found : NULL;
}
