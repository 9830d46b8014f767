#include "gateway/sip/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/session.h"

/* Finds the version in `o=user id version ...`. */
static bool find_version(const char *text, size_t length, const char **from, const char **to)
{
    const char *end = text + length, *at = text;
    while (at && end - at >= 2 && memcmp(at, "o=", 2) != 0) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (int spaces = 0; at && spaces < 2; spaces++) {
        at = memchr(at, ' ', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return false;
    *from = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    *to = at;
    return at > *from;
}

static uint64_t version_of(const char *text, size_t length)
{
    const char *from, *to;
    return find_version(text, length, &from, &to) ? strtoull(from, NULL, 10) : 0;
}

int sip_description_write(struct sip_session *s, const struct sdp_session *sdp, char **text,
                          size_t *length)
{
    struct sip_description *d = &s->description;
    char *buffer = malloc(SDP_TEXT_MAX);
    if (!buffer)
        return -ENOMEM;
    uint64_t version = d->version ? d->version + 1 : sdp->session_version;
    int error = 0;
    bool is_same = false;
    if (d->local) {
        uint64_t agreed = version_of(d->local, d->local_length);
        error = sdp_write_version(sdp, agreed, buffer, SDP_TEXT_MAX, length);
        is_same = !error && *length == d->local_length && !memcmp(buffer, d->local, *length);
    }
    if (!error && !is_same) {
        error = sdp_write_version(sdp, version, buffer, SDP_TEXT_MAX, length);
        d->version = error ? d->version : version;
    }
    if (error) {
        free(buffer);
        return error;
    }
    char *fitted = *length ? realloc(buffer, *length) : NULL;
    *text = fitted ? fitted : buffer;
    return 0;
}

static bool digest(const struct sip_session *s, const osip_message_t *m, uint64_t out[2])
{
    const char *text, *from, *to;
    size_t length;
    if (!m || sip_message_sdp_text(m, &text, &length) != 1 ||
        !find_version(text, length, &from, &to))
        return false;
    out[0] = sip_table_hash(s->stack->tag_seed, text, (size_t)(from - text));
    out[1] = sip_table_hash(s->stack->tag_seed, to, length - (size_t)(to - text));
    return true;
}

void sip_description_agree(struct sip_session *s, char *text, size_t length,
                           const osip_message_t *theirs)
{
    struct sip_description *d = &s->description;
    if (text != d->local)
        free(d->local);
    d->local = text;
    d->local_length = length;
    d->has_remote = digest(s, theirs, d->remote);
}

bool sip_description_is_same(const struct sip_session *s, const osip_message_t *theirs)
{
    const struct sip_description *d = &s->description;
    uint64_t remote[2];
    return d->local && d->has_remote && digest(s, theirs, remote) &&
           !memcmp(remote, d->remote, sizeof remote);
}

void sip_description_free(struct sip_description *d)
{
    free(d->local);
    d->local = NULL;
}
