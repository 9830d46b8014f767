/* t85_bie.h: the header and the markers of a bi-level image entity (T.82 §6.2 as T.85 restricts
 * it); part of the T.85 coders, no interface of its own. */
#ifndef CODECS_T85_BIE_H
#define CODECS_T85_BIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* YD of an image whose length comes later, by NEWLEN */
#define T85_ROWS_UNKNOWN UINT32_MAX

enum {
    T85_HEADER_OCTETS = 20,
    T85_MX_MAX = 127,
};

enum t85_marker { /* the octet after ESC, T.82 table 5 */
                  T85_ESC = 0xFF,
                  T85_STUFF = 0x00,
                  T85_SDNORM = 0x02,
                  T85_SDRST = 0x03,
                  T85_ABORT = 0x04,
                  T85_NEWLEN = 0x05,
                  T85_ATMOVE = 0x06,
                  T85_COMMENT = 0x07,
};

enum { T85_NEWLEN_OCTETS = 6, T85_ATMOVE_OCTETS = 8, T85_COMMENT_OCTETS = 6 };

struct t85_header {
    uint32_t width, rows, stripe_rows;
    uint8_t at_max;       /* MX */
    bool two_line;        /* LRLTWO */
    bool variable_length; /* VLENGTH: a NEWLEN may follow */
    bool typical;         /* TPBON */
};

void t85_header_write(const struct t85_header *header, uint8_t out[T85_HEADER_OCTETS]);

/* Returns 0; FAX_ETRUNCATED; FAX_EFORMAT (a value that T.82 does not allow); FAX_EUNSUPPORTED (JBIG
 * that T.85 does not allow: more planes, resolution layers, private tables, ...). */
int t85_header_read(const uint8_t *data, size_t length, struct t85_header *out)
    __attribute__((warn_unused_result));

void t85_write_u32(uint32_t value, uint8_t *out);
uint32_t t85_read_u32(const uint8_t *in);

#endif
