#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/keeper/key_file.h"
#include "gateway/keeper/key_store_private.h"
#include "gateway/pack_file.h"
#include "policy/policy_error.h"
#include "policy/secret.h"

static const char kek_suffix[] = ".kek", key_suffix[] = ".key";

/* "general/2027-03/1" is kept as "general.2027-03.1.kek". */
static void file_name(const char *kek_id, char name[KEY_FILE_NAME_MAX])
{
    snprintf(name, KEY_FILE_NAME_MAX, "%s%s", kek_id, kek_suffix);
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '.';
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), suffix_length = strlen(suffix);
    return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

static DIR *open_names(int directory)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names && copy >= 0)
        close(copy);
    return names;
}

static struct key_store_kek *find(struct key_store *store, const char *kek_id)
{
    for (size_t i = 0; i < store->kek_count; i++)
        if (strcmp(store->keks[i].kek_id, kek_id) == 0)
            return &store->keks[i];
    return NULL;
}

void key_store_count(struct key_store *store, const char *kek_id, int change)
{
    struct key_store_kek *kek = find(store, kek_id);
    if (store->counted && kek && (change > 0 || kek->data_keys > 0))
        kek->data_keys += (uint32_t)change;
}

static int compare_keks(const void *a, const void *b)
{
    const struct key_store_kek *left = a, *right = b;
    return strcmp(left->kek_id, right->kek_id);
}

static int add_kek(struct key_store *store, const struct key_kek_record *record)
{
    if (store->kek_count >= KEY_STORE_KEKS_MAX)
        return -ENOSPC;
    struct key_store_kek *keks = realloc(store->keks, (store->kek_count + 1) * sizeof *store->keks);
    if (!keks)
        return -ENOMEM;
    store->keks = keks;
    struct key_store_kek kek = {.created_us = record->created_us};
    memcpy(kek.kek_id, record->kek_id, sizeof kek.kek_id);
    keks[store->kek_count++] = kek;
    qsort(keks, store->kek_count, sizeof *keks, compare_keks);
    return 0;
}

int key_store_read_kek(struct key_store *store, const char *kek_id, uint8_t kek[KEY_OCTETS])
{
    uint8_t octets[KEY_RECORD_MAX];
    char name[KEY_FILE_NAME_MAX];
    size_t length = 0;
    file_name(kek_id, name);
    int status = key_file_read(store->keks_directory, name, octets, sizeof octets, &length);
    if (status == 0)
        status =
            key_store_error(key_unwrap_kek(store->secrets->master, kek_id, octets, length, kek));
    return status;
}

/* One KEK at the start: its record must be of its name and of this master key, and open. */
static int load_kek(struct key_store *store, const char *name)
{
    struct key_kek_record record;
    uint8_t octets[KEY_RECORD_MAX], kek[KEY_OCTETS];
    char expected[KEY_FILE_NAME_MAX];
    size_t length = 0;
    int status = key_file_read(store->keks_directory, name, octets, sizeof octets, &length);
    int problem = status == 0 ? key_kek_record_decode(octets, length, &record) : 0;
    if (problem)
        status = problem == FAX_EP_VERSION ? -EPROTONOSUPPORT : key_store_error(problem);
    if (status < 0)
        return status == -EFBIG ? -EBADMSG : status;
    file_name(record.kek_id, expected);
    if (strcmp(expected, name) != 0)
        return -EBADMSG;
    if (memcmp(record.master_id, store->master_id, sizeof record.master_id) != 0)
        return -EKEYREJECTED;
    status =
        key_store_error(key_unwrap_kek(store->secrets->master, record.kek_id, octets, length, kek));
    secret_wipe(kek, sizeof kek);
    return status < 0 ? status : add_kek(store, &record);
}

int key_store_load_keks(struct key_store *store, char *reason, size_t reason_size)
{
    int status = key_file_remove_unfinished(store->keks_directory);
    DIR *names = status == 0 ? open_names(store->keks_directory) : NULL;
    if (!names) {
        snprintf(reason, reason_size, "kek: %s", strerror(status ? -status : errno));
        return status ? status : -EIO;
    }
    for (const struct dirent *entry; status == 0 && (entry = readdir(names));) {
        if (!ends_with(entry->d_name, kek_suffix))
            continue;
        status = load_kek(store, entry->d_name);
        if (status < 0)
            snprintf(reason, reason_size, "kek/%s: %s", entry->d_name,
                     status == -EKEYREJECTED      ? "wrapped by another master key"
                     : status == -EBADMSG         ? "altered or damaged"
                     : status == -EPROTONOSUPPORT ? "written by a newer sealfax"
                                                  : strerror(-status));
    }
    closedir(names);
    return status;
}

static int make_kek(struct key_store *store, const struct kek_id *id, int64_t now_us,
                    uint8_t kek[KEY_OCTETS], char kek_id[KEK_ID_TEXT])
{
    struct key_kek_record record = {.created_us = now_us};
    uint8_t octets[KEY_RECORD_MAX];
    char name[KEY_FILE_NAME_MAX];
    size_t length = 0;
    int status = key_store_error(kek_id_make(id, kek_id));
    if (status == 0)
        status = key_store_error(secret_random(kek, KEY_OCTETS));
    if (status == 0) {
        memcpy(record.kek_id, kek_id, KEK_ID_TEXT);
        memcpy(record.master_id, store->master_id, sizeof record.master_id);
        file_name(kek_id, name);
        status = key_store_error(
            key_wrap_kek(store->secrets->master, &record, kek, octets, sizeof octets, &length));
    }
    if (status == 0)
        status = key_file_create(store->keks_directory, name, octets, length);
    return status < 0 ? status : add_kek(store, &record);
}

int key_store_find_kek(struct key_store *store, const char *class_name, const char *month,
                       int64_t now_us, uint8_t kek[KEY_OCTETS], char kek_id[KEK_ID_TEXT],
                       bool *created)
{
    struct kek_id wanted = {.version = 0}, seen;
    *created = false;
    if (!kek_class_valid(class_name) || strlen(month) >= sizeof wanted.month)
        return -EINVAL;
    snprintf(wanted.class_name, sizeof wanted.class_name, "%s", class_name);
    snprintf(wanted.month, sizeof wanted.month, "%s", month);
    for (size_t i = 0; i < store->kek_count; i++)
        if (kek_id_parse(store->keks[i].kek_id, &seen) == 0 &&
            strcmp(seen.class_name, wanted.class_name) == 0 &&
            strcmp(seen.month, wanted.month) == 0 && seen.version > wanted.version)
            wanted.version = seen.version;
    if (wanted.version > 0) {
        int status = key_store_error(kek_id_make(&wanted, kek_id));
        return status < 0 ? status : key_store_read_kek(store, kek_id, kek);
    }
    wanted.version = 1;
    int status = make_kek(store, &wanted, now_us, kek, kek_id);
    *created = status == 0;
    return status;
}

static void count_record(void *user, const uint8_t *octets, size_t length)
{
    struct key_store *store = user;
    struct key_data_record record;
    struct key_store_kek *kek =
        key_data_record_decode(octets, length, &record) < 0 ? NULL : find(store, record.kek_id);
    if (kek)
        kek->data_keys++;
}

static int count_directory(struct key_store *store, int directory)
{
    uint8_t octets[KEY_RECORD_MAX];
    size_t length = 0;
    int status = pack_file_remove_unfinished(directory);
    DIR *names = status < 0 ? NULL : open_names(directory);
    if (!names)
        return -EIO;
    for (const struct dirent *entry; (entry = readdir(names));) {
        if (pack_file_is_name(entry->d_name))
            key_store_walk_pack(directory, entry->d_name, count_record, store);
        else if (ends_with(entry->d_name, key_suffix) &&
                 key_file_read(directory, entry->d_name, octets, sizeof octets, &length) == 0)
            count_record(store, octets, length);
    }
    closedir(names);
    return 0;
}

static int count_all(struct key_store *store)
{
    int status = 0;
    DIR *names = open_names(store->faxes_directory);
    if (!names)
        return -EIO;
    for (size_t i = 0; i < store->kek_count; i++)
        store->keks[i].data_keys = 0;
    for (const struct dirent *entry; status == 0 && (entry = readdir(names));) {
        if (entry->d_name[0] == '.')
            continue;
        int directory = openat(store->faxes_directory, entry->d_name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0)
            continue;
        status = count_directory(store, directory);
        close(directory);
    }
    closedir(names);
    store->counted = status == 0;
    return status;
}

int key_store_list(struct key_store *store, size_t first, struct key_store_kek *keks,
                   size_t capacity, size_t *total)
{
    int status = store->counted ? 0 : count_all(store);
    if (status < 0)
        return status;
    *total = store->kek_count;
    size_t count = 0;
    while (count < capacity && first + count < store->kek_count) {
        keks[count] = store->keks[first + count];
        count++;
    }
    return (int)count;
}
