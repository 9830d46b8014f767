/* mail_identity.h: in whose name a message is sent, and with which number. From the register of
 * senders and the rules of the policy; no input or output. A From field alone is never enough: its
 * address counts only when who brought the message was signed in as that very principal, or when
 * the relay or a signature vouches for it. */
#ifndef GATEWAY_MAIL_MAIL_IDENTITY_H
#define GATEWAY_MAIL_MAIL_IDENTITY_H

#include <stdbool.h>

#include "gateway/control/policy_cache.h"
#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/message_facts.h"

/* Whether a principal may send to a number at all: as `from`, or with "" as any of our numbers. */
bool mail_identity_may_send(const struct policy_cache *policy, const char *principal,
                            const char *from, const char *to);

/* The one number of ours that a principal may send as to that number; false when there is none, or
 * several. */
bool mail_identity_single_number(const struct policy_cache *policy, const char *principal,
                                 const char *to, char number[NUMBER_TEXT])
    __attribute__((warn_unused_result));

/* The entry of who signed in: of the author's address or the reverse path, if it is its own. NULL:
 * none. */
const struct mail_sender *mail_identity_of_login(const struct policy_cache *policy,
                                                 const char *login, const char *author,
                                                 const char *reverse_path);

/* The entry of an author that a relay or a signature vouches for. NULL: not registered. */
const struct mail_sender *mail_identity_of_author(const struct policy_cache *policy,
                                                  const char *author);

/* Whether the domain of a signature is that of the author's address, or one above it (at least two
 * labels; RFC 7489 §3.1.1, relaxed, by strict suffix). The child said so already. */
bool mail_identity_is_aligned(const char *domain, const char *author);

/* The numbers to which a message itself is addressed, in To or Cc. */
struct mail_addressed {
    size_t count;
    char (*numbers)[NUMBER_TEXT]; /* sorted */
};

/* Reads those that came with the facts (message_facts.h); -1: none came. The descriptor stays the
 * caller's. Returns 0 or a negative errno, then the list is empty. */
int mail_addressed_read(int descriptor, uint32_t count, struct mail_addressed *out)
    __attribute__((warn_unused_result));
void mail_addressed_free(struct mail_addressed *addressed);

bool mail_identity_is_addressed(const struct mail_addressed *addressed, const char *number);

/* The first signature of the facts that is aligned, signs To, and has not expired; of those whose
 * bits are set in `among`. -1: there is none. */
int mail_identity_signature(const struct message_facts *facts, uint32_t among, int64_t now_s);

#endif
