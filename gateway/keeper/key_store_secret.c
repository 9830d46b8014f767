#include <errno.h>
#include <string.h>

#include "gateway/keeper/key_store_private.h"
#include "policy/secret.h"

int key_store_seal_secret(struct key_store *store, const struct secret_owner *owner,
                          const uint8_t *secret, size_t length, int64_t now_us,
                          struct key_store_secret *sealed)
{
    uint8_t kek[KEY_OCTETS] = {0};
    memset(sealed, 0, sizeof *sealed);
    int status = key_store_find_kek(store, SECRET_KEK_CLASS, "undated", now_us, kek, sealed->kek_id,
                                    &sealed->kek_created);
    if (status == 0)
        status = key_store_error(secret_record_wrap(kek, sealed->kek_id, owner, secret, length,
                                                    sealed->octets, &sealed->length));
    secret_wipe(kek, sizeof kek);
    if (status < 0)
        secret_wipe(sealed, sizeof *sealed);
    return status;
}

int key_store_open_secret(struct key_store *store, const struct secret_owner *owner,
                          const uint8_t *record, size_t length, struct key_store_secret *secret)
{
    uint8_t kek[KEY_OCTETS] = {0};
    memset(secret, 0, sizeof *secret);
    int status = key_store_error(secret_record_decode(record, length, secret->kek_id));
    if (status == 0)
        status = key_store_read_kek(store, secret->kek_id, kek);
    if (status == -ENOENT)
        status = -EBADMSG; /* the record is there, its KEK is not */
    if (status == 0)
        status = key_store_error(
            secret_record_unwrap(kek, owner, record, length, secret->octets, &secret->length));
    secret_wipe(kek, sizeof kek);
    if (status < 0)
        secret_wipe(secret, sizeof *secret);
    return status;
}
