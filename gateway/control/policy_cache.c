#include "gateway/control/policy_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/policy_snapshot.h"
#include "gateway/db/policy_load.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"
#include "gateway/wall_clock.h"
#include "policy/number.h"

enum { WAITERS_MAX = 256, WATCHERS_MAX = 6, ROWS_MAX = 100000 };

struct waiter {
    policy_cache_cb *done;
    void *user;
};

struct policy_cache {
    struct db *db;
    struct policy_snapshot *now, *next;
    int step;
    bool loading;
    struct waiter running[WAITERS_MAX], waiting[WAITERS_MAX];
    size_t running_count, waiting_count;
    struct waiter watchers[WATCHERS_MAX]; /* done NULL: none */
};

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
    policy_snapshot_free(c->now);
    policy_snapshot_free(c->next);
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
        policy_snapshot_free(c->now);
        c->now = c->next;
    } else {
        policy_snapshot_free(c->next);
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

static void on_rows(void *user, int status, const struct db_result *result)
{
    struct policy_cache *c = user;
    if (status == 0) {
        int rows = db_result_rows(result);
        status =
            rows > ROWS_MAX ? -E2BIG : policy_snapshot_step(c->step)->take(c->next, result, rows);
    }
    if (status == 0 && policy_snapshot_step(++c->step)) {
        status = policy_snapshot_step(c->step)->query(c->db, on_rows, c);
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
        status = policy_snapshot_step(0)->query(c->db, on_rows, c);
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

const struct mail_senders *policy_cache_mail_senders(const struct policy_cache *c)
{
    return c->now ? &c->now->mail_senders : NULL;
}

const struct credential_table *policy_cache_logins(const struct policy_cache *c)
{
    return c->now ? &c->now->logins : NULL;
}

const char *policy_cache_mailbox_device(const struct policy_cache *c, const char *mailbox)
{
    for (size_t i = 0; c->now && i < c->now->mailbox_count; i++)
        if (strcmp(c->now->mailboxes[i].name, mailbox) == 0)
            return c->now->mailboxes[i].device;
    return "";
}

const struct mailbox_mail *policy_cache_mailbox_mail(const struct policy_cache *c,
                                                     const char *mailbox)
{
    for (size_t i = 0; c->now && i < c->now->mailbox_count; i++)
        if (strcmp(c->now->mailboxes[i].name, mailbox) == 0)
            return &c->now->mailboxes[i].mail;
    return NULL;
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

static void decide(const struct policy_cache *c, const char *principal,
                   struct policy_question *question, struct policy_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->reason_code = "not_loaded";
    snprintf(answer->reason, sizeof answer->reason, "the policy has not been read yet");
    if (!c->now)
        return;
    const struct policy_principal *p =
        principal ? policy_find_principal_named(c->now->set, principal) : NULL;
    question->principal_id = p ? p->id : -1;
    question->now_us = wall_clock_us();
    policy_decide(c->now->set, question, answer);
}

void policy_cache_decide(const struct policy_cache *c, const char *principal,
                         enum policy_action action, const char *from, const char *to,
                         const char *mailbox, struct policy_answer *answer)
{
    struct policy_question question = {
        .action = action, .from_number = from, .to_number = to, .mailbox = mailbox};
    decide(c, principal, &question, answer);
}

void policy_cache_decide_submit(const struct policy_cache *c, const char *principal,
                                const char *from, const char *to, const char *class_name,
                                struct policy_answer *answer)
{
    struct policy_question question = {
        .action = POLICY_SUBMIT, .from_number = from, .to_number = to, .class_name = class_name};
    decide(c, principal, &question, answer);
}
