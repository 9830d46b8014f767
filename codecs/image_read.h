/* image_read.h: PNG and JPEG images in memory as grey pages, bounded by their header before any of
 * their pixels is decoded.
 *
 * libpng and libjpeg do the decoding; run it in a sandboxed process when the image comes from
 * outside: their buffers are freed unwiped. No state outside the call. */
#ifndef CODECS_IMAGE_READ_H
#define CODECS_IMAGE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/grey_page.h"

enum { IMAGE_READ_DETAIL = 192 }; /* octets of a detail text with its NUL */

struct image_limits {
    uint32_t max_side;   /* pixels of either side; at most 65,535 */
    uint64_t max_pixels; /* width × height */
    uint32_t enough; /* JPEG: may be decoded smaller as long as both sides keep this many pixels */
};

/* 30,000 pixels a side, 100 million in all, 1728 are enough. */
extern const struct image_limits image_read_send_limits;

struct image {
    struct grey_page page; /* owned; 8 bits, 0 is black; colours by their luminance, transparent
                              parts on white */
    unsigned orientation;  /* of EXIF, 1 to 8; 1: upright; see grey_page_turn() */
    double aspect;         /* width of a pixel by its height, 1 when not told; 0.25 to 4 */
};

/* Decode one image. On success the caller frees out->page with grey_page_free; on failure *out is
 * zero and detail has the cause ('the image has 40,000 × 40,000 pixels; the limit is …'). Of a PNG
 * with an animation the still image is taken. Errors: FAX_ELIMIT, FAX_EFORMAT and FAX_ETRUNCATED
 * (damaged: no part of such an image is given out), FAX_EUNSUPPORTED, FAX_EEMPTY, FAX_ENOMEM. */
int png_read(const uint8_t *data, size_t length, const struct image_limits *limits,
             struct image *out, char detail[IMAGE_READ_DETAIL]) __attribute__((warn_unused_result));
int jpeg_read(const uint8_t *data, size_t length, const struct image_limits *limits,
              struct image *out, char detail[IMAGE_READ_DETAIL])
    __attribute__((warn_unused_result));

#endif
