#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"
#include "policy/decision_private.h"
#include "policy/kek_id.h"
#include "policy/number.h"
#include "policy/policy_error.h"
#include "policy/retention.h"
#include "policy/utf8.h"

enum { ARENA_OCTETS = 4000, ALIGNMENT = sizeof(void *) };

struct policy_arena {
    struct policy_arena *next;
    size_t used;
    size_t capacity;
    _Alignas(void *) unsigned char bytes[];
};

static void *allocate(struct policy_set *set, size_t size)
{
    struct policy_arena *arena = set->arena;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!arena || size > arena->capacity - arena->used) {
        size_t capacity = size > ARENA_OCTETS ? size : ARENA_OCTETS;
        arena = malloc(sizeof *arena + capacity);
        if (!arena)
            return NULL;
        *arena = (struct policy_arena){.next = set->arena, .capacity = capacity};
        set->arena = arena;
    }
    void *at = arena->bytes + arena->used;
    arena->used += size;
    return at;
}

const char *policy_copy_text(struct policy_set *set, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = allocate(set, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

int policy_rows_append(struct policy_rows *rows, const void *item, size_t item_octets)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 16;
        void *grown = reallocarray(rows->items, capacity, item_octets);
        if (!grown)
            return FAX_EP_NOMEM;
        rows->items = grown;
        rows->capacity = capacity;
    }
    memcpy((unsigned char *)rows->items + rows->count * item_octets, item, item_octets);
    rows->count++;
    return 0;
}

int policy_set_new(struct policy_set **set)
{
    *set = calloc(1, sizeof **set);
    return *set ? 0 : FAX_EP_NOMEM;
}

void policy_set_free(struct policy_set *set)
{
    if (!set)
        return;
    for (struct policy_arena *arena = set->arena; arena;) {
        struct policy_arena *next = arena->next;
        free(arena);
        arena = next;
    }
    free(set->principals.items);
    free(set->principals_named.items);
    free(set->roles.items);
    free(set->grants.items);
    free(set->numbers.items);
    free(set->mailboxes.items);
    free(set->trunks.items);
    free(set);
}

/* Names are shown and logged: no control characters. */
static bool name_valid(const char *name)
{
    size_t length = name ? strnlen(name, POLICY_NAME_TEXT) : 0;
    if (length == 0 || length == POLICY_NAME_TEXT || !utf8_valid(name, length))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    return true;
}

int policy_add_principal(struct policy_set *set, const struct policy_principal *principal)
{
    struct policy_principal row = *principal;
    if (set->sealed || !name_valid(row.name) || row.kind < POLICY_PERSON ||
        row.kind > POLICY_SYSTEM)
        return FAX_EP_INVAL;
    row.name = policy_copy_text(set, row.name);
    if (!row.name)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->principals, &row, sizeof row);
}

int policy_add_role(struct policy_set *set, const struct policy_role *role)
{
    struct policy_role row = *role;
    if (set->sealed || !name_valid(row.name) || row.actions >> POLICY_ACTION_COUNT)
        return FAX_EP_INVAL;
    row.name = policy_copy_text(set, row.name);
    if (!row.name)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->roles, &row, sizeof row);
}

static int copy_list(struct policy_set *set, const struct policy_list *from,
                     bool (*valid)(const char *), struct policy_list *to)
{
    *to = (struct policy_list){0};
    if (from->count == 0)
        return 0;
    if (from->count > POLICY_SCOPE_MAX)
        return FAX_EP_LIMIT;
    const char **items = allocate(set, from->count * sizeof *items);
    if (!items)
        return FAX_EP_NOMEM;
    for (size_t i = 0; i < from->count; i++) {
        if (!valid(from->items[i]))
            return FAX_EP_INVAL;
        items[i] = policy_copy_text(set, from->items[i]);
        if (!items[i])
            return FAX_EP_NOMEM;
    }
    *to = (struct policy_list){items, from->count};
    return 0;
}

int policy_add_grant(struct policy_set *set, const struct policy_grant *grant)
{
    struct policy_grant_row grant_row = {.row = *grant};
    struct policy_grant *row = &grant_row.row;
    if (set->sealed || !name_valid(grant->role) || grant->expires_us < 0)
        return FAX_EP_INVAL;
    int rc = copy_list(set, &grant->from_numbers, number_pattern_valid, &row->from_numbers);
    if (rc == 0)
        rc = copy_list(set, &grant->to_numbers, number_pattern_valid, &row->to_numbers);
    if (rc == 0)
        rc = copy_list(set, &grant->mailboxes, name_valid, &row->mailboxes);
    if (rc)
        return rc;
    row->role = policy_copy_text(set, grant->role);
    if (!row->role)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->grants, &grant_row, sizeof grant_row);
}

int policy_add_number(struct policy_set *set, const struct policy_number *number)
{
    struct policy_number row = *number;
    char plain[NUMBER_TEXT];
    if (set->sealed || !name_valid(row.mailbox) || number_normalise(row.number, plain) ||
        strcmp(plain, row.number) != 0)
        return FAX_EP_INVAL;
    row.number = policy_copy_text(set, row.number);
    row.mailbox = policy_copy_text(set, row.mailbox);
    row.deliver = row.deliver ? policy_copy_text(set, row.deliver) : policy_copy_text(set, "store");
    if (!row.number || !row.mailbox || !row.deliver)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->numbers, &row, sizeof row);
}

int policy_add_mailbox(struct policy_set *set, const struct policy_mailbox *mailbox)
{
    struct policy_mailbox row = *mailbox;
    if (set->sealed || !name_valid(row.name) || strcmp(row.name, "*") == 0 ||
        !kek_class_valid(row.class_name) || row.retention_days > RETENTION_DAYS_MAX)
        return FAX_EP_INVAL;
    row.name = policy_copy_text(set, row.name);
    row.class_name = policy_copy_text(set, row.class_name);
    if (!row.name || !row.class_name)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->mailboxes, &row, sizeof row);
}

int policy_add_trunk(struct policy_set *set, const struct policy_trunk *trunk)
{
    struct policy_trunk row = *trunk;
    if (set->sealed || !name_valid(row.name))
        return FAX_EP_INVAL;
    row.name = policy_copy_text(set, row.name);
    if (!row.name)
        return FAX_EP_NOMEM;
    return policy_rows_append(&set->trunks, &row, sizeof row);
}
