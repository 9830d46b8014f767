#include "gateway/sip/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/body.h"

int sip_message_scan(const char *bytes, size_t length)
{
    const char *end = bytes + length, *at = bytes;
    if (length == 0)
        return -EAGAIN;
    if (length < 16 || length > SIP_DATAGRAM_MAX)
        return -EBADMSG;
    for (int lines = 0; lines <= SIP_HEADERS_MAX; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((newline ? newline : end) - at);
        if (line > SIP_LINE_MAX)
            return -E2BIG;
        if (!newline || line == 0 || (line == 1 && *at == '\r'))
            return newline && !memchr(bytes, '\0', (size_t)(at - bytes)) ? 0 : -EBADMSG;
        at = newline + 1;
    }
    return -E2BIG;
}

static bool fits(const char *s, size_t limit)
{
    return s && *s && strnlen(s, limit + 1) <= limit;
}

static bool list_fits(const osip_list_t *list)
{
    return osip_list_size(list) <= SIP_LIST_MAX;
}

/* Digits for a value below 2^31 (§8.1.1.5). */
static bool is_cseq(const char *number)
{
    size_t length = strspn(number, "0123456789");
    return length > 0 && length <= 10 && !number[length] &&
           strtoull(number, NULL, 10) < (unsigned long long)1 << 31;
}

bool sip_message_uri_is_usable(const osip_uri_t *uri)
{
    return uri && uri->scheme &&
           (!strcasecmp(uri->scheme, "sip") || !strcasecmp(uri->scheme, "sips")) &&
           fits(uri->host, 255);
}

bool sip_message_is_sips(const osip_message_t *m)
{
    return m->req_uri && m->req_uri->scheme && !strcasecmp(m->req_uri->scheme, "sips");
}

static bool has_headers(const osip_message_t *m)
{
    const osip_via_t *via = osip_list_get(&m->vias, 0);
    if (!via || !fits(via->host, SIP_TAG_MAX) || !via->protocol ||
        (via->port && strlen(via->port) > 5))
        return false;
    if (!m->call_id || !fits(m->call_id->number, SIP_CALL_ID_MAX))
        return false;
    if (!m->from || !m->from->url || !m->to || !m->to->url)
        return false;
    return m->cseq && m->cseq->number && is_cseq(m->cseq->number) &&
           fits(m->cseq->method, SIP_METHOD_MAX);
}

int sip_message_check(const osip_message_t *m)
{
    char call_id[SIP_CALL_ID_MAX + 1];
    if (!m->sip_version || strcasecmp(m->sip_version, "SIP/2.0") != 0 || !has_headers(m))
        return -EBADMSG;
    if (!sip_message_call_id(m, call_id) || !list_fits(&m->vias) || !list_fits(&m->routes) ||
        !list_fits(&m->record_routes) || !list_fits(&m->contacts))
        return -EBADMSG;
    if (strlen(sip_message_branch(m)) > SIP_TAG_MAX ||
        strlen(sip_message_from_tag(m)) > SIP_TAG_MAX ||
        strlen(sip_message_to_tag(m)) > SIP_TAG_MAX)
        return -EBADMSG;
    if (MSG_IS_REQUEST(m)) {
        if (!m->req_uri || !m->sip_method || strcmp(m->sip_method, m->cseq->method) != 0)
            return -EBADMSG;
    } else if (m->status_code < 100 || m->status_code > 699) {
        return -EBADMSG;
    }
    return 0;
}

const char *sip_message_param(const osip_list_t *params, const char *name)
{
    for (int i = 0; !osip_list_eol(params, i); i++) {
        const osip_generic_param_t *p = osip_list_get(params, i);
        if (p && p->gname && !strcasecmp(p->gname, name))
            return p->gvalue ? p->gvalue : "";
    }
    return NULL;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

const char *sip_message_branch(const osip_message_t *m)
{
    const osip_via_t *via = osip_list_get(&m->vias, 0);
    return or_empty(sip_message_param(&via->via_params, "branch"));
}

const char *sip_message_from_tag(const osip_message_t *m)
{
    return or_empty(sip_message_param(&m->from->gen_params, "tag"));
}

const char *sip_message_to_tag(const osip_message_t *m)
{
    return or_empty(sip_message_param(&m->to->gen_params, "tag"));
}

bool sip_message_call_id(const osip_message_t *m, char call_id[SIP_CALL_ID_MAX + 1])
{
    const char *host = m->call_id->host;
    int n = snprintf(call_id, SIP_CALL_ID_MAX + 1, "%s%s%s", m->call_id->number, host ? "@" : "",
                     or_empty(host));
    return n > 0 && n <= SIP_CALL_ID_MAX;
}

uint32_t sip_message_cseq(const osip_message_t *m)
{
    return (uint32_t)strtoul(m->cseq->number, NULL, 10);
}

const char *sip_message_header(const osip_message_t *m, const char *name)
{
    for (int i = 0; !osip_list_eol(&m->headers, i); i++) {
        const osip_header_t *h = osip_list_get(&m->headers, i);
        if (h && h->hname && !strcasecmp(h->hname, name))
            return or_empty(h->hvalue);
    }
    return NULL;
}

/* libosip2 gives a header of its own to each entry of most lists, but not when quotes are odd. */
bool sip_message_has_token(const osip_message_t *m, const char *name, const char *alternative,
                           const char *token)
{
    size_t length = strlen(token);
    for (int i = 0; !osip_list_eol(&m->headers, i); i++) {
        const osip_header_t *h = osip_list_get(&m->headers, i);
        if (!h || !h->hname || !h->hvalue ||
            (strcasecmp(h->hname, name) != 0 &&
             (!alternative || strcasecmp(h->hname, alternative) != 0)))
            continue;
        for (const char *at = h->hvalue; *at; at += *at == ',') {
            at += strspn(at, " \t\r\n");
            size_t n = strcspn(at, ",; \t\r\n");
            if (n == length && !strncasecmp(at, token, length))
                return true;
            at += strcspn(at, ",");
        }
    }
    return false;
}

bool sip_message_allows(const osip_message_t *m, const char *method)
{
    for (int i = 0; !osip_list_eol(&m->allows, i); i++) {
        const osip_allow_t *allow = osip_list_get(&m->allows, i);
        if (allow && allow->value && !strcmp(allow->value, method))
            return true;
    }
    return false;
}

int sip_message_reason_cause(const osip_message_t *m, const char *protocol)
{
    size_t length = strlen(protocol);
    for (int i = 0; !osip_list_eol(&m->headers, i); i++) {
        const osip_header_t *h = osip_list_get(&m->headers, i);
        if (!h || !h->hname || !h->hvalue || strcasecmp(h->hname, "reason") != 0 ||
            strncasecmp(h->hvalue, protocol, length) != 0)
            continue;
        const char *cause = strcasestr(h->hvalue + length, "cause=");
        long value = cause ? strtol(cause + sizeof "cause=" - 1, NULL, 10) : 0;
        if (value > 0 && value < 1000)
            return (int)value;
    }
    return 0;
}

uint32_t sip_message_retry_after(const osip_message_t *response)
{
    enum { DAY_S = 86400 };
    const char *value = sip_message_header(response, "retry-after");
    if (!value || *value < '0' || *value > '9')
        return 0;
    unsigned long seconds = strtoul(value, NULL, 10);
    return seconds > DAY_S ? DAY_S : (uint32_t)seconds;
}

const osip_uri_t *sip_message_contact(const osip_message_t *m)
{
    const osip_contact_t *contact = osip_list_get(&m->contacts, 0);
    return contact && sip_message_uri_is_usable(contact->url) ? contact->url : NULL;
}

static bool is_sdp(const osip_content_type_t *type)
{
    return type->subtype && !strcasecmp(type->type, "application") &&
           !strcasecmp(type->subtype, "sdp");
}

static bool is_encoded(const osip_message_t *m)
{
    for (int i = 0; !osip_list_eol(&m->content_encodings, i); i++) {
        const osip_content_encoding_t *e = osip_list_get(&m->content_encodings, i);
        if (e && e->value && strcasecmp(e->value, "identity") != 0)
            return true;
    }
    return false;
}

/* Without Accept it is a session description that is expected (§13.2.1). */
bool sip_message_accepts_sdp(const osip_message_t *m)
{
    for (int i = 0; !osip_list_eol(&m->accepts, i); i++) {
        const osip_accept_t *a = osip_list_get(&m->accepts, i);
        if (a && a->type && a->subtype &&
            (!strcmp(a->type, "*") ||
             (!strcasecmp(a->type, "application") &&
              (!strcasecmp(a->subtype, "sdp") || !strcmp(a->subtype, "*")))))
            return true;
    }
    return osip_list_size(&m->accepts) <= 0;
}

int sip_message_sdp_text(const osip_message_t *m, const char **text, size_t *length)
{
    const osip_content_type_t *type = m->content_type;
    const osip_body_t *body = osip_list_get(&m->bodies, 0);
    if (!body || !body->body || body->length == 0)
        return 0;
    *text = body->body;
    *length = body->length;
    if (is_encoded(m) || !type || !type->type)
        return -EMEDIUMTYPE;
    if (!strcasecmp(type->type, "multipart")) {
        const char *boundary = sip_message_param(&type->gen_params, "boundary");
        if (!boundary || !sip_body_find_part(body->body, body->length, boundary, "application/sdp",
                                             text, length))
            return -EMEDIUMTYPE;
    } else if (!is_sdp(type)) {
        return -EMEDIUMTYPE;
    }
    return 1;
}

int sip_message_sdp(const osip_message_t *m, struct sdp_session *sdp)
{
    const char *text;
    size_t length;
    int found = sip_message_sdp_text(m, &text, &length);
    if (found != 1)
        return found;
    int error = sdp_read(sdp, text, length, NULL);
    return error ? error : 1;
}
