/* Offers and answers (RFC 3264) for what a fax needs: G.711 and T.38. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/sdp.h"
#include "gateway/sip/text.h"

static const char *const law_names[2] = {"PCMU", "PCMA"};
static const char *const law_tokens[2] = {"0", "8"};

static bool is_t38(const struct sdp_media *m)
{
    if (m->kind != SDP_IMAGE || strcasecmp(m->proto, "udptl") != 0)
        return false;
    for (uint32_t i = 0; i < m->format_count; i++) {
        if (!strcasecmp(m->formats[i].token, "t38"))
            return true;
    }
    return false;
}

/* Returns the first G.711 format, or NULL. */
static const struct sdp_format *g711_of(const struct sdp_media *m, bool *a_law)
{
    if (m->kind != SDP_AUDIO || strcasecmp(m->proto, "RTP/AVP") != 0)
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
    int error = sdp_begin(answer, session_id, session_version, address);
    if (error)
        return error;
    answer->media_count = offer->media_count;
    for (uint32_t i = 0; i < offer->media_count; i++) {
        answer->media[i] = offer->media[i];
        answer->media[i].port = 0;
        answer->media[i].packet_ms = 0;
        answer->media[i].direction = SDP_SENDRECV;
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

int sdp_add_t38(struct sdp_session *session, uint16_t port, const struct sdp_t38 *t38)
{
    struct sdp_media *m = append(session, SDP_IMAGE, "image", "udptl", port);
    if (!m)
        return -ENOSPC;
    set_format(m, "t38", "");
    m->t38 = *t38;
    return 0;
}

int sdp_add_g711(struct sdp_session *session, uint16_t port, bool a_law_first)
{
    struct sdp_media *m = append(session, SDP_AUDIO, "audio", "RTP/AVP", port);
    if (!m)
        return -ENOSPC;
    set_format(m, law_tokens[a_law_first], law_names[a_law_first]);
    set_format(m, law_tokens[!a_law_first], law_names[!a_law_first]);
    m->packet_ms = 20;
    return 0;
}

int sdp_accept_t38(struct sdp_session *answer, size_t index, uint16_t port,
                   const struct sdp_t38 *t38)
{
    if (index >= answer->media_count || !is_t38(&answer->media[index]))
        return -EINVAL;
    struct sdp_media *m = &answer->media[index];
    m->port = port;
    m->t38 = *t38;
    m->format_count = 0;
    set_format(m, "t38", "");
    return 0;
}

int sdp_accept_g711(struct sdp_session *answer, const struct sdp_session *offer, size_t index,
                    uint16_t port)
{
    static const enum sdp_direction mirrored[] = {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY,
                                                  SDP_INACTIVE};
    bool a_law;
    if (index >= answer->media_count || index >= offer->media_count)
        return -EINVAL;
    const struct sdp_format *f = g711_of(&offer->media[index], &a_law);
    if (!f)
        return -EINVAL;
    struct sdp_media *m = &answer->media[index];
    m->port = port;
    m->packet_ms = 20;
    m->direction = mirrored[offer->media[index].direction];
    m->format_count = 0;
    set_format(m, f->token, law_names[a_law]);
    return 0;
}

int sdp_find_t38(const struct sdp_session *session)
{
    for (uint32_t i = 0; i < session->media_count; i++) {
        if (session->media[i].port && is_t38(&session->media[i]))
            return (int)i;
    }
    return -1;
}

int sdp_find_g711(const struct sdp_session *session, bool *a_law)
{
    bool law;
    for (uint32_t i = 0; i < session->media_count; i++) {
        if (session->media[i].port && g711_of(&session->media[i], &law)) {
            if (a_law)
                *a_law = law;
            return (int)i;
        }
    }
    return -1;
}
