#include "gateway/dns/dns_message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER = 12,
    TYPE_SOA = 6,
    CLASS_IN = 1,
    NXDOMAIN = 3,
    JUMPS_MAX = 64,
    RECORDS_SCAN = 256,
    NAME_OCTETS = 255
};

struct reader {
    const uint8_t *bytes;
    size_t length, at;
    bool failed; /* stays */
};

static uint32_t take(struct reader *r, size_t octets)
{
    uint32_t value = 0;
    if (r->failed || r->length - r->at < octets) {
        r->failed = true;
        return 0;
    }
    for (size_t i = 0; i < octets; i++)
        value = value << 8 | r->bytes[r->at++];
    return value;
}

static void skip(struct reader *r, size_t octets)
{
    if (r->failed || r->length - r->at < octets)
        r->failed = true;
    else
        r->at += octets;
}

/* Copies a label; false when it has characters that no host or service name has. */
static bool add_label(const uint8_t *label, size_t length, char *name, size_t *used)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (*used + length + 2 > DNS_NAME_TEXT)
        return false;
    if (*used > 0)
        name[(*used)++] = '.';
    for (size_t i = 0; i < length; i++) {
        const char *at = memchr(characters, label[i], sizeof characters - 1);
        if (!at)
            return false;
        bool upper = at - characters < 26;
        name[(*used)++] = upper ? (char)(*at - 'A' + 'a') : *at;
    }
    name[*used] = '\0';
    return true;
}

/* Reads a name (RFC 1035 §4.1.4) to its end in the message. Returns whether it can be used. */
static bool take_name(struct reader *r, char name[DNS_NAME_TEXT])
{
    size_t used = 0, at = r->at, end = 0, octets = 1;
    bool usable = true;
    name[0] = '\0';
    for (int jumps = 0; !r->failed && jumps < JUMPS_MAX;) {
        if (at >= r->length)
            break;
        uint8_t octet = r->bytes[at];
        if (octet == 0) {
            r->at = end ? end : at + 1;
            return usable;
        }
        if ((octet & 0xc0) == 0xc0) {
            if (at + 2 > r->length)
                break;
            size_t to = (size_t)(octet & 0x3f) << 8 | r->bytes[at + 1];
            if (!end)
                end = at + 2;
            if (to >= at) /* only back, or it might never end */
                break;
            at = to;
            jumps++;
            continue;
        }
        octets += 1u + octet;
        if ((octet & 0xc0) != 0 || at + 1 + octet > r->length || octets > NAME_OCTETS)
            break; /* longer ones could be read over and over by pointers */
        usable = usable && add_label(r->bytes + at + 1, octet, name, &used);
        at += 1u + octet;
    }
    r->failed = true;
    return false;
}

/* A text with its length before it, cut to fit. */
static void take_text(struct reader *r, char *text, size_t size)
{
    size_t length = take(r, 1), used = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t octet = take(r, 1);
        if (used + 1 < size && octet > ' ' && octet < 0x7f)
            text[used++] = (char)octet;
    }
    text[used] = '\0';
}

static bool read_srv(struct reader *r, struct dns_record *out)
{
    out->u.srv.priority = (uint16_t)take(r, 2);
    out->u.srv.weight = (uint16_t)take(r, 2);
    out->u.srv.port = (uint16_t)take(r, 2);
    return take_name(r, out->u.srv.target) && (out->u.srv.port > 0 || !out->u.srv.target[0]);
}

static bool read_naptr(struct reader *r, struct dns_record *out)
{
    char expression[8];
    out->u.naptr.order = (uint16_t)take(r, 2);
    out->u.naptr.preference = (uint16_t)take(r, 2);
    take_text(r, out->u.naptr.flags, sizeof out->u.naptr.flags);
    take_text(r, out->u.naptr.service, sizeof out->u.naptr.service);
    take_text(r, expression, sizeof expression);
    return take_name(r, out->u.naptr.replacement) && !expression[0];
}

/* Strings to the end of the data (RFC 1035 §3.3.14). */
static bool read_txt(struct reader *r, struct dns_record *out)
{
    size_t used = 0;
    while (!r->failed && r->at < r->length) {
        for (uint32_t left = take(r, 1); left > 0 && !r->failed; left--) {
            uint32_t octet = take(r, 1);
            if (octet < ' ' || octet >= 0x7f || used + 1 >= sizeof out->u.txt)
                return false;
            out->u.txt[used++] = (char)octet;
        }
    }
    return used > 0;
}

static bool read_data(struct reader *r, enum dns_type type, size_t length, struct dns_record *out)
{
    memset(out, 0, sizeof *out);
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        if (r->failed || r->length - r->at < length ||
            length != (type == DNS_A ? sizeof out->u.a : sizeof out->u.aaaa))
            return false;
        memcpy(&out->u, r->bytes + r->at, length);
        return true;
    case DNS_SRV:
        return read_srv(r, out);
    case DNS_NAPTR:
        return read_naptr(r, out);
    case DNS_TXT:
        return read_txt(r, out);
    }
    return false;
}

struct header {
    uint32_t type, class, ttl_s;
    size_t end; /* of its data */
};

static bool take_header(struct reader *r, struct header *h)
{
    char owner[DNS_NAME_TEXT];
    (void)take_name(r, owner);
    h->type = take(r, 2);
    h->class = take(r, 2);
    h->ttl_s = take(r, 4);
    size_t length = take(r, 2);
    if (r->failed || r->length - r->at < length)
        return false;
    if (h->ttl_s > INT32_MAX)
        h->ttl_s = 0; /* RFC 2181 §8 */
    h->end = r->at + length;
    return true;
}

/* How long "no such thing" holds: the lesser of the SOA's lifetime and its last field. */
static void read_negative(struct reader *r, uint32_t authorities, struct dns_answer *answer)
{
    struct header h;
    for (uint32_t i = 0; i < authorities && i < RECORDS_SCAN && take_header(r, &h); i++) {
        if (h.type == TYPE_SOA && h.class == CLASS_IN && h.end - r->at >= 22) {
            struct reader last = *r;
            last.at = h.end - 4;
            uint32_t minimum = take(&last, 4);
            answer->ttl_s = h.ttl_s < minimum ? h.ttl_s : minimum;
        }
        r->at = h.end;
    }
    r->failed = false;
}

static void read_answers(struct reader *r, uint32_t answers, enum dns_type type,
                         struct dns_answer *answer)
{
    struct header h;
    uint32_t least = INT32_MAX;
    for (uint32_t i = 0; i < answers && i < RECORDS_SCAN && take_header(r, &h); i++) {
        if (h.ttl_s < least)
            least = h.ttl_s; /* of an alias, too */
        if (h.class == CLASS_IN && h.type == (uint32_t)type && answer->count < DNS_RECORDS_MAX) {
            struct reader data = {r->bytes, h.end, r->at, false};
            struct dns_record *record = &answer->records[answer->count];
            if (read_data(&data, type, h.end - r->at, record) && !data.failed)
                answer->count++;
        }
        r->at = h.end;
    }
    if (answer->count > 0)
        answer->ttl_s = least;
}

void dns_message_read(const uint8_t *bytes, size_t length, enum dns_type type,
                      struct dns_answer *answer)
{
    struct reader r = {bytes, length, 0, false};
    char name[DNS_NAME_TEXT];
    memset(answer, 0, sizeof *answer);
    answer->status = -EBADMSG;
    if (length < HEADER)
        return;
    skip(&r, 2);
    uint32_t flags = take(&r, 2), questions = take(&r, 2), answers = take(&r, 2);
    uint32_t authorities = take(&r, 2);
    skip(&r, 2);
    if (!(flags & 0x8000) || questions > 1)
        return;
    if (questions == 1) {
        (void)take_name(&r, name);
        skip(&r, 4);
    }
    uint32_t code = flags & 0xf;
    if (code != 0 && code != NXDOMAIN) {
        answer->status = -EIO;
        return;
    }
    read_answers(&r, answers, type, answer);
    if (r.failed)
        answer->count = 0;
    else if (answer->count > 0 && code == 0)
        answer->status = 0;
    else {
        answer->count = 0;
        answer->status = -ENOENT;
        read_negative(&r, authorities, answer);
    }
}
