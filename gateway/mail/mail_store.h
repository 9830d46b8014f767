/* mail_store.h: messages sealed in the vault (mail_file.h), each under a data key of its own; the
 * key's destruction is what removes a message. Messages that come together share the cost of making
 * keys and files durable. Process: control. No callback runs before the asking function returns. */
#ifndef GATEWAY_MAIL_MAIL_STORE_H
#define GATEWAY_MAIL_MAIL_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_repeat.h"

struct control;
struct mail_store;

/* Needs control->keeper by the time of the first question. Returns 0 or a negative errno. */
int mail_store_new(struct control *control, struct mail_store **out)
    __attribute__((warn_unused_result));

/* When nothing is under way any more, or the keeper's client has been freed. NULL is allowed. */
void mail_store_free(struct mail_store *store);

/* Messages that are being sealed or opened. */
size_t mail_store_busy(const struct mail_store *store);

/* A message that is durable. */
struct mail_sealed {
    struct fax_id mail;
    const char *kek_id;
    const struct mail_digest *digest;
};

/* status 0: the message is durable; else a negative errno, and nothing is left. */
typedef void mail_store_sealed_cb(void *user, int status, const struct mail_sealed *sealed);

/* Seals octets of the memfd, which stays the caller's and must stay as it is until cb. Errors:
 * -ENOMEM, -EIO (no randomness). */
int mail_store_seal(struct mail_store *store, int message, size_t octets, mail_store_sealed_cb *cb,
                    void *user) __attribute__((warn_unused_result));

/* status 0: message is a memfd with octets of it, the callee's. -ENOENT: it was destroyed. */
typedef void mail_store_opened_cb(void *user, int status, int message, uint64_t octets);
int mail_store_open(struct mail_store *store, const struct fax_id *mail, mail_store_opened_cb *cb,
                    void *user) __attribute__((warn_unused_result));

/* Destroys the key, then removes the file. 0 also when they are gone already. */
typedef void mail_store_removed_cb(void *user, int status);
int mail_store_remove(struct mail_store *store, const struct fax_id *mail,
                      mail_store_removed_cb *cb, void *user) __attribute__((warn_unused_result));

/* Calls found for every message that has a file. Blocks; for the start. */
typedef void mail_store_found_cb(void *user, const struct fax_id *mail);
int mail_store_list(const struct mail_store *store, mail_store_found_cb *found, void *user)
    __attribute__((warn_unused_result));

#endif
