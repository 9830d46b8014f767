#include "t38/ifp.h"

#include "codecs/fax_error.h"

#include <string.h>

enum {
    LAST_INDICATOR = 15, /* V.17 14400 long training */
    LAST_DATA = 8,       /* V.17 14400 */
    LAST_FIELD = IFP_NON_ECM_SIG_END,
    V33_INDICATORS = 21, /* V.33 12000 and 14400, only as extensions */
    V33_DATA = 13,
};

/* A cursor that never passes the end. */
struct ifp_reader {
    const uint8_t *data;
    size_t length, at;
    bool half; /* version 0: the low half of data[at] is still to be read */
};

/* Reads the type of an indicator or of data, with its extension. T.38 tables 2 and 3. */
static int read_type(struct ifp_reader *r, struct ifp_summary *out)
{
    uint8_t first = r->data[r->at++];
    unsigned plain = first >> 1 & 15u, last = out->indicator ? LAST_INDICATOR : LAST_DATA;
    if (!(first & 0x20)) {
        out->type = plain;
        return plain <= last && !(first & 1) ? 0 : FAX_EFORMAT;
    }
    if (r->at >= r->length)
        return FAX_ETRUNCATED;
    unsigned extended = ((unsigned)first << 2 & 0x3Cu) | r->data[r->at++] >> 6;
    unsigned v33 = out->indicator ? V33_INDICATORS : V33_DATA;
    out->type = last + 1 + extended;
    return out->type == v33 || out->type == v33 + 1 ? 0 : FAX_EUNSUPPORTED;
}

/* Reads a field's type. Version 0 lost the extension bit by a slip in its ASN.1, so that a field
 * without data takes half an octet there. */
static int read_field_type(struct ifp_reader *r, int version, bool *has_data)
{
    if (r->at >= r->length)
        return FAX_ETRUNCATED;
    uint8_t octet = r->data[r->at];
    if (version == 0) {
        uint8_t bits = r->half ? octet & 15u : octet >> 4;
        *has_data = bits & 8;
        if (r->half || *has_data)
            r->at++;
        r->half = !r->half && !*has_data;
        return 0;
    }
    *has_data = octet & 0x80;
    r->at++;
    return octet & 0x40 ? FAX_EUNSUPPORTED : 0;
}

static int read_field(struct ifp_reader *r, int version)
{
    bool has_data;
    int error = read_field_type(r, version, &has_data);
    if (error || !has_data)
        return error;
    if (r->length - r->at < 2)
        return FAX_ETRUNCATED;
    size_t octets = ((size_t)r->data[r->at] << 8 | r->data[r->at + 1]) + 1;
    r->at += 2;
    if (r->length - r->at < octets)
        return FAX_ETRUNCATED;
    r->at += octets;
    return 0;
}

static int walk(struct ifp_reader *r, int version, struct ifp_summary *s)
{
    memset(s, 0, sizeof *s);
    if (r->length < 1)
        return FAX_ETRUNCATED;
    s->indicator = !(r->data[0] & 0x40);
    bool has_fields = r->data[0] & 0x80;
    if (s->indicator && has_fields)
        return FAX_EFORMAT;
    int error = read_type(r, s);
    if (error || !has_fields)
        return error;
    if (r->at >= r->length)
        return FAX_ETRUNCATED;
    s->fields = r->data[r->at++];
    error = s->fields <= IFP_FIELDS_MAX ? 0 : FAX_ELIMIT;
    for (unsigned i = 0; i < s->fields && !error; i++)
        error = read_field(r, version);
    if (r->half)
        r->at++;
    return error;
}

int ifp_check(const uint8_t *ifp, size_t length, int version, struct ifp_summary *out)
{
    struct ifp_summary ignored;
    struct ifp_reader r = {.data = ifp, .length = length};
    int error = walk(&r, version, out ? out : &ignored);
    if (error)
        return error;
    return r.at == length ? 0 : FAX_EFORMAT;
}

int ifp_measure(const uint8_t *octets, size_t length, int version, size_t *used)
{
    struct ifp_summary ignored;
    struct ifp_reader r = {.data = octets, .length = length};
    int error = walk(&r, version, &ignored);
    if (!error)
        *used = r.at;
    return error;
}
