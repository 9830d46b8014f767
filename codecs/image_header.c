#include "codecs/image_header.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "codecs/fax_error.h"

enum { COUNT_TEXT = 32, EXIF_ENTRIES_MAX = 256, EXIF_ENTRY = 12, TAG_ORIENTATION = 0x0112 };

const struct image_limits image_read_send_limits = {
    .max_side = 30000, .max_pixels = 100000000, .enough = 1728};

int image_complain(char detail[IMAGE_READ_DETAIL], int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vsnprintf(detail, IMAGE_READ_DETAIL, format, args) < 0)
        detail[0] = '\0';
    va_end(args);
    return error;
}

int image_complain_of(char detail[IMAGE_READ_DETAIL], int error, const char *message)
{
    image_complain(detail, error, "the image is damaged: %s", message);
    for (char *c = detail; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return error;
}

/* 40,000 */
static const char *with_commas(uint64_t number, char text[COUNT_TEXT])
{
    char *at = text + COUNT_TEXT - 1;
    int digits = 0;
    *at = '\0';
    do {
        if (digits > 0 && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number > 0);
    return at;
}

int image_check_size(uint64_t width, uint64_t height, const struct image_limits *limits,
                     char detail[IMAGE_READ_DETAIL])
{
    char w[COUNT_TEXT], h[COUNT_TEXT], limit[COUNT_TEXT];
    if (width == 0 || height == 0)
        return image_complain(detail, FAX_EEMPTY, "the image has no pixels");
    if (width > limits->max_side || height > limits->max_side)
        return image_complain(
            detail, FAX_ELIMIT, "the image has %s × %s pixels; the limit is %s a side",
            with_commas(width, w), with_commas(height, h), with_commas(limits->max_side, limit));
    if (width * height > limits->max_pixels)
        return image_complain(
            detail, FAX_ELIMIT, "the image has %s × %s pixels; the limit is %s in all",
            with_commas(width, w), with_commas(height, h), with_commas(limits->max_pixels, limit));
    return 0;
}

static uint32_t number(const uint8_t *at, size_t octets, bool little)
{
    uint32_t value = 0;
    for (size_t i = 0; i < octets; i++)
        value = value << 8 | at[little ? octets - 1 - i : i];
    return value;
}

unsigned image_exif_orientation(const uint8_t *data, size_t length)
{
    if (length < 8 || data[0] != data[1] || (data[0] != 'I' && data[0] != 'M'))
        return 1;
    bool little = data[0] == 'I';
    uint32_t offset = number(data + 4, 4, little);
    if (number(data + 2, 2, little) != 42 || offset > length - 2)
        return 1;
    uint32_t entries = number(data + offset, 2, little);
    const uint8_t *entry = data + offset + 2;
    const uint8_t *end = data + length;
    for (uint32_t i = 0; i < entries && i < EXIF_ENTRIES_MAX; i++, entry += EXIF_ENTRY) {
        if ((size_t)(end - entry) < EXIF_ENTRY)
            return 1;
        if (number(entry, 2, little) != TAG_ORIENTATION)
            continue;
        uint32_t value = number(entry + 8, 2, little);
        bool is_short = number(entry + 2, 2, little) == 3 && number(entry + 4, 4, little) == 1;
        return is_short && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

double image_aspect(uint32_t x_density, uint32_t y_density)
{
    if (x_density == 0 || y_density == 0)
        return 1;
    double aspect = (double)y_density / x_density;
    return aspect >= 0.25 && aspect <= 4 ? aspect : 1;
}
