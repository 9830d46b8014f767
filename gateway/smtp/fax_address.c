#include "gateway/smtp/fax_address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "gateway/smtp/smtp_line.h"
#include "policy/kek_id.h"

enum { PART_TEXT = 80 };

/* What has been said; nothing may be said twice. */
enum {
    SAID_NUMBER = 1,
    SAID_NAME = 2,
    SAID_CLASS = 4,
    SAID_FROM = 8,
    SAID_AT = 16,
    SAID_RESOLUTION = 32,
    SAID_COVER = 64,
    SAID_PRIORITY = 128
};

struct reading {
    struct mail_recipient *out;
    unsigned said;
    struct mail_verdict *why;
};

static const struct {
    const char *word;
    unsigned said;
    uint16_t value;
} words[] = {
    {"standard", SAID_RESOLUTION, 98},
    {"fine", SAID_RESOLUTION, 196},
    {"superfine", SAID_RESOLUTION, 391},
    {"cover", SAID_COVER, MAIL_COVER_YES},
    {"nocover", SAID_COVER, MAIL_COVER_NO},
    {"high", SAID_PRIORITY, MAIL_PRIORITY_HIGH},
    {"normal", SAID_PRIORITY, MAIL_PRIORITY_USUAL},
    {"low", SAID_PRIORITY, MAIL_PRIORITY_LOW},
};

bool fax_address_is_ours(const char *domains, const char *domain)
{
    size_t wanted = strlen(domain);
    while (*domains) {
        domains += strspn(domains, ", ");
        size_t length = strcspn(domains, ", ");
        if (length > 0 && length == wanted && strncasecmp(domains, domain, length) == 0)
            return true;
        domains += length;
    }
    return false;
}

static int refuse(struct mail_verdict *why, int code, const char *enhanced, const char *text)
{
    smtp_verdict(why, code, enhanced, "%s", text);
    return -EINVAL;
}

static int wrong(struct reading *r, const char *what, const char *text)
{
    smtp_verdict(r->why, 550, "5.1.3", "%s: '%.40s'", what, text);
    return -EINVAL;
}

static int say(struct reading *r, unsigned what, const char *part)
{
    if (r->said & what)
        return wrong(r, "The address says that, or something like it, twice", part);
    r->said |= what;
    return 0;
}

static int take_number(struct reading *r, const char *text)
{
    int rc = say(r, SAID_NUMBER, text);
    if (rc == 0 && number_normalise(text, r->out->number) < 0)
        rc = wrong(r, "A fax number has an optional + and 2 to 20 digits", text);
    return rc;
}

static int take_word(struct reading *r, const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(words[i].word, word) != 0)
            continue;
        int rc = say(r, words[i].said, word);
        if (rc == 0 && words[i].said == SAID_RESOLUTION)
            r->out->options.y_dpi = words[i].value;
        else if (rc == 0 && words[i].said == SAID_COVER)
            r->out->options.cover = (uint8_t)words[i].value;
        else if (rc == 0)
            r->out->options.priority = (uint8_t)words[i].value;
        return rc;
    }
    return wrong(r, "The address has an option that is not known", word);
}

/* So many characters, which are digits. */
static int decimal(const char *text, int length)
{
    int value = 0;
    while (length-- > 0)
        value = 10 * value + (*text++ - '0');
    return value;
}

/* YYYYMMDDThhmm[ss][Z]. */
static int read_time(const char *text, int64_t *seconds)
{
    struct tm tm = {.tm_isdst = -1};
    size_t digits = strspn(text, "0123456789");
    const char *clock = text + 9;
    if (digits != 8 || (text[8] != 'T' && text[8] != 't'))
        return -EINVAL;
    size_t length = strspn(clock, "0123456789");
    if (length != 4 && length != 6)
        return -EINVAL;
    bool utc = clock[length] == 'Z' || clock[length] == 'z';
    if (clock[length + utc] != '\0')
        return -EINVAL;
    tm.tm_year = decimal(text, 4);
    tm.tm_mon = decimal(text + 4, 2);
    tm.tm_mday = decimal(text + 6, 2);
    tm.tm_hour = decimal(clock, 2);
    tm.tm_min = decimal(clock + 2, 2);
    tm.tm_sec = length == 6 ? decimal(clock + 4, 2) : 0;
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return -EINVAL;
    const int day = tm.tm_mday;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t when = utc ? timegm(&tm) : mktime(&tm);
    *seconds = (int64_t)when;
    return when > 0 && tm.tm_mday == day ? 0 : -EINVAL; /* no 31 February */
}

static int take_name(struct reading *r, const char *value)
{
    int rc = say(r, SAID_NAME, value);
    if (rc == 0 && (!value[0] || strlen(value) >= MAIL_NAME_TEXT))
        rc = wrong(r, "A name has 1 to 64 characters", value);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i <= strlen(value); i++)
        r->out->name[i] = (char)(value[i] == '_' ? ' ' : value[i]);
    return 0;
}

static int take_value(struct reading *r, const char *key, const char *value)
{
    int rc;
    struct mail_fax_options *options = &r->out->options;
    if (strcasecmp(key, "number") == 0 || strcasecmp(key, "fax") == 0)
        return take_number(r, value);
    if (strcasecmp(key, "name") == 0)
        return take_name(r, value);
    if (strcasecmp(key, "class") == 0) {
        rc = say(r, SAID_CLASS, value);
        if (rc == 0 && (!kek_class_valid(value) || strlen(value) >= MAIL_CLASS_TEXT))
            rc = wrong(r, "That is not the name of a class", value);
        if (rc == 0)
            (void)snprintf(options->class_name, sizeof options->class_name, "%s", value);
        return rc;
    }
    if (strcasecmp(key, "from") == 0) {
        rc = say(r, SAID_FROM, value);
        if (rc == 0 && number_normalise(value, options->from) < 0)
            rc = wrong(r, "A fax number has an optional + and 2 to 20 digits", value);
        return rc;
    }
    if (strcasecmp(key, "at") == 0) {
        rc = say(r, SAID_AT, value);
        if (rc == 0 && read_time(value, &options->not_before) < 0)
            rc = wrong(r, "A time is written as in 20261122T1800Z", value);
        return rc;
    }
    return wrong(r, "The address has an option that is not known", key);
}

static bool is_number_like(const char *text)
{
    return (text[0] == '+' && text[1] != '\0') || (text[0] >= '0' && text[0] <= '9');
}

static int take_part(struct reading *r, const char *text, size_t length)
{
    char part[PART_TEXT];
    if (length >= sizeof part)
        return refuse(r->why, 550, "5.1.3", "The address is too long");
    memcpy(part, text, length);
    part[length] = '\0';
    char *equals = strchr(part, '=');
    if (equals) {
        *equals = '\0';
        return take_value(r, part, equals + 1);
    }
    if (!(r->said & SAID_NUMBER) && is_number_like(part))
        return take_number(r, part);
    return take_word(r, part);
}

/* '/' and '+' stand between parts; a '+' at the start, or behind '/' or '=', belongs to a number.
 */
static int take_parts(struct reading *r, const char *local)
{
    size_t start = 0, length = strlen(local);
    for (size_t i = 0; i <= length; i++) {
        bool leads = i == start || (i > 0 && local[i - 1] == '=');
        if (i < length && local[i] != '/' && (local[i] != '+' || leads))
            continue;
        int rc = i > start ? take_part(r, local + start, i - start) : 0;
        if (rc < 0)
            return rc;
        start = i + 1;
    }
    return 0;
}

/* Takes quotes off. */
static void unquote(const char *local, size_t length, char *out)
{
    bool quoted = length >= 2 && local[0] == '"';
    for (size_t i = quoted; i < length - quoted; i++) {
        if (quoted && local[i] == '\\' && i + 1 < length - 1)
            i++;
        *out++ = local[i];
    }
    *out = '\0';
}

int fax_address_read(const char *address, const char *domains, struct mail_recipient *out,
                     struct mail_verdict *why)
{
    char local[MAIL_ADDRESS_TEXT] = "";
    struct reading r = {.out = out, .why = why};
    const char *at = strrchr(address, '@');
    size_t length = strlen(address);
    if (!at || length >= sizeof out->address)
        return refuse(why, 550, "5.1.3", "A fax address looks like +498912345@domain");
    for (const char *c = address; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 127)
            return refuse(why, 550, "5.1.3", "A fax address has ASCII characters only");
    if (!fax_address_is_ours(domains, at + 1)) {
        smtp_verdict(why, 550, "5.7.1", "Mail is not relayed; %.100s is none of our domains",
                     at + 1);
        return -EINVAL;
    }
    unquote(address, (size_t)(at - address), local);
    memset(&out->options, 0, sizeof out->options);
    out->number[0] = out->name[0] = '\0';
    memcpy(out->address, address, length + 1);
    int rc = take_parts(&r, local);
    if (rc == 0 && !(r.said & SAID_NUMBER))
        rc = refuse(why, 550, "5.1.1",
                    "There is no fax number in the address; it looks like +498912345@domain");
    return rc;
}
