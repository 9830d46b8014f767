#include "codecs/t85_bie.h"

#include <string.h>

#include "codecs/fax_error.h"

enum { OPTION_LRLTWO = 0x40, OPTION_VLENGTH = 0x20, OPTION_TPBON = 0x08 };

void t85_write_u32(uint32_t value, uint8_t *out)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint32_t t85_read_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

void t85_header_write(const struct t85_header *header, uint8_t out[T85_HEADER_OCTETS])
{
    memset(out, 0, T85_HEADER_OCTETS); /* DL, D, the fill octet, MY and the order are 0 */
    out[2] = 1;                        /* P: one plane */
    t85_write_u32(header->width, out + 4);
    t85_write_u32(header->rows, out + 8);
    t85_write_u32(header->stripe_rows, out + 12);
    out[16] = header->at_max;
    out[19] = (uint8_t)((header->two_line ? OPTION_LRLTWO : 0) |
                        (header->variable_length ? OPTION_VLENGTH : 0) |
                        (header->typical ? OPTION_TPBON : 0));
}

int t85_header_read(const uint8_t *data, size_t length, struct t85_header *out)
{
    memset(out, 0, sizeof *out);
    if (length < T85_HEADER_OCTETS)
        return FAX_ETRUNCATED;
    out->width = t85_read_u32(data + 4);
    out->rows = t85_read_u32(data + 8);
    out->stripe_rows = t85_read_u32(data + 12);
    out->at_max = data[16];
    out->two_line = data[19] & OPTION_LRLTWO;
    out->variable_length = data[19] & OPTION_VLENGTH;
    out->typical = data[19] & OPTION_TPBON;
    if (data[1] < data[0] || data[2] == 0 || data[3] != 0 || out->width == 0 || out->rows == 0 ||
        out->stripe_rows == 0 || out->at_max > T85_MX_MAX || (data[18] & 0xF0) ||
        (data[19] & 0x80) || (out->rows == T85_ROWS_UNKNOWN && !out->variable_length))
        return FAX_EFORMAT;
    bool other_options = data[19] & ~(OPTION_LRLTWO | OPTION_VLENGTH | OPTION_TPBON);
    return data[0] || data[1] || data[2] != 1 || data[17] || data[18] || other_options
               ? FAX_EUNSUPPORTED
               : 0;
}
