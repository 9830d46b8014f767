#include "gateway/db/policy_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/row_reader.h"
#include "policy/decision.h"
#include "policy/policy_error.h"

/* One statement, hence one snapshot: no grant without its principal. Rows that point to nothing
 * (removed roles, or registers of another gateway still on their way) are left out. */
static const struct db_statement load = {
    .name = "policy_load",
    .sql = "SELECT 1 AS part, id, principal, kind, '', '', '', disabled::integer::bigint "
           "FROM principals "
           "UNION ALL SELECT 2, 0, role, actions, '', '', '', 0 FROM roles "
           "WHERE removed_at IS NULL "
           "UNION ALL SELECT 3, capture::integer::bigint, mailbox, class, '', '', '', "
           "retention_days FROM mailboxes "
           "UNION ALL SELECT 4, g.id, p.id::text, g.role, g.from_numbers, g.to_numbers, "
           "g.mailboxes, milli_of(g.expires_at) FROM grants g "
           "JOIN principals p ON p.principal = g.principal "
           "JOIN roles r ON r.role = g.role AND r.removed_at IS NULL WHERE g.revoked_at IS NULL "
           "UNION ALL SELECT 5, 0, n.number, n.mailbox, n.deliver, '', '', 0 FROM numbers n "
           "JOIN mailboxes m ON m.mailbox = n.mailbox WHERE n.removed_at IS NULL "
           "UNION ALL SELECT 6, p.id, t.trunk, '', '', '', '', 0 FROM trunks t "
           "JOIN principals p ON p.principal = 'trunk:' || t.trunk WHERE t.removed_at IS NULL "
           "ORDER BY part",
    .parameters = 0,
};

enum part { PART_PRINCIPAL = 1, PART_ROLE, PART_MAILBOX, PART_GRANT, PART_NUMBER, PART_TRUNK };

struct loaded_row {
    enum part part;
    int64_t id;
    const char *text[5];
    int64_t number;
};

struct loading {
    policy_load_cb *cb;
    void *user;
};

struct split {
    char *copy;
    const char *items[POLICY_SCOPE_MAX];
    size_t count;
};

/* Takes a text apart at commas; more items than a scope may have are refused. */
static int split_list(const char *text, struct split *out)
{
    *out = (struct split){.copy = strdup(text)};
    if (!out->copy)
        return -ENOMEM;
    char *rest = NULL;
    for (char *item = strtok_r(out->copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) {
        if (out->count == POLICY_SCOPE_MAX)
            return -EBADMSG;
        out->items[out->count++] = item;
    }
    return 0;
}

static enum policy_kind kind_of(const char *text)
{
    static const struct {
        const char *text;
        enum policy_kind kind;
    } kinds[] = {{"person", POLICY_PERSON},
                 {"service", POLICY_SERVICE},
                 {"device", POLICY_DEVICE},
                 {"trunk", POLICY_TRUNK}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].text, text) == 0)
            return kinds[i].kind;
    return POLICY_SYSTEM;
}

/* An action this program does not know is not granted. */
static int add_role(struct policy_set *set, const struct loaded_row *row)
{
    struct split actions;
    struct policy_role role = {.name = row->text[0]};
    int error = split_list(row->text[1], &actions);
    for (size_t i = 0; i < actions.count && !error; i++) {
        enum policy_action action;
        if (policy_action_parse(actions.items[i], &action) == 0)
            role.actions |= POLICY_ACTION_BIT(action);
    }
    free(actions.copy);
    return error ? error : policy_add_role(set, &role);
}

static int add_grant(struct policy_set *set, const struct loaded_row *row)
{
    struct split lists[3] = {0};
    int error = 0;
    for (int i = 0; i < 3 && !error; i++)
        error = split_list(row->text[2 + i], &lists[i]);
    struct policy_grant grant = {
        .id = row->id,
        .principal_id = strtoll(row->text[0], NULL, 10),
        .role = row->text[1],
        .from_numbers = {lists[0].items, lists[0].count},
        .to_numbers = {lists[1].items, lists[1].count},
        .mailboxes = {lists[2].items, lists[2].count},
        .expires_us = row->number * 1000,
    };
    if (!error)
        error = policy_add_grant(set, &grant);
    for (int i = 0; i < 3; i++)
        free(lists[i].copy);
    return error;
}

static int add_row(struct policy_set *set, const struct loaded_row *row)
{
    switch (row->part) {
    case PART_PRINCIPAL:
        return policy_add_principal(set, &(struct policy_principal){.id = row->id,
                                                                    .name = row->text[0],
                                                                    .kind = kind_of(row->text[1]),
                                                                    .disabled = row->number != 0});
    case PART_ROLE:
        return add_role(set, row);
    case PART_MAILBOX:
        return policy_add_mailbox(set,
                                  &(struct policy_mailbox){.name = row->text[0],
                                                           .class_name = row->text[1],
                                                           .retention_days = (uint32_t)row->number,
                                                           .capture = row->id != 0});
    case PART_GRANT:
        return add_grant(set, row);
    case PART_NUMBER:
        return policy_add_number(set, &(struct policy_number){.number = row->text[0],
                                                              .mailbox = row->text[1],
                                                              .deliver = row->text[2]});
    case PART_TRUNK:
        return policy_add_trunk(
            set, &(struct policy_trunk){.name = row->text[0], .principal_id = row->id});
    }
    return -EBADMSG;
}

static void read_row(const struct db_result *result, int number, struct loaded_row *row)
{
    struct row_reader reader = {.result = result, .row = number};
    row->part = (enum part)row_integer(&reader);
    row->id = row_integer(&reader);
    for (int i = 0; i < 5; i++)
        row->text[i] = row_text(&reader);
    row->number = row_integer(&reader);
}

static int build(const struct db_result *result, struct policy_set *set)
{
    for (int i = 0; i < db_result_rows(result); i++) {
        struct loaded_row row;
        read_row(result, i, &row);
        int error = add_row(set, &row);
        if (error) {
            fprintf(stderr, "policy: the database holds a row that cannot be used: part %d, %s\n",
                    (int)row.part, row.part == PART_NUMBER ? "a number" : row.text[0]);
            return error == -ENOMEM || error == FAX_EP_NOMEM ? -ENOMEM : -EBADMSG;
        }
    }
    char reason[POLICY_REASON_TEXT];
    if (policy_set_seal(set, reason) != 0) {
        fprintf(stderr, "policy: the rules in the database do not fit together: %s\n", reason);
        return -EBADMSG;
    }
    return 0;
}

static void on_rows(void *user, int status, const struct db_result *result)
{
    struct loading *loading = user;
    struct policy_set *set = NULL;
    if (status == 0)
        status = policy_set_new(&set) == 0 ? 0 : -ENOMEM;
    if (status == 0)
        status = build(result, set);
    if (status) {
        policy_set_free(set);
        set = NULL;
    }
    loading->cb(loading->user, status, set);
    free(loading);
}

int policy_load(struct db *db, policy_load_cb *cb, void *user)
{
    struct loading *loading = malloc(sizeof(*loading));
    if (!loading)
        return -ENOMEM;
    *loading = (struct loading){.cb = cb, .user = user};
    int error = db_query(db, &load, NULL, on_rows, loading);
    if (error)
        free(loading);
    return error;
}
