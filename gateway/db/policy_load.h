/* policy_load.h: loads what decisions are taken on (principals, roles, grants, numbers, mailboxes,
 * trunks) from PostgreSQL. */
#ifndef GATEWAY_DB_POLICY_LOAD_H
#define GATEWAY_DB_POLICY_LOAD_H

#include "gateway/db/db.h"

struct policy_set; /* policy/decision.h */

/* status: 0 and a new set, which the callee owns; or -EBADMSG: the tables hold what policy refuses
 * (logged), -ENOMEM, or a status of db_result_cb, with set NULL. */
typedef void policy_load_cb(void *user, int status, struct policy_set *set);

/* Reads all tables in one consistent statement. Returns 0, then cb runs once; or as db_query. */
int policy_load(struct db *db, policy_load_cb *cb, void *user) __attribute__((warn_unused_result));

#endif
