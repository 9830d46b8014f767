#include "gateway/render/message_results.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_TEXT = 300 };

struct results {
    const char *at;
    char token[TOKEN_TEXT];
    char end; /* what ended the token: ';', ' ' or '\0' */
    bool bad;
};

bool message_domain_aligned(const char *signing, const char *author)
{
    size_t own = strlen(signing), whole = strlen(author);

    if (own == 0 || whole < own || strcasecmp(author + whole - own, signing) != 0)
        return false;
    return whole == own || (author[whole - own - 1] == '.' && strchr(signing, '.') != NULL);
}

/* Comments nest (RFC 5322 §3.2.2). */
static void skip_comment(struct results *r)
{
    unsigned depth = 0;

    do {
        if (*r->at == '\\' && r->at[1] != '\0')
            r->at++;
        else if (*r->at == '(')
            depth++;
        else if (*r->at == ')')
            depth--;
        r->at += *r->at != '\0';
    } while (depth > 0 && *r->at != '\0');
    r->bad |= depth > 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct results *r)
{
    while (is_space(*r->at) || *r->at == '(')
        if (*r->at == '(')
            skip_comment(r);
        else
            r->at++;
}

static void take(struct results *r, size_t *length, char c)
{
    if (*length + 1 < sizeof r->token)
        r->token[(*length)++] = c;
    else
        r->bad = true;
}

static void take_quoted(struct results *r, size_t *length)
{
    for (r->at++; *r->at != '\0' && *r->at != '"'; r->at++) {
        if (*r->at == '\\' && r->at[1] != '\0')
            r->at++;
        take(r, length, *r->at);
    }
    r->bad |= *r->at != '"';
    r->at += *r->at == '"';
}

/* 'key = value' is one token, without the spaces. */
static bool next_token(struct results *r)
{
    size_t length = 0;

    skip_space(r);
    while (*r->at != '\0' && *r->at != ';') {
        if (*r->at == '"') {
            take_quoted(r, &length);
        } else if (is_space(*r->at) || *r->at == '(') {
            skip_space(r);
            if (*r->at != '=' && (length == 0 || r->token[length - 1] != '='))
                break;
        } else {
            take(r, &length, *r->at++);
        }
    }
    r->token[length] = '\0';
    r->end = *r->at == ';' ? ';' : *r->at == '\0' ? '\0' : ' ';
    r->at += *r->at == ';';
    return length > 0 || r->end == ';';
}

static const char *value_of(const char *token, const char *key)
{
    size_t length = strlen(key);

    return strncasecmp(token, key, length) == 0 && token[length] == '=' ? token + length + 1 : NULL;
}

/* One method with its properties. */
struct method {
    bool dkim, dmarc, passed, aligned;
};

static void take_property(struct method *m, const char *token, const char *author)
{
    const char *value;

    if ((value = value_of(token, "dkim")) != NULL) {
        m->dkim = true;
        m->passed = strcasecmp(value, "pass") == 0;
    } else if ((value = value_of(token, "dmarc")) != NULL) {
        m->dmarc = true;
        m->passed = strcasecmp(value, "pass") == 0;
    } else if (m->dkim && (value = value_of(token, "header.d")) != NULL) {
        m->aligned |= message_domain_aligned(value, author);
    } else if (m->dkim && (value = value_of(token, "header.i")) != NULL) {
        const char *domain = strrchr(value, '@');
        m->aligned |= domain != NULL && message_domain_aligned(domain + 1, author);
    } else if (m->dmarc && (value = value_of(token, "header.from")) != NULL) {
        m->aligned |= strcasecmp(value, author) == 0;
    }
}

bool message_results_pass(const char *field, const char *host, const char *author)
{
    struct results r = {.at = field};
    struct method method = {0};
    bool pass = false;

    if (host[0] == '\0' || author[0] == '\0' || !next_token(&r) || strcasecmp(r.token, host) != 0)
        return false;
    while (r.end == ' ' && next_token(&r)) /* the version */
        if (strcmp(r.token, "1") != 0)
            return false;
    while (r.end != '\0' && next_token(&r)) {
        take_property(&method, r.token, author);
        if (r.end == ' ')
            continue;
        pass |= (method.dkim != method.dmarc) && method.passed && method.aligned;
        method = (struct method){0};
    }
    return pass && !r.bad;
}
