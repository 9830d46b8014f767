/* policy_cache.h: what decisions are taken on, as last read from PostgreSQL, so that calls can be
 * judged while the database is away. Replaced as a whole by policy_cache_reload(). */
#ifndef GATEWAY_CONTROL_POLICY_CACHE_H
#define GATEWAY_CONTROL_POLICY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "gateway/control/credential_table.h"
#include "gateway/control/device_table.h"
#include "gateway/control/trunk_accounts.h"
#include "gateway/db/db.h"
#include "gateway/routing/number_rewrite.h"
#include "gateway/routing/route_order.h"
#include "gateway/routing/trunk_peers.h"
#include "gateway/sip/sip.h"
#include "policy/decision.h"
#include "policy/number.h"

struct policy_cache;
struct mail_senders;

struct trunk_info {
    char name[POLICY_NAME_TEXT];
    char host[TRUNK_HOST_TEXT];                            /* address literal, or a name */
    uint16_t port;                                         /* 0: as DNS says */
    struct trunk_peer peers[TRUNK_PEERS_MAX + 1];          /* host first */
    struct sockaddr_storage literals[TRUNK_PEERS_MAX + 1]; /* of the same; family 0: a name */
    size_t peer_count;
    enum sip_protocol protocol; /* the one that it uses, or would without DNS */
    unsigned protocols;         /* 1 << SIP_UDP, ...: one, or any of them */
    bool sips;                  /* with TLS: sips URIs */
    bool secured;               /* protected media or no call */
    bool express;               /* with TLS: a gateway that may run ahead of the clock */
    bool long_by_tcp;           /* with UDP: long requests go by TCP */
    /* With TLS: what its certificate must be for, and names of files in sip.tls_directory; "": as
     * configured for all. */
    char tls_name[256], tls_ca[104], tls_certificate[104], tls_key[104];
    bool t38_first;
    bool audio_fallback; /* T.30 over audio when the peer has no T.38 */
    bool no_t38;         /* G.711 alone */
    char prefix[32];     /* numbers it is for; "" all */
    char rewrite_out[NUMBER_REWRITE_RULES], rewrite_in[NUMBER_REWRITE_RULES];
    uint32_t max_calls, max_calls_per_second; /* 0: no limit */
    uint32_t probe_s;                         /* OPTIONS so often; 0: none */
    /* P-Asserted-Identity (RFC 3325): it is told who calls; what it says of that is believed. */
    bool asserts_identity, trusts_identity;
    bool nat; /* behind an address translation: media latch to the host that signals */
};

/* To whom what a mailbox receives is mailed: addresses separated by commas ("": to nobody), and in
 * which form (gateway/mail/mail_compose.h). */
enum { MAILBOX_MAIL_TO_TEXT = 1001 };
struct mailbox_mail {
    char to[MAILBOX_MAIL_TO_TEXT], form[8];
};

/* Makes a cache with nothing loaded: everything is denied. Returns 0 or -ENOMEM. */
int policy_cache_new(struct db *db, struct policy_cache **out) __attribute__((warn_unused_result));
/* A reload that is under way must have ended (the database is closed first). */
void policy_cache_free(struct policy_cache *cache);

/* Reads everything again; done is called once, with 0 or why it stayed as it was. Reloads asked for
 * while one runs are answered by one more that starts after it. */
typedef void policy_cache_cb(void *user, int status);
int policy_cache_reload(struct policy_cache *cache, policy_cache_cb *done, void *user)
    __attribute__((warn_unused_result));

/* Has `changed` called (with 0) after each load that worked, before those who asked for it; for up
 * to six parts of control. Until the user is taken out again. */
void policy_cache_watch(struct policy_cache *cache, policy_cache_cb *changed, void *user);
void policy_cache_unwatch(struct policy_cache *cache, const void *user);

/* NULL before the first load. What is returned by these functions is valid until the loop runs on.
 */
const struct policy_set *policy_cache_set(const struct policy_cache *cache);
const struct policy_principal *policy_cache_account(const struct policy_cache *cache, uid_t uid);
const struct trunk_info *policy_cache_trunk(const struct policy_cache *cache, const char *name);

/* The devices, sorted by name; NULL past the end. */
const struct device_info *policy_cache_device_at(const struct policy_cache *cache, size_t position);
const struct device_info *policy_cache_device(const struct policy_cache *cache, const char *name);

/* By its number in plain form. */
const struct device_info *policy_cache_device_of(const struct policy_cache *cache,
                                                 const char *number);

/* The device that what this mailbox receives is delivered to; "" when there is none. */
const char *policy_cache_mailbox_device(const struct policy_cache *cache, const char *mailbox);

/* NULL: no such mailbox. */
const struct mailbox_mail *policy_cache_mailbox_mail(const struct policy_cache *cache,
                                                     const char *mailbox);

/* The register of senders by mail; NULL before the first load. */
const struct mail_senders *policy_cache_mail_senders(const struct policy_cache *cache);
/* One after the other, until NULL past the end. */
const struct trunk_info *policy_cache_trunk_at(const struct policy_cache *cache, size_t position);

/* What principals sign in with; NULL before the first load. */
const struct credential_table *policy_cache_logins(const struct policy_cache *cache);

/* What we are to trunks. */
const struct trunk_accounts *policy_cache_accounts(const struct policy_cache *cache);

/* Whether a trunk's messages may come by that protocol. A trunk of UDP may use TCP as well, for
 * what is too long. */
bool policy_cache_trunk_uses(const struct trunk_info *trunk, enum sip_protocol protocol);

/* All routes: those that are configured, and one for the prefix of each trunk that none of them
 * names. */
const struct route *policy_cache_routes(const struct policy_cache *cache, size_t *count);

/* The station identity configured for a number of ours; "" when there is none. */
const char *policy_cache_ident(const struct policy_cache *cache, const char *number);

/* Names of all mailboxes, until NULL past the end. */
const char *policy_cache_mailbox_at(const struct policy_cache *cache, size_t position);
bool policy_cache_has_role(const struct policy_cache *cache, const char *role);
bool policy_cache_has_administrator(const struct policy_cache *cache);

/* Decides, with the principal by name; as policy_decide(). Denied while nothing is loaded. */
void policy_cache_decide(const struct policy_cache *cache, const char *principal,
                         enum policy_action action, const char *from, const char *to,
                         const char *mailbox, struct policy_answer *answer);

/* The same for a fax to send of which the class is wanted; "": that of its mailbox. */
void policy_cache_decide_submit(const struct policy_cache *cache, const char *principal,
                                const char *from, const char *to, const char *class_name,
                                struct policy_answer *answer);

#endif
