#include "gateway/control/submission_seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "codecs/page_set.h"
#include "gateway/control/fax_store.h"
#include "gateway/file_octets.h"
#include "policy/policy_error.h"
#include "policy/text_code.h"
#include "policy/vault.h"

static int seal_page(int fd, struct vault_sealer *sealer, uint32_t number,
                     const struct page_set_entry *entry, struct sealed_page *page)
{
    struct vault_page_meta meta = {
        .coding = (uint8_t)entry->format.coding,
        .lsb_first = entry->format.lsb_first,
        .width = entry->format.width,
        .rows = entry->format.height,
        .x_dpi = entry->format.x_dpi,
        .y_dpi = entry->format.y_dpi,
    };
    uint8_t block[VAULT_PAGE_META_OCTETS];
    memcpy(meta.digest, entry->digest, sizeof meta.digest);
    vault_page_meta_encode(&meta, block);
    const struct vault_piece pieces[] = {{block, sizeof block}, {entry->data, entry->length}};
    size_t capacity = vault_frame_sealed_length(sizeof block + entry->length), length = 0;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    uint8_t *frame = malloc(capacity);
    if (!frame || offset < 0) {
        free(frame);
        return -ENOMEM;
    }
    int rc = vault_seal_frame(sealer, number, pieces, 2, frame, capacity, &length);
    rc = rc < 0 ? -EIO : file_write_all(fd, frame, length);
    free(frame);
    *page = (struct sealed_page){
        .width = meta.width,
        .rows = meta.rows,
        .x_dpi = (uint16_t)meta.x_dpi,
        .y_dpi = (uint16_t)meta.y_dpi,
        .coding = meta.coding,
        .octets = (uint32_t)entry->length,
        .offset = (uint64_t)offset,
        .length = (uint32_t)length,
    };
    memcpy(page->digest, meta.digest, sizeof page->digest);
    return rc;
}

static int seal_pages(const struct seal_request *request, int fd, struct page_set_reader *reader,
                      struct sealed_page *pages)
{
    struct vault_sealer *sealer = NULL;
    struct page_set_entry entry;
    uint32_t number = 0;
    int rc = vault_sealer_new(request->data_key, request->fax.octets, VAULT_STREAM_RENDITION, 0,
                              &sealer);
    if (rc < 0)
        return rc == FAX_EP_NOMEM ? -ENOMEM : -EIO;
    rc = 0;
    while (rc == 0 && page_set_next(reader, &entry) == 1) {
        rc = seal_page(fd, sealer, number + 1, &entry, &pages[number]);
        number++;
    }
    vault_sealer_free(sealer);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    return rc;
}

static int seal_set(const struct seal_request *request, const uint8_t *set, int fd,
                    struct sealed_page **pages, uint32_t *count)
{
    struct page_set_reader reader;
    if (page_set_open(&reader, set, request->octets, request->max_pages) < 0 || reader.pages == 0)
        return -EBADMSG;
    *count = reader.pages;
    *pages = calloc(reader.pages, sizeof **pages);
    return *pages ? seal_pages(request, fd, &reader, *pages) : -ENOMEM;
}

int submission_seal(const struct seal_request *request, struct sealed_page **pages, uint32_t *count)
{
    int fd = -1;
    *pages = NULL;
    uint8_t *set = mmap(NULL, request->octets, PROT_READ, MAP_SHARED, request->page_set, 0);
    if (set == MAP_FAILED)
        return -errno;
    int rc = fax_store_create(request->vault, &request->fax, request->class_name, request->kek_id,
                              true, &fd);
    if (rc == 0) {
        rc = seal_set(request, set, fd, pages, count);
        if (rc < 0 && fax_store_remove(request->vault, &request->fax, true) < 0)
            rc = rc == -EBADMSG ? rc : -EIO;
        close(fd);
    }
    munmap(set, request->octets);
    if (rc < 0) {
        free(*pages);
        *pages = NULL;
    }
    return rc;
}

int submission_digest(int document, uint64_t octets, char text[65])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (octets == 0)
        return -EINVAL;
    void *map = mmap(NULL, octets, PROT_READ, MAP_SHARED, document, 0);
    if (map == MAP_FAILED)
        return -errno;
    int ok = EVP_Digest(map, octets, digest, &length, EVP_sha256(), NULL);
    munmap(map, octets);
    if (ok != 1 || length != 32)
        return -EIO;
    hex_encode(digest, length, text);
    return 0;
}
