#include "gateway/keeper/key_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/keeper/key_file.h"
#include "gateway/keeper/key_store_private.h"
#include "gateway/pack_file.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/text_code.h"

static const char signing_file[] = "signing.key";

int key_store_error(int policy_error)
{
    switch ((enum policy_error)policy_error) {
    case POLICY_OK:
        return 0;
    case FAX_EP_NOMEM:
        return -ENOMEM;
    case FAX_EP_FORMAT:
    case FAX_EP_VERSION:
    case FAX_EP_AUTH:
    case FAX_EP_MISMATCH:
    case FAX_EP_TRUNCATED:
        return -EBADMSG;
    case FAX_EP_LIMIT:
    case FAX_EP_INVAL:
        return -EINVAL;
    case FAX_EP_CRYPTO:
        return -EIO;
    }
    return -EIO;
}

static struct key_secrets *make_secrets(void)
{
    struct key_secrets *secrets =
        mmap(NULL, sizeof *secrets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secrets == MAP_FAILED)
        return NULL;
    /* Best effort: a limit of locked memory must not keep the gateway from starting. */
    (void)mlock(secrets, sizeof *secrets);
    (void)madvise(secrets, sizeof *secrets, MADV_DONTDUMP);
    (void)madvise(secrets, sizeof *secrets, MADV_WIPEONFORK);
    return secrets;
}

static int make_signing_key(struct key_store *store)
{
    uint8_t record[KEY_RECORD_MAX];
    size_t length = 0;
    int status = key_store_error(secret_random(store->secrets->signing, KEY_OCTETS));
    if (status == 0)
        status = key_store_error(key_wrap_signing(store->secrets->master, store->node,
                                                  store->secrets->signing, record, sizeof record,
                                                  &length));
    return status < 0 ? status : key_file_create(store->root, signing_file, record, length);
}

/* The signing key exists from the first start on, so that it also tells a wrong master key. */
static int load_signing_key(struct key_store *store, char *reason, size_t reason_size)
{
    uint8_t record[KEY_RECORD_MAX], public_key[CHECKPOINT_KEY_OCTETS];
    char origin[CHECKPOINT_ORIGIN_TEXT];
    size_t length = 0;
    int problem = 0;
    int status = key_file_read(store->root, signing_file, record, sizeof record, &length);
    if (status == -ENOENT)
        status = make_signing_key(store);
    else if (status == 0) {
        problem = key_unwrap_signing(store->secrets->master, store->node, record, length,
                                     store->secrets->signing);
        status = problem == FAX_EP_AUTH ? -EKEYREJECTED : key_store_error(problem);
    }
    if (status == 0)
        status = key_store_error(checkpoint_origin_make(store->node, origin));
    if (status == 0)
        status = key_store_error(checkpoint_public_key(store->secrets->signing, public_key));
    if (status == 0)
        status = key_store_error(checkpoint_key_make(origin, public_key, &store->verifier));
    if (status < 0)
        snprintf(reason, reason_size, "%s: %s", signing_file,
                 status == -EKEYREJECTED
                     ? "the master key, or the name of the node, is not that of this key store"
                 : problem ? policy_error_text(problem)
                           : strerror(-status));
    return status;
}

int key_store_open(const char *directory, const char *node, const uint8_t master[KEY_OCTETS],
                   struct key_store **out, char *reason, size_t reason_size)
{
    struct key_store *store = calloc(1, sizeof *store);
    if (!store)
        return -ENOMEM;
    store->keks_directory = store->faxes_directory = -1;
    store->secrets = make_secrets();
    store->root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = store->root < 0 ? -errno : 0;
    if (!store->secrets)
        status = -ENOMEM;
    if (status == 0 && store->secrets) {
        memcpy(store->secrets->master, master, KEY_OCTETS);
        snprintf(store->node, sizeof store->node, "%s", node);
        status = key_store_error(key_master_id(master, store->master_id));
    }
    if (status == 0)
        status = store->keks_directory = key_file_open_directory(store->root, "kek");
    if (status >= 0)
        status = store->faxes_directory = key_file_open_directory(store->root, "fax");
    if (status >= 0)
        status = key_file_remove_unfinished(store->root);
    if (status < 0)
        snprintf(reason, reason_size, "%s: %s", directory, strerror(-status));
    if (status == 0)
        status = key_store_load_keks(store, reason, reason_size);
    if (status == 0)
        status = load_signing_key(store, reason, reason_size);
    if (status < 0) {
        key_store_close(store);
        return status;
    }
    *out = store;
    return 0;
}

void key_store_close(struct key_store *store)
{
    if (!store)
        return;
    if (store->secrets) {
        secret_wipe(store->secrets, sizeof *store->secrets);
        munmap(store->secrets, sizeof *store->secrets);
    }
    const int descriptors[] = {store->root, store->keks_directory, store->faxes_directory};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    free(store->keks);
    free(store);
}

/* The last octet spreads well; the first ones of a UUID version 7 are a clock. */
int key_store_open_directory(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                             char *name)
{
    char directory[3];
    snprintf(directory, sizeof directory, "%02x", fax_id[KEY_FAX_ID_OCTETS - 1]);
    char digits[2 * KEY_FAX_ID_OCTETS + 1];
    hex_encode(fax_id, KEY_FAX_ID_OCTETS, digits);
    snprintf(name, KEY_FILE_NAME_MAX, "%s.key", digits);
    return key_file_open_directory(store->faxes_directory, directory);
}

static int write_data_key(struct key_store *store, const struct key_data_record *record,
                          const uint8_t kek[KEY_OCTETS], const uint8_t data_key[KEY_OCTETS])
{
    uint8_t octets[KEY_RECORD_MAX];
    char name[KEY_FILE_NAME_MAX];
    size_t length = 0;
    int status =
        key_store_error(key_wrap_data(kek, record, data_key, octets, sizeof octets, &length));
    if (status < 0)
        return status;
    int directory = key_store_open_directory(store, record->fax_id, name);
    if (directory < 0)
        return directory;
    status = key_file_create(directory, name, octets, length);
    close(directory);
    return status;
}

/* Before a KEK is made for nothing. */
static int check_no_key(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS])
{
    char name[KEY_FILE_NAME_MAX], pack[PACK_FILE_NAME];
    int directory = key_store_open_directory(store, fax_id, name);
    if (directory < 0)
        return directory;
    pack_file_name(fax_id, pack);
    bool exists = faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
                  faccessat(directory, pack, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    close(directory);
    return exists ? -EEXIST : 0;
}

int key_store_create(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                     const char *class_name, const char *month, int64_t now_us,
                     struct key_store_key *key)
{
    struct key_data_record record = {0};
    uint8_t kek[KEY_OCTETS];
    memset(key, 0, sizeof *key);
    int status = strcmp(class_name, SECRET_KEK_CLASS) == 0 ? -EINVAL : check_no_key(store, fax_id);
    if (status == 0)
        status = key_store_find_kek(store, class_name, month, now_us, kek, key->kek_id,
                                    &key->kek_created);
    if (status == 0)
        status = key_store_error(secret_random(key->data_key, KEY_OCTETS));
    if (status == 0) {
        memcpy(record.fax_id, fax_id, sizeof record.fax_id);
        snprintf(record.class_name, sizeof record.class_name, "%s", class_name);
        memcpy(record.kek_id, key->kek_id, sizeof record.kek_id);
        status = write_data_key(store, &record, kek, key->data_key);
    }
    secret_wipe(kek, sizeof kek);
    if (status < 0)
        secret_wipe(key, sizeof *key);
    else
        key_store_count(store, key->kek_id, 1);
    return status;
}

/* The record of a fax's key: a file of its own, or an item of a pack. */
static int read_record(int directory, const char *name, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                       uint8_t octets[KEY_RECORD_MAX], size_t *length)
{
    int status = key_file_read(directory, name, octets, KEY_RECORD_MAX, length);
    return status == -ENOENT ? key_store_read_packed(directory, fax_id, octets, length) : status;
}

int key_store_read(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                   struct key_store_key *key)
{
    struct key_data_record record;
    uint8_t octets[KEY_RECORD_MAX], kek[KEY_OCTETS] = {0};
    char name[KEY_FILE_NAME_MAX];
    size_t length = 0;
    memset(key, 0, sizeof *key);
    int directory = key_store_open_directory(store, fax_id, name);
    if (directory < 0)
        return directory;
    int status = read_record(directory, name, fax_id, octets, &length);
    close(directory);
    if (status == 0)
        status = key_store_error(key_data_record_decode(octets, length, &record));
    if (status == 0)
        status = key_store_read_kek(store, record.kek_id, kek);
    if (status == -ENOENT && length > 0)
        status = -EBADMSG; /* the record is there, its KEK is not */
    if (status == 0)
        status = key_store_error(key_unwrap_data(kek, fax_id, octets, length, key->data_key));
    if (status == 0)
        memcpy(key->kek_id, record.kek_id, KEK_ID_TEXT);
    secret_wipe(kek, sizeof kek);
    return status == -EFBIG ? -EBADMSG : status;
}

int key_store_destroy(struct key_store *store, const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                      char kek_id[KEK_ID_TEXT])
{
    struct key_data_record record;
    uint8_t octets[KEY_RECORD_MAX];
    char name[KEY_FILE_NAME_MAX];
    size_t length = 0;
    kek_id[0] = '\0';
    int directory = key_store_open_directory(store, fax_id, name);
    if (directory < 0)
        return directory;
    int status = read_record(directory, name, fax_id, octets, &length);
    if (status == 0 && key_data_record_decode(octets, length, &record) == 0)
        memcpy(kek_id, record.kek_id, KEK_ID_TEXT);
    status = key_file_destroy(directory, name);
    if (status == -ENOENT)
        status = pack_file_destroy(directory, fax_id, PACK_KEYS, PACK_OVERWRITE);
    close(directory);
    if (status == 0 && kek_id[0])
        key_store_count(store, kek_id, -1);
    return status;
}

void key_store_master_id(const struct key_store *store, char text[2 * KEY_MASTER_ID_OCTETS + 1])
{
    hex_encode(store->master_id, KEY_MASTER_ID_OCTETS, text);
}

const struct checkpoint_key *key_store_verifier(const struct key_store *store)
{
    return &store->verifier;
}

int key_store_sign(struct key_store *store, const struct checkpoint *checkpoint,
                   char note[CHECKPOINT_TEXT])
{
    char text[CHECKPOINT_TEXT];
    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS];
    if (strcmp(checkpoint->origin, store->verifier.name) != 0)
        return -EINVAL;
    int status = key_store_error(checkpoint_write(checkpoint, text));
    if (status == 0)
        status = key_store_error(
            checkpoint_sign(text, strlen(text), store->secrets->signing, signature));
    if (status == 0)
        status = key_store_error(checkpoint_attach(text, &store->verifier, signature, note));
    return status;
}
