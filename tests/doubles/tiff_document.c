#include "tests/doubles/tiff_document.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <tiffio.h>
#include <unistd.h>

static bool set_fields(TIFF *t, const struct fax_page_view *page)
{
    return TIFFSetField(t, TIFFTAG_IMAGEWIDTH, page->width) &&
           TIFFSetField(t, TIFFTAG_IMAGELENGTH, page->rows) &&
           TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 1) &&
           TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 1) &&
           TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4) &&
           TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE) &&
           TIFFSetField(t, TIFFTAG_FILLORDER,
                        page->lsb_first ? FILLORDER_LSB2MSB : FILLORDER_MSB2LSB) &&
           TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, page->rows) &&
           TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH) &&
           TIFFSetField(t, TIFFTAG_XRESOLUTION, (double)page->x_dpi) &&
           TIFFSetField(t, TIFFTAG_YRESOLUTION, (double)page->y_dpi);
}

static bool write_page(TIFF *t, const struct fax_page_view *page)
{
    /* libtiff only reads the octets, but its prototype does not say so. */
    union {
        const uint8_t *in;
        void *out;
    } strip = {.in = page->data};
    return set_fields(t, page) &&
           TIFFWriteRawStrip(t, 0, strip.out, (tmsize_t)page->length) == (tmsize_t)page->length &&
           TIFFWriteDirectory(t);
}

int tiff_document_make(const struct fax_page_view *pages, uint32_t count)
{
    int fd = memfd_create("document", MFD_CLOEXEC);
    TIFF *t = fd < 0 ? NULL : TIFFFdOpen(dup(fd), "document", "w");
    if (!t)
        abort();
    for (uint32_t i = 0; i < count; i++)
        if (!write_page(t, &pages[i]))
            abort();
    TIFFClose(t); /* and the duplicate */
    return fd;
}
