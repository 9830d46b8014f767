#include "t38/document_tiff.h"

#include "codecs/fax_error.h"
#include "t38/blank_tiff.h"

#include <stdlib.h>
#include <unistd.h>

int document_tiff_write(int memfd, const struct fax_page_view *pages, uint32_t count)
{
    uint8_t *data;
    size_t length;
    int error = blank_tiff_make(pages, count, &data, &length);
    if (error)
        return error;
    ssize_t written = -1;
    if (ftruncate(memfd, 0) == 0)
        written = pwrite(memfd, data, length, 0); /* memory: all or nothing */
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
