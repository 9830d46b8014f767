/* fax_store.h: the vault directory: one sealed file for each fax (policy/vault.h), <xx>/<id>.sfv,
 * where xx are the last two digits of the id. Files of submissions that are not journalled yet lie
 * in incoming/; what is there at a start belongs to no fax and is removed with its key. */
#ifndef GATEWAY_CONTROL_FAX_STORE_H
#define GATEWAY_CONTROL_FAX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"

/* Blocking, for the pool unless said otherwise; each returns 0 or a negative errno. */

/* Makes the directories that are missing. */
int fax_store_prepare(const char *vault) __attribute__((warn_unused_result));

/* Makes the file of a fax with its header, fsynced with its directory; incoming: in incoming/. On
 * success the caller owns *descriptor (read and write, close-on-exec). -EEXIST when there is one.
 */
int fax_store_create(const char *vault, const struct fax_id *fax, const char *class_name,
                     const char *kek_id, bool incoming, int *descriptor)
    __attribute__((warn_unused_result));

/* Moves a file from incoming/ to its place, durably. -ENOENT when it is not there. */
int fax_store_admit(const char *vault, const struct fax_id *fax)
    __attribute__((warn_unused_result));

/* Opens a fax's file, also for appending when writable. Quick enough for the loop. */
int fax_store_open(const char *vault, const struct fax_id *fax, bool writable, int *descriptor)
    __attribute__((warn_unused_result));

/* Removes the file, durably. -ENOENT when there is none. */
int fax_store_remove(const char *vault, const struct fax_id *fax, bool incoming)
    __attribute__((warn_unused_result));

/* Calls found for each file in incoming/. */
typedef void fax_store_found_cb(void *user, const struct fax_id *fax);
int fax_store_list_incoming(const char *vault, fax_store_found_cb *found, void *user)
    __attribute__((warn_unused_result));

#endif
