#include "policy/vault.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/wire.h"

static const char derive_label[] = "sealfax vault v1";

enum {
    FRAME_MARKER = 0xF5, /* not zero: space that was never written is no frame */
    CHECKED_OCTETS = 12, /* of the frame header, before its check sum */
    LABEL_OCTETS = sizeof derive_label - 1,
    INFO_OCTETS = LABEL_OCTETS + VAULT_FAX_ID_OCTETS + 3,
    AAD_OCTETS = 1 + VAULT_FAX_ID_OCTETS + 11,
    PIECES_MAX = 8
};

struct vault_sealer {
    EVP_CIPHER_CTX *context; /* holds the subkey */
    uint8_t fax_id[VAULT_FAX_ID_OCTETS];
    enum vault_stream stream;
    uint16_t attempt;
    uint32_t last_number;
};

struct vault_opener {
    EVP_CIPHER_CTX *context;
    uint8_t data_key[VAULT_KEY_OCTETS];
    uint8_t fax_id[VAULT_FAX_ID_OCTETS];
};

static bool stream_known(unsigned stream)
{
    return stream >= VAULT_STREAM_PAGES && stream <= VAULT_STREAM_MESSAGE;
}

size_t vault_frame_sealed_length(size_t plain_length)
{
    return plain_length + VAULT_FRAME_OVERHEAD;
}

int vault_frame_header_decode(const uint8_t *bytes, size_t available, struct vault_frame_info *info)
{
    static const uint8_t unwritten[VAULT_FRAME_HEADER_OCTETS];
    struct wire_reader reader;
    *info = (struct vault_frame_info){0};
    if (available < VAULT_FRAME_HEADER_OCTETS ||
        memcmp(bytes, unwritten, VAULT_FRAME_HEADER_OCTETS) == 0)
        return FAX_EP_TRUNCATED;
    wire_reader_init(&reader, bytes, VAULT_FRAME_HEADER_OCTETS);
    uint8_t marker = wire_get_u8(&reader);
    unsigned stream = wire_get_u8(&reader);
    uint16_t attempt = wire_get_u16(&reader);
    uint32_t number = wire_get_u32(&reader);
    uint32_t length = wire_get_u32(&reader);
    uint32_t check = wire_get_u32(&reader);
    if (marker != FRAME_MARKER || check != wire_crc32c(0, bytes, CHECKED_OCTETS) ||
        !stream_known(stream) || number == 0 || length > VAULT_PLAIN_MAX)
        return FAX_EP_FORMAT;
    *info = (struct vault_frame_info){.stream = (enum vault_stream)stream,
                                      .attempt = attempt,
                                      .number = number,
                                      .plain_length = length,
                                      .frame_length = vault_frame_sealed_length(length)};
    return 0;
}

int vault_frame_peek(const uint8_t *bytes, size_t available, struct vault_frame_info *info)
{
    int rc = vault_frame_header_decode(bytes, available, info);
    if (rc == 0 && info->frame_length > available)
        rc = FAX_EP_TRUNCATED;
    return rc;
}

static int derive_subkey(const uint8_t *data_key, const uint8_t *fax_id, enum vault_stream stream,
                         uint16_t attempt, uint8_t subkey[VAULT_KEY_OCTETS])
{
    uint8_t info[INFO_OCTETS];
    struct wire_writer writer;
    wire_writer_init(&writer, info, sizeof info);
    wire_put_octets(&writer, derive_label, LABEL_OCTETS);
    wire_put_octets(&writer, fax_id, VAULT_FAX_ID_OCTETS);
    wire_put_u8(&writer, (uint8_t)stream);
    wire_put_u16(&writer, attempt);
    return aead_derive(data_key, &(struct aead_span){info, writer.length}, subkey,
                       VAULT_KEY_OCTETS);
}

static void make_nonce(uint32_t number, uint8_t nonce[AEAD_NONCE_OCTETS])
{
    struct wire_writer writer;
    wire_writer_init(&writer, nonce, AEAD_NONCE_OCTETS);
    wire_put_u64(&writer, 0);
    wire_put_u32(&writer, number);
}

static void make_aad(const uint8_t *fax_id, const struct vault_frame_info *info,
                     uint8_t aad[AAD_OCTETS])
{
    struct wire_writer writer;
    wire_writer_init(&writer, aad, AAD_OCTETS);
    wire_put_u8(&writer, VAULT_VERSION);
    wire_put_octets(&writer, fax_id, VAULT_FAX_ID_OCTETS);
    wire_put_u8(&writer, (uint8_t)info->stream);
    wire_put_u16(&writer, info->attempt);
    wire_put_u32(&writer, info->number);
    wire_put_u32(&writer, info->plain_length);
}

int vault_sealer_new(const uint8_t data_key[VAULT_KEY_OCTETS],
                     const uint8_t fax_id[VAULT_FAX_ID_OCTETS], enum vault_stream stream,
                     uint16_t attempt, struct vault_sealer **sealer)
{
    uint8_t subkey[VAULT_KEY_OCTETS];
    int rc = FAX_EP_NOMEM;
    *sealer = NULL;
    if (!stream_known((unsigned)stream))
        return FAX_EP_INVAL;
    struct vault_sealer *s = calloc(1, sizeof *s);
    if (!s)
        return rc;
    memcpy(s->fax_id, fax_id, sizeof s->fax_id);
    s->stream = stream;
    s->attempt = attempt;
    s->context = EVP_CIPHER_CTX_new();
    if (!s->context)
        goto fail;
    rc = derive_subkey(data_key, fax_id, stream, attempt, subkey);
    if (rc)
        goto fail;
    if (EVP_EncryptInit_ex(s->context, EVP_aes_256_gcm(), NULL, subkey, NULL) != 1)
        rc = FAX_EP_CRYPTO;
    secret_wipe(subkey, sizeof subkey);
    if (rc)
        goto fail;
    *sealer = s;
    return 0;

fail:
    vault_sealer_free(s);
    return rc;
}

void vault_sealer_free(struct vault_sealer *sealer)
{
    if (!sealer)
        return;
    EVP_CIPHER_CTX_free(sealer->context); /* cleanses the key schedule */
    secret_wipe(sealer, sizeof *sealer);
    free(sealer);
}

static int sum_pieces(const struct vault_piece *pieces, size_t count, struct aead_span *spans,
                      size_t *total)
{
    *total = 0;
    if (count > PIECES_MAX)
        return FAX_EP_INVAL;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].length > VAULT_PLAIN_MAX - *total)
            return FAX_EP_LIMIT;
        *total += pieces[i].length;
        spans[i] = (struct aead_span){pieces[i].bytes, pieces[i].length};
    }
    return 0;
}

int vault_seal_frame(struct vault_sealer *sealer, uint32_t number, const struct vault_piece *pieces,
                     size_t piece_count, uint8_t *out, size_t capacity, size_t *length)
{
    struct aead_span spans[PIECES_MAX];
    uint8_t nonce[AEAD_NONCE_OCTETS], aad[AAD_OCTETS];
    struct wire_writer writer;
    size_t total;
    if (number <= sealer->last_number)
        return FAX_EP_INVAL;
    int rc = sum_pieces(pieces, piece_count, spans, &total);
    if (rc)
        return rc;
    if (capacity < vault_frame_sealed_length(total))
        return FAX_EP_LIMIT;
    const struct vault_frame_info info = {.stream = sealer->stream,
                                          .attempt = sealer->attempt,
                                          .number = number,
                                          .plain_length = (uint32_t)total};
    wire_writer_init(&writer, out, VAULT_FRAME_HEADER_OCTETS);
    wire_put_u8(&writer, FRAME_MARKER);
    wire_put_u8(&writer, (uint8_t)info.stream);
    wire_put_u16(&writer, info.attempt);
    wire_put_u32(&writer, number);
    wire_put_u32(&writer, info.plain_length);
    wire_put_u32(&writer, wire_crc32c(0, out, CHECKED_OCTETS));
    make_nonce(number, nonce);
    make_aad(sealer->fax_id, &info, aad);
    /* Used up before the cipher runs: a failure half way must not free the nonce again. */
    sealer->last_number = number;
    rc = aead_seal(sealer->context, NULL, nonce, &(struct aead_span){aad, sizeof aad}, spans,
                   piece_count, out + VAULT_FRAME_HEADER_OCTETS);
    if (rc)
        return rc;
    *length = vault_frame_sealed_length(total);
    return 0;
}

int vault_opener_new(const uint8_t data_key[VAULT_KEY_OCTETS],
                     const uint8_t fax_id[VAULT_FAX_ID_OCTETS], struct vault_opener **opener)
{
    *opener = NULL;
    struct vault_opener *o = calloc(1, sizeof *o);
    if (!o)
        return FAX_EP_NOMEM;
    memcpy(o->data_key, data_key, sizeof o->data_key);
    memcpy(o->fax_id, fax_id, sizeof o->fax_id);
    o->context = EVP_CIPHER_CTX_new();
    if (!o->context) {
        vault_opener_free(o);
        return FAX_EP_NOMEM;
    }
    *opener = o;
    return 0;
}

void vault_opener_free(struct vault_opener *opener)
{
    if (!opener)
        return;
    EVP_CIPHER_CTX_free(opener->context);
    secret_wipe(opener, sizeof *opener);
    free(opener);
}

int vault_open_frame(struct vault_opener *opener, const uint8_t *frame, size_t available,
                     uint8_t *plain, size_t capacity, size_t *plain_length)
{
    struct vault_frame_info info;
    uint8_t subkey[VAULT_KEY_OCTETS], nonce[AEAD_NONCE_OCTETS], aad[AAD_OCTETS];
    int rc = vault_frame_peek(frame, available, &info);
    if (rc)
        return rc;
    if (capacity < info.plain_length)
        return FAX_EP_LIMIT;
    rc = derive_subkey(opener->data_key, opener->fax_id, info.stream, info.attempt, subkey);
    if (rc)
        return rc;
    make_nonce(info.number, nonce);
    make_aad(opener->fax_id, &info, aad);
    rc =
        aead_open(opener->context, subkey, nonce, &(struct aead_span){aad, sizeof aad},
                  &(struct aead_span){frame + VAULT_FRAME_HEADER_OCTETS, info.plain_length}, plain);
    secret_wipe(subkey, sizeof subkey);
    if (rc == 0)
        *plain_length = info.plain_length;
    return rc;
}
