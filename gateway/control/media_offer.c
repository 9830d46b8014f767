#include "gateway/control/media_offer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/socket_address.h"
#include "t38/srtp_media.h"

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
    t38->express = local->may_express;
    if (t38->express)
        t38->present |= SDP_T38_EXPRESS;
}

/* The best first. */
static const enum srtp_media_suite suites[MEDIA_SRTP_KEYS] = {
    SRTP_MEDIA_AEAD_AES_256_GCM, SRTP_MEDIA_AEAD_AES_128_GCM, SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80};

static void our_crypto(const struct media_local *local, size_t suite, uint32_t tag,
                       struct sdp_crypto *out)
{
    memset(out, 0, sizeof *out);
    out->tag = tag;
    out->suite = (uint8_t)suites[suite];
    memcpy(out->key, local->srtp_keys[suite], srtp_media_key_octets(suites[suite]));
}

int media_offer_audio(struct media_local *local, struct sdp_session *sdp)
{
    struct sdp_crypto crypto[MEDIA_SRTP_KEYS];
    int rc = sdp_begin(sdp, local->session_id, local->session_version++, local->address);
    local->answered_audio = false;
    if (rc == 0 && !local->secured) {
        rc = sdp_add_g711(sdp, local->port, true);
        if (rc == 0)
            sdp->media[0].rtcp_mux = true;
    }
    if (rc < 0 || !local->secured)
        return rc;
    for (size_t i = 0; i < MEDIA_SRTP_KEYS; i++)
        our_crypto(local, i, (uint32_t)i + 1, &crypto[i]);
    rc = sdp_add_g711_srtp(sdp, local->port, true, crypto, MEDIA_SRTP_KEYS);
    OPENSSL_cleanse(crypto, sizeof crypto);
    return rc;
}

int media_offer_t38(struct media_local *local, struct sdp_session *sdp)
{
    struct sdp_t38 t38;
    our_t38(local, lower(local->t38_version, MEDIA_T38_VERSION_MAX), local->recovery, &t38);
    int rc = sdp_begin(sdp, local->session_id, local->session_version++, local->address);
    local->answered_t38 = false;
    if (rc < 0 || !local->secured)
        return rc < 0 ? rc : sdp_add_t38(sdp, local->port, &t38);
    return sdp_add_t38_dtls(sdp, local->port, &t38, local->fingerprint, SDP_SETUP_ACTPASS);
}

/* Protected lines come first: who offers both wants that one when it can be had. */
static int find_t38(const struct media_local *local, const struct sdp_session *sdp, bool *dtls)
{
    int index = local->may_protect ? sdp_find_t38_dtls(sdp) : -1;
    *dtls = index >= 0 && sdp->media[index].has_fingerprint;
    if (*dtls)
        return index;
    return local->secured ? -1 : sdp_find_t38(sdp);
}

static int find_audio(const struct media_local *local, const struct sdp_session *sdp, bool *srtp)
{
    int index = local->may_protect ? sdp_find_g711_srtp(sdp, NULL) : -1;
    *srtp = index >= 0;
    return index >= 0 || local->secured ? index : sdp_find_g711(sdp, NULL);
}

bool media_has_t38(const struct media_local *local, const struct sdp_session *sdp)
{
    bool dtls;
    return !local->no_t38 && find_t38(local, sdp, &dtls) >= 0;
}

bool media_has_audio(const struct media_local *local, const struct sdp_session *sdp)
{
    bool srtp;
    return find_audio(local, sdp, &srtp) >= 0;
}

/* The best suite of an offered line: where it stands there, and which of ours it is. */
static const struct sdp_crypto *best_crypto(const struct sdp_media *media, size_t *suite)
{
    for (*suite = 0; *suite < MEDIA_SRTP_KEYS; (*suite)++) {
        for (uint32_t i = 0; i < media->crypto_count; i++) {
            if (media->crypto[i].suite == (uint8_t)suites[*suite])
                return &media->crypto[i];
        }
    }
    return NULL;
}

static int answer_audio(struct media_local *local, const struct sdp_session *offer,
                        struct sdp_session *answer)
{
    bool srtp;
    size_t suite;
    struct sdp_crypto ours;
    int index = find_audio(local, offer, &srtp);
    local->answered_audio = true;
    if (!srtp)
        return sdp_accept_g711(answer, offer, (size_t)index, local->port);
    const struct sdp_crypto *theirs = best_crypto(&offer->media[index], &suite);
    if (!theirs)
        return -ENOTSUP;
    our_crypto(local, suite, theirs->tag, &ours);
    int rc = sdp_accept_g711_srtp(answer, offer, (size_t)index, local->port, &ours);
    OPENSSL_cleanse(&ours, sizeof ours);
    return rc;
}

static int answer_t38(struct media_local *local, const struct sdp_session *offer,
                      struct sdp_session *answer)
{
    bool dtls;
    struct sdp_t38 t38;
    int index = find_t38(local, offer, &dtls);
    const struct sdp_media *media = &offer->media[index];
    our_t38(local, lower(media->t38.version, MEDIA_T38_VERSION_MAX),
            weaker(read_recovery(&media->t38), local->recovery), &t38);
    t38.express = t38.express && media->t38.express; /* not to be answered unless offered */
    if (!dtls)
        return sdp_accept_t38(answer, (size_t)index, local->port, &t38);
    /* Who offers nothing is active (RFC 4145 §4); of both, the answerer begins (RFC 5763 §5). */
    local->answered_t38 = true;
    local->answered_active = media->setup == SDP_SETUP_ACTPASS || media->setup == SDP_SETUP_PASSIVE;
    return sdp_accept_t38_dtls(answer, (size_t)index, local->port, &t38, local->fingerprint,
                               local->answered_active ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE);
}

int media_answer(struct media_local *local, const struct sdp_session *offer,
                 struct sdp_session *answer, bool *is_t38)
{
    *is_t38 = media_has_t38(local, offer);
    if (!*is_t38 && !media_has_audio(local, offer))
        return -ENOTSUP;
    int rc = sdp_begin_answer(answer, offer, local->session_id, local->session_version++,
                              local->address);
    if (rc < 0)
        return rc;
    return *is_t38 ? answer_t38(local, offer, answer) : answer_audio(local, offer, answer);
}

static int read_address(const struct sdp_session *sdp, const struct sdp_media *media,
                        struct sockaddr_storage *out)
{
    const char *text = media->address[0] ? media->address : sdp->address;
    memset(out, 0, sizeof *out);
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

/* Where the peer's datagrams go. Behind an address translation its own address means nothing,
 * unless it says that it takes none for now. */
static int read_peer(const struct media_local *local, const struct sdp_session *sdp,
                     const struct sdp_media *media, struct sockaddr_storage *out, bool *latch)
{
    int rc = read_address(sdp, media, out);
    *latch = local && local->signals.ss_family != AF_UNSPEC;
    bool is_name = rc < 0 && out->ss_family == AF_UNSPEC;
    if (!*latch || (rc < 0 && !is_name))
        return rc;
    socket_address_with_port((const struct sockaddr *)&local->signals, media->port, out);
    return 0;
}

bool media_is_on_hold(const struct media_local *local, const struct sdp_session *sdp)
{
    bool is_protected, latch;
    struct sockaddr_storage address;
    int t38 = local->no_t38 ? -1 : find_t38(local, sdp, &is_protected);
    int index = t38 >= 0 ? t38 : find_audio(local, sdp, &is_protected);
    if (index < 0)
        return false;
    /* Some describe a fax that they send as sendonly; of audio it means that they play music. */
    enum sdp_direction direction = sdp->media[index].direction;
    return direction == SDP_INACTIVE || (direction == SDP_SENDONLY && t38 < 0) ||
           read_peer(local, sdp, &sdp->media[index], &address, &latch) < 0;
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

/* We offered: their line names one of our tags. We answered: as answer_audio() chose. */
static int agree_keys(const struct media_local *local, const struct sdp_media *media,
                      struct media_audio *out)
{
    size_t suite;
    const struct sdp_crypto *theirs =
        local->answered_audio ? best_crypto(media, &suite) : &media->crypto[0];
    if (!local->answered_audio)
        suite = (size_t)theirs->tag - 1;
    if (!theirs || suite >= MEDIA_SRTP_KEYS || theirs->suite != (uint8_t)suites[suite])
        return -ENOTSUP;
    out->srtp_suite = theirs->suite;
    memcpy(out->send_key, local->srtp_keys[suite], srtp_media_key_octets(suites[suite]));
    memcpy(out->receive_key, theirs->key, srtp_media_key_octets(suites[suite]));
    return 0;
}

int media_agree_audio(const struct media_local *local, const struct sdp_session *sdp,
                      struct media_audio *out)
{
    bool srtp;
    int index = find_audio(local, sdp, &srtp);
    memset(out, 0, sizeof *out);
    if (srtp && agree_keys(local, &sdp->media[index], out) < 0)
        return -ENOTSUP;
    if (index < 0)
        return -ENOTSUP;
    const struct sdp_format *format = first_g711(&sdp->media[index]);
    char *end = NULL;
    unsigned long type = format ? strtoul(format->token, &end, 10) : PAYLOAD_TYPE_MAX + 1;
    if (type > PAYLOAD_TYPE_MAX || *end != '\0')
        return -ENOTSUP;
    out->payload_type = (uint8_t)type;
    out->a_law = strcasecmp(format->encoding, "PCMA") == 0;
    out->rtcp = sdp->media[index].rtcp_mux;
    return read_peer(local, sdp, &sdp->media[index], &out->peer, &out->latch);
}

static int read_t38(const struct media_local *local, const struct sdp_session *sdp, int index,
                    uint32_t our_max_bit_rate, struct media_t38 *out)
{
    memset(out, 0, sizeof *out);
    if (index < 0)
        return -ENOTSUP;
    const struct sdp_media *media = &sdp->media[index];
    const struct sdp_t38 *t38 = &media->t38;
    int rc = read_peer(local, sdp, media, &out->peer, &out->latch);
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

int media_read_t38(const struct sdp_session *sdp, uint32_t our_max_bit_rate, struct media_t38 *out)
{
    return read_t38(NULL, sdp, sdp_find_t38(sdp), our_max_bit_rate, out);
}

int media_agree_t38(struct media_local *local, const struct sdp_session *theirs,
                    struct media_t38 *out)
{
    bool dtls;
    int index = find_t38(local, theirs, &dtls);
    int rc = read_t38(local, theirs, index, local->max_bit_rate, out);
    if (rc < 0)
        return rc;
    out->dtls = dtls;
    if (dtls) {
        memcpy(out->fingerprint, theirs->media[index].fingerprint, sizeof out->fingerprint);
        out->active = local->answered_t38 ? local->answered_active
                                          : theirs->media[index].setup == SDP_SETUP_PASSIVE;
    }
    out->express = local->may_express && theirs->media[index].t38.express;
    out->version = local->settled ? local->said_version : lower(out->version, local->said_version);
    out->recovery = weaker(out->recovery, local->said_recovery);
    local->said_version = out->version;
    local->settled = true;
    return 0;
}
