#include "gateway/sip/digest.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_OCTETS = 16, PARAMETERS_MAX = 24, SCHEME_OCTETS = 6, NONCE_COUNT_DIGITS = 8 };

struct reader {
    const char *at, *end;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && is_space(*r->at))
        r->at++;
}

/* RFC 3261 §25.1 */
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("-.!%*_+`'~", c) != NULL);
}

static int read_name(struct reader *r, char name[NAME_MAX_OCTETS])
{
    size_t n = 0;

    while (r->at < r->end && is_token_char(*r->at)) {
        if (n + 1 >= NAME_MAX_OCTETS)
            return -E2BIG;
        name[n++] = *r->at++;
    }
    name[n] = '\0';
    return n > 0 ? 0 : -EBADMSG;
}

/* Control characters are refused everywhere: a value may come to stand in a header line of ours. */
static int take_octet(char *out, size_t capacity, size_t *n, char c)
{
    if ((unsigned char)c < ' ' || c == 0x7F)
        return -EBADMSG;
    if (*n + 1 >= capacity)
        return -E2BIG;
    out[(*n)++] = c;
    return 0;
}

static int read_quoted(struct reader *r, char *out, size_t capacity)
{
    size_t n = 0;

    for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
        if (*r->at == '\\' && ++r->at == r->end)
            return -EBADMSG;
        int error = take_octet(out, capacity, &n, *r->at);
        if (error)
            return error;
    }
    if (r->at == r->end)
        return -EBADMSG;
    r->at++;
    out[n] = '\0';
    return 0;
}

static int read_value(struct reader *r, char *out, size_t capacity)
{
    size_t n = 0;

    if (r->at < r->end && *r->at == '"')
        return read_quoted(r, out, capacity);
    for (; r->at < r->end && *r->at != ',' && !is_space(*r->at); r->at++) {
        int error = *r->at == '"' ? -EBADMSG : take_octet(out, capacity, &n, *r->at);
        if (error)
            return error;
    }
    out[n] = '\0';
    return n > 0 ? 0 : -EBADMSG;
}

static int take_algorithm(struct digest_params *out, const char *value)
{
    if (strcasecmp(value, "MD5") == 0)
        out->algorithm = DIGEST_MD5;
    else if (strcasecmp(value, "SHA-256") == 0)
        out->algorithm = DIGEST_SHA256;
    else
        return -ENOTSUP;
    return 0;
}

/* A list in a challenge, one word in an answer. */
static void take_qop(struct digest_params *out, const char *value)
{
    out->qop_present = true;
    while (*value != '\0') {
        value += strspn(value, ", \t");
        size_t n = strcspn(value, ", \t");
        if (n == 4 && strncasecmp(value, "auth", n) == 0)
            out->qop_auth = true;
        value += n;
    }
}

static int take_nonce_count(struct digest_params *out, const char *value)
{
    if (strlen(value) != NONCE_COUNT_DIGITS)
        return -EBADMSG;
    for (; *value != '\0'; value++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = strchr(digits, *value);
        if (digit == NULL)
            return -EBADMSG;
        out->nonce_count = out->nonce_count << 4 | (uint32_t)((digit - digits) & 15);
    }
    return 0;
}

enum parameter {
    ALGORITHM,
    CNONCE,
    NC,
    NONCE,
    OPAQUE,
    QOP,
    REALM,
    RESPONSE,
    STALE,
    URI,
    USERHASH,
    USERNAME,
    PARAMETERS
};

static const char *const names[PARAMETERS] = {"algorithm", "cnonce", "nc",       "nonce",
                                              "opaque",    "qop",    "realm",    "response",
                                              "stale",     "uri",    "userhash", "username"};

static int take_plain(struct digest_params *out, enum parameter which, struct reader *r)
{
    const struct {
        char *text;
        size_t capacity;
    } places[PARAMETERS] = {[CNONCE] = {out->cnonce, sizeof out->cnonce},
                            [NONCE] = {out->nonce, sizeof out->nonce},
                            [OPAQUE] = {out->opaque, sizeof out->opaque},
                            [REALM] = {out->realm, sizeof out->realm},
                            [RESPONSE] = {out->response, sizeof out->response},
                            [URI] = {out->uri, sizeof out->uri},
                            [USERNAME] = {out->username, sizeof out->username}};

    return read_value(r, places[which].text, places[which].capacity);
}

static int take_parsed(struct digest_params *out, enum parameter which, struct reader *r)
{
    char value[DIGEST_TEXT_MAX];
    int error = read_value(r, value, sizeof value);

    if (error)
        return error;
    if (which == ALGORITHM)
        return take_algorithm(out, value);
    if (which == NC)
        return take_nonce_count(out, value);
    if (which == QOP)
        take_qop(out, value);
    else if (which == STALE)
        out->stale = strcasecmp(value, "true") == 0;
    else if (strcasecmp(value, "false") != 0) /* userhash */
        return -ENOTSUP;
    return 0;
}

static int take_parameter(struct digest_params *out, struct reader *r, unsigned *seen)
{
    char name[NAME_MAX_OCTETS], skipped[DIGEST_URI_MAX];
    int error = read_name(r, name);

    if (error)
        return error;
    skip_space(r);
    if (r->at == r->end || *r->at++ != '=')
        return -EBADMSG;
    skip_space(r);
    unsigned i = 0;
    while (i < PARAMETERS && strcasecmp(name, names[i]) != 0)
        i++;
    if (i == PARAMETERS)
        return read_value(r, skipped, sizeof skipped);
    if (*seen & 1u << i)
        return -EBADMSG;
    *seen |= 1u << i;
    switch ((enum parameter)i) {
    case ALGORITHM:
    case NC:
    case QOP:
    case STALE:
    case USERHASH:
        return take_parsed(out, (enum parameter)i, r);
    case CNONCE:
    case NONCE:
    case OPAQUE:
    case REALM:
    case RESPONSE:
    case URI:
    case USERNAME:
    case PARAMETERS:
        break;
    }
    return take_plain(out, (enum parameter)i, r);
}

int digest_read(struct digest_params *out, const char *value, size_t length)
{
    struct reader r = {value, value + length};
    unsigned seen = 0;

    memset(out, 0, sizeof *out);
    if (length > DIGEST_HEADER_MAX)
        return -E2BIG;
    skip_space(&r);
    if (r.end - r.at <= SCHEME_OCTETS || strncasecmp(r.at, "Digest", SCHEME_OCTETS) != 0 ||
        !is_space(r.at[SCHEME_OCTETS]))
        return -ENOTSUP;
    r.at += SCHEME_OCTETS;
    for (unsigned i = 0; i < PARAMETERS_MAX; i++) {
        skip_space(&r);
        int error = take_parameter(out, &r, &seen);
        if (error)
            return error;
        skip_space(&r);
        if (r.at == r.end)
            return seen & 1u << REALM && seen & 1u << NONCE ? 0 : -EBADMSG;
        if (*r.at++ != ',')
            return -EBADMSG;
    }
    return -E2BIG;
}
