/* Offers and answers (RFC 3264) for what a fax needs: G.711 and T.38. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/sdp.h"
#include "gateway/sip/text.h"

static const char *const law_names[2] = {"PCMU", "PCMA"};
static const char *const law_tokens[2] = {"0", "8"};

static const char plain_audio[] = "RTP/AVP", srtp_audio[] = "RTP/SAVP";
static const char plain_t38[] = "udptl", dtls_t38[] = "UDP/TLS/UDPTL";

static bool is_t38(const struct sdp_media *m, const char *proto)
{
    if (m->kind != SDP_IMAGE || strcasecmp(m->proto, proto) != 0)
        return false;
    for (uint32_t i = 0; i < m->format_count; i++) {
        if (!strcasecmp(m->formats[i].token, "t38"))
            return true;
    }
    return false;
}

/* Returns the first G.711 format, or NULL. */
static const struct sdp_format *g711_of(const struct sdp_media *m, const char *proto, bool *a_law)
{
    if (m->kind != SDP_AUDIO || strcasecmp(m->proto, proto) != 0)
        return NULL;
    for (uint32_t i = 0; i < m->format_count; i++) {
        for (int law = 0; law < 2; law++) {
            if (!strcasecmp(m->formats[i].encoding, law_names[law])) {
                *a_law = law == 1;
                return &m->formats[i];
            }
        }
    }
    return NULL;
}

static void set_format(struct sdp_media *m, const char *token, const char *encoding)
{
    struct sdp_format *f = &m->formats[m->format_count++];
    memset(f, 0, sizeof *f);
    sip_text_copy(f->token, sizeof f->token, token);
    sip_text_copy(f->encoding, sizeof f->encoding, encoding);
    f->clock_rate = encoding[0] ? 8000 : 0;
}

int sdp_begin_answer(struct sdp_session *answer, const struct sdp_session *offer,
                     uint64_t session_id, uint64_t session_version, const char *address)
{
    static const enum sdp_direction mirrored[] = {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY,
                                                  SDP_INACTIVE};
    int error = sdp_begin(answer, session_id, session_version, address);
    if (error)
        return error;
    answer->media_count = offer->media_count;
    for (uint32_t i = 0; i < offer->media_count; i++) {
        answer->media[i] = offer->media[i];
        answer->media[i].port = 0;
        answer->media[i].packet_ms = 0;
        answer->media[i].direction = mirrored[offer->media[i].direction];
        answer->media[i].setup = SDP_SETUP_NONE;
        answer->media[i].has_fingerprint = false;
        answer->media[i].crypto_count = 0;
        sip_text_copy(answer->media[i].address, sizeof answer->media[i].address, address);
    }
    return 0;
}

static struct sdp_media *append(struct sdp_session *s, enum sdp_kind kind, const char *kind_text,
                                const char *proto, uint16_t port)
{
    if (s->media_count >= SDP_MEDIA_MAX)
        return NULL;
    struct sdp_media *m = &s->media[s->media_count++];
    memset(m, 0, sizeof *m);
    m->kind = kind;
    m->port = port;
    sip_text_copy(m->kind_text, sizeof m->kind_text, kind_text);
    sip_text_copy(m->proto, sizeof m->proto, proto);
    sip_text_copy(m->address, sizeof m->address, s->address);
    sdp_t38_set_defaults(&m->t38);
    return m;
}

static int add_t38(struct sdp_session *session, const char *proto, uint16_t port,
                   const struct sdp_t38 *t38, struct sdp_media **added)
{
    struct sdp_media *m = *added = append(session, SDP_IMAGE, "image", proto, port);
    if (!m)
        return -ENOSPC;
    set_format(m, "t38", "");
    m->t38 = *t38;
    return 0;
}

static void show(struct sdp_media *m, const uint8_t *fingerprint, enum sdp_setup setup)
{
    m->setup = setup;
    m->has_fingerprint = true;
    memcpy(m->fingerprint, fingerprint, sizeof m->fingerprint);
}

int sdp_add_t38(struct sdp_session *session, uint16_t port, const struct sdp_t38 *t38)
{
    struct sdp_media *m;
    return add_t38(session, plain_t38, port, t38, &m);
}

int sdp_add_t38_dtls(struct sdp_session *session, uint16_t port, const struct sdp_t38 *t38,
                     const uint8_t fingerprint[SDP_FINGERPRINT_OCTETS], enum sdp_setup setup)
{
    struct sdp_media *m;
    int error = add_t38(session, dtls_t38, port, t38, &m);
    if (!error)
        show(m, fingerprint, setup);
    return error;
}

static int add_g711(struct sdp_session *session, const char *proto, uint16_t port, bool a_law_first,
                    struct sdp_media **added)
{
    struct sdp_media *m = *added = append(session, SDP_AUDIO, "audio", proto, port);
    if (!m)
        return -ENOSPC;
    set_format(m, law_tokens[a_law_first], law_names[a_law_first]);
    set_format(m, law_tokens[!a_law_first], law_names[!a_law_first]);
    m->packet_ms = 20;
    return 0;
}

int sdp_add_g711(struct sdp_session *session, uint16_t port, bool a_law_first)
{
    struct sdp_media *m;
    return add_g711(session, plain_audio, port, a_law_first, &m);
}

int sdp_add_g711_srtp(struct sdp_session *session, uint16_t port, bool a_law_first,
                      const struct sdp_crypto *crypto, size_t count)
{
    struct sdp_media *m;
    if (count == 0 || count > SDP_CRYPTO_MAX)
        return -EINVAL;
    int error = add_g711(session, srtp_audio, port, a_law_first, &m);
    if (error)
        return error;
    memcpy(m->crypto, crypto, count * sizeof *crypto);
    m->crypto_count = (uint32_t)count;
    return 0;
}

static int accept_t38(struct sdp_session *answer, const char *proto, size_t index, uint16_t port,
                      const struct sdp_t38 *t38)
{
    if (index >= answer->media_count || !is_t38(&answer->media[index], proto))
        return -EINVAL;
    struct sdp_media *m = &answer->media[index];
    m->port = port;
    m->t38 = *t38;
    m->format_count = 0;
    set_format(m, "t38", "");
    return 0;
}

int sdp_accept_t38(struct sdp_session *answer, size_t index, uint16_t port,
                   const struct sdp_t38 *t38)
{
    return accept_t38(answer, plain_t38, index, port, t38);
}

int sdp_accept_t38_dtls(struct sdp_session *answer, size_t index, uint16_t port,
                        const struct sdp_t38 *t38,
                        const uint8_t fingerprint[SDP_FINGERPRINT_OCTETS], enum sdp_setup setup)
{
    int error = accept_t38(answer, dtls_t38, index, port, t38);
    if (!error)
        show(&answer->media[index], fingerprint, setup);
    return error;
}

static int accept_g711(struct sdp_session *answer, const struct sdp_session *offer,
                       const char *proto, size_t index, uint16_t port)
{
    bool a_law;
    if (index >= answer->media_count || index >= offer->media_count)
        return -EINVAL;
    const struct sdp_format *f = g711_of(&offer->media[index], proto, &a_law);
    if (!f)
        return -EINVAL;
    struct sdp_media *m = &answer->media[index];
    m->port = port;
    m->packet_ms = 20;
    m->format_count = 0;
    set_format(m, f->token, law_names[a_law]);
    return 0;
}

int sdp_accept_g711(struct sdp_session *answer, const struct sdp_session *offer, size_t index,
                    uint16_t port)
{
    return accept_g711(answer, offer, plain_audio, index, port);
}

int sdp_accept_g711_srtp(struct sdp_session *answer, const struct sdp_session *offer, size_t index,
                         uint16_t port, const struct sdp_crypto *crypto)
{
    int error = accept_g711(answer, offer, srtp_audio, index, port);
    if (error)
        return error;
    answer->media[index].crypto[0] = *crypto;
    answer->media[index].crypto_count = 1;
    return 0;
}

static int find_t38(const struct sdp_session *session, const char *proto)
{
    for (uint32_t i = 0; i < session->media_count; i++) {
        if (session->media[i].port && is_t38(&session->media[i], proto))
            return (int)i;
    }
    return -1;
}

int sdp_find_t38(const struct sdp_session *session)
{
    return find_t38(session, plain_t38);
}

int sdp_find_t38_dtls(const struct sdp_session *session)
{
    return find_t38(session, dtls_t38);
}

static int find_g711(const struct sdp_session *session, const char *proto, bool *a_law)
{
    bool law;
    for (uint32_t i = 0; i < session->media_count; i++) {
        const struct sdp_media *m = &session->media[i];
        if (m->port && (proto == plain_audio || m->crypto_count) && g711_of(m, proto, &law)) {
            if (a_law)
                *a_law = law;
            return (int)i;
        }
    }
    return -1;
}

int sdp_find_g711(const struct sdp_session *session, bool *a_law)
{
    return find_g711(session, plain_audio, a_law);
}

int sdp_find_g711_srtp(const struct sdp_session *session, bool *a_law)
{
    return find_g711(session, srtp_audio, a_law);
}
