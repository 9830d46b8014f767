#include "t38/rtcp.h"

#include "codecs/fax_error.h"

#include <string.h>

enum {
    TYPE_SR = 200,
    TYPE_RR = 201,
    TYPE_SDES = 202,
    TYPE_BYE = 203,
    SDES_CNAME = 1,
    HEADER = 8, /* with the SSRC */
    SENDER_INFO = 20,
    BLOCK = 24,
    LOST_MOST = 0x7FFFFF,
};

struct cursor {
    uint8_t *data;
    size_t at, capacity;
    bool overflow;
};

static void put(struct cursor *c, uint32_t value, unsigned octets)
{
    if (c->overflow || octets > c->capacity - c->at) {
        c->overflow = true;
        return;
    }
    for (unsigned i = octets; i > 0; i--)
        c->data[c->at++] = (uint8_t)(value >> 8 * (i - 1));
}

/* Returns where the packet begins. */
static size_t begin_packet(struct cursor *c, unsigned count, unsigned type)
{
    size_t from = c->at;
    put(c, 0x80 | count, 1);
    put(c, type, 1);
    put(c, 0, 2);
    return from;
}

/* The length in words less one, RFC 3550 §6.4.1. */
static void end_packet(struct cursor *c, size_t from)
{
    while (!c->overflow && (c->at - from) % 4)
        put(c, 0, 1);
    if (c->overflow)
        return;
    size_t words = (c->at - from) / 4 - 1;
    c->data[from + 2] = (uint8_t)(words >> 8);
    c->data[from + 3] = (uint8_t)words;
}

static void put_block(struct cursor *c, const struct rtcp_report *r)
{
    struct rtp_source *s = r->source;
    int32_t lost = rtp_source_lost(s);
    if (lost > LOST_MOST)
        lost = LOST_MOST;
    put(c, s->ssrc, 4);
    put(c, rtp_source_fraction_lost(s), 1);
    put(c, (uint32_t)lost & 0xFFFFFF, 3);
    put(c, s->cycles + s->highest, 4);
    put(c, s->jitter >> 4, 4);
    put(c, r->last_sr, 4);
    put(c, r->last_sr ? r->since_last_sr : 0, 4);
}

static void put_report(struct cursor *c, const struct rtcp_report *r)
{
    bool sends = r->sender->packets > 0, block = r->source && r->source->valid;
    size_t from = begin_packet(c, block ? 1 : 0, sends ? TYPE_SR : TYPE_RR);
    put(c, r->sender->ssrc, 4);
    if (sends) {
        put(c, (uint32_t)(r->ntp >> 32), 4);
        put(c, (uint32_t)r->ntp, 4);
        put(c, r->sender->timestamp, 4);
        put(c, r->sender->packets, 4);
        put(c, r->sender->octets, 4);
    }
    if (block)
        put_block(c, r);
    end_packet(c, from);
}

size_t rtcp_write(const struct rtcp_report *report, uint8_t *out, size_t capacity)
{
    struct cursor c = {.data = out, .capacity = capacity};
    size_t length = strnlen(report->cname, RTCP_CNAME_MAX);
    put_report(&c, report);
    size_t from = begin_packet(&c, 1, TYPE_SDES);
    put(&c, report->sender->ssrc, 4);
    put(&c, SDES_CNAME, 1);
    put(&c, (uint32_t)length, 1);
    for (size_t i = 0; i < length; i++)
        put(&c, (uint8_t)report->cname[i], 1);
    put(&c, 0, 1);
    end_packet(&c, from);
    if (report->bye) {
        from = begin_packet(&c, 1, TYPE_BYE);
        put(&c, report->sender->ssrc, 4);
        end_packet(&c, from);
    }
    return c.overflow ? 0 : c.at;
}

bool rtcp_is(const uint8_t *data, size_t n)
{
    return n >= HEADER && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void read_block(const uint8_t *block, uint32_t our_ssrc, struct rtcp_seen *out)
{
    if (get32(block) != our_ssrc)
        return;
    out->about_us = true;
    out->fraction_lost = block[4];
    out->lost = get32(block + 4) & 0xFFFFFF;
    out->jitter = get32(block + 12);
    out->echo_last_sr = get32(block + 16);
    out->echo_delay = get32(block + 20);
}

static int read_report(const uint8_t *p, size_t n, uint32_t our_ssrc, struct rtcp_seen *out)
{
    size_t at = HEADER + (p[1] == TYPE_SR ? SENDER_INFO : 0), count = p[0] & 0x1F;
    if (n < at || n - at < count * BLOCK)
        return FAX_EFORMAT;
    out->ssrc = get32(p + 4);
    if (p[1] == TYPE_SR) {
        out->sender_report = true;
        out->last_sr = get32(p + 10);
    }
    for (size_t i = 0; i < count; i++)
        read_block(p + at + i * BLOCK, our_ssrc, out);
    return 0;
}

/* One packet of n octets. */
static int read_packet(const uint8_t *p, size_t n, uint32_t our_ssrc, struct rtcp_seen *out)
{
    switch (p[1]) {
    case TYPE_SR:
    case TYPE_RR:
        return n < HEADER ? FAX_EFORMAT : read_report(p, n, our_ssrc, out);
    case TYPE_BYE:
        if (n < 4 + 4 * (size_t)(p[0] & 0x1F))
            return FAX_EFORMAT;
        out->bye = (p[0] & 0x1F) > 0;
        return 0;
    default: /* SDES, APP, feedback: nothing for us */
        return 0;
    }
}

int rtcp_read(const uint8_t *data, size_t n, uint32_t our_ssrc, struct rtcp_seen *out)
{
    struct rtcp_seen seen = {0};
    memset(out, 0, sizeof *out);
    if (!rtcp_is(data, n) || n > RTP_PACKET_MAX)
        return FAX_EFORMAT;
    for (size_t at = 0; at < n;) {
        if (n - at < 4 || data[at] >> 6 != 2)
            return FAX_EFORMAT;
        size_t length = 4 * ((size_t)data[at + 2] << 8 | data[at + 3]) + 4;
        if (length > n - at || read_packet(data + at, length, our_ssrc, &seen))
            return FAX_EFORMAT;
        at += length;
    }
    *out = seen;
    return 0;
}

uint64_t rtcp_interval_ms(uint32_t random, bool first)
{
    uint64_t base = first ? RTCP_INTERVAL_MS / 2 : RTCP_INTERVAL_MS;
    return base / 2 + base * random / UINT32_MAX;
}
