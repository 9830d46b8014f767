#include "t38/ifp_packet.h"

#include "codecs/fax_error.h"

#include <string.h>

enum {
    PLAIN_INDICATORS = 16, /* those above are extensions (V.33 here) */
    PLAIN_DATA = 9,
    EXTENSION = 0x20,
    FIELD_HAS_DATA = 0x80,
    FIELD_OCTETS_MAX = 65536,
};

static unsigned plain_types(bool indicator)
{
    return indicator ? PLAIN_INDICATORS : PLAIN_DATA;
}

/* The packet was checked: nothing here reads past its end. */
struct cursor {
    const uint8_t *at;
    bool half; /* version 0: the low half of *at is still to be read */
};

static void take_field(struct cursor *c, int version, struct ifp_field *field)
{
    bool has_data;
    if (version == 0) {
        uint8_t bits = c->half ? *c->at & 15u : *c->at >> 4;
        has_data = bits & 8u;
        field->type = (enum ifp_field_type)(bits & 7u);
        if (c->half || has_data)
            c->at++;
        c->half = !c->half && !has_data;
    } else {
        has_data = *c->at & FIELD_HAS_DATA;
        field->type = (enum ifp_field_type)(*c->at++ >> 3 & 7u);
    }
    field->data = NULL;
    field->length = 0;
    if (!has_data)
        return;
    field->length = ((size_t)c->at[0] << 8 | c->at[1]) + 1;
    field->data = c->at + 2;
    c->at += 2 + field->length;
}

int ifp_packet_read(const uint8_t *ifp, size_t length, int version, struct ifp_packet *out)
{
    struct ifp_summary summary;
    if (length == 0)
        return FAX_ETRUNCATED;
    int error = ifp_check(ifp, length, version, &summary);
    if (error)
        return error;
    out->indicator = summary.indicator;
    out->has_fields = ifp[0] & 0x80;
    out->type = summary.type;
    out->fields = summary.fields;
    struct cursor c = {.at = ifp + (ifp[0] & EXTENSION ? 2 : 1)};
    if (out->has_fields)
        c.at++; /* their number */
    for (unsigned i = 0; i < out->fields; i++)
        take_field(&c, version, &out->field[i]);
    return 0;
}

struct writer {
    uint8_t *out;
    size_t length, capacity;
    bool half; /* version 0: the low half of the last octet is free */
    bool full;
};

static void put(struct writer *w, unsigned octet)
{
    if (w->length < w->capacity)
        w->out[w->length++] = (uint8_t)octet;
    else
        w->full = true;
}

static void put_field_type(struct writer *w, int version, const struct ifp_field *field)
{
    unsigned type = (unsigned)field->type;
    bool has_data = field->length > 0;
    if (version != 0) {
        put(w, (has_data ? FIELD_HAS_DATA : 0u) | type << 3);
        return;
    }
    unsigned bits = (has_data ? 8u : 0u) | type;
    if (w->half) {
        w->out[w->length - 1] |= (uint8_t)bits;
        w->half = false;
    } else {
        put(w, bits << 4);
        w->half = !has_data && !w->full;
    }
}

static void put_field(struct writer *w, int version, const struct ifp_field *field)
{
    put_field_type(w, version, field);
    if (field->length == 0)
        return;
    put(w, (unsigned)((field->length - 1) >> 8));
    put(w, (unsigned)((field->length - 1) & 0xFF));
    if (field->length > w->capacity - w->length) {
        w->full = true;
        return;
    }
    memcpy(w->out + w->length, field->data, field->length);
    w->length += field->length;
}

static void put_head(struct writer *w, const struct ifp_packet *packet)
{
    unsigned head = (packet->has_fields ? 0x80u : 0u) | (packet->indicator ? 0u : 0x40u);
    unsigned plain = plain_types(packet->indicator);
    if (packet->type < plain) {
        put(w, head | packet->type << 1);
        return;
    }
    unsigned extended = packet->type - plain;
    put(w, head | EXTENSION | (extended >> 2 & 15u));
    put(w, (extended & 3u) << 6);
}

int ifp_packet_write(const struct ifp_packet *packet, int version, uint8_t *out, size_t capacity,
                     size_t *length)
{
    struct writer w = {.out = out, .capacity = capacity};
    if (packet->fields > IFP_FIELDS_MAX || packet->type >= plain_types(packet->indicator) + 64 ||
        (packet->indicator && packet->has_fields) || (packet->fields > 0 && !packet->has_fields))
        return FAX_EINVAL;
    for (unsigned i = 0; i < packet->fields; i++)
        if (packet->field[i].length > FIELD_OCTETS_MAX)
            return FAX_EINVAL;
    put_head(&w, packet);
    if (packet->has_fields)
        put(&w, packet->fields);
    for (unsigned i = 0; i < packet->fields; i++)
        put_field(&w, version, &packet->field[i]);
    if (w.full)
        return FAX_ELIMIT;
    *length = w.length;
    return 0;
}
