#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "gateway/sip/sdp.h"
#include "gateway/sip/sdp_protect.h"
#include "gateway/sip/sdp_t38.h"
#include "gateway/sip/text.h"

/* "IP4", "IP6", or NULL when the text is no literal. */
static const char *address_type(const char *address)
{
    unsigned char binary[16];
    if (inet_pton(AF_INET, address, binary) == 1)
        return "IP4";
    return inet_pton(AF_INET6, address, binary) == 1 ? "IP6" : NULL;
}

static int put_address(struct sip_text *out, const char *address)
{
    const char *type = address_type(address);
    if (!type)
        return -EINVAL;
    sip_text_add(out, "c=IN %s %s\r\n", type, address);
    return 0;
}

static int put_formats(struct sip_text *out, const struct sdp_media *m)
{
    for (uint32_t i = 0; i < m->format_count; i++) {
        const struct sdp_format *f = &m->formats[i];
        if (!f->clock_rate || !f->encoding[0])
            continue;
        if (!sip_text_is_token(f->encoding))
            return -EINVAL;
        sip_text_add(out, "a=rtpmap:%s %s/%" PRIu32 "\r\n", f->token, f->encoding, f->clock_rate);
        if (!f->fmtp[0])
            continue;
        if (!sip_text_is_line(f->fmtp))
            return -EINVAL;
        sip_text_add(out, "a=fmtp:%s %s\r\n", f->token, f->fmtp);
    }
    return 0;
}

static int put_media(struct sip_text *out, const struct sdp_session *s, const struct sdp_media *m)
{
    static const char *const directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    int error = 0;
    if (!sip_text_is_token(m->kind_text) || !sip_text_is_token(m->proto) || m->format_count == 0 ||
        m->format_count > SDP_FORMATS_MAX)
        return -EINVAL;
    sip_text_add(out, "m=%s %u %s", m->kind_text, m->port, m->proto);
    for (uint32_t i = 0; i < m->format_count; i++) {
        if (!sip_text_is_token(m->formats[i].token))
            return -EINVAL;
        sip_text_add(out, " %s", m->formats[i].token);
    }
    sip_text_add(out, "\r\n");
    if (m->port == 0)
        return 0;
    if (m->address[0] && strcmp(m->address, s->address) != 0)
        error = put_address(out, m->address);
    if (!error)
        error = put_formats(out, m);
    if (m->packet_ms)
        sip_text_add(out, "a=ptime:%" PRIu32 "\r\n", m->packet_ms);
    if (m->rtcp_mux && m->kind == SDP_AUDIO)
        sip_text_add(out, "a=rtcp-mux\r\n");
    sdp_protect_put(out, m);
    if (m->kind == SDP_IMAGE)
        sdp_t38_put(out, &m->t38);
    if (m->kind != SDP_IMAGE || m->direction != SDP_SENDRECV)
        sip_text_add(out, "a=%s\r\n", directions[m->direction]);
    return error;
}

int sdp_write(const struct sdp_session *s, char *text, size_t capacity, size_t *length)
{
    return sdp_write_version(s, s->session_version, text, capacity, length);
}

int sdp_write_version(const struct sdp_session *s, uint64_t version, char *text, size_t capacity,
                      size_t *length)
{
    struct sip_text out;
    const char *type = address_type(s->origin_address);
    int error = 0;
    sip_text_open(&out, text, capacity);
    if (!type || !sip_text_is_token(s->user) || s->media_count > SDP_MEDIA_MAX)
        return -EINVAL;
    sip_text_add(&out, "v=0\r\no=%s %" PRIu64 " %" PRIu64 " IN %s %s\r\ns=-\r\n", s->user,
                 s->session_id, version, type, s->origin_address);
    if (s->address[0])
        error = put_address(&out, s->address);
    sip_text_add(&out, "t=0 0\r\n");
    for (uint32_t i = 0; !error && i < s->media_count; i++)
        error = put_media(&out, s, &s->media[i]);
    if (!error && out.overflow)
        error = -ENOSPC;
    *length = error ? 0 : out.length;
    return error;
}

int sdp_begin(struct sdp_session *s, uint64_t session_id, uint64_t session_version,
              const char *address)
{
    memset(s, 0, sizeof *s);
    if (!address_type(address))
        return -EINVAL;
    sip_text_copy(s->user, sizeof s->user, "-");
    s->session_id = session_id;
    s->session_version = session_version;
    sip_text_copy(s->origin_address, sizeof s->origin_address, address);
    sip_text_copy(s->address, sizeof s->address, address);
    return 0;
}
