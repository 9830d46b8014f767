#include "gateway/control/media_offer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/socket_address.h"

enum { DATAGRAM_MIN = 72, DATAGRAM_MAX = 1472, DATAGRAM_NOT_SAID = 400, PAYLOAD_TYPE_MAX = 127 };

/* From the weakest to the strongest. */
static enum media_recovery weaker(enum media_recovery a, enum media_recovery b)
{
    if (a == MEDIA_NO_RECOVERY || b == MEDIA_NO_RECOVERY)
        return MEDIA_NO_RECOVERY;
    return a == MEDIA_FEC && b == MEDIA_FEC ? MEDIA_FEC : MEDIA_REDUNDANCY;
}

/* Who says nothing sends redundancy, or takes it at least. */
static enum media_recovery read_recovery(const struct sdp_t38 *t38)
{
    if (!(t38->present & SDP_T38_UDP_EC))
        return MEDIA_REDUNDANCY;
    switch (t38->udp_ec) {
    case SDP_T38_EC_FEC:
        return MEDIA_FEC;
    case SDP_T38_EC_NONE:
        return MEDIA_NO_RECOVERY;
    case SDP_T38_EC_REDUNDANCY:
        break;
    }
    return MEDIA_REDUNDANCY;
}

static uint8_t lower(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void our_t38(struct media_local *local, uint8_t version, enum media_recovery recovery,
                    struct sdp_t38 *t38)
{
    static const enum sdp_t38_udp_ec names[] = {[MEDIA_REDUNDANCY] = SDP_T38_EC_REDUNDANCY,
                                                [MEDIA_FEC] = SDP_T38_EC_FEC,
                                                [MEDIA_NO_RECOVERY] = SDP_T38_EC_NONE};
    if (local->settled)
        version = local->said_version;
    sdp_t38_set_defaults(t38);
    t38->version = local->said_version = version;
    local->said_recovery = recovery;
    t38->max_bit_rate = local->max_bit_rate;
    t38->rate_management = SDP_T38_TRANSFERRED_TCF;
    t38->udp_ec = names[recovery];
    t38->max_datagram = local->max_datagram;
    t38->present = SDP_T38_VERSION | SDP_T38_MAX_BIT_RATE | SDP_T38_RATE_MANAGEMENT |
                   SDP_T38_MAX_DATAGRAM | SDP_T38_UDP_EC;
}

int media_offer_audio(struct media_local *local, struct sdp_session *sdp)
{
    int rc = sdp_begin(sdp, local->session_id, local->session_version++, local->address);
    return rc < 0 ? rc : sdp_add_g711(sdp, local->port, true);
}

int media_offer_t38(struct media_local *local, struct sdp_session *sdp)
{
    struct sdp_t38 t38;
    our_t38(local, lower(local->t38_version, MEDIA_T38_VERSION_MAX), local->recovery, &t38);
    int rc = sdp_begin(sdp, local->session_id, local->session_version++, local->address);
    return rc < 0 ? rc : sdp_add_t38(sdp, local->port, &t38);
}

int media_answer(struct media_local *local, const struct sdp_session *offer,
                 struct sdp_session *answer, bool *is_t38)
{
    int image = local->no_t38 ? -1 : sdp_find_t38(offer), audio = sdp_find_g711(offer, NULL);
    if (image < 0 && audio < 0)
        return -ENOTSUP;
    int rc = sdp_begin_answer(answer, offer, local->session_id, local->session_version++,
                              local->address);
    if (rc < 0)
        return rc;
    *is_t38 = image >= 0;
    if (image < 0)
        return sdp_accept_g711(answer, offer, (size_t)audio, local->port);
    const struct sdp_t38 *theirs = &offer->media[image].t38;
    struct sdp_t38 t38;
    our_t38(local, lower(theirs->version, MEDIA_T38_VERSION_MAX),
            weaker(read_recovery(theirs), local->recovery), &t38);
    return sdp_accept_t38(answer, (size_t)image, local->port, &t38);
}

static int read_address(const struct sdp_session *sdp, const struct sdp_media *media,
                        struct sockaddr_storage *out)
{
    const char *text = media->address[0] ? media->address : sdp->address;
    if (socket_address_parse(text, media->port, out) < 0)
        return -ENOTSUP;
    /* Hold by 0.0.0.0, broadcast and multicast are nowhere to send a fax to. */
    if (out->ss_family == AF_INET) {
        uint32_t address = ntohl(((const struct sockaddr_in *)out)->sin_addr.s_addr);
        return address == INADDR_ANY || address >= 0xE0000000u ? -ENOTSUP : 0;
    }
    const struct in6_addr *address = &((const struct sockaddr_in6 *)out)->sin6_addr;
    bool nowhere = IN6_IS_ADDR_UNSPECIFIED(address) || IN6_IS_ADDR_MULTICAST(address);
    return nowhere ? -ENOTSUP : 0;
}

/* The format that sdp_accept_g711() answers. */
static const struct sdp_format *first_g711(const struct sdp_media *media)
{
    for (uint32_t i = 0; i < media->format_count; i++)
        if (strcasecmp(media->formats[i].encoding, "PCMU") == 0 ||
            strcasecmp(media->formats[i].encoding, "PCMA") == 0)
            return &media->formats[i];
    return NULL;
}

int media_read_audio(const struct sdp_session *sdp, struct media_audio *out)
{
    int index = sdp_find_g711(sdp, NULL);
    memset(out, 0, sizeof *out);
    if (index < 0)
        return -ENOTSUP;
    const struct sdp_format *format = first_g711(&sdp->media[index]);
    char *end = NULL;
    unsigned long type = format ? strtoul(format->token, &end, 10) : PAYLOAD_TYPE_MAX + 1;
    if (type > PAYLOAD_TYPE_MAX || *end != '\0')
        return -ENOTSUP;
    out->payload_type = (uint8_t)type;
    out->a_law = strcasecmp(format->encoding, "PCMA") == 0;
    return read_address(sdp, &sdp->media[index], &out->peer);
}

int media_read_t38(const struct sdp_session *sdp, uint32_t our_max_bit_rate, struct media_t38 *out)
{
    int index = sdp_find_t38(sdp);
    if (index < 0)
        return -ENOTSUP;
    const struct sdp_media *media = &sdp->media[index];
    const struct sdp_t38 *t38 = &media->t38;
    memset(out, 0, sizeof *out);
    int rc = read_address(sdp, media, &out->peer);
    if (rc < 0)
        return rc;
    out->version = lower(t38->version, MEDIA_T38_VERSION_MAX);
    uint32_t datagram = t38->present & SDP_T38_MAX_DATAGRAM ? t38->max_datagram : DATAGRAM_NOT_SAID;
    /* Some say 0 or a handful of octets and take far more; a packet without redundancy must fit. */
    if (datagram < DATAGRAM_MIN)
        datagram = DATAGRAM_NOT_SAID;
    out->max_datagram = (uint16_t)(datagram > DATAGRAM_MAX ? DATAGRAM_MAX : datagram);
    out->max_bit_rate = t38->max_bit_rate && t38->max_bit_rate < our_max_bit_rate
                            ? t38->max_bit_rate
                            : our_max_bit_rate;
    out->recovery = read_recovery(t38);
    return 0;
}

int media_agree_t38(struct media_local *local, const struct sdp_session *theirs,
                    struct media_t38 *out)
{
    int rc = media_read_t38(theirs, local->max_bit_rate, out);
    if (rc < 0)
        return rc;
    out->version = local->settled ? local->said_version : lower(out->version, local->said_version);
    out->recovery = weaker(out->recovery, local->said_recovery);
    local->said_version = out->version;
    local->settled = true;
    return 0;
}
