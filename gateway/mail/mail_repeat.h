/* mail_repeat.h: messages that are brought again. A client that lost our 250 brings what was taken
 * (RFC 1047), octet for octet; it must not become a second fax. What tells it is a mark: a MAC
 * under a key of ours over who brings it, the reverse path, the recipients and all octets, so that
 * neither memory nor log says anything of the message. Only a message with a Message-ID has one:
 * others may be alike by intent. Pure. */
#ifndef GATEWAY_MAIL_MAIL_REPEAT_H
#define GATEWAY_MAIL_MAIL_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_envelope.h"

/* --- what stands in a message --- */

enum { MAIL_DIGEST_OCTETS = 32 };

struct mail_digest {
    uint8_t octets[MAIL_DIGEST_OCTETS]; /* SHA-256 */
    bool usable;                        /* it is whole, and of a message with a Message-ID */
};

/* Digests a message piece by piece; its head is looked for in the first one. NULL, also where it
 * is handed on: it could not be begun, and the digest is not usable. */
struct mail_digester;
struct mail_digester *mail_digester_new(void);
void mail_digester_add(struct mail_digester *digester, const void *piece, size_t octets);
/* Frees it. */
void mail_digester_end(struct mail_digester *digester, struct mail_digest *out);

/* --- marks --- */

enum { MAIL_MARK_KEY_OCTETS = 32, MAIL_MARK_OCTETS = 16, MAIL_MARK_TEXT = 33 };

struct mail_mark {
    uint8_t octets[MAIL_MARK_OCTETS];
};

/* Errors: -EINVAL (no usable digest), -EIO. */
int mail_mark_make(const uint8_t key[MAIL_MARK_KEY_OCTETS], const struct mail_envelope *envelope,
                   const struct mail_digest *digest, struct mail_mark *mark)
    __attribute__((warn_unused_result));

/* Lower-case hex. */
void mail_mark_text(const struct mail_mark *mark, char text[MAIL_MARK_TEXT]);
/* Returns 0 or -EINVAL. */
int mail_mark_parse(const char *text, struct mail_mark *mark) __attribute__((warn_unused_result));

/* --- those that were taken --- */

/* As many as are remembered: with more, the oldest are forgotten. */
enum { MAIL_REPEATS_MAX = 65536 };

struct mail_repeats;

/* most: up to MAIL_REPEATS_MAX. Returns 0 or -ENOMEM. */
int mail_repeats_new(size_t most, struct mail_repeats **out) __attribute__((warn_unused_result));

/* NULL is allowed. */
void mail_repeats_free(struct mail_repeats *repeats);

/* A message was taken, durably. */
void mail_repeats_put(struct mail_repeats *repeats, const struct mail_mark *mark,
                      const struct fax_id *mail, int64_t taken_ms);

/* The latest with that mark that was taken at since_ms or later; NULL: none. Until the next put. */
const struct fax_id *mail_repeats_find(const struct mail_repeats *repeats,
                                       const struct mail_mark *mark, int64_t since_ms);

/* Nothing became of the message: it may be brought again. */
void mail_repeats_forget(struct mail_repeats *repeats, const struct fax_id *mail);

#endif
