/* vault_file.h: vault files for tests, written with the real sealing, and pages to put into them.
 */
#ifndef TESTS_DOUBLES_VAULT_FILE_H
#define TESTS_DOUBLES_VAULT_FILE_H

#include <stdint.h>

#include "codecs/raster.h"
#include "policy/vault.h"

/* Whose file it is. */
struct vault_file_id {
    uint8_t fax_id[VAULT_FAX_ID_OCTETS];
    uint8_t data_key[VAULT_KEY_OCTETS];
};

/* Random id and key. */
void vault_file_id_new(struct vault_file_id *id);

/* A new file without a name in `directory` (NULL: $TMPDIR or /tmp), holding a header. Aborts the
 * test program on failure, as everything here. Returns the descriptor, the caller's. */
int vault_file_new(const char *directory, const struct vault_file_id *id);

/* Appends a page in T.6 as frame `number` of a stream and attempt. */
void vault_file_add_page(int fd, const struct vault_file_id *id, enum vault_stream stream,
                         uint16_t attempt, uint32_t number, const struct raster *page);

/* The same with another vertical resolution than 196. */
void vault_file_add_page_at(int fd, const struct vault_file_id *id, enum vault_stream stream,
                            uint16_t attempt, uint32_t number, const struct raster *page,
                            uint16_t y_dpi);

/* Turns one bit of the file over. */
void vault_file_flip_bit(int fd, uint64_t offset);

/* A page 1728 wide with lines of text-like marks that depend on seed; freed with raster_free. */
void vault_file_draw_page(struct raster *page, uint32_t rows, uint32_t seed);

#endif
