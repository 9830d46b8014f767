/* key_store_private.h: shared by the files of the key store only. */
#ifndef GATEWAY_KEEPER_KEY_STORE_PRIVATE_H
#define GATEWAY_KEEPER_KEY_STORE_PRIVATE_H

#include "gateway/keeper/key_store.h"

enum { KEY_STORE_KEKS_MAX = 4096 };

/* In pages of their own: locked, never dumped, zero after fork. */
struct key_secrets {
    uint8_t master[KEY_OCTETS];
    uint8_t signing[KEY_OCTETS];
};

struct key_store {
    int root, keks_directory, faxes_directory;
    struct key_secrets *secrets;
    char node[CHECKPOINT_ORIGIN_TEXT];
    uint8_t master_id[KEY_MASTER_ID_OCTETS];
    struct checkpoint_key verifier;
    struct key_store_kek *keks; /* ordered by kek_id */
    size_t kek_count;
    bool counted; /* data_keys of keks are right */
};

/* enum policy_error to negative errno. */
int key_store_error(int policy_error);

/* Reads and unwraps a KEK. Errors as key_store_read. */
int key_store_read_kek(struct key_store *store, const char *kek_id, uint8_t kek[KEY_OCTETS])
    __attribute__((warn_unused_result));

/* Reads the names and clear parts of all KEKs into store->keks and checks that they belong to the
 * master key. -EKEYREJECTED, -EBADMSG with a sentence in reason. */
int key_store_load_keks(struct key_store *store, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* The newest KEK of class and month, made when there is none. */
int key_store_find_kek(struct key_store *store, const char *class_name, const char *month,
                       int64_t now_us, uint8_t kek[KEY_OCTETS], char kek_id[KEK_ID_TEXT],
                       bool *created) __attribute__((warn_unused_result));

/* Opens the directory of a fax's key and writes the file's name. Returns the descriptor or a
 * negative errno. */
int key_store_open_directory(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                             char *name) __attribute__((warn_unused_result));

/* Reads the record of a fax's key out of its pack. Errors: -ENOENT; -EBADMSG; another errno. */
int key_store_read_packed(int directory, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                          uint8_t octets[KEY_RECORD_MAX], size_t *length)
    __attribute__((warn_unused_result));

/* Calls counted for every key of a pack that was not destroyed. A pack that cannot be read has
 * none. */
typedef void key_store_counted_cb(void *user, const uint8_t *octets, size_t length);
void key_store_walk_pack(int directory, const char *name, key_store_counted_cb *counted,
                         void *user);

/* Adds to the count of a KEK's data keys, when they are counted. */
void key_store_count(struct key_store *store, const char *kek_id, int change);

#endif
