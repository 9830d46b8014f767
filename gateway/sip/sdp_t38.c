#include "gateway/sip/sdp_t38.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *text;
    size_t length;
};

static bool slice_is(struct slice s, const char *word)
{
    return s.length == strlen(word) && !strncasecmp(s.text, word, s.length);
}

static struct slice slice_trim(struct slice s)
{
    while (s.length && (*s.text == ' ' || *s.text == '\t'))
        s.text++, s.length--;
    while (s.length && (s.text[s.length - 1] == ' ' || s.text[s.length - 1] == '\t'))
        s.length--;
    return s;
}

/* Digits up to their end or a space; saturates. Returns false when there are none. */
static bool slice_number(struct slice s, uint32_t *number)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < s.length && s.text[i] >= '0' && s.text[i] <= '9'; i++) {
        n = n * 10 + (uint64_t)(s.text[i] - '0');
        if (n > UINT32_MAX)
            n = UINT32_MAX;
    }
    *number = (uint32_t)n;
    return i > 0 && (i == s.length || s.text[i] == ' ' || s.text[i] == ';' || s.text[i] == ',');
}

static uint32_t at_most(uint32_t n, uint32_t limit)
{
    return n < limit ? n : limit;
}

void sdp_t38_set_defaults(struct sdp_t38 *t38)
{
    *t38 = (struct sdp_t38){.max_bit_rate = 14400,
                            .max_datagram = 400,
                            .rate_management = SDP_T38_TRANSFERRED_TCF,
                            .udp_ec = SDP_T38_EC_NONE};
}

static void take_number(struct sdp_t38 *t38, enum sdp_t38_present which, struct slice value)
{
    uint32_t n;
    if (!slice_number(value, &n))
        return;
    if (which == SDP_T38_VERSION) {
        t38->version = (uint8_t)at_most(n, 4);
    } else if (n == 0) {
        return; /* as some write for 'not said' */
    } else if (which == SDP_T38_MAX_BIT_RATE) {
        t38->max_bit_rate = n < 2400 ? 2400 : at_most(n, 33600);
    } else if (which == SDP_T38_MAX_BUFFER) {
        t38->max_buffer = at_most(n, 1 << 20);
    } else {
        t38->max_datagram = at_most(n, 65507);
    }
    t38->present |= which;
}

static bool drop_prefix(struct slice *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s->length < n || strncasecmp(s->text, prefix, n) != 0)
        return false;
    s->text += n;
    s->length -= n;
    return true;
}

/* "t38UDPRedundancy" is what T.38 says; "udpFEC", "redundancy" or a list of several, of which the
 * first counts, are seen too. */
static bool read_udp_ec(struct slice value, enum sdp_t38_udp_ec *out)
{
    static const struct {
        const char *name;
        enum sdp_t38_udp_ec ec;
    } names[] = {{"Redundancy", SDP_T38_EC_REDUNDANCY},
                 {"FEC", SDP_T38_EC_FEC},
                 {"NoEC", SDP_T38_EC_NONE},
                 {"None", SDP_T38_EC_NONE}};
    size_t n = 0;
    while (n < value.length && !strchr(" ,;/\t", value.text[n]))
        n++;
    value.length = n;
    (void)drop_prefix(&value, "t38");
    (void)drop_prefix(&value, "UDP");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!slice_is(value, names[i].name))
            continue;
        *out = names[i].ec;
        return true;
    }
    return false;
}

static void take_word(struct sdp_t38 *t38, enum sdp_t38_present which, struct slice value)
{
    if (which == SDP_T38_RATE_MANAGEMENT) {
        if (slice_is(value, "localTCF"))
            t38->rate_management = SDP_T38_LOCAL_TCF;
        else if (slice_is(value, "transferredTCF"))
            t38->rate_management = SDP_T38_TRANSFERRED_TCF;
        else
            return;
    } else if (!read_udp_ec(value, &t38->udp_ec)) {
        return;
    }
    t38->present |= which;
}

/* Bare, or `:1`, means yes; `:0` no. */
static void take_flag(struct sdp_t38 *t38, enum sdp_t38_present which, struct slice value)
{
    uint32_t n = 1;
    if (value.length && !slice_number(value, &n))
        return;
    if (which == SDP_T38_FILL_BIT_REMOVAL)
        t38->fill_bit_removal = n != 0;
    else if (which == SDP_T38_TRANSCODING_MMR)
        t38->transcoding_mmr = n != 0;
    else if (which == SDP_T38_TRANSCODING_JBIG)
        t38->transcoding_jbig = n != 0;
    else
        t38->express = n == 1; /* the version of the flow control */
    t38->present |= which;
}

void sdp_t38_take(struct sdp_t38 *t38, const char *name, size_t name_length, const char *value,
                  size_t value_length)
{
    static const struct {
        const char *name;
        enum sdp_t38_present which;
        void (*take)(struct sdp_t38 *, enum sdp_t38_present, struct slice);
    } table[] = {
        {"T38FaxVersion", SDP_T38_VERSION, take_number},
        {"T38MaxBitRate", SDP_T38_MAX_BIT_RATE, take_number},
        {"T38FaxMaxBitRate", SDP_T38_MAX_BIT_RATE, take_number}, /* seen in the field */
        {"T38FaxRateManagement", SDP_T38_RATE_MANAGEMENT, take_word},
        {"T38FaxMaxBuffer", SDP_T38_MAX_BUFFER, take_number},
        {"T38FaxMaxDatagram", SDP_T38_MAX_DATAGRAM, take_number},
        {"T38MaxDatagram", SDP_T38_MAX_DATAGRAM, take_number}, /* likewise */
        {"T38FaxUdpEC", SDP_T38_UDP_EC, take_word},
        {"T38FaxFillBitRemoval", SDP_T38_FILL_BIT_REMOVAL, take_flag},
        {"T38FaxTranscodingMMR", SDP_T38_TRANSCODING_MMR, take_flag},
        {"T38FaxTranscodingJBIG", SDP_T38_TRANSCODING_JBIG, take_flag},
        {"X-SealfaxExpress", SDP_T38_EXPRESS, take_flag},
    };
    struct slice n = slice_trim((struct slice){name, name_length});
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slice_is(n, table[i].name)) {
            table[i].take(t38, table[i].which, slice_trim((struct slice){value, value_length}));
            return;
        }
    }
}

void sdp_t38_put(struct sip_text *out, const struct sdp_t38 *t38)
{
    static const char *const ec[] = {"t38UDPNoEC", "t38UDPRedundancy", "t38UDPFEC"};
    if (t38->present & SDP_T38_VERSION)
        sip_text_add(out, "a=T38FaxVersion:%u\r\n", t38->version);
    if (t38->present & SDP_T38_MAX_BIT_RATE)
        sip_text_add(out, "a=T38MaxBitRate:%" PRIu32 "\r\n", t38->max_bit_rate);
    if (t38->present & SDP_T38_FILL_BIT_REMOVAL && t38->fill_bit_removal)
        sip_text_add(out, "a=T38FaxFillBitRemoval\r\n");
    if (t38->present & SDP_T38_TRANSCODING_MMR && t38->transcoding_mmr)
        sip_text_add(out, "a=T38FaxTranscodingMMR\r\n");
    if (t38->present & SDP_T38_TRANSCODING_JBIG && t38->transcoding_jbig)
        sip_text_add(out, "a=T38FaxTranscodingJBIG\r\n");
    if (t38->present & SDP_T38_EXPRESS && t38->express)
        sip_text_add(out, "a=X-SealfaxExpress:1\r\n");
    if (t38->present & SDP_T38_RATE_MANAGEMENT)
        sip_text_add(out, "a=T38FaxRateManagement:%s\r\n",
                     t38->rate_management == SDP_T38_LOCAL_TCF ? "localTCF" : "transferredTCF");
    if (t38->present & SDP_T38_MAX_BUFFER)
        sip_text_add(out, "a=T38FaxMaxBuffer:%" PRIu32 "\r\n", t38->max_buffer);
    if (t38->present & SDP_T38_MAX_DATAGRAM)
        sip_text_add(out, "a=T38FaxMaxDatagram:%" PRIu32 "\r\n", t38->max_datagram);
    if (t38->present & SDP_T38_UDP_EC)
        sip_text_add(out, "a=T38FaxUdpEC:%s\r\n", ec[t38->udp_ec]);
}
