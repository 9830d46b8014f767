/* key_store.h: the directory of the keeper: wrapped keys, one small file each.
 *
 *   master.key                       the master key in clear (or elsewhere, keys.master_key_file)
 *   signing.key                      checkpoint-signing key, wrapped by the master key
 *   kek/<class>.<month>.<n>.kek      key-encryption keys, wrapped by the master key
 *   fax/<2 hex>/<32 hex>.key         data keys, each wrapped by a KEK; 2 hex: end of the fax id
 *   fax/<2 hex>/<16 hex>.pack        data keys that were made together (policy/pack.h)
 *
 * Record formats: policy/key_wrap.h. Everything blocks and is durable on return. */
#ifndef GATEWAY_KEEPER_KEY_STORE_H
#define GATEWAY_KEEPER_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/checkpoint.h"
#include "policy/key_wrap.h"
#include "policy/pack.h"
#include "policy/secret_record.h"

struct key_store;

/* Opens a store, making what is missing (also the signing key, at the first start). The master key
 * is copied into locked memory. Errors: -EKEYREJECTED when the master key is not the one of this
 * store, -EBADMSG when the store is damaged, other negative errno; reason gets a sentence. */
int key_store_open(const char *directory, const char *node, const uint8_t master[KEY_OCTETS],
                   struct key_store **out, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* Wipes the keys. NULL is allowed. */
void key_store_close(struct key_store *store);

/* A data key, to be wiped by whoever asked; all zero after a failure. */
struct key_store_key {
    uint8_t data_key[KEY_OCTETS];
    char kek_id[KEK_ID_TEXT]; /* what wraps it */
    bool kek_created;         /* made for this */
};

/* What keys are to be wrapped by. */
struct key_store_kek_wanted {
    const char *class_name, *month;
    int64_t now_us;
};

enum { KEY_STORE_BATCH_MAX = PACK_ITEMS_MAX };

/* Makes a data key for a fax under the newest KEK of class and disposal month ("2027-03" or
 * "undated"), making the KEK when there is none. Errors: -EEXIST the fax has a key; -EINVAL bad
 * class or month, or the class of secrets; another errno. */
int key_store_create(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                     const char *class_name, const char *month, int64_t now_us,
                     struct key_store_key *key) __attribute__((warn_unused_result));

/* The same for several at once, whose last PACK_FAMILY_OCTETS are the same and of no other key, in
 * one file: all of them or none. keys: count data keys, to be wiped; all zero after a failure.
 * Errors as key_store_create; -EINVAL for more than KEY_STORE_BATCH_MAX, ids that end otherwise or
 * stand there twice. */
int key_store_create_all(struct key_store *store, const uint8_t (*ids)[KEY_FAX_ID_OCTETS],
                         size_t count, const struct key_store_kek_wanted *wanted,
                         uint8_t (*keys)[KEY_OCTETS], char kek_id[KEK_ID_TEXT], bool *kek_created)
    __attribute__((warn_unused_result));

/* Unwraps the data key of a fax. Errors: -ENOENT no key (never made, or destroyed); -EBADMSG
 * altered or of another fax; another errno. */
int key_store_read(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                   struct key_store_key *key) __attribute__((warn_unused_result));

/* Destroys the data key of a fax; kek_id tells what had wrapped it ("" when the record was not
 * readable: it is destroyed all the same). Errors: -ENOENT; another errno. */
int key_store_destroy(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                      char kek_id[KEK_ID_TEXT]) __attribute__((warn_unused_result));

/* A sealed record, or the secret in it; to be wiped by whoever asked; all zero after a failure. */
struct key_store_secret {
    uint8_t octets[SECRET_RECORD_MAX];
    size_t length;
    char kek_id[KEK_ID_TEXT]; /* what wraps it */
    bool kek_created;         /* made for this */
};

/* Seals a secret for storage elsewhere, under the newest KEK of secrets, which is made when there
 * is none. A new master key wraps that KEK anew as it does others; records stay as they are.
 * Errors: -EINVAL (owner, length); another errno. */
int key_store_seal_secret(struct key_store *store, const struct secret_owner *owner,
                          const uint8_t *secret, size_t length, int64_t now_us,
                          struct key_store_secret *sealed) __attribute__((warn_unused_result));

/* Opens a sealed record of that owner. Errors: -EBADMSG altered, of another owner, or its KEK is
 * gone; another errno. */
int key_store_open_secret(struct key_store *store, const struct secret_owner *owner,
                          const uint8_t *record, size_t length, struct key_store_secret *secret)
    __attribute__((warn_unused_result));

struct key_store_kek {
    char kek_id[KEK_ID_TEXT];
    int64_t created_us;
    uint32_t data_keys; /* living data keys wrapped by it */
};

/* The inventory of KEKs, ordered by id: copies at most capacity entries from number first on.
 * Counts all key files at its first call. Returns how many were copied or a negative errno; *total
 * is how many there are. */
int key_store_list(struct key_store *store, size_t first, struct key_store_kek *keks,
                   size_t capacity, size_t *total) __attribute__((warn_unused_result));

/* Public things: the id of the master key in hexadecimal, and the verifier of the signer. */
void key_store_master_id(const struct key_store *store, char text[2 * KEY_MASTER_ID_OCTETS + 1]);
const struct checkpoint_key *key_store_verifier(const struct key_store *store);

/* Signs a checkpoint whose origin must be that of the store's node. Errors: -EINVAL (another
 * origin, not writable as a note), -EIO. */
int key_store_sign(struct key_store *store, const struct checkpoint *checkpoint,
                   char note[CHECKPOINT_TEXT]) __attribute__((warn_unused_result));

#endif
