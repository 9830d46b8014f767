/* mail_file.h: messages in the vault, in the folder mail: those that come together in one pack
 * (policy/pack.h), <16 hex>.pack, each as the file of a fax (policy/vault.h) with the message in
 * pieces, stream 5. Earlier versions wrote a file for each, <id>.sfm, which is read as well. One
 * folder without sub-directories: messages go when they are worked off. Blocking, for the pool
 * unless said otherwise. */
#ifndef GATEWAY_MAIL_MAIL_FILE_H
#define GATEWAY_MAIL_MAIL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_repeat.h"
#include "policy/kek_id.h"
#include "policy/vault.h"

#define MAIL_FILE_CLASS "mail"

enum { MAIL_PIECE_OCTETS = 1 << 20 };

/* Opens the folder in the vault, which is made when it is missing; what a crash left half-written
 * is removed. On success the caller owns *folder. Returns 0 or a negative errno. */
int mail_folder_open(const char *vault, int *folder) __attribute__((warn_unused_result));

struct mail_file {
    struct fax_id mail;
    uint8_t data_key[VAULT_KEY_OCTETS]; /* the caller's to wipe */
    char kek_id[KEK_ID_TEXT];
    int message; /* memfd, the caller's */
    size_t octets;
    struct mail_digest digest; /* of it, filled in when it is sealed */
};

/* Seals 1 to PACK_ITEMS_MAX messages, whose ids end alike (PACK_FAMILY_OCTETS), into one file:
 * durable all of them, or none, and then nothing is left. Returns 0 or a negative errno. */
int mail_files_seal(int folder, struct mail_file *files, size_t count)
    __attribute__((warn_unused_result));

/* Opens a message: *message is a memfd with it, the caller's. Errors: -ENOENT; -EBADMSG: damaged or
 * another key; another negative errno. */
int mail_file_open(int folder, const struct fax_id *mail, const uint8_t data_key[VAULT_KEY_OCTETS],
                   int *message, uint64_t *octets) __attribute__((warn_unused_result));

/* Removes the message, durably: its blocks, and with the last one of a file the file. -ENOENT when
 * there is none. */
int mail_file_remove(int folder, const struct fax_id *mail) __attribute__((warn_unused_result));

/* Calls found for each message. A file of which a crash left no message is removed. */
typedef void mail_file_found_cb(void *user, const struct fax_id *mail);
int mail_folder_list(int folder, mail_file_found_cb *found, void *user)
    __attribute__((warn_unused_result));

#endif
