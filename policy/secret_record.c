#include "policy/secret_record.h"

#include <openssl/evp.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/wire.h"

enum {
    MAGIC_OCTETS = 7,
    RECORD_FORMAT_VERSION = 1,
    CLEAR_MAX = MAGIC_OCTETS + 1 + 1 + KEK_ID_TEXT,
    BOUND_MAX = CLEAR_MAX + 3 * (1 + SECRET_OWNER_TEXT),
    EXTRA_OCTETS = AEAD_NONCE_OCTETS + AEAD_TAG_OCTETS
};

_Static_assert((int)CLEAR_MAX + EXTRA_OCTETS + SECRET_OCTETS_MAX <= (int)SECRET_RECORD_MAX,
               "every record fits");

static const char magic[MAGIC_OCTETS + 1] = "SEALSEC";

static int put_bound(struct wire_writer *writer, const char *text)
{
    size_t length = text ? strnlen(text, SECRET_OWNER_TEXT) : SECRET_OWNER_TEXT;
    if (length >= SECRET_OWNER_TEXT)
        return FAX_EP_INVAL;
    wire_put_u8(writer, (uint8_t)length);
    wire_put_octets(writer, text, length);
    return writer->error;
}

/* What is authenticated: the clear part, then the texts of the owner, each with its length. */
static int make_bound(const uint8_t *clear, size_t clear_length, const struct secret_owner *owner,
                      uint8_t bound[BOUND_MAX], size_t *length)
{
    struct wire_writer writer;
    wire_writer_init(&writer, bound, BOUND_MAX);
    wire_put_octets(&writer, clear, clear_length);
    if (!owner->principal || !owner->principal[0] || !owner->user || !owner->user[0])
        return FAX_EP_INVAL;
    int rc = put_bound(&writer, owner->principal);
    if (rc == 0)
        rc = put_bound(&writer, owner->realm);
    if (rc == 0)
        rc = put_bound(&writer, owner->user);
    *length = writer.length;
    return rc;
}

static int check_kek(const char *kek_id)
{
    struct kek_id id;
    return kek_id_parse(kek_id, &id) || strcmp(id.class_name, SECRET_KEK_CLASS) != 0 ? FAX_EP_INVAL
                                                                                     : 0;
}

int secret_record_wrap(const uint8_t kek[KEY_OCTETS], const char *kek_id,
                       const struct secret_owner *owner, const uint8_t *secret, size_t length,
                       uint8_t out[SECRET_RECORD_MAX], size_t *out_length)
{
    struct wire_writer writer;
    uint8_t bound[BOUND_MAX], nonce[AEAD_NONCE_OCTETS], sealed[SECRET_OCTETS_MAX + AEAD_TAG_OCTETS];
    size_t bound_length = 0;
    *out_length = 0;
    if (length == 0 || length > SECRET_OCTETS_MAX || check_kek(kek_id))
        return FAX_EP_INVAL;
    wire_writer_init(&writer, out, SECRET_RECORD_MAX);
    wire_put_octets(&writer, magic, MAGIC_OCTETS);
    wire_put_u8(&writer, RECORD_FORMAT_VERSION);
    wire_put_text(&writer, kek_id);
    int rc = writer.error;
    if (rc == 0)
        rc = make_bound(out, writer.length, owner, bound, &bound_length);
    if (rc == 0)
        rc = secret_random(nonce, sizeof nonce);
    if (rc)
        return rc;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return FAX_EP_NOMEM;
    rc = aead_seal(context, kek, nonce, &(struct aead_span){bound, bound_length},
                   &(struct aead_span){secret, length}, 1, sealed);
    EVP_CIPHER_CTX_free(context);
    if (rc)
        return rc;
    wire_put_octets(&writer, nonce, sizeof nonce);
    wire_put_octets(&writer, sealed, length + AEAD_TAG_OCTETS);
    *out_length = writer.length;
    return writer.error;
}

/* *clear_length: octets of the clear part. */
static int decode(const uint8_t *bytes, size_t length, char kek_id[KEK_ID_TEXT],
                  size_t *clear_length)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes, length);
    const uint8_t *start = wire_take(&reader, MAGIC_OCTETS);
    uint8_t version = wire_get_u8(&reader);
    if (reader.error)
        return reader.error;
    if (memcmp(start, magic, MAGIC_OCTETS) != 0)
        return FAX_EP_FORMAT;
    if (version != RECORD_FORMAT_VERSION)
        return FAX_EP_VERSION;
    wire_get_text(&reader, kek_id, KEK_ID_TEXT);
    if (reader.error)
        return reader.error;
    size_t left = length - reader.offset;
    if (left <= EXTRA_OCTETS)
        return FAX_EP_TRUNCATED;
    *clear_length = reader.offset;
    return left > EXTRA_OCTETS + SECRET_OCTETS_MAX || check_kek(kek_id) ? FAX_EP_FORMAT : 0;
}

int secret_record_decode(const uint8_t *bytes, size_t length, char kek_id[KEK_ID_TEXT])
{
    size_t clear_length = 0;
    return decode(bytes, length, kek_id, &clear_length);
}

int secret_record_unwrap(const uint8_t kek[KEY_OCTETS], const struct secret_owner *owner,
                         const uint8_t *bytes, size_t length, uint8_t secret[SECRET_OCTETS_MAX],
                         size_t *secret_length)
{
    uint8_t bound[BOUND_MAX];
    char kek_id[KEK_ID_TEXT];
    size_t clear_length = 0, bound_length = 0;
    *secret_length = 0;
    secret_wipe(secret, SECRET_OCTETS_MAX);
    int rc = decode(bytes, length, kek_id, &clear_length);
    if (rc == 0)
        rc = make_bound(bytes, clear_length, owner, bound, &bound_length);
    if (rc)
        return rc;
    const uint8_t *nonce = bytes + clear_length;
    size_t octets = length - clear_length - EXTRA_OCTETS;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return FAX_EP_NOMEM;
    rc = aead_open(context, kek, nonce, &(struct aead_span){bound, bound_length},
                   &(struct aead_span){nonce + AEAD_NONCE_OCTETS, octets}, secret);
    EVP_CIPHER_CTX_free(context);
    if (rc == 0)
        *secret_length = octets;
    else
        secret_wipe(secret, SECRET_OCTETS_MAX);
    return rc;
}
