#include "policy/key_wrap.h"

#include <openssl/evp.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/wire.h"

enum {
    MAGIC_OCTETS = 7,
    RECORD_FORMAT_VERSION = 1,
    NODE_TEXT = 64,
    SEALED_OCTETS = AEAD_NONCE_OCTETS + KEY_OCTETS + AEAD_TAG_OCTETS
};

static const char data_magic[MAGIC_OCTETS + 1] = "SEALKEY";
static const char kek_magic[MAGIC_OCTETS + 1] = "SEALKEK";
static const char signing_magic[MAGIC_OCTETS + 1] = "SEALSIG";

/* Everything written so far is the additional data of what is sealed behind it. */
static int seal_behind(struct wire_writer *writer, const uint8_t *key, const uint8_t *secret)
{
    uint8_t nonce[AEAD_NONCE_OCTETS], sealed[KEY_OCTETS + AEAD_TAG_OCTETS];
    size_t clear = writer->length;
    if (writer->error)
        return writer->error;
    int rc = secret_random(nonce, sizeof nonce);
    if (rc)
        return rc;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return FAX_EP_NOMEM;
    rc = aead_seal(context, key, nonce, &(struct aead_span){writer->bytes, clear},
                   &(struct aead_span){secret, KEY_OCTETS}, 1, sealed);
    EVP_CIPHER_CTX_free(context);
    if (rc)
        return rc;
    wire_put_octets(writer, nonce, sizeof nonce);
    wire_put_octets(writer, sealed, sizeof sealed);
    return writer->error;
}

static int open_behind(const uint8_t *bytes, size_t length, const uint8_t *key, uint8_t *secret)
{
    const uint8_t *nonce = bytes + length - SEALED_OCTETS;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return FAX_EP_NOMEM;
    int rc = aead_open(context, key, nonce, &(struct aead_span){bytes, length - SEALED_OCTETS},
                       &(struct aead_span){nonce + AEAD_NONCE_OCTETS, KEY_OCTETS}, secret);
    EVP_CIPHER_CTX_free(context);
    return rc;
}

static void put_start(struct wire_writer *writer, const char *magic, uint8_t *out, size_t capacity)
{
    wire_writer_init(writer, out, capacity);
    wire_put_octets(writer, magic, MAGIC_OCTETS);
    wire_put_u8(writer, RECORD_FORMAT_VERSION);
}

static int get_start(struct wire_reader *reader, const char *magic, const uint8_t *bytes,
                     size_t length)
{
    wire_reader_init(reader, bytes, length);
    const uint8_t *start = wire_take(reader, MAGIC_OCTETS);
    uint8_t version = wire_get_u8(reader);
    if (reader->error)
        return reader->error;
    if (memcmp(start, magic, MAGIC_OCTETS) != 0)
        return FAX_EP_FORMAT;
    return version == RECORD_FORMAT_VERSION ? 0 : FAX_EP_VERSION;
}

/* After the clear part there must be exactly the sealed one. */
static int get_end(const struct wire_reader *reader)
{
    if (reader->error)
        return reader->error;
    size_t left = reader->length - reader->offset;
    if (left < SEALED_OCTETS)
        return FAX_EP_TRUNCATED;
    return left == SEALED_OCTETS ? 0 : FAX_EP_FORMAT;
}

int key_wrap_data(const uint8_t kek[KEY_OCTETS], const struct key_data_record *record,
                  const uint8_t data_key[KEY_OCTETS], uint8_t *out, size_t capacity, size_t *length)
{
    struct wire_writer writer;
    struct kek_id id;
    if (!kek_class_valid(record->class_name) || kek_id_parse(record->kek_id, &id))
        return FAX_EP_INVAL;
    if (strcmp(id.class_name, record->class_name) != 0)
        return FAX_EP_MISMATCH;
    put_start(&writer, data_magic, out, capacity);
    wire_put_octets(&writer, record->fax_id, sizeof record->fax_id);
    wire_put_text(&writer, record->class_name);
    wire_put_text(&writer, record->kek_id);
    int rc = seal_behind(&writer, kek, data_key);
    *length = writer.length;
    return rc;
}

int key_data_record_decode(const uint8_t *bytes, size_t length, struct key_data_record *record)
{
    struct wire_reader reader;
    struct kek_id id;
    int rc = get_start(&reader, data_magic, bytes, length);
    if (rc)
        return rc;
    wire_get_octets(&reader, record->fax_id, sizeof record->fax_id);
    wire_get_text(&reader, record->class_name, sizeof record->class_name);
    wire_get_text(&reader, record->kek_id, sizeof record->kek_id);
    rc = get_end(&reader);
    if (rc)
        return rc;
    return kek_id_parse(record->kek_id, &id) || strcmp(id.class_name, record->class_name) != 0
               ? FAX_EP_FORMAT
               : 0;
}

int key_unwrap_data(const uint8_t kek[KEY_OCTETS], const uint8_t fax_id[KEY_FAX_ID_OCTETS],
                    const uint8_t *bytes, size_t length, uint8_t data_key[KEY_OCTETS])
{
    struct key_data_record record;
    int rc = key_data_record_decode(bytes, length, &record);
    if (rc == 0 && memcmp(record.fax_id, fax_id, sizeof record.fax_id) != 0)
        rc = FAX_EP_MISMATCH;
    if (rc == 0)
        rc = open_behind(bytes, length, kek, data_key);
    if (rc)
        secret_wipe(data_key, KEY_OCTETS);
    return rc;
}

int key_master_id(const uint8_t master[KEY_OCTETS], uint8_t id[KEY_MASTER_ID_OCTETS])
{
    static const char label[] = "sealfax master id";
    /* Derived, not hashed: the id stands in clear beside what the key protects. */
    return aead_derive(master, &(struct aead_span){label, sizeof label - 1}, id,
                       KEY_MASTER_ID_OCTETS);
}

int key_wrap_kek(const uint8_t master[KEY_OCTETS], const struct key_kek_record *record,
                 const uint8_t kek[KEY_OCTETS], uint8_t *out, size_t capacity, size_t *length)
{
    struct wire_writer writer;
    struct kek_id id;
    uint8_t master_id[KEY_MASTER_ID_OCTETS];
    if (kek_id_parse(record->kek_id, &id) || record->created_us < 0)
        return FAX_EP_INVAL;
    int rc = key_master_id(master, master_id);
    if (rc)
        return rc;
    put_start(&writer, kek_magic, out, capacity);
    wire_put_octets(&writer, master_id, sizeof master_id);
    wire_put_u64(&writer, (uint64_t)record->created_us);
    wire_put_text(&writer, record->kek_id);
    rc = seal_behind(&writer, master, kek);
    *length = writer.length;
    return rc;
}

int key_kek_record_decode(const uint8_t *bytes, size_t length, struct key_kek_record *record)
{
    struct wire_reader reader;
    struct kek_id id;
    int rc = get_start(&reader, kek_magic, bytes, length);
    if (rc)
        return rc;
    wire_get_octets(&reader, record->master_id, sizeof record->master_id);
    uint64_t created = wire_get_u64(&reader);
    wire_get_text(&reader, record->kek_id, sizeof record->kek_id);
    rc = get_end(&reader);
    if (rc)
        return rc;
    if (created > INT64_MAX || kek_id_parse(record->kek_id, &id))
        return FAX_EP_FORMAT;
    record->created_us = (int64_t)created;
    return 0;
}

int key_unwrap_kek(const uint8_t master[KEY_OCTETS], const char *kek_id, const uint8_t *bytes,
                   size_t length, uint8_t kek[KEY_OCTETS])
{
    struct key_kek_record record;
    int rc = key_kek_record_decode(bytes, length, &record);
    if (rc == 0 && strcmp(record.kek_id, kek_id) != 0)
        rc = FAX_EP_MISMATCH;
    if (rc == 0)
        rc = open_behind(bytes, length, master, kek);
    if (rc)
        secret_wipe(kek, KEY_OCTETS);
    return rc;
}

int key_wrap_signing(const uint8_t master[KEY_OCTETS], const char *node,
                     const uint8_t signing_key[KEY_OCTETS], uint8_t *out, size_t capacity,
                     size_t *length)
{
    struct wire_writer writer;
    if (wire_check_text(node, NODE_TEXT))
        return FAX_EP_INVAL;
    put_start(&writer, signing_magic, out, capacity);
    wire_put_text(&writer, node);
    int rc = seal_behind(&writer, master, signing_key);
    *length = writer.length;
    return rc;
}

int key_unwrap_signing(const uint8_t master[KEY_OCTETS], const char *node, const uint8_t *bytes,
                       size_t length, uint8_t signing_key[KEY_OCTETS])
{
    struct wire_reader reader;
    char found[NODE_TEXT] = "";
    int rc = get_start(&reader, signing_magic, bytes, length);
    if (rc == 0) {
        wire_get_text(&reader, found, sizeof found);
        rc = get_end(&reader);
    }
    if (rc == 0 && strcmp(found, node) != 0)
        rc = FAX_EP_MISMATCH;
    if (rc == 0)
        rc = open_behind(bytes, length, master, signing_key);
    if (rc)
        secret_wipe(signing_key, KEY_OCTETS);
    return rc;
}
