/* image_header.h: what PNG and JPEG have in common before their pixels; part of image_read. */
#ifndef CODECS_IMAGE_HEADER_H
#define CODECS_IMAGE_HEADER_H

#include "codecs/image_read.h"

/* Writes the cause of a failure and returns error. */
int image_complain(char detail[IMAGE_READ_DETAIL], int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies a message of a library as printable ASCII. */
int image_complain_of(char detail[IMAGE_READ_DETAIL], int error, const char *message);

/* Judges a size against the limits: FAX_EEMPTY, FAX_ELIMIT. */
int image_check_size(uint64_t width, uint64_t height, const struct image_limits *limits,
                     char detail[IMAGE_READ_DETAIL]) __attribute__((warn_unused_result));

/* The orientation in an EXIF block (its TIFF header first; EXIF 2.3 §4.6.4, tag 0x0112); 1 when it
 * has none or is damaged. */
unsigned image_exif_orientation(const uint8_t *data, size_t length);

/* Width of a pixel by its height from the pixels per unit across and down; 1 when unusable. */
double image_aspect(uint32_t x_density, uint32_t y_density);

#endif
