/* multipart.h: the documents of one submission, as parts of multipart/mixed (RFC 2046 §5.1). Pure.
 *
 * Stricter than the RFC: nothing before the first boundary or after the last but a line end, CRLF
 * everywhere, at most MULTIPART_PARTS_MAX parts, no transfer encoding, no parts within parts. */
#ifndef GATEWAY_RENDER_MULTIPART_H
#define GATEWAY_RENDER_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

enum {
    MULTIPART_PARTS_MAX = 500,
    MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 §5.1.1 */
    MULTIPART_HEAD_MAX = 4096,   /* octets of the header lines of a part */
    MULTIPART_NAME_TEXT = 64,
    MULTIPART_REASON_MAX = 160,
};

struct multipart_reader {
    const uint8_t *data;
    size_t length, offset;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CRLF "--" boundary */
    size_t delimiter_length;
    uint32_t parts; /* handed out */
    int at_end;
    char reason[MULTIPART_REASON_MAX]; /* one sentence after an error */
};

struct multipart_part {
    const uint8_t *data; /* borrowed */
    size_t length;
    char name[MULTIPART_NAME_TEXT]; /* file name for messages: printable UTF-8, "": none */
};

/* Reads the boundary from the Content-Type and finds the first part. The reader borrows data.
 * Errors: FAX_EUNSUPPORTED (not multipart/mixed), FAX_EFORMAT. */
int multipart_open(struct multipart_reader *reader, const char *content_type, const uint8_t *data,
                   size_t length) __attribute__((warn_unused_result));

/* Returns 1 with the next part, 0 after the last; errors: FAX_EFORMAT, FAX_EUNSUPPORTED (a part's
 * encoding), FAX_ELIMIT (more parts or longer heads), FAX_ETRUNCATED. */
int multipart_next(struct multipart_reader *reader, struct multipart_part *part)
    __attribute__((warn_unused_result));

#endif
