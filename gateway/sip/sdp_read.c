#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/sdp.h"
#include "gateway/sip/sdp_protect.h"
#include "gateway/sip/sdp_t38.h"
#include "gateway/sip/text.h"

/* What is left of a line. */
struct cursor {
    const char *at, *end;
};

struct reader {
    struct sdp_session *session;
    struct sdp_t38 t38;           /* attributes at session level apply to every image line */
    enum sdp_direction direction; /* likewise */
    struct sdp_media protection;  /* of the session: only what sdp_protect_take() sets */
    const char *failed_at;
};

/* Takes the next field up to a space; empty at the end of the line. */
static struct cursor next_field(struct cursor *line)
{
    while (line->at < line->end && *line->at == ' ')
        line->at++;
    struct cursor field = {line->at, line->at};
    while (field.end < line->end && *field.end != ' ')
        field.end++;
    line->at = field.end;
    return field;
}

static size_t field_length(struct cursor f)
{
    return (size_t)(f.end - f.at);
}

/* Copies a field of visible ASCII; false when empty, too long or holding anything else. */
static bool copy_token(char *to, size_t size, struct cursor f)
{
    size_t length = field_length(f);
    if (length == 0 || length >= size)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (f.at[i] <= ' ' || f.at[i] >= 127)
            return false;
        to[i] = f.at[i];
    }
    to[length] = '\0';
    return true;
}

static bool field_is(struct cursor f, const char *word)
{
    return field_length(f) == strlen(word) && !strncasecmp(f.at, word, strlen(word));
}

/* Decimal digits, all of the field, at most limit. */
static bool field_number(struct cursor f, uint64_t limit, uint64_t *number)
{
    uint64_t n = 0;
    if (f.at == f.end)
        return false;
    for (; f.at < f.end; f.at++) {
        if (*f.at < '0' || *f.at > '9')
            return false;
        uint64_t digit = (uint64_t)(*f.at - '0');
        if (n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *number = n;
    return true;
}

/* "IN IP4 192.0.2.1[/ttl]". Names leave the address empty: there is nobody here to resolve them. */
static void read_address(char address[SDP_ADDRESS_TEXT], struct cursor line)
{
    unsigned char binary[16];
    (void)next_field(&line);
    struct cursor type = next_field(&line), value = next_field(&line);
    const char *slash = memchr(value.at, '/', field_length(value));
    if (slash)
        value.end = slash;
    int family = field_is(type, "IP6") ? AF_INET6 : AF_INET;
    if (!copy_token(address, SDP_ADDRESS_TEXT, value) || inet_pton(family, address, binary) != 1)
        address[0] = '\0';
}

/* Several c= lines of one media are for layered multicast; others write them by mistake: the first
 * that can be used counts. */
static void read_connection(struct sdp_session *s, struct cursor line)
{
    char *address = s->media_count ? s->media[s->media_count - 1].address : s->address;
    if (!address[0])
        read_address(address, line);
}

static int read_origin(struct reader *r, struct cursor line)
{
    struct sdp_session *s = r->session;
    struct cursor user = next_field(&line), id = next_field(&line), version = next_field(&line);
    if (version.at == version.end)
        return -EBADMSG;
    if (!copy_token(s->user, sizeof s->user, user))
        sip_text_copy(s->user, sizeof s->user, "-");
    /* Ids are only echoed and compared; what is no number counts as 0. */
    if (!field_number(id, UINT64_MAX, &s->session_id))
        s->session_id = 0;
    if (!field_number(version, UINT64_MAX, &s->session_version))
        s->session_version = 0;
    read_address(s->origin_address, line);
    return 0;
}

static void name_static_format(struct sdp_format *f)
{
    static const char *const names[][2] = {{"0", "PCMU"}, {"3", "GSM"},  {"4", "G723"},
                                           {"8", "PCMA"}, {"9", "G722"}, {"18", "G729"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(f->token, names[i][0])) {
            sip_text_copy(f->encoding, sizeof f->encoding, names[i][1]);
            f->clock_rate = 8000;
        }
    }
}

static int read_formats(struct reader *r, struct sdp_media *m, struct cursor line)
{
    for (struct cursor f = next_field(&line); f.at < f.end; f = next_field(&line)) {
        if (m->format_count == SDP_FORMATS_MAX)
            return 0; /* a long list of codecs: the first ones are enough to choose from */
        struct sdp_format *format = &m->formats[m->format_count];
        r->failed_at = f.at;
        if (!copy_token(format->token, sizeof format->token, f))
            return field_length(f) < sizeof format->token ? -EBADMSG : -E2BIG;
        if (m->kind == SDP_AUDIO)
            name_static_format(format);
        m->format_count++;
    }
    return m->format_count ? 0 : -EBADMSG;
}

/* "audio 49170[/1] RTP/AVP 8 0" */
static int read_media(struct reader *r, struct cursor line)
{
    struct sdp_session *s = r->session;
    uint64_t port;
    if (s->media_count == SDP_MEDIA_MAX)
        return -E2BIG;
    struct sdp_media *m = &s->media[s->media_count];
    struct cursor kind = next_field(&line), number = next_field(&line), proto = next_field(&line);
    const char *slash = memchr(number.at, '/', field_length(number));
    if (slash)
        number.end = slash;
    r->failed_at = kind.at;
    if (!copy_token(m->kind_text, sizeof m->kind_text, kind))
        return -EBADMSG;
    r->failed_at = number.at;
    if (!field_number(number, UINT16_MAX, &port))
        return -EBADMSG;
    r->failed_at = proto.at;
    if (!copy_token(m->proto, sizeof m->proto, proto))
        return -EBADMSG;
    m->port = (uint16_t)port;
    m->kind = field_is(kind, "audio") ? SDP_AUDIO : field_is(kind, "image") ? SDP_IMAGE : SDP_OTHER;
    m->direction = r->direction;
    m->t38 = r->t38;
    sdp_protect_inherit(m, &r->protection);
    s->media_count++;
    return read_formats(r, m, line);
}

static struct sdp_format *find_format(struct sdp_media *m, struct cursor token)
{
    for (uint32_t i = 0; i < m->format_count; i++) {
        if (field_is(token, m->formats[i].token))
            return &m->formats[i];
    }
    return NULL;
}

/* "8 PCMA/8000[/1]" */
static void read_rtpmap(struct sdp_media *m, struct cursor value)
{
    struct sdp_format *f = find_format(m, next_field(&value));
    struct cursor name = next_field(&value);
    const char *slash = memchr(name.at, '/', field_length(name));
    uint64_t rate = 0;
    if (!f || !slash)
        return;
    struct cursor clock = {slash + 1, name.end};
    name.end = slash;
    slash = memchr(clock.at, '/', field_length(clock));
    if (slash)
        clock.end = slash;
    if (!field_number(clock, 1000000, &rate) || !copy_token(f->encoding, sizeof f->encoding, name))
        f->encoding[0] = '\0', rate = 0;
    f->clock_rate = (uint32_t)rate;
}

static void read_fmtp(struct sdp_media *m, struct cursor value)
{
    struct sdp_format *f = find_format(m, next_field(&value));
    while (value.at < value.end && *value.at == ' ')
        value.at++;
    size_t length = field_length(value);
    if (!f || length >= sizeof f->fmtp)
        return;
    for (size_t i = 0; i < length; i++) {
        if (value.at[i] < ' ' || value.at[i] >= 127)
            return;
    }
    memcpy(f->fmtp, value.at, length);
    f->fmtp[length] = '\0';
}

static bool read_direction(struct cursor name, enum sdp_direction *direction)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (field_is(name, names[i])) {
            *direction = (enum sdp_direction)i;
            return true;
        }
    }
    return false;
}

static void read_attribute(struct reader *r, struct cursor line)
{
    struct sdp_session *s = r->session;
    struct sdp_media *m = s->media_count ? &s->media[s->media_count - 1] : NULL;
    const char *colon = memchr(line.at, ':', field_length(line));
    struct cursor name = {line.at, colon ? colon : line.end};
    struct cursor value = {colon ? colon + 1 : line.end, line.end};
    uint64_t number;
    if (read_direction(name, m ? &m->direction : &r->direction))
        return;
    if (sdp_protect_take(m ? m : &r->protection, name.at, field_length(name), value.at,
                         field_length(value)))
        return;
    if (field_length(name) > 3 &&
        (!strncasecmp(name.at, "T38", 3) || !strncasecmp(name.at, "X-", 2)))
        sdp_t38_take(m ? &m->t38 : &r->t38, name.at, field_length(name), value.at,
                     field_length(value));
    else if (m && field_is(name, "rtpmap"))
        read_rtpmap(m, value);
    else if (m && field_is(name, "fmtp"))
        read_fmtp(m, value);
    else if (m && field_is(name, "ptime") && field_number(next_field(&value), 1000, &number))
        m->packet_ms = (uint32_t)number;
    else if (m && field_is(name, "rtcp-mux"))
        m->rtcp_mux = true;
}

static int read_line(struct reader *r, char type, struct cursor value)
{
    struct sdp_session *s = r->session;
    switch (type) {
    case 'o':
        return read_origin(r, value);
    case 'm':
        return read_media(r, value);
    case 'c':
        read_connection(s, value);
        return 0;
    case 'a':
        read_attribute(r, value);
        return 0;
    default:
        return 0;
    }
}

static int read_lines(struct reader *r, const char *text, size_t length)
{
    const char *end = text + length;
    int lines = 0;
    for (const char *at = text; at < end; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        const char *next = newline ? newline + 1 : end;
        if (stop > at && stop[-1] == '\r')
            stop--;
        r->failed_at = at;
        if (lines == SDP_LINES_MAX)
            return -E2BIG;
        if (stop > at) { /* empty lines are seen at the end of some bodies */
            if (stop - at < 2 || at[1] != '=')
                return -EBADMSG;
            if (lines == 0 && (at[0] != 'v' || stop - at < 3 || at[2] != '0'))
                return -EBADMSG;
            int error = read_line(r, at[0], (struct cursor){at + 2, stop});
            if (error)
                return error;
        } else if (lines == 0) {
            return -EBADMSG;
        }
        at = next;
    }
    r->failed_at = text;
    return lines ? 0 : -EBADMSG;
}

int sdp_read(struct sdp_session *session, const char *text, size_t length, size_t *error_offset)
{
    struct reader r = {.session = session, .failed_at = text};
    int error = length > SDP_TEXT_MAX ? -E2BIG : 0;
    memset(session, 0, sizeof *session);
    sip_text_copy(session->user, sizeof session->user, "-");
    sdp_t38_set_defaults(&r.t38);
    if (!error && length) {
        r.failed_at = memchr(text, '\0', length);
        if (r.failed_at)
            error = -EBADMSG;
        else
            error = read_lines(&r, text, length);
    } else if (!error) {
        error = -EBADMSG;
    }
    for (uint32_t i = 0; !error && i < session->media_count; i++) {
        struct sdp_media *m = &session->media[i];
        sdp_protect_settle(m);
        if (!m->address[0])
            memcpy(m->address, session->address, sizeof m->address);
    }
    if (error && error_offset)
        *error_offset = (size_t)(r.failed_at - text);
    return error;
}
