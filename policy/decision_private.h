/* decision_private.h: the inside of struct policy_set, shared by policy_set.c and decision.c. */
#ifndef POLICY_DECISION_PRIVATE_H
#define POLICY_DECISION_PRIVATE_H

#include "policy/decision.h"

/* A growing array of rows. */
struct policy_rows {
    void *items;
    size_t count;
    size_t capacity;
};

/* A grant with the actions of its role, resolved when the set is sealed. */
struct policy_grant_row {
    struct policy_grant row;
    uint64_t actions;
};

struct policy_arena; /* holds the copies of all texts */

struct policy_set {
    bool sealed;
    struct policy_arena *arena;
    struct policy_rows principals;       /* struct policy_principal by id */
    struct policy_rows principals_named; /* struct policy_principal by name */
    struct policy_rows roles;            /* struct policy_role by name */
    struct policy_rows grants;           /* struct policy_grant_row by principal, then id */
    struct policy_rows numbers;          /* struct policy_number by number */
    struct policy_rows mailboxes;        /* struct policy_mailbox by name */
    struct policy_rows trunks;           /* struct policy_trunk by name */
};

/* The grants of a principal of a sealed set, *count of them; NULL if none. */
const struct policy_grant_row *policy_grants_of(const struct policy_set *set, int64_t principal_id,
                                                size_t *count);

/* Sorts rows by compare and says whether two neighbours are equal by it. */
bool policy_rows_sort(struct policy_rows *rows, size_t item_octets,
                      int (*compare)(const void *, const void *));

/* Copies a text into the set, which owns it. NULL without memory. */
const char *policy_copy_text(struct policy_set *set, const char *text);

/* Appends a row. Errors: FAX_EP_NOMEM. */
int policy_rows_append(struct policy_rows *rows, const void *item, size_t item_octets)
    __attribute__((warn_unused_result));

#endif
