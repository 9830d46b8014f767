#include "codecs/png_write.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>

#include "codecs/fax_error.h"
#include "codecs/wiped_buffer.h"

static const double metres_per_inch = 0.0254;

static void append_cb(png_structp png, png_bytep data, size_t length)
{
    if (wiped_buffer_append(png_get_io_ptr(png), data, length) != 0)
        png_error(png, "no memory");
}

static void flush_cb(png_structp png)
{
    (void)png;
}

/* libpng would write on standard error. */
static void error_cb(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void warning_cb(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* Returns whether all of it is written; libpng leaves by longjmp otherwise. */
static bool write_image(png_structp png, png_infop info, const struct raster *page, uint16_t x_dpi,
                        uint16_t y_dpi)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_IHDR(png, info, page->width, page->height, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_pHYs(png, info, (png_uint_32)(x_dpi / metres_per_inch + 0.5),
                 (png_uint_32)(y_dpi / metres_per_inch + 0.5), PNG_RESOLUTION_METER);
    png_write_info(png, info);
    png_set_invert_mono(png); /* a black pixel is 1 here */
    for (uint32_t y = 0; y < page->height; y++)
        png_write_row(png, raster_row_const(page, y));
    png_write_end(png, NULL);
    return true;
}

int png_write(const struct raster *page, uint16_t x_dpi, uint16_t y_dpi, uint8_t **data,
              size_t *length)
{
    struct wiped_buffer buffer = {0};
    *data = NULL;
    *length = 0;
    if (page->width == 0 || page->height == 0)
        return FAX_EEMPTY;
    if (x_dpi == 0 || y_dpi == 0)
        return FAX_EINVAL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, error_cb, warning_cb);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool written = false;
    if (info) {
        png_set_write_fn(png, &buffer, append_cb, flush_cb);
        written = write_image(png, info, page, x_dpi, y_dpi);
    }
    png_destroy_write_struct(&png, &info);
    if (!written) {
        wiped_buffer_free(&buffer);
        return FAX_ENOMEM;
    }
    *data = buffer.data;
    *length = buffer.length;
    return 0;
}
