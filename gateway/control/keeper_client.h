/* keeper_client.h: control's side of the channel to the keeper: asks, and matches answers by tag.
 *
 * Questions asked while no keeper is there wait (bounded) for the next one; questions that were
 * under way when the keeper died fail with -ECONNRESET, as it is not known whether they took
 * effect. */
#ifndef GATEWAY_CONTROL_KEEPER_CLIENT_H
#define GATEWAY_CONTROL_KEEPER_CLIENT_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/fax_id.h"
#include "gateway/process/messages.h"
#include "policy/secret_record.h"

struct keeper_client;

/* status: 0 or a negative errno; result: valid during the callback when status is 0, its key is
 * (or secret) is wiped afterwards. Never called before the asking function returns. */
typedef void keeper_key_cb(void *user, int status, const struct msg_key_result *result);
typedef void keeper_signed_cb(void *user, int status, const struct msg_signed *note);
typedef void keeper_listed_cb(void *user, int status, const struct msg_key_listed *list);

typedef void keeper_secret_cb(void *user, int status, const struct msg_secret_result *result);

/* hello: a keeper is there and has said who it is. */
typedef void keeper_hello_cb(void *user, const struct msg_keeper_hello *hello);

/* Makes a client that waits for keeper_client_up(). hello runs for each keeper that comes. Returns
 * 0 or -ENOMEM. */
int keeper_client_new(uv_loop_t *loop, keeper_hello_cb *hello, void *user,
                      struct keeper_client **out) __attribute__((warn_unused_result));

/* Fails what is under way with -ECANCELED and frees it. NULL is allowed. */
void keeper_client_free(struct keeper_client *client);

/* A (new) keeper's channel; the descriptor is taken over. */
int keeper_client_up(struct keeper_client *client, int descriptor)
    __attribute__((warn_unused_result));

/* Says whether a keeper is there and has said who it is. */
bool keeper_client_ready(const struct keeper_client *client);

/* Makes the data key of a new fax. disposal_month: "2027-03" or "undated". Errors: -ENOBUFS when
 * too many questions wait; then no callback follows (likewise below). */
int keeper_create_key(struct keeper_client *client, const struct fax_id *fax,
                      const char *class_name, const char *disposal_month, keeper_key_cb *cb,
                      void *user) __attribute__((warn_unused_result));

/* Makes the data keys of up to MSG_KEYS_MAX new messages at once, whose ids end with the same
 * octet: all of them or none. Errors as above. */
typedef void keeper_keys_cb(void *user, int status, const struct msg_keys_result *keys);
int keeper_create_keys(struct keeper_client *client, const struct msg_keys_create *request,
                       keeper_keys_cb *cb, void *user) __attribute__((warn_unused_result));

/* Gets the data key of a fax. Callback status -ENOENT: destroyed or never made; -EBADMSG: altered.
 */
int keeper_open_key(struct keeper_client *client, const struct fax_id *fax, keeper_key_cb *cb,
                    void *user) __attribute__((warn_unused_result));

/* Destroys the wrapped data key for good. -ENOENT when there is none (any more). */
int keeper_destroy_key(struct keeper_client *client, const struct fax_id *fax, keeper_key_cb *cb,
                       void *user) __attribute__((warn_unused_result));

/* Seals length octets of a secret (up to 128) for its owner; the callback gets the record to be
 * stored. Errors: -EINVAL (texts, length), -ENOBUFS. Callback status -EINVAL: no owner. */
int keeper_seal_secret(struct keeper_client *client, const struct secret_owner *owner,
                       const uint8_t *secret, size_t length, keeper_secret_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Opens a sealed record; the callback gets the secret, which is wiped afterwards. Errors as above.
 * Callback status -EBADMSG: altered, or of another owner. */
int keeper_open_secret(struct keeper_client *client, const struct secret_owner *owner,
                       const uint8_t *record, size_t length, keeper_secret_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* Has a checkpoint signed; the request is copied. -EINVAL in the callback: not one of this node. */
int keeper_sign_checkpoint(struct keeper_client *client, const struct msg_sign_checkpoint *request,
                           keeper_signed_cb *cb, void *user) __attribute__((warn_unused_result));

/* Asks for a page of the KEK inventory from cursor on (0 first). */
int keeper_list_keys(struct keeper_client *client, uint32_t cursor, keeper_listed_cb *cb,
                     void *user) __attribute__((warn_unused_result));

#endif
