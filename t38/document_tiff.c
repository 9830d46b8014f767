#include "t38/document_tiff.h"

#include "codecs/fax_error.h"
#include "t38/blank_tiff.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static int write_blank(int memfd, const struct fax_page_view *pages, uint32_t count)
{
    uint8_t *data;
    size_t length;
    int error = blank_tiff_make(pages, count, &data, &length);
    if (error)
        return error;
    ssize_t written = pwrite(memfd, data, length, 0); /* memory: all or nothing */
    free(data);
    return written == (ssize_t)length ? 0 : FAX_EENGINE;
}

static uint32_t get_le(const uint8_t *octets, int n)
{
    uint32_t value = 0;
    for (int i = 0; i < n; i++)
        value |= (uint32_t)octets[i] << 8 * i;
    return value;
}

/* Where the first directory has the place of the second (TIFF 6.0, section 2). Returns 0 when the
 * document is none of ours. */
static off_t link_to_second(int memfd)
{
    enum { HEADER = 8, FIELD = 12 };
    uint8_t header[HEADER], count[2];
    if (pread(memfd, header, sizeof header, 0) != sizeof header || header[0] != 'I')
        return 0;
    off_t first = (off_t)get_le(header + 4, 4);
    if (pread(memfd, count, sizeof count, first) != sizeof count)
        return 0;
    return first + 2 + (off_t)get_le(count, 2) * FIELD;
}

uint32_t document_tiff_hide_pages(int memfd)
{
    static const uint8_t none[4];
    uint8_t second[sizeof none];
    off_t at = link_to_second(memfd);
    if (at == 0 || pread(memfd, second, sizeof second, at) != sizeof second ||
        pwrite(memfd, none, sizeof none, at) != sizeof none)
        return 0;
    return get_le(second, sizeof second);
}

bool document_tiff_show_pages(int memfd, uint32_t hidden)
{
    const uint8_t second[] = {(uint8_t)hidden, (uint8_t)(hidden >> 8), (uint8_t)(hidden >> 16),
                              (uint8_t)(hidden >> 24)};
    off_t at = link_to_second(memfd);
    return at != 0 && pwrite(memfd, second, sizeof second, at) == sizeof second;
}

void document_tiff_wipe(int memfd)
{
    struct stat st;
    if (fstat(memfd, &st) == 0 && st.st_size > 0) {
        void *all = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
        if (all != MAP_FAILED) {
            explicit_bzero(all, (size_t)st.st_size);
            munmap(all, (size_t)st.st_size);
        }
    }
    if (ftruncate(memfd, 0) || lseek(memfd, 0, SEEK_SET))
        return; /* cannot fail on a memfd that is not sealed; it is closed next anyway */
}

int document_tiff_write(int memfd, const struct fax_page_view *pages, uint32_t count, bool blank)
{
    document_tiff_wipe(memfd);
    if (blank)
        return write_blank(memfd, pages, count);
    int copy = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return FAX_EENGINE;
    TIFF *t = TIFFFdOpen(copy, "memory", "w");
    if (!t) {
        close(copy);
        return FAX_EENGINE;
    }
    bool ok = true;
    for (uint32_t i = 0; i < count && ok; i++)
        ok = write_page(t, &pages[i]);
    TIFFClose(t); /* closes copy */
    return ok ? 0 : FAX_EENGINE;
}
