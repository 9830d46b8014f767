#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/keeper/key_file.h"
#include "gateway/keeper/key_store_private.h"
#include "policy/secret.h"

_Static_assert((int)KEY_STORE_BATCH_MAX >= 2, "more than one");

struct batch {
    struct key_file files[KEY_STORE_BATCH_MAX];
    uint8_t records[KEY_STORE_BATCH_MAX][KEY_RECORD_MAX];
};

static bool ends_alike(const uint8_t (*ids)[KEY_FAX_ID_OCTETS], size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (ids[i][KEY_FAX_ID_OCTETS - 1] != ids[0][KEY_FAX_ID_OCTETS - 1])
            return false;
    return count > 0 && count <= KEY_STORE_BATCH_MAX;
}

/* Draws a key and wraps it; returns the directory of its file. */
static int wrap(struct key_store *store, const struct key_data_record *record,
                const uint8_t kek[KEY_OCTETS], uint8_t key[KEY_OCTETS], struct key_file *file,
                uint8_t octets[KEY_RECORD_MAX])
{
    int status = key_store_error(secret_random(key, KEY_OCTETS));
    if (status == 0)
        status =
            key_store_error(key_wrap_data(kek, record, key, octets, KEY_RECORD_MAX, &file->length));
    file->octets = octets;
    return status < 0 ? status : key_store_open_directory(store, record->fax_id, file->name);
}

static int make(struct key_store *store, const uint8_t (*ids)[KEY_FAX_ID_OCTETS], size_t count,
                struct key_data_record *record, const uint8_t kek[KEY_OCTETS],
                uint8_t (*keys)[KEY_OCTETS])
{
    struct batch *batch = calloc(1, sizeof *batch);
    int directory = -1, status = batch ? 0 : -ENOMEM;
    for (size_t i = 0; status == 0 && i < count; i++) {
        if (directory >= 0)
            close(directory);
        memcpy(record->fax_id, ids[i], sizeof record->fax_id);
        directory = wrap(store, record, kek, keys[i], &batch->files[i], batch->records[i]);
        status = directory < 0 ? directory : 0;
        if (status == 0 &&
            faccessat(directory, batch->files[i].name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            status = -EEXIST;
    }
    if (status == 0 && batch)
        status = key_file_create_all(directory, batch->files, count);
    if (directory >= 0)
        close(directory);
    free(batch);
    return status;
}

int key_store_create_all(struct key_store *store, const uint8_t (*ids)[KEY_FAX_ID_OCTETS],
                         size_t count, const struct key_store_kek_wanted *wanted,
                         uint8_t (*keys)[KEY_OCTETS], char kek_id[KEK_ID_TEXT], bool *kek_created)
{
    struct key_data_record record = {0};
    uint8_t kek[KEY_OCTETS];
    if (!ends_alike(ids, count) || strcmp(wanted->class_name, SECRET_KEK_CLASS) == 0)
        return -EINVAL;
    memset(keys, 0, count * sizeof *keys);
    int status = key_store_find_kek(store, wanted->class_name, wanted->month, wanted->now_us, kek,
                                    kek_id, kek_created);
    if (status == 0) {
        snprintf(record.class_name, sizeof record.class_name, "%s", wanted->class_name);
        memcpy(record.kek_id, kek_id, sizeof record.kek_id);
        status = make(store, ids, count, &record, kek, keys);
    }
    secret_wipe(kek, sizeof kek);
    if (status < 0)
        secret_wipe(keys, count * sizeof *keys);
    else
        key_store_count(store, kek_id, (int)count);
    return status;
}
