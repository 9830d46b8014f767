/* Keys that are made together lie in a pack: one file, whose items are destroyed one by one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "gateway/keeper/key_file.h"
#include "gateway/keeper/key_store_private.h"
#include "gateway/pack_file.h"
#include "policy/secret.h"

_Static_assert((int)PACK_ID_OCTETS == (int)KEY_FAX_ID_OCTETS, "ids of one length");

struct batch {
    struct pack_table table;
    uint8_t records[KEY_STORE_BATCH_MAX * KEY_RECORD_MAX]; /* as they stand in the file */
};

static bool ends_alike(const uint8_t (*ids)[KEY_FAX_ID_OCTETS], size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (memcmp(ids[i] + KEY_FAX_ID_OCTETS - PACK_FAMILY_OCTETS,
                   ids[0] + KEY_FAX_ID_OCTETS - PACK_FAMILY_OCTETS, PACK_FAMILY_OCTETS) != 0)
            return false;
    return count > 0 && count <= KEY_STORE_BATCH_MAX;
}

/* Draws the keys and wraps them. */
static int wrap(struct batch *batch, struct key_data_record *record, const uint8_t kek[KEY_OCTETS],
                uint8_t (*keys)[KEY_OCTETS])
{
    size_t used = 0;
    int status = 0;
    for (uint32_t i = 0; status == 0 && i < batch->table.count; i++) {
        struct pack_item *item = &batch->table.items[i];
        size_t length = 0;
        memcpy(record->fax_id, item->id, sizeof record->fax_id);
        status = key_store_error(secret_random(keys[i], KEY_OCTETS));
        if (status == 0)
            status = key_store_error(key_wrap_data(kek, record, keys[i], batch->records + used,
                                                   KEY_RECORD_MAX, &length));
        item->length = length;
        used += length;
    }
    return status;
}

static int write_pack(int directory, struct batch *batch)
{
    uint64_t end = pack_table_place(&batch->table, 1), start = batch->table.items[0].offset;
    int fd = pack_file_begin(directory, &batch->table);
    if (fd < 0)
        return fd;
    int status = file_write_all_at(fd, batch->records, (size_t)(end - start), start);
    return pack_file_end(directory, &batch->table, fd, status);
}

static int make(struct key_store *store, const uint8_t (*ids)[KEY_FAX_ID_OCTETS], size_t count,
                struct key_data_record *record, const uint8_t kek[KEY_OCTETS],
                uint8_t (*keys)[KEY_OCTETS])
{
    char name[KEY_FILE_NAME_MAX];
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return -ENOMEM;
    batch->table.kind = PACK_KEYS;
    batch->table.count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        memcpy(batch->table.items[i].id, ids[i], KEY_FAX_ID_OCTETS);
    int status = wrap(batch, record, kek, keys);
    int directory = status < 0 ? status : key_store_open_directory(store, ids[0], name);
    if (directory >= 0) {
        status = write_pack(directory, batch);
        close(directory);
    }
    free(batch);
    return directory < 0 ? directory : status;
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

static int read_item(int fd, const struct pack_item *item, uint8_t octets[KEY_RECORD_MAX],
                     size_t *length)
{
    if (item->length > KEY_RECORD_MAX)
        return -EBADMSG;
    *length = (size_t)item->length;
    return file_read_all_at(fd, octets, *length, item->offset);
}

int key_store_read_packed(int directory, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                          uint8_t octets[KEY_RECORD_MAX], size_t *length)
{
    struct pack_table table;
    const struct pack_item *item;
    int fd;
    int status = pack_file_open_item(directory, fax_id, O_RDONLY, PACK_KEYS, &table, &item, &fd);
    if (status < 0)
        return status;
    status = read_item(fd, item, octets, length);
    close(fd);
    return status;
}

void key_store_walk_pack(int directory, const char *name, key_store_counted_cb *counted, void *user)
{
    struct pack_table table;
    uint8_t octets[KEY_RECORD_MAX];
    size_t length;
    int fd;
    if (pack_file_open(directory, name, O_RDONLY, PACK_KEYS, &table, &fd) < 0)
        return;
    for (uint32_t i = 0; i < table.count; i++)
        if (pack_file_has(fd, &table.items[i]) == 1 &&
            read_item(fd, &table.items[i], octets, &length) == 0)
            counted(user, octets, length);
    close(fd);
}
