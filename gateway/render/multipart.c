#include "gateway/render/multipart.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "gateway/http/http_utf8.h"

enum { LINE_MAX_OCTETS = 1024 };

__attribute__((format(printf, 3, 4))) static int complain(struct multipart_reader *reader,
                                                          int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (vsnprintf(reader->reason, sizeof reader->reason, format, args) < 0)
        reader->reason[0] = '\0';
    va_end(args);
    return error;
}

/* RFC 2045 §5.1 */
static bool is_token_character(char c)
{
    return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Reads a token or quoted string. Returns what follows, NULL when there is none or it is too long
 * for `out`. */
static const char *read_value(const char *text, char *out, size_t capacity)
{
    bool quoted = *text == '"';
    size_t used = 0;

    text += quoted;
    while (quoted ? *text != '"' : is_token_character(*text)) {
        if (quoted && *text == '\\')
            text++;
        if (*text == '\0' || used + 1 >= capacity)
            return NULL;
        out[used++] = *text++;
    }
    out[used] = '\0';
    return used > 0 || quoted ? text + quoted : NULL;
}

/* One '; name=value'. Returns 1 and what follows, 0 at the end, FAX_EFORMAT. */
static int read_parameter(const char **at, char name[32], char *value, size_t capacity)
{
    const char *text = skip_blanks(*at);

    if (*text == '\0')
        return 0;
    if (*text != ';')
        return FAX_EFORMAT;
    text = read_value(skip_blanks(text + 1), name, 32);
    if (text == NULL || *text != '=')
        return FAX_EFORMAT;
    text = read_value(text + 1, value, capacity);
    if (text == NULL)
        return FAX_EFORMAT;
    *at = text;
    return 1;
}

/* RFC 2046 §5.1.1: bchars, no blank at the end. */
static bool is_boundary(const char *text)
{
    size_t length = strlen(text);

    if (length == 0 || length > MULTIPART_BOUNDARY_MAX || text[length - 1] == ' ')
        return false;
    return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "'()+_,-./:=? ") == length;
}

static int read_boundary(struct multipart_reader *reader, const char *content_type)
{
    static const char type[] = "multipart/mixed";
    char name[32], value[MULTIPART_BOUNDARY_MAX + 2], boundary[MULTIPART_BOUNDARY_MAX + 2] = "";
    const char *at = content_type + sizeof type - 1;
    int found;

    if (strncasecmp(content_type, type, sizeof type - 1) != 0 || is_token_character(*at))
        return complain(reader, FAX_EUNSUPPORTED, "several files are taken as multipart/mixed");
    while ((found = read_parameter(&at, name, value, sizeof value)) == 1) {
        if (strcasecmp(name, "boundary") != 0)
            continue;
        if (boundary[0] != '\0')
            return complain(reader, FAX_EFORMAT, "the content type has two boundaries");
        snprintf(boundary, sizeof boundary, "%s", value);
    }
    if (found < 0 || !is_boundary(boundary))
        return complain(reader, FAX_EFORMAT, "the content type has no valid boundary");
    reader->delimiter_length =
        (size_t)snprintf(reader->delimiter, sizeof reader->delimiter, "\r\n--%s", boundary);
    return 0;
}

static bool starts_with(const struct multipart_reader *reader, size_t at, const char *what,
                        size_t length)
{
    return reader->length - at >= length && memcmp(reader->data + at, what, length) == 0;
}

/* What follows a boundary: CRLF and a part, or '--' and the end. */
static int pass_boundary_end(struct multipart_reader *reader)
{
    size_t at = reader->offset;

    if (starts_with(reader, at, "\r\n", 2)) {
        reader->offset += 2;
        return 0;
    }
    if (!starts_with(reader, at, "--", 2))
        return complain(reader, FAX_EFORMAT, "the boundary of the parts stands inside a part");
    reader->at_end = 1;
    at += 2;
    if (at != reader->length && !(reader->length - at == 2 && starts_with(reader, at, "\r\n", 2)))
        return complain(reader, FAX_EFORMAT, "there are octets behind the last part");
    return 0;
}

int multipart_open(struct multipart_reader *reader, const char *content_type, const uint8_t *data,
                   size_t length)
{
    int error;

    *reader = (struct multipart_reader){.data = data, .length = length};
    error = read_boundary(reader, content_type);
    if (error != 0)
        return error;
    if (!starts_with(reader, 0, reader->delimiter + 2, reader->delimiter_length - 2))
        return complain(reader, FAX_EFORMAT, "the submission does not begin with its boundary");
    reader->offset = reader->delimiter_length - 2;
    return pass_boundary_end(reader);
}

/* Cuts at whole characters and shows what is no printable text as '?'. */
static void keep_name(const char *text, char name[MULTIPART_NAME_TEXT])
{
    size_t used = 0, left = strlen(text);

    while (left > 0) {
        uint32_t character = 0;
        size_t octets = http_utf8_next(text, left, &character);
        bool clean = octets > 0 && http_utf8_is_clean(text, octets);
        size_t step = octets > 0 ? octets : 1;

        if (used + (clean ? octets : 1) >= MULTIPART_NAME_TEXT)
            break;
        memcpy(name + used, clean ? text : "?", clean ? octets : 1);
        used += clean ? octets : 1;
        text += step;
        left -= step;
    }
    name[used] = '\0';
}

/* 'attachment; filename="scan.jpg"' (RFC 2183); one that cannot be read is no name. */
static void read_disposition(const char *text, char name[MULTIPART_NAME_TEXT])
{
    char kind[32], parameter[32], value[LINE_MAX_OCTETS];
    const char *at = read_value(text, kind, sizeof kind);

    while (at != NULL && read_parameter(&at, parameter, value, sizeof value) == 1)
        if (strcasecmp(parameter, "filename") == 0) {
            keep_name(value, name);
            return;
        }
}

static int read_header(struct multipart_reader *reader, const char *line,
                       struct multipart_part *part)
{
    const char *colon = strchr(line, ':');
    const char *value;
    size_t name_length;

    if (colon == NULL || colon == line)
        return complain(reader, FAX_EFORMAT, "file %u has a damaged header", reader->parts + 1);
    name_length = (size_t)(colon - line);
    for (size_t i = 0; i < name_length; i++)
        if (!is_token_character(line[i]))
            return complain(reader, FAX_EFORMAT, "file %u has a damaged header", reader->parts + 1);
    value = skip_blanks(colon + 1);
    if (name_length == 19 && strncasecmp(line, "Content-Disposition", 19) == 0)
        read_disposition(value, part->name);
    else if (name_length == 12 && strncasecmp(line, "Content-Type", 12) == 0 &&
             strncasecmp(value, "multipart/", 10) == 0)
        return complain(reader, FAX_EUNSUPPORTED, "file %u has parts of its own",
                        reader->parts + 1);
    else if (name_length == 25 && strncasecmp(line, "Content-Transfer-Encoding", 25) == 0 &&
             strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
             strcasecmp(value, "7bit") != 0)
        return complain(reader, FAX_EUNSUPPORTED,
                        "file %u has a transfer encoding; it must come as it is",
                        reader->parts + 1);
    return 0;
}

/* The next header line without its end. Returns 1, 0 for the empty line, or an error. */
static int next_line(struct multipart_reader *reader, size_t head_start, char line[LINE_MAX_OCTETS])
{
    const uint8_t *start = reader->data + reader->offset;
    size_t left = reader->length - reader->offset;
    size_t room = left < LINE_MAX_OCTETS + 1 ? left : LINE_MAX_OCTETS + 1;
    const uint8_t *end = memmem(start, room, "\r\n", 2);
    size_t length;

    if (end == NULL)
        return complain(reader, left > room ? FAX_ELIMIT : FAX_ETRUNCATED,
                        "file %u has a header line %s", reader->parts + 1,
                        left > room ? "that is too long" : "without an end");
    length = (size_t)(end - start);
    reader->offset += length + 2;
    if (reader->offset - head_start > MULTIPART_HEAD_MAX)
        return complain(reader, FAX_ELIMIT, "file %u has too long a head", reader->parts + 1);
    for (size_t i = 0; i < length; i++)
        if ((start[i] < ' ' && start[i] != '\t') || start[i] == 127)
            return complain(reader, FAX_EFORMAT, "file %u has a damaged header", reader->parts + 1);
    memcpy(line, start, length);
    line[length] = '\0';
    return length > 0;
}

static int read_head(struct multipart_reader *reader, struct multipart_part *part)
{
    size_t start = reader->offset;
    char line[LINE_MAX_OCTETS + 1] = "";
    int found;

    while ((found = next_line(reader, start, line)) == 1) {
        int error = read_header(reader, line, part);

        if (error != 0)
            return error;
    }
    return found;
}

int multipart_next(struct multipart_reader *reader, struct multipart_part *part)
{
    const uint8_t *end;
    int error;

    *part = (struct multipart_part){0};
    if (reader->at_end)
        return 0;
    if (reader->parts == MULTIPART_PARTS_MAX)
        return complain(reader, FAX_ELIMIT, "the submission has more than %d files",
                        MULTIPART_PARTS_MAX);
    error = read_head(reader, part);
    if (error != 0)
        return error;
    part->data = reader->data + reader->offset;
    /* An empty part: the line end of the empty line belongs to the boundary as well. */
    if (starts_with(reader, reader->offset, reader->delimiter + 2, reader->delimiter_length - 2))
        end = part->data;
    else
        end = memmem(part->data, reader->length - reader->offset, reader->delimiter,
                     reader->delimiter_length);
    if (end == NULL)
        return complain(reader, FAX_ETRUNCATED, "the submission ends inside file %u",
                        reader->parts + 1);
    part->length = (size_t)(end - part->data);
    reader->offset += part->length + reader->delimiter_length - (part->length == 0 ? 2 : 0);
    if (part->length == 0 && *end == '\r')
        reader->offset += 2;
    error = pass_boundary_end(reader);
    if (error != 0)
        return error;
    reader->parts++;
    return 1;
}
