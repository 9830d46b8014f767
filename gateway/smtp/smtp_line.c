#include "gateway/smtp/smtp_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/http_utf8.h"

enum { LOCAL_MAX = 64, DOMAIN_MAX = 255, KEYWORD_MAX = 16 };

void smtp_verdict(struct mail_verdict *verdict, int code, const char *enhanced, const char *format,
                  ...)
{
    va_list arguments;
    memset(verdict, 0, sizeof *verdict);
    verdict->code = code;
    (void)snprintf(verdict->enhanced, sizeof verdict->enhanced, "%s", enhanced);
    va_start(arguments, format);
    (void)vsnprintf(verdict->text, sizeof verdict->text, format, arguments);
    va_end(arguments);
}

static int refuse(struct mail_verdict *why, const char *enhanced, const char *text)
{
    smtp_verdict(why, 501, enhanced, "%s", text);
    return -EINVAL;
}

/* Where the '>' stands that ends the path: not one in quotes. NULL: there is none. */
static const char *path_end(const char *text)
{
    bool quoted = false;
    for (; *text; text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (*text == '>' && !quoted)
            return text;
    }
    return NULL;
}

static bool is_atext(unsigned char c)
{
    return c > ' ' && c != 127 && !strchr("()<>[]:;@\\,\"", c);
}

static bool is_local_part(const char *text, size_t length)
{
    bool quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';
    if (length == 0 || length > LOCAL_MAX)
        return false;
    for (size_t i = quoted; i < length - quoted; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!quoted && !is_atext(c))
            return false;
        if (quoted && c == '\\' && ++i >= length - 1)
            return false;
        if (quoted && c == '"')
            return false;
    }
    return true;
}

/* Names, also international ones, and literals in brackets; what they name is judged elsewhere. */
static bool is_domain(const char *text, size_t length)
{
    bool literal = length > 2 && text[0] == '[' && text[length - 1] == ']';
    if (length == 0 || length > DOMAIN_MAX || text[0] == '.' || text[0] == '-')
        return false;
    for (size_t i = literal; i < length - literal; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '.' || c >= 0x80;
        if (!plain && !(literal && c == ':'))
            return false;
    }
    return true;
}

static bool is_mailbox(const char *address)
{
    const char *at = strrchr(address, '@');
    return at && is_local_part(address, (size_t)(at - address)) &&
           is_domain(at + 1, strlen(at + 1));
}

int smtp_path_read(const char **text, char address[MAIL_ADDRESS_TEXT], bool *international,
                   struct mail_verdict *why)
{
    const char *start = *text;
    *international = false;
    address[0] = '\0';
    if (*start != '<')
        return refuse(why, "5.5.4", "The address must stand in <>");
    const char *end = path_end(++start);
    if (!end || (end[1] != '\0' && end[1] != ' '))
        return refuse(why, "5.5.4", "The address must stand in <>");
    size_t length = (size_t)(end - start);
    if (length >= MAIL_ADDRESS_TEXT)
        return refuse(why, "5.1.3", "The address is too long");
    memcpy(address, start, length);
    address[length] = '\0';
    *text = end + 1;
    for (size_t i = 0; i < length; i++)
        *international = *international || (unsigned char)address[i] >= 0x80;
    if (address[0] == '@')
        return refuse(why, "5.1.3", "Source routes are not taken");
    if (*international && !http_utf8_is_clean(address, length))
        return refuse(why, "5.6.7", "The address is no UTF-8");
    if (length > 0 && !is_mailbox(address))
        return refuse(why, "5.1.3", "The address is not well-formed");
    return 0;
}

/* --- parameters --- */

struct parameter {
    char keyword[KEYWORD_MAX + 1];
    const char *value; /* NULL: none */
    size_t length;
};

/* The next one of " KEYWORD[=value]…" (RFC 5321 §4.1.2). Returns 1, 0 at the end, -EINVAL. */
static int next_parameter(const char **text, struct parameter *p)
{
    const char *at = *text + strspn(*text, " ");
    size_t length = strcspn(at, " =");
    memset(p, 0, sizeof *p);
    *text = at;
    if (!*at)
        return 0;
    if (length == 0 || length > KEYWORD_MAX)
        return -EINVAL;
    memcpy(p->keyword, at, length);
    at += length;
    if (*at == '=') {
        p->value = ++at;
        p->length = strcspn(at, " =");
        at += p->length;
        if (p->length == 0 || *at == '=')
            return -EINVAL;
    }
    *text = at;
    return 1;
}

static bool is_keyword(const struct parameter *p, const char *keyword)
{
    return strcasecmp(p->keyword, keyword) == 0;
}

static bool has_value(const struct parameter *p, const char *value)
{
    return p->value && strlen(value) == p->length && strncasecmp(p->value, value, p->length) == 0;
}

static int refuse_parameter(const struct parameter *p, bool known, struct mail_verdict *why)
{
    if (known)
        smtp_verdict(why, 501, "5.5.4", "The value of %s cannot be used", p->keyword);
    else
        smtp_verdict(why, 555, "5.5.4", "The parameter %s is not known", p->keyword);
    return -EINVAL;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789ABCDEF"; /* RFC 3461 §4: upper case */
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

int smtp_xtext_decode(const char *text, size_t length, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < length; i++) {
        int c = (unsigned char)text[i];
        if (c == '+') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text[i + 2]) : -1;
            if (low < 0)
                return -EINVAL;
            c = 16 * high + low;
            i += 2;
        }
        if (c < ' ' || c == 127 || used + 1 >= size)
            return -EINVAL;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return http_utf8_is_clean(out, used) ? 0 : -EINVAL;
}

static int read_size(const struct parameter *p, uint64_t *size)
{
    *size = 0;
    if (!p->value || p->length > 20)
        return -EINVAL;
    for (size_t i = 0; i < p->length; i++) {
        if (p->value[i] < '0' || p->value[i] > '9')
            return -EINVAL;
        /* What does not fit is more than any limit. */
        uint64_t digit = (uint64_t)(p->value[i] - '0');
        *size = *size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *size * 10 + digit;
    }
    return 0;
}

enum { MAIL_SIZE = 1, MAIL_BODY = 2, MAIL_UTF8 = 4, MAIL_RET = 8, MAIL_ENVID = 16, MAIL_AUTH = 32 };

static unsigned mail_keyword(const struct parameter *p)
{
    static const char *const keywords[] = {"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"};
    for (unsigned i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (is_keyword(p, keywords[i]))
            return 1u << i;
    return 0;
}

static bool take_mail_parameter(unsigned keyword, const struct parameter *p,
                                struct smtp_mail_terms *terms, struct mail_envelope *envelope)
{
    char unused[MAIL_ORCPT_TEXT];
    switch (keyword) {
    case MAIL_SIZE:
        return read_size(p, &terms->size) == 0;
    case MAIL_BODY:
        return has_value(p, "7BIT") || has_value(p, "8BITMIME");
    case MAIL_UTF8:
        terms->utf8 = true;
        return !p->value;
    case MAIL_RET:
        envelope->return_full = has_value(p, "FULL");
        return envelope->return_full || has_value(p, "HDRS");
    case MAIL_ENVID:
        return p->value &&
               smtp_xtext_decode(p->value, p->length, envelope->envid, sizeof envelope->envid) == 0;
    default: /* AUTH: whom somebody else has signed in is of no use here (RFC 4954 §5) */
        return p->value && smtp_xtext_decode(p->value, p->length, unused, sizeof unused) == 0;
    }
}

int smtp_mail_parameters(const char *text, struct smtp_mail_terms *terms,
                         struct mail_envelope *envelope, struct mail_verdict *why)
{
    struct parameter p;
    unsigned seen = 0;
    int rc;
    memset(terms, 0, sizeof *terms);
    while ((rc = next_parameter(&text, &p)) > 0) {
        unsigned keyword = mail_keyword(&p);
        if (!keyword || seen & keyword || !take_mail_parameter(keyword, &p, terms, envelope))
            return refuse_parameter(&p, keyword != 0, why);
        seen |= keyword;
    }
    return rc == 0 ? 0 : refuse(why, "5.5.4", "The parameters are not well-formed");
}

/* RFC 3461 §4.1: NEVER alone, or a list of the others. */
static bool take_notify(const struct parameter *p, uint8_t *notify)
{
    static const struct {
        const char *word;
        uint8_t bit;
    } words[] = {{"NEVER", MAIL_NOTIFY_NEVER},
                 {"SUCCESS", MAIL_NOTIFY_SUCCESS},
                 {"FAILURE", MAIL_NOTIFY_FAILURE},
                 {"DELAY", MAIL_NOTIFY_DELAY}};
    unsigned bits = 0;
    for (size_t at = 0; p->value && at <= p->length;) {
        size_t length = 0;
        unsigned bit = 0;
        while (at + length < p->length && p->value[at + length] != ',')
            length++;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strlen(words[i].word) == length &&
                strncasecmp(words[i].word, p->value + at, length) == 0)
                bit = words[i].bit;
        if (!bit || bits & bit)
            return false;
        bits |= bit;
        at += length + 1;
    }
    *notify = (uint8_t)bits;
    return bits != 0 && (!(bits & MAIL_NOTIFY_NEVER) || bits == MAIL_NOTIFY_NEVER);
}

/* RFC 3461 §4.2: type;xtext. */
static bool take_orcpt(const struct parameter *p, char orcpt[MAIL_ORCPT_TEXT])
{
    const char *colon = p->value ? memchr(p->value, ';', p->length) : NULL;
    if (!colon || colon == p->value)
        return false;
    size_t length = (size_t)(colon + 1 - p->value);
    for (size_t i = 0; i + 1 < length; i++)
        if (!is_atext((unsigned char)p->value[i]) || p->value[i] == '+')
            return false;
    if (length >= MAIL_ORCPT_TEXT)
        return false;
    memcpy(orcpt, p->value, length);
    return smtp_xtext_decode(colon + 1, p->length - length, orcpt + length,
                             MAIL_ORCPT_TEXT - length) == 0;
}

int smtp_rcpt_parameters(const char *text, struct mail_recipient *recipient,
                         struct mail_verdict *why)
{
    struct parameter p;
    bool notify = false, orcpt = false;
    int rc;
    while ((rc = next_parameter(&text, &p)) > 0) {
        bool is_notify = is_keyword(&p, "NOTIFY"), is_orcpt = is_keyword(&p, "ORCPT");
        bool good = (is_notify && !notify && take_notify(&p, &recipient->notify)) ||
                    (is_orcpt && !orcpt && take_orcpt(&p, recipient->orcpt));
        if (!good)
            return refuse_parameter(&p, is_notify || is_orcpt, why);
        notify = notify || is_notify;
        orcpt = orcpt || is_orcpt;
    }
    return rc == 0 ? 0 : refuse(why, "5.5.4", "The parameters are not well-formed");
}
