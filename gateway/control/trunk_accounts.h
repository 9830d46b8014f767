/* trunk_accounts.h: what we are to trunks, as read from PostgreSQL: sealed credentials, and how we
 * register. Part of policy_cache.h, which replaces it as a whole. */
#ifndef GATEWAY_CONTROL_TRUNK_ACCOUNTS_H
#define GATEWAY_CONTROL_TRUNK_ACCOUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/db/db.h"
#include "gateway/sip/digest.h"
#include "policy/decision.h"
#include "policy/secret_record.h"

struct trunk_credential {
    char trunk[POLICY_NAME_TEXT];
    char realm[DIGEST_NAME_MAX], user[DIGEST_NAME_MAX];
    uint8_t sealed[SECRET_RECORD_MAX];
    size_t sealed_length;
};

struct trunk_registration {
    char trunk[POLICY_NAME_TEXT];
    char user[DIGEST_NAME_MAX];
    char domain[DIGEST_TEXT_MAX]; /* "": the host of the trunk */
    uint32_t expires_s;
};

struct trunk_accounts {
    struct trunk_credential *credentials; /* ordered by trunk and realm */
    struct trunk_registration *registrations;
    size_t credential_count, registration_count;
};

/* Take the rows of account_queries.h. Returns 0 or -ENOMEM. */
int trunk_accounts_take_credentials(struct trunk_accounts *accounts, const struct db_result *result,
                                    int rows) __attribute__((warn_unused_result));
int trunk_accounts_take_registrations(struct trunk_accounts *accounts,
                                      const struct db_result *result, int rows)
    __attribute__((warn_unused_result));

/* Frees what it holds. */
void trunk_accounts_clear(struct trunk_accounts *accounts);

/* The credentials of a trunk: the first of *count, NULL for none. accounts may be NULL. */
const struct trunk_credential *trunk_accounts_credentials(const struct trunk_accounts *accounts,
                                                          const char *trunk, size_t *count);

/* NULL: the trunk is not registered with. */
const struct trunk_registration *trunk_accounts_registration(const struct trunk_accounts *accounts,
                                                             const char *trunk);

#endif
