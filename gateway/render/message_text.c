#include "gateway/render/message_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "gateway/render/html_text.h"
#include "policy/utf8.h"

enum { CHARSET_MAX = 40, UTF8_GROWTH = 4 };

static int fail(char reason[MESSAGE_TEXT_REASON_MAX], int error, const char *text)
{
    snprintf(reason, MESSAGE_TEXT_REASON_MAX, "%s", text);
    return error;
}

/* Nothing but a name may reach iconv_open(): '/' would choose how it errs. */
static bool is_name(const char *charset)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-_.:+()";
    size_t length = strlen(charset);
    return length > 0 && length < CHARSET_MAX && strspn(charset, allowed) == length;
}

static int copy_utf8(const char *charset, const uint8_t *octets, size_t length, char **text,
                     size_t *text_length, char reason[MESSAGE_TEXT_REASON_MAX])
{
    if (!utf8_valid((const char *)octets, length)) {
        snprintf(reason, MESSAGE_TEXT_REASON_MAX, "the text is not valid %s", charset);
        return FAX_EFORMAT;
    }
    *text = malloc(length + 1);
    if (*text == NULL)
        return fail(reason, FAX_ENOMEM, "no memory for the text");
    memcpy(*text, octets, length);
    *text_length = length;
    return 0;
}

static int convert(const char *charset, const uint8_t *octets, size_t length, char **text,
                   size_t *text_length, char reason[MESSAGE_TEXT_REASON_MAX])
{
    iconv_t to_utf8 = is_name(charset) ? iconv_open("UTF-8", charset) : (iconv_t)-1;
    size_t room = length * UTF8_GROWTH + UTF8_GROWTH, left = length, unused = room;
    char *in = (char *)(uintptr_t)octets, *out;

    if (to_utf8 == (iconv_t)-1) {
        snprintf(reason, MESSAGE_TEXT_REASON_MAX, "the character set '%.*s' is not known",
                 CHARSET_MAX, is_name(charset) ? charset : "?");
        return FAX_EUNSUPPORTED;
    }
    *text = out = malloc(room);
    size_t converted = out != NULL ? iconv(to_utf8, &in, &left, &out, &unused) : 0;
    if (out != NULL && converted != (size_t)-1)
        converted = iconv(to_utf8, NULL, NULL, &out, &unused);
    iconv_close(to_utf8);
    if (*text == NULL)
        return fail(reason, FAX_ENOMEM, "no memory for the text");
    if (converted == (size_t)-1) {
        free(*text);
        *text = NULL;
        snprintf(reason, MESSAGE_TEXT_REASON_MAX, "the text is not valid %.*s", CHARSET_MAX,
                 charset);
        return FAX_EFORMAT;
    }
    *text_length = room - unused;
    return 0;
}

/* The length of a character at text that no page should have: 0, or its octets. */
static size_t invisible_octets(const char *text, size_t left)
{
    static const char *const marks[] = {"\xEF\xBB\xBF", /* U+FEFF */
                                        "\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D",
                                        "\xE2\x80\x8E", "\xE2\x80\x8F", /* U+200B to U+200F */
                                        "\xE2\x81\xA0",                 /* U+2060 */
                                        "\xEF\xB8\x8F",                 /* U+FE0F */
                                        "\xC2\xAD"};                    /* U+00AD */

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t length = strlen(marks[i]);
        if (left >= length && memcmp(text, marks[i], length) == 0)
            return length;
    }
    return 0;
}

/* In place: line ends, characters without width, blanks that do not break a line. */
static size_t tidy(char *text, size_t length)
{
    size_t used = 0;

    for (size_t i = 0; i < length;) {
        size_t skip = invisible_octets(text + i, length - i);
        if (skip > 0) {
            i += skip;
        } else if (text[i] == '\r') {
            text[used++] = '\n';
            i += i + 1 < length && text[i + 1] == '\n' ? 2 : 1;
        } else if (length - i >= 2 && memcmp(text + i, "\xC2\xA0", 2) == 0) {
            text[used++] = ' ';
            i += 2;
        } else {
            text[used++] = text[i++];
        }
    }
    return used;
}

static size_t quote_depth(const char *line, size_t length)
{
    size_t depth = 0;
    while (depth < length && line[depth] == '>')
        depth++;
    return depth;
}

/* RFC 3676 §4: a line that ends with a space goes on in the next one of the same depth; '-- ' is
 * none. Returns the new text, which is at most twice as long, or NULL. */
static char *join_flowed(const char *text, size_t length, bool delsp, size_t *joined_length)
{
    char *joined = malloc(2 * length + 1), *out = joined;
    size_t open_depth = SIZE_MAX; /* of the line that goes on; SIZE_MAX: none does */

    for (size_t at = 0; joined != NULL && at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t stop = end != NULL ? (size_t)(end - text) : length;
        size_t depth = quote_depth(text + at, stop - at), from = at + depth;

        from += from < stop && text[from] == ' '; /* space-stuffing, §4.4 */
        bool signature = stop - from == 3 && memcmp(text + from, "-- ", 3) == 0;
        bool flows = !signature && stop > from && text[stop - 1] == ' ';
        if (open_depth != SIZE_MAX && (open_depth != depth || signature)) {
            *out++ = '\n';
            open_depth = SIZE_MAX;
        }
        if (open_depth == SIZE_MAX && depth > 0) {
            memset(out, '>', depth);
            out += depth;
            if (stop > from)
                *out++ = ' ';
        }
        size_t kept = stop - from - (flows && delsp ? 1 : 0);
        memcpy(out, text + from, kept);
        out += kept;
        open_depth = flows ? depth : SIZE_MAX;
        if (!flows && end != NULL)
            *out++ = '\n';
        at = end != NULL ? stop + 1 : length;
    }
    *joined_length = joined != NULL ? (size_t)(out - joined) : 0;
    return joined;
}

int message_text_make(const struct message_text_form *form, const uint8_t *octets, size_t length,
                      char **text, size_t *text_length, char reason[MESSAGE_TEXT_REASON_MAX])
{
    const char *charset = form->charset != NULL ? form->charset : "";
    int error;

    *text = NULL;
    if (length > MESSAGE_TEXT_OCTETS_MAX)
        return fail(reason, FAX_ELIMIT, "the text is longer than 16 MiB");
    if (charset[0] == '\0' || strcasecmp(charset, "us-ascii") == 0)
        charset = "UTF-8"; /* what claims less and is more is taken as what it is */
    if (strcasecmp(charset, "UTF-8") == 0 || strcasecmp(charset, "utf8") == 0)
        error = copy_utf8(charset, octets, length, text, text_length, reason);
    else
        error = convert(charset, octets, length, text, text_length, reason);
    if (error == 0 && form->html) {
        char *plain;
        error = html_text_make(*text, *text_length, 2 * (size_t)MESSAGE_TEXT_OCTETS_MAX, &plain,
                               text_length);
        free(*text);
        *text = error == 0 ? plain : NULL;
        if (error != 0)
            return fail(reason, error, "the HTML text is too long");
    }
    if (error != 0)
        return error;
    *text_length = tidy(*text, *text_length);
    if (!form->flowed || form->html)
        return 0;
    char *joined = join_flowed(*text, *text_length, form->delsp, text_length);
    free(*text);
    *text = joined;
    return joined != NULL ? 0 : fail(reason, FAX_ENOMEM, "no memory for the text");
}

bool message_text_is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (strchr(" \t\r\n\f", text[i]) == NULL)
            return false;
    return true;
}
