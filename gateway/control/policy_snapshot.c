#include "gateway/control/policy_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/account_queries.h"
#include "gateway/db/login_queries.h"
#include "gateway/db/mail_queries.h"
#include "gateway/db/register_queries.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"
#include "gateway/wall_clock.h"

void policy_snapshot_free(struct policy_snapshot *s)
{
    if (!s)
        return;
    policy_set_free(s->set);
    free(s->accounts);
    free(s->trunks);
    device_table_free(&s->devices);
    credential_table_free(&s->logins);
    mail_senders_free(&s->mail_senders);
    free(s->routes);
    free(s->idents);
    free(s->mailboxes);
    free(s->roles);
    trunk_accounts_clear(&s->trunk_accounts);
    free(s);
}

static int take_principals(struct policy_snapshot *s, const struct db_result *r, int rows)
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
    t->nat = row->nat != 0;
    t->max_calls_per_second = (uint32_t)row->max_calls_per_second;
    t->probe_s = (uint32_t)row->probe_s;
    t->trusts_identity = strcmp(row->asserted_identity, "trust") == 0;
    t->asserts_identity = t->trusts_identity || strcmp(row->asserted_identity, "send") == 0;
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

static int take_trunks(struct policy_snapshot *s, const struct db_result *r, int rows)
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
        t->no_t38 = row.t38 == 0;
        take_routing(t, &row);
        s->trunk_count++;
    }
    return 0;
}

static bool has_route(const struct policy_snapshot *s, const char *trunk)
{
    for (size_t i = 0; i < s->route_count; i++)
        if (strcmp(s->routes[i].trunk, trunk) == 0)
            return true;
    return false;
}

static struct route *route_add(struct policy_snapshot *s, const char *name, const char *trunk,
                               const char *prefix)
{
    struct route *route = &s->routes[s->route_count++];
    snprintf(route->name, sizeof route->name, "%s", name);
    snprintf(route->trunk, sizeof route->trunk, "%s", trunk);
    snprintf(route->prefix, sizeof route->prefix, "%s", prefix);
    return route;
}

/* They live as long as the routes. */
static const char *rules_of(const struct policy_snapshot *s, const char *trunk)
{
    for (size_t i = 0; i < s->trunk_count; i++)
        if (strcmp(s->trunks[i].name, trunk) == 0)
            return s->trunks[i].rewrite_out;
    return NULL;
}

static int take_routes(struct policy_snapshot *s, const struct db_result *r, int rows)
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
    for (size_t i = 0; i < s->route_count; i++)
        s->routes[i].rewrite_out = rules_of(s, s->routes[i].trunk);
    return 0;
}

static int take_devices(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    return device_table_read(&s->devices, r, rows);
}

static int take_logins(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    return credential_table_read(&s->logins, r, rows);
}

static int take_mail_senders(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    return mail_senders_read(&s->mail_senders, r, rows);
}

static int take_numbers(struct policy_snapshot *s, const struct db_result *r, int rows)
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

static int take_mailboxes(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    s->mailboxes = calloc((size_t)rows + 1, sizeof *s->mailboxes);
    if (!s->mailboxes)
        return -ENOMEM;
    for (int i = 0; i < rows; i++) {
        struct mailbox_row row;
        mailbox_row_read(r, i, &row);
        struct mailbox_info *mailbox = &s->mailboxes[s->mailbox_count++];
        snprintf(mailbox->name, sizeof mailbox->name, "%s", row.mailbox);
        snprintf(mailbox->device, sizeof mailbox->device, "%s", row.device);
        snprintf(mailbox->mail.to, sizeof mailbox->mail.to, "%s", row.mail_to);
        snprintf(mailbox->mail.form, sizeof mailbox->mail.form, "%s", row.mail_form);
    }
    return 0;
}

static int take_roles(struct policy_snapshot *s, const struct db_result *r, int rows)
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

static int take_grants(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    for (int i = 0; i < rows; i++) {
        struct grant_row row;
        grant_row_read(r, i, &row);
        if (row.revoked_ms == 0 && strcmp(row.role, "administrator") == 0)
            s->has_administrator = true;
    }
    return 0;
}

static int take_credentials(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    return trunk_accounts_take_credentials(&s->trunk_accounts, r, rows);
}

static int take_registrations(struct policy_snapshot *s, const struct db_result *r, int rows)
{
    return trunk_accounts_take_registrations(&s->trunk_accounts, r, rows);
}

static const struct policy_snapshot_step steps[] = {
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
    {mail_query_senders, take_mail_senders},
    {login_query_all, take_logins},
};

const struct policy_snapshot_step *policy_snapshot_step(int position)
{
    return position < (int)(sizeof steps / sizeof steps[0]) ? &steps[position] : NULL;
}
