#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"
#include "policy/decision_private.h"
#include "policy/policy_error.h"

static int by_number(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int principal_by_id(const void *a, const void *b)
{
    const struct policy_principal *x = a, *y = b;
    return by_number(x->id, y->id);
}

static int principal_by_name(const void *a, const void *b)
{
    const struct policy_principal *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int role_by_name(const void *a, const void *b)
{
    const struct policy_role *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int grant_by_id(const void *a, const void *b)
{
    const struct policy_grant_row *x = a, *y = b;
    return by_number(x->row.id, y->row.id);
}

static int grant_by_principal(const void *a, const void *b)
{
    const struct policy_grant_row *x = a, *y = b;
    int order = by_number(x->row.principal_id, y->row.principal_id);
    return order ? order : by_number(x->row.id, y->row.id);
}

static int number_by_text(const void *a, const void *b)
{
    const struct policy_number *x = a, *y = b;
    return strcmp(x->number, y->number);
}

static int mailbox_by_name(const void *a, const void *b)
{
    const struct policy_mailbox *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int trunk_by_name(const void *a, const void *b)
{
    const struct policy_trunk *x = a, *y = b;
    return strcmp(x->name, y->name);
}

bool policy_rows_sort(struct policy_rows *rows, size_t item_octets,
                      int (*compare)(const void *, const void *))
{
    const unsigned char *items = rows->items;
    if (rows->count < 2)
        return false;
    qsort(rows->items, rows->count, item_octets, compare);
    for (size_t i = 1; i < rows->count; i++)
        if (compare(items + (i - 1) * item_octets, items + i * item_octets) == 0)
            return true;
    return false;
}

static const void *find(const struct policy_rows *rows, const void *key, size_t item_octets,
                        int (*compare)(const void *, const void *))
{
    return rows->count ? bsearch(key, rows->items, rows->count, item_octets, compare) : NULL;
}

static const struct policy_role *find_role(const struct policy_set *set, const char *name)
{
    const struct policy_role key = {.name = name};
    return find(&set->roles, &key, sizeof key, role_by_name);
}

/* Says in words which kind of row is there twice, or NULL. */
static const char *sort_all(struct policy_set *set)
{
    if (policy_rows_sort(&set->principals, sizeof(struct policy_principal), principal_by_id))
        return "two principals have the same id";
    if (policy_rows_sort(&set->principals_named, sizeof(struct policy_principal),
                         principal_by_name))
        return "two principals have the same name";
    if (policy_rows_sort(&set->roles, sizeof(struct policy_role), role_by_name))
        return "two roles have the same name";
    if (policy_rows_sort(&set->grants, sizeof(struct policy_grant_row), grant_by_id))
        return "two grants have the same id";
    if (policy_rows_sort(&set->grants, sizeof(struct policy_grant_row), grant_by_principal))
        return "two grants are the same";
    if (policy_rows_sort(&set->numbers, sizeof(struct policy_number), number_by_text))
        return "a number is there twice";
    if (policy_rows_sort(&set->mailboxes, sizeof(struct policy_mailbox), mailbox_by_name))
        return "two mailboxes have the same name";
    if (policy_rows_sort(&set->trunks, sizeof(struct policy_trunk), trunk_by_name))
        return "two trunks have the same name";
    return NULL;
}

static int check_references(struct policy_set *set, char reason[POLICY_REASON_TEXT])
{
    struct policy_grant_row *grants = set->grants.items;
    const struct policy_number *numbers = set->numbers.items;
    const struct policy_trunk *trunks = set->trunks.items;
    for (size_t i = 0; i < set->grants.count; i++) {
        const struct policy_grant *row = &grants[i].row;
        const struct policy_role *role = find_role(set, row->role);
        if (!role || !policy_find_principal(set, row->principal_id)) {
            snprintf(reason, POLICY_REASON_TEXT, "grant %" PRId64 ": its %s does not exist",
                     row->id, role ? "principal" : "role");
            return FAX_EP_MISMATCH;
        }
        grants[i].actions = role->actions;
    }
    for (size_t i = 0; i < set->numbers.count; i++)
        if (!policy_find_mailbox(set, numbers[i].mailbox)) {
            snprintf(reason, POLICY_REASON_TEXT, "mailbox '%s' of a number does not exist",
                     numbers[i].mailbox);
            return FAX_EP_MISMATCH;
        }
    for (size_t i = 0; i < set->trunks.count; i++)
        if (!policy_find_principal(set, trunks[i].principal_id)) {
            snprintf(reason, POLICY_REASON_TEXT, "trunk '%s': its principal does not exist",
                     trunks[i].name);
            return FAX_EP_MISMATCH;
        }
    return 0;
}

int policy_set_seal(struct policy_set *set, char reason[POLICY_REASON_TEXT])
{
    const struct policy_principal *principals = set->principals.items;
    reason[0] = '\0';
    if (set->sealed)
        return 0;
    set->principals_named.count = 0;
    for (size_t i = 0; i < set->principals.count; i++) {
        int rc = policy_rows_append(&set->principals_named, &principals[i], sizeof *principals);
        if (rc)
            return rc;
    }
    const char *twice = sort_all(set);
    if (twice) {
        snprintf(reason, POLICY_REASON_TEXT, "%s", twice);
        return FAX_EP_MISMATCH;
    }
    int rc = check_references(set, reason);
    set->sealed = rc == 0;
    return rc;
}

const struct policy_principal *policy_find_principal(const struct policy_set *set, int64_t id)
{
    const struct policy_principal key = {.id = id};
    return find(&set->principals, &key, sizeof key, principal_by_id);
}

const struct policy_principal *policy_find_principal_named(const struct policy_set *set,
                                                           const char *name)
{
    const struct policy_principal key = {.name = name};
    return name ? find(&set->principals_named, &key, sizeof key, principal_by_name) : NULL;
}

const struct policy_mailbox *policy_find_mailbox(const struct policy_set *set, const char *name)
{
    const struct policy_mailbox key = {.name = name};
    return name ? find(&set->mailboxes, &key, sizeof key, mailbox_by_name) : NULL;
}

const struct policy_mailbox *policy_mailbox_at(const struct policy_set *set, size_t position)
{
    const struct policy_mailbox *mailboxes = set->mailboxes.items;
    return position < set->mailboxes.count ? &mailboxes[position] : NULL;
}

const struct policy_number *policy_number_at(const struct policy_set *set, size_t position)
{
    const struct policy_number *numbers = set->numbers.items;
    return position < set->numbers.count ? &numbers[position] : NULL;
}

const struct policy_number *policy_find_number(const struct policy_set *set, const char *number)
{
    const struct policy_number key = {.number = number};
    return number ? find(&set->numbers, &key, sizeof key, number_by_text) : NULL;
}

const struct policy_trunk *policy_find_trunk(const struct policy_set *set, const char *name)
{
    const struct policy_trunk key = {.name = name};
    return name ? find(&set->trunks, &key, sizeof key, trunk_by_name) : NULL;
}

const struct policy_grant_row *policy_grants_of(const struct policy_set *set, int64_t principal_id,
                                                size_t *count)
{
    const struct policy_grant_row *grants = set->grants.items;
    size_t low = 0, high = set->grants.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (grants[middle].row.principal_id < principal_id)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < set->grants.count &&
           grants[low + *count].row.principal_id == principal_id)
        ++*count;
    return *count ? grants + low : NULL;
}
