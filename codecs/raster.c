#include "codecs/raster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "codecs/fax_error.h"

enum { FIRST_ROWS = 256 };

size_t raster_row_octets(const struct raster *raster)
{
    return ((size_t)raster->width + 7) / 8;
}

int raster_init(struct raster *raster, uint32_t width, uint32_t height)
{
    *raster = (struct raster){0};
    if (width == 0 || width > RASTER_WIDTH_MAX || height > RASTER_ROWS_MAX)
        return FAX_EINVAL;
    raster->width = width;
    raster->stride = ((size_t)width + 63) / 64 * 8;
    int rc = raster_reserve(raster, height ? height : 1);
    if (rc < 0) {
        *raster = (struct raster){0};
        return rc;
    }
    raster->height = height;
    return 0;
}

void raster_free(struct raster *raster)
{
    if (!raster)
        return;
    if (raster->rows)
        explicit_bzero(raster->rows, raster->row_capacity * raster->stride);
    free(raster->rows);
    *raster = (struct raster){0};
}

int raster_reserve(struct raster *raster, uint32_t rows)
{
    if (rows <= raster->row_capacity)
        return 0;
    if (rows > RASTER_ROWS_MAX)
        return FAX_ELIMIT;
    /* Not realloc: it would leave an unwiped copy behind. */
    uint8_t *grown = calloc(rows, raster->stride);
    if (!grown)
        return FAX_ENOMEM;
    if (raster->rows) {
        size_t used = raster->height * raster->stride;
        memcpy(grown, raster->rows, used);
        explicit_bzero(raster->rows, used);
        free(raster->rows);
    }
    raster->rows = grown;
    raster->row_capacity = rows;
    return 0;
}

int raster_append_row(struct raster *raster, const uint8_t *row, uint32_t max_rows)
{
    if (raster->height >= max_rows)
        return FAX_ELIMIT;
    if (raster->height == raster->row_capacity) {
        uint32_t rows = raster->row_capacity < FIRST_ROWS ? FIRST_ROWS : raster->row_capacity * 2;
        if (rows > RASTER_ROWS_MAX && raster->row_capacity < RASTER_ROWS_MAX)
            rows = RASTER_ROWS_MAX;
        int rc = raster_reserve(raster, rows);
        if (rc < 0)
            return rc;
    }
    size_t octets = raster_row_octets(raster);
    uint8_t *to = raster->rows + raster->height * raster->stride;
    memcpy(to, row, octets);
    if (raster->width % 8)
        to[octets - 1] &= (uint8_t)(0xFF << (8 - raster->width % 8));
    raster->height++;
    return 0;
}

uint8_t *raster_row(struct raster *raster, uint32_t y)
{
    assert(y < raster->height);
    return raster->rows + y * raster->stride;
}

const uint8_t *raster_row_const(const struct raster *raster, uint32_t y)
{
    assert(y < raster->height);
    return raster->rows + y * raster->stride;
}

static void turn_row(const struct raster *raster, uint32_t y, struct raster *out)
{
    const uint8_t *row = raster_row_const(raster, y);
    uint32_t x = raster->height - 1 - y;
    for (uint32_t i = 0; i < raster->width; i++)
        if (row[i / 8] & 0x80 >> i % 8)
            raster_row(out, i)[x / 8] |= (uint8_t)(0x80 >> x % 8);
}

int raster_turn(const struct raster *raster, struct raster *out)
{
    int rc = raster_init(out, raster->height, raster->width);
    for (uint32_t y = 0; rc == 0 && y < raster->height; y++)
        turn_row(raster, y, out);
    return rc;
}

bool raster_equal(const struct raster *a, const struct raster *b)
{
    return a->width == b->width && a->height == b->height &&
           (a->height == 0 || memcmp(a->rows, b->rows, a->height * a->stride) == 0);
}

static void put_be32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

int raster_digest(const struct raster *raster, uint8_t out[RASTER_DIGEST_OCTETS])
{
    uint8_t size[8];
    size_t octets = raster_row_octets(raster);
    put_be32(size, raster->width);
    put_be32(size + 4, raster->height);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, size, sizeof size) == 1;
    /* Rows without padding lie back to back: one call for the page. */
    if (ok && octets == raster->stride)
        ok = EVP_DigestUpdate(md, raster->rows, octets * raster->height) == 1;
    else
        for (uint32_t y = 0; ok && y < raster->height; y++)
            ok = EVP_DigestUpdate(md, raster_row_const(raster, y), octets) == 1;
    ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok ? 0 : FAX_ENOMEM;
}
