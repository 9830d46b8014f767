/* policy_snapshot.h: one state of the registers, as read from PostgreSQL (private to
 * policy_cache.c). */
#ifndef GATEWAY_CONTROL_POLICY_SNAPSHOT_H
#define GATEWAY_CONTROL_POLICY_SNAPSHOT_H

#include "gateway/control/policy_cache.h"
#include "gateway/mail/mail_senders.h"
#include "policy/number.h"

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
};

struct mailbox_info {
    char name[POLICY_NAME_TEXT];
    char device[POLICY_NAME_TEXT];
    struct mailbox_mail mail;
};

struct policy_snapshot {
    struct policy_set *set;
    struct account_row *accounts;
    struct trunk_info *trunks;
    struct device_table devices;
    struct credential_table logins;
    struct mail_senders mail_senders;
    struct route *routes;
    struct ident_row *idents;
    struct mailbox_info *mailboxes;
    struct name_row *roles;
    struct trunk_accounts trunk_accounts;
    size_t account_count, trunk_count, route_count, ident_count, mailbox_count, role_count;
    bool has_administrator;
};

/* One table: asking for it, taking its rows into the snapshot (0, or a negative errno). They are
 * read in their order. */
struct policy_snapshot_step {
    int (*query)(struct db *db, db_result_cb *cb, void *user);
    int (*take)(struct policy_snapshot *s, const struct db_result *r, int rows);
};

/* NULL past the last one. */
const struct policy_snapshot_step *policy_snapshot_step(int position);

/* NULL is safe. */
void policy_snapshot_free(struct policy_snapshot *s);

#endif
