/* mail_file.h: the files of messages in the vault, mail/<id>.sfm: as those of faxes
 * (policy/vault.h) with the message in pieces, stream 5. One folder without sub-directories:
 * messages go when they are worked off. Blocking, for the pool unless said otherwise. */
#ifndef GATEWAY_MAIL_MAIL_FILE_H
#define GATEWAY_MAIL_MAIL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "policy/kek_id.h"
#include "policy/vault.h"

#define MAIL_FILE_CLASS "mail"

enum { MAIL_PIECE_OCTETS = 1 << 20 };

/* Opens the folder in the vault, which is made when it is missing. On success the caller owns
 * *folder. Returns 0 or a negative errno. */
int mail_folder_open(const char *vault, int *folder) __attribute__((warn_unused_result));

struct mail_file {
    struct fax_id mail;
    uint8_t data_key[VAULT_KEY_OCTETS]; /* the caller's to wipe */
    char kek_id[KEK_ID_TEXT];
    int message; /* memfd, the caller's */
    size_t octets;
    int status; /* what came of it: 0, or a negative errno */
};

/* Seals several messages, each into its file; the cost of making them durable is shared. After a
 * failure (status) there is no file of that message. */
void mail_files_seal(int folder, struct mail_file *files, size_t count);

/* Opens a message: *message is a memfd with it, the caller's. Errors: -ENOENT; -EBADMSG: damaged or
 * another key; another negative errno. */
int mail_file_open(int folder, const struct fax_id *mail, const uint8_t data_key[VAULT_KEY_OCTETS],
                   int *message, uint64_t *octets) __attribute__((warn_unused_result));

/* Removes the file, durably. -ENOENT when there is none. */
int mail_file_remove(int folder, const struct fax_id *mail) __attribute__((warn_unused_result));

/* Calls found for each file. */
typedef void mail_file_found_cb(void *user, const struct fax_id *mail);
int mail_folder_list(int folder, mail_file_found_cb *found, void *user)
    __attribute__((warn_unused_result));

#endif
