#include "policy/vault.h"

#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/wire.h"

static const char magic[] = "SEALFAX"; /* the version octet follows */

enum { MAGIC_OCTETS = sizeof magic - 1, CHECK_OCTETS = 8 };

_Static_assert(MAGIC_OCTETS + 1 + VAULT_FAX_ID_OCTETS + VAULT_CLASS_TEXT + VAULT_KEY_ID_TEXT +
                       CHECK_OCTETS <=
                   VAULT_HEADER_MAX,
               "every header fits");

int vault_header_encode(const struct vault_header *header, uint8_t *out, size_t capacity,
                        size_t *length)
{
    struct wire_writer writer;
    uint8_t digest[32];
    if (wire_check_text(header->class_name, sizeof header->class_name) ||
        wire_check_text(header->key_id, sizeof header->key_id))
        return FAX_EP_INVAL;
    wire_writer_init(&writer, out, capacity);
    wire_put_octets(&writer, magic, MAGIC_OCTETS);
    wire_put_u8(&writer, VAULT_VERSION);
    wire_put_octets(&writer, header->fax_id, sizeof header->fax_id);
    wire_put_text(&writer, header->class_name);
    wire_put_text(&writer, header->key_id);
    if (writer.error)
        return writer.error;
    int rc = aead_sha256(out, writer.length, digest);
    if (rc)
        return rc;
    wire_put_octets(&writer, digest, CHECK_OCTETS);
    *length = writer.length;
    return writer.error;
}

int vault_header_decode(const uint8_t *bytes, size_t available, const uint8_t *expected_fax_id,
                        struct vault_header *header, size_t *length)
{
    struct wire_reader reader;
    uint8_t digest[32];
    wire_reader_init(&reader, bytes, available);
    const uint8_t *start = wire_take(&reader, MAGIC_OCTETS);
    if (!start)
        return FAX_EP_TRUNCATED;
    if (memcmp(start, magic, MAGIC_OCTETS) != 0)
        return FAX_EP_FORMAT;
    uint8_t version = wire_get_u8(&reader);
    if (!reader.error && version != VAULT_VERSION)
        return FAX_EP_VERSION;
    wire_get_octets(&reader, header->fax_id, sizeof header->fax_id);
    wire_get_text(&reader, header->class_name, sizeof header->class_name);
    wire_get_text(&reader, header->key_id, sizeof header->key_id);
    size_t checked = reader.offset;
    const uint8_t *check = wire_take(&reader, CHECK_OCTETS);
    if (!check)
        return reader.error;
    int rc = aead_sha256(bytes, checked, digest);
    if (rc)
        return rc;
    if (memcmp(check, digest, CHECK_OCTETS) != 0)
        return FAX_EP_FORMAT;
    if (expected_fax_id && memcmp(expected_fax_id, header->fax_id, sizeof header->fax_id) != 0)
        return FAX_EP_MISMATCH;
    *length = reader.offset;
    return 0;
}

void vault_page_meta_encode(const struct vault_page_meta *meta, uint8_t out[VAULT_PAGE_META_OCTETS])
{
    struct wire_writer writer;
    wire_writer_init(&writer, out, VAULT_PAGE_META_OCTETS);
    wire_put_u8(&writer, meta->coding);
    wire_put_u8(&writer, meta->lsb_first ? 1 : 0);
    wire_put_u16(&writer, 0);
    wire_put_u32(&writer, meta->width);
    wire_put_u32(&writer, meta->rows);
    wire_put_u32(&writer, meta->x_dpi);
    wire_put_u32(&writer, meta->y_dpi);
    wire_put_octets(&writer, meta->digest, sizeof meta->digest);
}

int vault_page_meta_decode(const uint8_t *plain, size_t length, struct vault_page_meta *meta)
{
    struct wire_reader reader;
    wire_reader_init(&reader, plain, length);
    meta->coding = wire_get_u8(&reader);
    uint8_t lsb_first = wire_get_u8(&reader);
    uint16_t reserved = wire_get_u16(&reader);
    meta->lsb_first = lsb_first == 1;
    meta->width = wire_get_u32(&reader);
    meta->rows = wire_get_u32(&reader);
    meta->x_dpi = wire_get_u32(&reader);
    meta->y_dpi = wire_get_u32(&reader);
    wire_get_octets(&reader, meta->digest, sizeof meta->digest);
    if (reader.error)
        return reader.error;
    if (meta->coding == 0 || lsb_first > 1 || reserved || meta->width == 0 || meta->rows == 0)
        return FAX_EP_FORMAT;
    return 0;
}
