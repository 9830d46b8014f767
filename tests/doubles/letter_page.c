#include "tests/doubles/letter_page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/tiff_read.h"

int letter_page_load(struct raster *page)
{
    char detail[TIFF_READ_DETAIL];
    struct page_format format;
    struct tiff_reader *reader;
    struct stat status;
    int fd = open(TESTS_DIR "/data/letter.tif", O_RDONLY | O_CLOEXEC), found;
    void *map = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &status) == 0)
        map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED)
        return -errno;
    if (tiff_read_open(&reader, map, (size_t)status.st_size, &tiff_read_send_limits, detail) != 0) {
        munmap(map, (size_t)status.st_size);
        return -EBADMSG;
    }
    found = tiff_read_next(reader, page, &format);
    tiff_read_close(reader);
    munmap(map, (size_t)status.st_size);
    return found == 1 ? 0 : -EBADMSG;
}
