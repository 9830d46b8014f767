#include "gateway/mail/mail_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/secret.h"
#include "policy/text_code.h"
#include "policy/utf8.h"

enum {
    LINE_MAX = 76,
    WORD_OCTETS = 42, /* in an encoded word of at most 75 characters */
    VALUE_MAX = 4000, /* octets of a value that stands in a field */
    BASE64_LINE = 57,
    ADDRESS_MAX = 320
};

void mail_text_clear(struct mail_text *text)
{
    secret_wipe(text->octets, text->capacity);
    free(text->octets);
    memset(text, 0, sizeof *text);
}

/* Not realloc(): it would leave a copy behind. */
static bool grow(struct mail_text *text, size_t more)
{
    if (text->error)
        return false;
    if (text->capacity - text->length > more)
        return true;
    size_t capacity = (text->length + more + 1) * 2;
    char *octets = malloc(capacity);
    if (!octets) {
        text->error = -ENOMEM;
        return false;
    }
    if (text->length > 0)
        memcpy(octets, text->octets, text->length);
    secret_wipe(text->octets, text->capacity);
    free(text->octets);
    text->octets = octets;
    text->capacity = capacity;
    return true;
}

void mail_text_add_octets(struct mail_text *text, const void *octets, size_t length)
{
    if (!grow(text, length))
        return;
    if (length > 0)
        memcpy(text->octets + text->length, octets, length);
    text->length += length;
    text->octets[text->length] = '\0';
}

void mail_text_add(struct mail_text *text, const char *octets)
{
    mail_text_add_octets(text, octets, strlen(octets));
}

void mail_text_print(struct mail_text *text, const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        text->error = -ENOMEM;
    else
        mail_text_add_octets(text, line, (size_t)length);
}

/* --- values --- */

/* Octets of the character at text, which is well-formed UTF-8. */
static size_t character(const char *text)
{
    unsigned char c = (unsigned char)*text;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* A copy that is UTF-8 without control characters, cut at a character; NULL: no memory. */
static char *clean(struct mail_text *text, const char *value)
{
    size_t length = strnlen(value, VALUE_MAX);
    char *copy = text->error ? NULL : strndup(value, length);
    if (!copy) {
        text->error = -ENOMEM;
        return NULL;
    }
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    utf8_clean(copy);
    return copy;
}

static void drop(char *copy)
{
    if (copy)
        secret_wipe(copy, strlen(copy));
    free(copy);
}

static bool is_ascii(const char *value)
{
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return false;
    return true;
}

/* Octets from at on that fit into one encoded word. */
static size_t word_length(const char *at)
{
    size_t length = 0;
    while (at[length]) {
        size_t next = character(at + length);
        if (length + next > WORD_OCTETS)
            break;
        length += next;
    }
    return length;
}

static void add_words(struct mail_text *text, const char *value)
{
    char word[80];
    for (const char *at = value; *at;) {
        size_t length = word_length(at);
        base64_encode((const uint8_t *)at, length, word);
        mail_text_print(text, "%s=?UTF-8?B?%s?=", at == value ? "" : "\r\n ", word);
        at += length;
    }
    secret_wipe(word, sizeof word);
}

void mail_text_field(struct mail_text *text, const char *name, const char *value)
{
    char *copy = clean(text, value);
    if (!copy)
        return;
    mail_text_print(text, "%s: ", name);
    if (is_ascii(copy) && !strstr(copy, "=?") && strlen(name) + 2 + strlen(copy) <= LINE_MAX)
        mail_text_add(text, copy);
    else
        add_words(text, copy);
    mail_text_add(text, "\r\n");
    drop(copy);
}

bool mail_text_is_address(const char *address)
{
    static const char specials[] = "()<>[]:;,\\\" ";
    size_t length = strlen(address);
    const char *at = strrchr(address, '@');
    if (length < 3 || length > ADDRESS_MAX || !at || at == address || !at[1] ||
        strchr(address, '@') != at || !utf8_valid(address, length))
        return false;
    for (const char *c = address; *c; c++)
        if ((unsigned char)*c < 0x21 || *c == 0x7F || strchr(specials, *c))
            return false;
    return true;
}

void mail_text_address_field(struct mail_text *text, const char *name, const char *display,
                             const char *address)
{
    if (!mail_text_is_address(address)) {
        mail_text_print(text, "%s: undisclosed-recipients:;\r\n", name);
        return;
    }
    char *copy = display[0] ? clean(text, display) : NULL;
    mail_text_print(text, "%s: ", name);
    if (copy) {
        add_words(text, copy);
        mail_text_add(text, "\r\n ");
    }
    mail_text_print(text, "<%s>\r\n", address);
    drop(copy);
}

static unsigned code_point(const char *at, size_t length)
{
    unsigned code = (unsigned char)at[0];
    if (length > 1)
        code &= 0xFFu >> (length + 1);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    return code;
}

void mail_text_status_field(struct mail_text *text, const char *name, const char *type,
                            const char *value)
{
    char *copy = clean(text, value);
    if (!copy)
        return;
    mail_text_print(text, "%s: %s%s", name, type ? type : "", type ? "; " : "");
    size_t column = strlen(name) + 2;
    for (const char *at = copy; *at;) {
        size_t length = character(at);
        if (column > LINE_MAX && *at == ' ' && at[1] && at[1] != ' ') {
            mail_text_add(text, "\r\n");
            column = 0;
        }
        if (length == 1)
            mail_text_add_octets(text, at, 1);
        else
            mail_text_print(text, "\\x{%X}", code_point(at, length));
        column += length == 1 ? 1 : 8;
        at += length;
    }
    mail_text_add(text, "\r\n");
    drop(copy);
}

void mail_text_parameter(struct mail_text *text, const char *name, const char *value)
{
    char *copy = clean(text, value);
    if (!copy)
        return;
    bool plain = is_ascii(copy) && !strpbrk(copy, "\"\\") && strlen(copy) < 60;
    mail_text_print(text, ";\r\n %s%s", name, plain ? "=\"" : "*=UTF-8''");
    for (const char *c = copy; *c && !plain; c++) {
        if (isalnum((unsigned char)*c) && (unsigned char)*c < 0x80)
            mail_text_add_octets(text, c, 1);
        else
            mail_text_print(text, "%%%02X", (unsigned char)*c);
    }
    if (plain)
        mail_text_print(text, "%s\"", copy);
    drop(copy);
}

/* --- bodies --- */

static bool stands_for_itself(char c, bool last)
{
    unsigned char octet = (unsigned char)c;
    if (octet == ' ' || octet == '\t')
        return !last;
    return octet > 0x20 && octet < 0x7F && octet != '=';
}

void mail_text_quoted(struct mail_text *text, const char *body, size_t length)
{
    size_t column = 0;
    for (size_t i = 0; i < length; i++) {
        char piece[4] = {body[i], '\0'};
        if (body[i] == '\n') {
            mail_text_add(text, "\r\n");
            column = 0;
            continue;
        }
        bool last = i + 1 == length || body[i + 1] == '\n';
        if (!stands_for_itself(body[i], last))
            snprintf(piece, sizeof piece, "=%02X", (unsigned char)body[i]);
        if (column + strlen(piece) > LINE_MAX - 1) {
            mail_text_add(text, "=\r\n");
            column = 0;
        }
        mail_text_add(text, piece);
        column += strlen(piece);
    }
    if (column > 0)
        mail_text_add(text, "\r\n");
}

void mail_text_base64(struct mail_text *text, const uint8_t *octets, size_t length)
{
    char line[BASE64_LINE / 3 * 4 + 3];
    for (size_t at = 0; at < length && !text->error; at += BASE64_LINE) {
        size_t part = length - at < BASE64_LINE ? length - at : BASE64_LINE;
        base64_encode(octets + at, part, line);
        mail_text_add(text, line);
        mail_text_add(text, "\r\n");
    }
    secret_wipe(line, sizeof line);
}

void mail_text_date(int64_t time_ms, char out[MAIL_DATE_TEXT])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = time_ms < 0 || time_ms > INT64_C(253402300799000) ? 0 : time_ms / 1000;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    /* Not strftime(): the names must be English. */
    snprintf(out, MAIL_DATE_TEXT, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[utc.tm_wday % 7],
             utc.tm_mday % 100, months[utc.tm_mon % 12], (utc.tm_year + 1900) % 10000,
             utc.tm_hour % 100, utc.tm_min % 100, utc.tm_sec % 100);
}
