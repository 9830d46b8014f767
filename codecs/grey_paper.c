#include "codecs/grey_paper.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

enum {
    LEVELS = 256,
    TILE = 64,       /* pixels, both ways */
    TILE_STEP = 3,   /* between the pixels that are looked at */
    SAMPLE_STEP = 7, /* likewise for the page as a whole */
    DARKEST = 96,    /* paper is not looked for below this level */
    NEAR = 12,       /* levels of noise around that of the paper */
    TILE_PERCENT = 40,
    PAGE_PERCENT = 15,    /* of the tiles must be paper */
    LIGHTER_PERCENT = 3,  /* of the pixels may be lighter than paper */
    UNEVEN_FROM = 8,      /* levels between its lightest and darkest place */
    TERMS = 6,            /* of the surface */
    PIECE = 16,           /* pixels that are levelled alike, both ways */
    PERFECT_LEVEL = 250,  /* paper of a drawn page */
    PERFECT_PERCENT = 50, /* of the light pixels of one have exactly its level */
    LIGHT_REACH = 40,
};

/* Most likely paper in a tile, with its place on the page from -1 to 1. */
struct tile {
    double x, y;
    int level; /* 0: there is none */
    bool fits;
};

struct surface {
    double terms[TERMS];
    double lowest, highest; /* levels of the tiles that fit */
};

static void fill_terms(double x, double y, double terms[TERMS])
{
    const double all[TERMS] = {1, x, y, x * x, x * y, y * y};
    memcpy(terms, all, sizeof all);
}

static double level_at(const struct surface *surface, double x, double y)
{
    double terms[TERMS], sum = 0;
    fill_terms(x, y, terms);
    for (int i = 0; i < TERMS; i++)
        sum += surface->terms[i] * terms[i];
    return fmin(fmax(sum, surface->lowest), surface->highest);
}

/* A page that was drawn has paper of exactly one level, mostly 255. */
static bool is_drawn(const struct grey_page *page)
{
    uint32_t counts[LEVELS] = {0}, light = 0;
    for (uint32_t y = 0; y < page->height; y += SAMPLE_STEP) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        for (uint32_t x = y / SAMPLE_STEP % SAMPLE_STEP; x < page->width; x += SAMPLE_STEP)
            counts[row[x]]++;
    }
    int peak = LEVELS - 1;
    for (int v = LEVELS - 1; v >= DARKEST; v--)
        if (counts[v] > counts[peak])
            peak = v;
    for (int v = peak > LIGHT_REACH ? peak - LIGHT_REACH : 0; v < LEVELS; v++)
        light += counts[v];
    return peak >= PERFECT_LEVEL &&
           (uint64_t)counts[peak] * 100 >= (uint64_t)light * PERFECT_PERCENT;
}

/* The level around which most pixels of a tile lie, when they are most of the tile and hardly any
 * is lighter; else 0. */
static int judge_tile(const uint16_t counts[LEVELS])
{
    uint32_t total = 0, window = 0, best = 0, lighter = 0;
    int level = 0;
    for (int v = 0; v < LEVELS; v++)
        total += counts[v];
    for (int v = LEVELS - 1; v >= DARKEST; v--) {
        window += counts[v];
        if (v + NEAR < LEVELS)
            window -= counts[v + NEAR];
        if (window > best) {
            best = window;
            level = v + NEAR / 2;
        }
    }
    for (int v = level + 2 * NEAR; v < LEVELS; v++)
        lighter += counts[v];
    bool is_paper = best * 100 >= total * TILE_PERCENT && lighter * 100 <= total * LIGHTER_PERCENT;
    if (!is_paper)
        return 0;
    return level < LEVELS ? level : LEVELS - 1;
}

static int look_at_tile(const struct grey_page *page, uint32_t left, uint32_t top)
{
    uint16_t counts[LEVELS] = {0};
    for (uint32_t y = top; y < top + TILE && y < page->height; y += TILE_STEP) {
        const uint8_t *row = page->pixels + (size_t)y * page->width;
        for (uint32_t x = left; x < left + TILE && x < page->width; x += TILE_STEP)
            counts[row[x]]++;
    }
    return judge_tile(counts);
}

/* Solves the equations in place, whose matrix is symmetric and made regular by its diagonal. */
static void solve(double matrix[TERMS][TERMS + 1], double out[TERMS])
{
    for (int i = 0; i < TERMS; i++)
        for (int k = i + 1; k < TERMS; k++) {
            double factor = matrix[k][i] / matrix[i][i];
            for (int j = i; j <= TERMS; j++)
                matrix[k][j] -= factor * matrix[i][j];
        }
    for (int i = TERMS - 1; i >= 0; i--) {
        double sum = matrix[i][TERMS];
        for (int j = i + 1; j < TERMS; j++)
            sum -= matrix[i][j] * out[j];
        out[i] = sum / matrix[i][i];
    }
}

/* The surface with the least squares of distances to the tiles that fit. */
static uint32_t fit(const struct tile *tiles, uint32_t count, struct surface *out)
{
    double matrix[TERMS][TERMS + 1] = {{0}}, terms[TERMS];
    uint32_t used = 0;
    out->lowest = LEVELS;
    out->highest = 0;
    for (uint32_t n = 0; n < count; n++) {
        const struct tile *tile = &tiles[n];
        if (!tile->fits)
            continue;
        used++;
        out->lowest = fmin(out->lowest, tile->level);
        out->highest = fmax(out->highest, tile->level);
        fill_terms(tile->x, tile->y, terms);
        for (int i = 0; i < TERMS; i++) {
            for (int j = 0; j < TERMS; j++)
                matrix[i][j] += terms[i] * terms[j];
            matrix[i][TERMS] += terms[i] * tile->level;
        }
    }
    for (int i = 0; i < TERMS; i++)
        matrix[i][i] += 1e-3;
    solve(matrix, out->terms);
    return used;
}

/* What is darker than the surface is more likely something on the paper than paper, so it leaves
 * the fit first. */
static uint32_t fit_paper(struct tile *tiles, uint32_t count, struct surface *out)
{
    static const int reaches[] = {48, 32, 24, 16, 12, 12};
    for (uint32_t n = 0; n < count; n++)
        tiles[n].fits = tiles[n].level > 0;
    uint32_t used = fit(tiles, count, out);
    for (size_t i = 0; i < sizeof reaches / sizeof reaches[0] && used >= TERMS; i++) {
        for (uint32_t n = 0; n < count; n++) {
            double away = tiles[n].level - level_at(out, tiles[n].x, tiles[n].y);
            tiles[n].fits = tiles[n].level > 0 && away >= -0.7 * reaches[i] && away <= reaches[i];
        }
        used = fit(tiles, count, out);
    }
    return used;
}

/* From -1 at the first pixel to 1 behind the last. */
static double place(double at, uint32_t size)
{
    return 2 * at / size - 1;
}

/* More than to a half no light fades on a page: that is a drawn slope. */
static bool is_uneven(const struct surface *surface)
{
    double lowest = LEVELS, highest = 0;
    for (int y = -4; y <= 4; y++)
        for (int x = -4; x <= 4; x++) {
            double level = level_at(surface, x / 4.0, y / 4.0);
            lowest = fmin(lowest, level);
            highest = fmax(highest, level);
        }
    return highest - lowest >= UNEVEN_FROM && lowest * 2 >= highest;
}

/* Paper is the lightest thing on a page; what has much that is lighter is a picture. */
static bool is_lightest(const struct grey_page *page, const struct surface *surface)
{
    uint64_t lighter = 0, seen = 0;
    for (uint32_t y = 0; y < page->height; y += SAMPLE_STEP)
        for (uint32_t left = 0; left < page->width; left += TILE) {
            double paper = level_at(surface, place(left, page->width), place(y, page->height));
            int limit = (int)paper + 2 * NEAR;
            for (uint32_t x = left; x < left + TILE && x < page->width; x += SAMPLE_STEP) {
                lighter += page->pixels[(size_t)y * page->width + x] > limit;
                seen++;
            }
        }
    return lighter * 100 <= seen * LIGHTER_PERCENT;
}

/* Returns whether the page has uneven paper. */
static bool find_surface(const struct grey_page *page, struct tile *tiles, struct surface *out)
{
    uint32_t count = 0;
    for (uint32_t y = 0; y < page->height; y += TILE)
        for (uint32_t x = 0; x < page->width; x += TILE)
            tiles[count++] = (struct tile){.x = place(x + TILE / 2.0, page->width),
                                           .y = place(y + TILE / 2.0, page->height),
                                           .level = look_at_tile(page, x, y)};
    uint32_t used = fit_paper(tiles, count, out);
    return used >= TERMS && used * 100 >= count * PAGE_PERCENT && is_uneven(out) &&
           is_lightest(page, out);
}

static void level_piece(const uint8_t *from, uint8_t *to, uint32_t pixels, uint32_t factor)
{
    for (uint32_t i = 0; i < pixels; i++) {
        uint32_t level = (from[i] * factor + 128) >> 8;
        to[i] = (uint8_t)(level < LEVELS ? level : LEVELS - 1);
    }
}

static void level_rows(const struct grey_page *page, const struct surface *surface, uint32_t top,
                       struct grey_page *out)
{
    uint32_t end = page->height - top < PIECE ? page->height : top + PIECE;
    double y = place(top + PIECE / 2.0, page->height);
    for (uint32_t x = 0; x < page->width; x += PIECE) {
        double paper = level_at(surface, place(x + PIECE / 2.0, page->width), y);
        uint32_t factor = (uint32_t)(GREY_PAPER_LEVEL * 256 / paper + 0.5);
        uint32_t pixels = page->width - x < PIECE ? page->width - x : PIECE;
        for (uint32_t row = top; row < end; row++) {
            size_t at = (size_t)row * page->width + x;
            level_piece(page->pixels + at, out->pixels + at, pixels, factor);
        }
    }
}

int grey_paper_level(const struct grey_page *page, struct grey_page *out)
{
    struct surface surface;
    *out = (struct grey_page){0};
    if (is_drawn(page))
        return 0;
    size_t across = (page->width + TILE - 1) / TILE, down = (page->height + TILE - 1) / TILE;
    struct tile *tiles = calloc(across * down, sizeof *tiles);
    if (!tiles)
        return FAX_ENOMEM;
    bool found = find_surface(page, tiles, &surface);
    OPENSSL_cleanse(tiles, across * down * sizeof *tiles);
    free(tiles);
    if (!found)
        return 0;
    uint8_t *pixels = malloc((size_t)page->width * page->height);
    if (!pixels)
        return FAX_ENOMEM;
    *out = (struct grey_page){.width = page->width, .height = page->height, .pixels = pixels};
    for (uint32_t y = 0; y < page->height; y += PIECE)
        level_rows(page, &surface, y, out);
    return 1;
}
