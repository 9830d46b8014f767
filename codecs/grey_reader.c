#include "codecs/grey_page.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"

/* The header is 'P5', three numbers with white space or comments in between, and one white space
 * octet. */
enum { NUMBERS = 3, HEADER_MAX = 512, NUMBER_MAX = 65535, MAXVAL = 255 };

enum place { PLACE_P, PLACE_KIND, PLACE_GAP, PLACE_COMMENT, PLACE_NUMBER, PLACE_PIXELS };

struct grey_reader {
    struct grey_limits limits;
    struct grey_page page;
    enum place place;
    uint32_t numbers[NUMBERS];
    unsigned number, header_octets;
    size_t filled, size; /* octets of page.pixels */
    int error;
};

void grey_page_free(struct grey_page *page)
{
    if (!page)
        return;
    if (page->pixels)
        OPENSSL_cleanse(page->pixels, (size_t)page->width * page->height);
    free(page->pixels);
    *page = (struct grey_page){0};
}

int grey_reader_new(struct grey_reader **out, const struct grey_limits *limits)
{
    *out = NULL;
    if (limits->max_width == 0 || limits->max_width > NUMBER_MAX || limits->max_height == 0 ||
        limits->max_height > NUMBER_MAX || limits->max_pixels == 0)
        return FAX_EINVAL;
    struct grey_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return FAX_ENOMEM;
    reader->limits = *limits;
    *out = reader;
    return 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int begin_pixels(struct grey_reader *reader)
{
    const struct grey_limits *limits = &reader->limits;
    uint32_t width = reader->numbers[0], height = reader->numbers[1];
    if (reader->numbers[2] != MAXVAL)
        return FAX_EFORMAT;
    if (width == 0 || height == 0)
        return FAX_EEMPTY;
    if (width > limits->max_width || height > limits->max_height ||
        (uint64_t)width * height > limits->max_pixels)
        return FAX_ELIMIT;
    reader->size = (size_t)width * height;
    reader->page.pixels = malloc(reader->size);
    if (!reader->page.pixels)
        return FAX_ENOMEM;
    reader->page.width = width;
    reader->page.height = height;
    reader->filled = 0;
    reader->place = PLACE_PIXELS;
    return 0;
}

static int take_digit(struct grey_reader *reader, uint8_t c)
{
    uint32_t *number = &reader->numbers[reader->number];
    if (c < '0' || c > '9')
        return FAX_EFORMAT;
    *number = *number * 10 + (c - '0');
    reader->place = PLACE_NUMBER;
    return *number > NUMBER_MAX ? FAX_ELIMIT : 0;
}

/* Takes an octet between or inside the numbers. */
static int take_number_octet(struct grey_reader *reader, uint8_t c)
{
    bool inside = reader->place == PLACE_NUMBER;
    if (c == '#' && reader->number < NUMBERS - (inside ? 1 : 0)) {
        reader->number += inside;
        reader->place = PLACE_COMMENT;
        return 0;
    }
    if (!is_space(c))
        return take_digit(reader, c);
    if (!inside)
        return 0;
    reader->place = PLACE_GAP;
    return ++reader->number == NUMBERS ? begin_pixels(reader) : 0;
}

static int take_header_octet(struct grey_reader *reader, uint8_t c)
{
    if (++reader->header_octets > HEADER_MAX)
        return FAX_EFORMAT;
    switch (reader->place) {
    case PLACE_P:
        if (c != 'P')
            return FAX_EFORMAT;
        memset(reader->numbers, 0, sizeof reader->numbers);
        reader->number = 0;
        reader->place = PLACE_KIND;
        return 0;
    case PLACE_KIND:
        if (c != '5')
            return c >= '1' && c <= '7' ? FAX_EUNSUPPORTED : FAX_EFORMAT;
        reader->place = PLACE_GAP;
        return 0;
    case PLACE_COMMENT:
        if (c == '\n' || c == '\r')
            reader->place = PLACE_GAP;
        return 0;
    case PLACE_GAP:
        /* 'P5' and the first number need a gap too. */
        if (reader->header_octets == 3 && !is_space(c) && c != '#')
            return FAX_EFORMAT;
        return take_number_octet(reader, c);
    case PLACE_NUMBER:
        return take_number_octet(reader, c);
    case PLACE_PIXELS:
        break;
    }
    return FAX_ESTATE;
}

static size_t take_pixels(struct grey_reader *reader, const uint8_t *data, size_t length)
{
    size_t take = reader->size - reader->filled;
    if (take > length)
        take = length;
    if (take)
        memcpy(reader->page.pixels + reader->filled, data, take);
    reader->filled += take;
    return take;
}

int grey_reader_feed(struct grey_reader *reader, const uint8_t *data, size_t length, size_t *used,
                     struct grey_page *page)
{
    *used = 0;
    *page = (struct grey_page){0};
    if (reader->error < 0)
        return FAX_ESTATE;
    while (*used < length) {
        if (reader->place != PLACE_PIXELS) {
            int rc = take_header_octet(reader, data[*used]);
            if (rc < 0)
                return reader->error = rc;
            ++*used;
            continue;
        }
        *used += take_pixels(reader, data + *used, length - *used);
        if (reader->filled == reader->size) {
            *page = reader->page;
            reader->page = (struct grey_page){0};
            reader->place = PLACE_P;
            reader->header_octets = 0;
            return 1;
        }
    }
    return 0;
}

int grey_reader_end(const struct grey_reader *reader)
{
    if (reader->error < 0)
        return reader->error;
    return reader->place == PLACE_P ? 0 : FAX_ETRUNCATED;
}

void grey_reader_free(struct grey_reader *reader)
{
    if (!reader)
        return;
    grey_page_free(&reader->page);
    free(reader);
}
