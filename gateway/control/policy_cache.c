#include "gateway/control/policy_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/account_queries.h"
#include "gateway/db/policy_load.h"
#include "gateway/db/register_queries.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"
#include "gateway/wall_clock.h"
#include "policy/number.h"

enum { WAITERS_MAX = 256, WATCHERS_MAX = 4, ROWS_MAX = 100000 };

struct account_row {
    uid_t uid;
    char principal[POLICY_NAME_TEXT];
};

struct ident_row {
    char number[NUMBER_TEXT];
    char ident[24];
};

struct name_row {
    char name[POLICY_NAME_TEXT];
    char device[POLICY_NAME_TEXT]; /* of a mailbox */
};

/* One state of the tables. */
struct snapshot {
    struct policy_set *set;
    struct account_row *accounts;
    struct trunk_info *trunks;
    struct device_table devices;
    struct route *routes;
    struct ident_row *idents;
    struct name_row *mailboxes, *roles;
    struct trunk_accounts trunk_accounts;
    size_t account_count, trunk_count, route_count, ident_count, mailbox_count, role_count;
    bool has_administrator;
};

struct waiter {
    policy_cache_cb *done;
    void *user;
};

struct policy_cache {
    struct db *db;
    struct snapshot *now, *next;
    int step;
    bool loading;
    struct waiter running[WAITERS_MAX], waiting[WAITERS_MAX];
    size_t running_count, waiting_count;
    struct waiter watchers[WATCHERS_MAX]; /* done NULL: none */
};

static void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    policy_set_free(s->set);
    free(s->accounts);
    free(s->trunks);
    device_table_free(&s->devices);
    free(s->routes);
    free(s->idents);
    free(s->mailboxes);
    free(s->roles);
    trunk_accounts_clear(&s->trunk_accounts);
    free(s);
}

int policy_cache_new(struct db *db, struct policy_cache **out)
{
    struct policy_cache *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->db = db;
    *out = c;
    return 0;
}

void policy_cache_free(struct policy_cache *c)
{
    if (!c)
        return;
    snapshot_free(c->now);
    snapshot_free(c->next);
    free(c);
}

static void start(struct policy_cache *c);

static void finish(struct policy_cache *c, int status)
{
    struct waiter done[WAITERS_MAX];
    size_t count = c->running_count;
    memcpy(done, c->running, count * sizeof *done);
    c->running_count = 0;
    c->loading = false;
    if (status == 0) {
        snapshot_free(c->now);
        c->now = c->next;
    } else {
        snapshot_free(c->next);
        log_write(LOG_LEVEL_WARNING, "the policy could not be read: %s", strerror(-status));
    }
    c->next = NULL;
    for (size_t i = 0; status == 0 && i < WATCHERS_MAX; i++)
        if (c->watchers[i].done)
            c->watchers[i].done(c->watchers[i].user, 0);
    for (size_t i = 0; i < count; i++)
        done[i].done(done[i].user, status);
    if (c->waiting_count > 0 && !c->loading)
        start(c);
}

static int take_principals(struct snapshot *s, const struct db_result *r, int rows)
{
    s->accounts = calloc((size_t)rows + 1, sizeof *s->accounts);
    if (!s->accounts)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct principal_row row;
        principal_row_read(r, i, &row);
        if (row.local_uid < 0 || row.local_uid > UINT32_MAX)
            continue;
        struct account_row *a = &s->accounts[s->account_count++];
        a->uid = (uid_t)row.local_uid;
        snprintf(a->principal, sizeof a->principal, "%s", row.principal);
    }
    return 0;
}

static void take_protection(struct trunk_info *t, const struct trunk_row *row)
{
    t->sips = strcmp(row->transport, "sips") == 0;
    t->protocol = t->sips || strcmp(row->transport, "tls") == 0 ? SIP_TLS
                  : strcmp(row->transport, "tcp") == 0          ? SIP_TCP
                                                                : SIP_UDP;
    t->protocols = strcmp(row->transport, "any") == 0
                       ? 1u << SIP_UDP | 1u << SIP_TCP | 1u << SIP_TLS
                       : 1u << t->protocol;
    t->secured = row->secured != 0;
    t->long_by_tcp = row->long_by_tcp != 0;
    t->express = row->express != 0 && t->protocol == SIP_TLS;
    snprintf(t->tls_name, sizeof t->tls_name, "%s", row->tls_name);
    snprintf(t->tls_ca, sizeof t->tls_ca, "%s", row->tls_ca);
    snprintf(t->tls_certificate, sizeof t->tls_certificate, "%s", row->tls_certificate);
    snprintf(t->tls_key, sizeof t->tls_key, "%s", row->tls_key);
}

static void take_routing(struct trunk_info *t, const struct trunk_row *row)
{
    struct trunk_peer *first = &t->peers[0];
    snprintf(t->rewrite_out, sizeof t->rewrite_out, "%s", row->rewrite_out);
    snprintf(t->rewrite_in, sizeof t->rewrite_in, "%s", row->rewrite_in);
    t->max_calls = (uint32_t)row->max_calls;
    t->max_calls_per_second = (uint32_t)row->max_calls_per_second;
    t->probe_s = (uint32_t)row->probe_s;
    memset(first, 0, sizeof *first);
    snprintf(first->host, sizeof first->host, "%s", t->host);
    first->port = t->port;
    int further = trunk_peers_read(row->peers, t->peers + 1, TRUNK_PEERS_MAX);
    if (further < 0)
        log_write(LOG_LEVEL_ERROR, "trunk %s: its further peers cannot be read", t->name);
    t->peer_count = 1 + (size_t)(further > 0 ? further : 0);
    memset(t->literals, 0, sizeof t->literals);
    for (size_t i = 0; i < t->peer_count; i++)
        if (socket_address_parse(t->peers[i].host, t->peers[i].port, &t->literals[i]) < 0)
            t->literals[i].ss_family = AF_UNSPEC;
}

static int take_trunks(struct snapshot *s, const struct db_result *r, int rows)
{
    s->trunks = calloc((size_t)rows + 1, sizeof *s->trunks);
    if (!s->trunks)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct trunk_row row;
        trunk_row_read(r, i, &row);
        struct trunk_info *t = &s->trunks[s->trunk_count];
        memset(t, 0, sizeof *t);
        snprintf(t->name, sizeof t->name, "%s", row.trunk);
        snprintf(t->host, sizeof t->host, "%s", row.host);
        snprintf(t->prefix, sizeof t->prefix, "%s", row.prefix);
        t->port = (uint16_t)row.port;
        t->t38_first = row.t38_first != 0;
        take_protection(t, &row);
        t->audio_fallback = row.audio_fallback != 0;
        take_routing(t, &row);
        s->trunk_count++;
    }
    return 0;
}

static bool has_route(const struct snapshot *s, const char *trunk)
{
    for (size_t i = 0; i < s->route_count; i++)
        if (strcmp(s->routes[i].trunk, trunk) == 0)
            return true;
    return false;
}

static struct route *route_add(struct snapshot *s, const char *name, const char *trunk,
                               const char *prefix)
{
    struct route *route = &s->routes[s->route_count++];
    snprintf(route->name, sizeof route->name, "%s", name);
    snprintf(route->trunk, sizeof route->trunk, "%s", trunk);
    snprintf(route->prefix, sizeof route->prefix, "%s", prefix);
    return route;
}

static int take_routes(struct snapshot *s, const struct db_result *r, int rows)
{
    s->routes = calloc((size_t)rows + s->trunk_count + 1, sizeof *s->routes);
    if (!s->routes)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct route_row row;
        route_row_read(r, i, &row);
        struct route *route = route_add(s, row.route, row.trunk, row.prefix);
        snprintf(route->class_name, sizeof route->class_name, "%s", row.class_name);
        snprintf(route->hours, sizeof route->hours, "%s", row.hours);
        route->priority = (uint32_t)row.priority;
        route->cost = (uint32_t)row.cost;
    }
    for (size_t i = 0; i < s->trunk_count; i++) {
        const struct trunk_info *t = &s->trunks[i];
        if (has_route(s, t->name))
            continue;
        struct route *route = route_add(s, t->name, t->name, t->prefix);
        route->priority = ROUTE_IMPLICIT_PRIORITY;
        route->implicit = true;
    }
    return 0;
}

static int take_devices(struct snapshot *s, const struct db_result *r, int rows)
{
    return device_table_read(&s->devices, r, rows);
}

static int take_numbers(struct snapshot *s, const struct db_result *r, int rows)
{
    s->idents = calloc((size_t)rows + 1, sizeof *s->idents);
    if (!s->idents)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct number_row row;
        number_row_read(r, i, &row);
        struct ident_row *n = &s->idents[s->ident_count++];
        snprintf(n->number, sizeof n->number, "%s", row.number);
        snprintf(n->ident, sizeof n->ident, "%s", row.ident);
    }
    return 0;
}

static int take_mailboxes(struct snapshot *s, const struct db_result *r, int rows)
{
    s->mailboxes = calloc((size_t)rows + 1, sizeof *s->mailboxes);
    if (!s->mailboxes)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct mailbox_row row;
        mailbox_row_read(r, i, &row);
        snprintf(s->mailboxes[s->mailbox_count].name, POLICY_NAME_TEXT, "%s", row.mailbox);
        snprintf(s->mailboxes[s->mailbox_count].device, POLICY_NAME_TEXT, "%s", row.device);
        s->mailbox_count++;
    }
    return 0;
}

static int take_roles(struct snapshot *s, const struct db_result *r, int rows)
{
    s->roles = calloc((size_t)rows + 1, sizeof *s->roles);
    if (!s->roles)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct role_row row;
        role_row_read(r, i, &row);
        snprintf(s->roles[s->role_count].name, POLICY_NAME_TEXT, "%s", row.role);
        s->role_count++;
    }
    return 0;
}

static int take_grants(struct snapshot *s, const struct db_result *r, int rows)
{
    for (int i = 0; i < rows; i++) {
        struct grant_row row;
        grant_row_read(r, i, &row);
        if (row.revoked_ms == 0 && strcmp(row.role, "administrator") == 0)
            s->has_administrator = true;
    }
    return 0;
}

static int take_credentials(struct snapshot *s, const struct db_result *r, int rows)
{
    return trunk_accounts_take_credentials(&s->trunk_accounts, r, rows);
}

static int take_registrations(struct snapshot *s, const struct db_result *r, int rows)
{
    return trunk_accounts_take_registrations(&s->trunk_accounts, r, rows);
}

static const struct {
    int (*query)(struct db *db, db_result_cb *cb, void *user);
    int (*take)(struct snapshot *s, const struct db_result *r, int rows);
} steps[] = {
    {register_query_principals, take_principals},
    {register_query_trunks, take_trunks},
    {register_query_routes, take_routes},
    {register_query_numbers, take_numbers},
    {register_query_mailboxes, take_mailboxes},
    {register_query_roles, take_roles},
    {register_query_grants, take_grants},
    {account_query_credentials, take_credentials},
    {account_query_registrations, take_registrations},
    {register_query_devices, take_devices},
};

enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

static void on_rows(void *user, int status, const struct db_result *result)
{
    struct policy_cache *c = user;
    if (status == 0) {
        int rows = db_result_rows(result);
        status = rows > ROWS_MAX ? -E2BIG : steps[c->step].take(c->next, result, rows);
    }
    if (status == 0 && ++c->step < STEP_COUNT) {
        status = steps[c->step].query(c->db, on_rows, c);
        if (status == 0)
            return;
    }
    finish(c, status);
}

static void on_set(void *user, int status, struct policy_set *set)
{
    struct policy_cache *c = user;
    if (status == 0) {
        c->next->set = set;
        c->step = 0;
        status = steps[0].query(c->db, on_rows, c);
        if (status == 0)
            return;
    }
    finish(c, status);
}

static void start(struct policy_cache *c)
{
    memcpy(c->running, c->waiting, c->waiting_count * sizeof *c->running);
    c->running_count = c->waiting_count;
    c->waiting_count = 0;
    c->loading = true;
    c->next = calloc(1, sizeof *c->next);
    int rc = c->next ? policy_load(c->db, on_set, c) : -ENOMEM;
    if (rc < 0)
        finish(c, rc);
}

int policy_cache_reload(struct policy_cache *c, policy_cache_cb *done, void *user)
{
    if (c->waiting_count >= WAITERS_MAX)
        return -ENOBUFS;
    c->waiting[c->waiting_count++] = (struct waiter){done, user};
    if (!c->loading)
        start(c);
    return 0;
}

void policy_cache_watch(struct policy_cache *c, policy_cache_cb *changed, void *user)
{
    size_t i = 0;
    while (i < WATCHERS_MAX && c->watchers[i].done)
        i++;
    assert(i < WATCHERS_MAX);
    c->watchers[i] = (struct waiter){changed, user};
}

void policy_cache_unwatch(struct policy_cache *c, const void *user)
{
    for (size_t i = 0; i < WATCHERS_MAX; i++)
        if (c->watchers[i].user == user)
            c->watchers[i] = (struct waiter){NULL, NULL};
}

const struct trunk_accounts *policy_cache_accounts(const struct policy_cache *c)
{
    return c->now ? &c->now->trunk_accounts : NULL;
}

const struct policy_set *policy_cache_set(const struct policy_cache *c)
{
    return c->now ? c->now->set : NULL;
}

const struct policy_principal *policy_cache_account(const struct policy_cache *c, uid_t uid)
{
    for (size_t i = 0; c->now && i < c->now->account_count; i++)
        if (c->now->accounts[i].uid == uid)
            return policy_find_principal_named(c->now->set, c->now->accounts[i].principal);
    return NULL;
}

const struct trunk_info *policy_cache_trunk(const struct policy_cache *c, const char *name)
{
    for (size_t i = 0; c->now && i < c->now->trunk_count; i++)
        if (strcmp(c->now->trunks[i].name, name) == 0)
            return &c->now->trunks[i];
    return NULL;
}

const struct device_info *policy_cache_device_at(const struct policy_cache *c, size_t position)
{
    return c->now ? device_table_at(&c->now->devices, position) : NULL;
}

const struct device_info *policy_cache_device(const struct policy_cache *c, const char *name)
{
    return c->now ? device_table_named(&c->now->devices, name) : NULL;
}

const struct device_info *policy_cache_device_of(const struct policy_cache *c, const char *number)
{
    return c->now ? device_table_of(&c->now->devices, number) : NULL;
}

const char *policy_cache_mailbox_device(const struct policy_cache *c, const char *mailbox)
{
    for (size_t i = 0; c->now && i < c->now->mailbox_count; i++)
        if (strcmp(c->now->mailboxes[i].name, mailbox) == 0)
            return c->now->mailboxes[i].device;
    return "";
}

const struct trunk_info *policy_cache_trunk_at(const struct policy_cache *c, size_t position)
{
    return c->now && position < c->now->trunk_count ? &c->now->trunks[position] : NULL;
}

bool policy_cache_trunk_uses(const struct trunk_info *t, enum sip_protocol protocol)
{
    unsigned protocols = t->protocols | (t->protocols & 1u << SIP_UDP ? 1u << SIP_TCP : 0);
    return (protocols & 1u << protocol) != 0;
}

const struct route *policy_cache_routes(const struct policy_cache *c, size_t *count)
{
    *count = c->now ? c->now->route_count : 0;
    return c->now ? c->now->routes : NULL;
}

const char *policy_cache_ident(const struct policy_cache *c, const char *number)
{
    for (size_t i = 0; c->now && i < c->now->ident_count; i++)
        if (strcmp(c->now->idents[i].number, number) == 0)
            return c->now->idents[i].ident;
    return "";
}

const char *policy_cache_mailbox_at(const struct policy_cache *c, size_t position)
{
    return c->now && position < c->now->mailbox_count ? c->now->mailboxes[position].name : NULL;
}

bool policy_cache_has_role(const struct policy_cache *c, const char *role)
{
    for (size_t i = 0; c->now && i < c->now->role_count; i++)
        if (strcmp(c->now->roles[i].name, role) == 0)
            return true;
    return false;
}

bool policy_cache_has_administrator(const struct policy_cache *c)
{
    return c->now && c->now->has_administrator;
}

void policy_cache_decide(const struct policy_cache *c, const char *principal,
                         enum policy_action action, const char *from, const char *to,
                         const char *mailbox, struct policy_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->reason_code = "not_loaded";
    snprintf(answer->reason, sizeof answer->reason, "the policy has not been read yet");
    if (!c->now)
        return;
    const struct policy_principal *p =
        principal ? policy_find_principal_named(c->now->set, principal) : NULL;
    const struct policy_question question = {
        .principal_id = p ? p->id : -1,
        .action = action,
        .from_number = from,
        .to_number = to,
        .mailbox = mailbox,
        .now_us = wall_clock_us(),
    };
    policy_decide(c->now->set, &question, answer);
}
