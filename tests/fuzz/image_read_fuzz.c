/* PNG and JPEG images: no octets break the readers, and what comes out is as large as it says. */
#include <stdlib.h>

#include "codecs/image_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct image_limits limits = {2000, 1000000, 100};
    char detail[IMAGE_READ_DETAIL];
    struct image image;
    int error = size > 0 && data[0] == 0xFF ? jpeg_read(data, size, &limits, &image, detail)
                                            : png_read(data, size, &limits, &image, detail);
    uint64_t pixels = (uint64_t)image.page.width * image.page.height;

    if ((error == 0) != (image.page.pixels != NULL) || (error == 0) != (detail[0] == '\0') ||
        pixels > limits.max_pixels ||
        (error == 0 && (image.orientation < 1 || image.orientation > 8)))
        abort();
    grey_page_free(&image.page);
    return 0;
}
