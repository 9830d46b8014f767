/* A vault file image: header, then frames opened one after the other. The key never fits what the
 * fuzzer makes, so that each frame must be refused; the seeds were sealed with it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[VAULT_KEY_OCTETS] = {1, 2, 3};
    struct vault_header header;
    struct vault_page_meta meta;
    struct vault_frame_info info;
    struct vault_opener *opener;
    uint8_t encoded[VAULT_HEADER_MAX], block[VAULT_PAGE_META_OCTETS], plain[4096];
    size_t length, at;
    if (vault_header_decode(data, size, NULL, &header, &at))
        return 0;
    if (vault_header_encode(&header, encoded, sizeof encoded, &length) || length != at ||
        memcmp(encoded, data, length) != 0)
        abort();
    if (vault_opener_new(key, header.fax_id, &opener))
        abort();
    while (at < size && vault_frame_peek(data + at, size - at, &info) == 0) {
        if (vault_open_frame(opener, data + at, size - at, plain, sizeof plain, &length) == 0 &&
            vault_page_meta_decode(plain, length, &meta) == 0) {
            vault_page_meta_encode(&meta, block);
            if (memcmp(block, plain, sizeof block) != 0)
                abort();
        }
        at += info.frame_length;
    }
    vault_opener_free(opener);
    return 0;
}
