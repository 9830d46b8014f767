/* event_types.h: every type of event the audit log knows, as data. */
#ifndef POLICY_EVENT_TYPES_H
#define POLICY_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

enum event_category {
    EVENT_SYSTEM = 1,
    EVENT_IDENTITY, /* principals, roles, grants */
    EVENT_CONFIGURATION,
    EVENT_TRANSMISSION, /* faxes, attempts, calls, pages */
    EVENT_ACCESS,       /* views, exports, denials */
    EVENT_KEY,
    EVENT_DISPOSAL,
    EVENT_AUDIT
};

enum { EVENT_PERSONAL_KEYS_MAX = 10 };

struct event_type {
    const char *name;    /* "fax.submitted" */
    const char *emitter; /* the process that causes it: "control", "keeper", "line", "render" */
    enum event_category category;
    const char *meaning;                                /* one English sentence */
    const char *personal_keys[EVENT_PERSONAL_KEYS_MAX]; /* always added by record_add_personal;
                                                           unused ones are NULL */
};

/* The type called name, or NULL. */
const struct event_type *event_type_find(const char *name);

/* The table, sorted by name; NULL past its end. */
const struct event_type *event_type_at(size_t position);

/* Says whether key of such an event identifies a person. */
bool event_key_is_personal(const struct event_type *type, const char *key);

/* "transmission", "key", …; never NULL. */
const char *event_category_text(enum event_category category);

#endif
