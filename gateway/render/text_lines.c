#include "gateway/render/text_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/http/http_utf8.h"
#include "policy/utf8.h"

static bool is_blank(uint32_t character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\f' ||
           character == '\r' || character == 0xA0 || character == 0x3000 ||
           (character >= 0x2000 && character <= 0x200B) || character == 0x2028 ||
           character == 0x2029 || character == 0xFEFF;
}

static bool is_control(uint32_t character)
{
    if (character == '\t' || character == '\n' || character == '\f' || character == '\r')
        return false;
    return character < ' ' || (character >= 0x7F && character < 0xA0);
}

static int judge(const char *text, size_t length, size_t *visible_end, char *reason)
{
    uint32_t line = 1;

    *visible_end = 0;
    for (size_t at = 0; at < length;) {
        uint32_t character;
        size_t octets = http_utf8_next(text + at, length - at, &character);

        if (octets == 0) {
            snprintf(reason, TEXT_REASON_MAX, "line %u of the text is not UTF-8", line);
            return FAX_EFORMAT;
        }
        if (is_control(character)) {
            snprintf(reason, TEXT_REASON_MAX,
                     "line %u of the text has the control character U+%04X", line, character);
            return FAX_EFORMAT;
        }
        if (!is_blank(character))
            *visible_end = at + octets;
        if (character == '\n' || (character == '\r' && (at + 1 == length || text[at + 1] != '\n')))
            line++;
        at += octets;
    }
    return 0;
}

int text_lines_open(struct text_lines *lines, const uint8_t *text, size_t length,
                    char reason[TEXT_REASON_MAX])
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    size_t visible_end;
    int error;

    *lines = (struct text_lines){.text = (const char *)text, .length = length, .line = 1};
    reason[0] = '\0';
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        snprintf(reason, TEXT_REASON_MAX, "the text is UTF-16; it must be UTF-8");
        return FAX_EUNSUPPORTED;
    }
    if (length >= sizeof mark && memcmp(text, mark, sizeof mark) == 0)
        lines->offset = sizeof mark;
    error = judge(lines->text + lines->offset, length - lines->offset, &visible_end, reason);
    if (error != 0)
        return error;
    if (visible_end == 0) {
        snprintf(reason, TEXT_REASON_MAX, "the text has nothing but blanks");
        return FAX_EEMPTY;
    }
    lines->length = lines->offset + visible_end;
    lines->line = 0;
    return 0;
}

/* Where to cut a line that is too long: behind its last blank, or else between two characters. */
static size_t piece_length(const char *text)
{
    size_t length = TEXT_LINE_OCTETS_MAX;

    for (size_t i = length; i > length / 2; i--)
        if (text[i - 1] == ' ' || text[i - 1] == '\t')
            return i;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

static bool starts_line(const struct text_lines *lines)
{
    char before = lines->offset == 0 ? '\n' : lines->text[lines->offset - 1];

    return lines->line == 0 || before == '\n' || before == '\r';
}

int text_lines_next(struct text_lines *lines, struct text_line *line)
{
    size_t end;

    if (lines->offset >= lines->length)
        return 0;
    if (starts_line(lines))
        lines->line++;
    line->page_break = lines->text[lines->offset] == '\f';
    if (line->page_break)
        lines->offset++;
    line->text = lines->text + lines->offset;
    end = lines->offset;
    while (end < lines->length && strchr("\n\r\f", lines->text[end]) == NULL)
        end++; /* there is no NUL */
    line->length = end - lines->offset;
    if (line->length > TEXT_LINE_OCTETS_MAX) {
        line->length = piece_length(line->text);
        lines->offset += line->length;
        return 1;
    }
    lines->offset = end;
    if (end < lines->length && lines->text[end] == '\r')
        lines->offset++;
    if (lines->offset < lines->length && lines->text[lines->offset] == '\n')
        lines->offset++;
    return 1;
}

int text_lines_spell(const char *text, size_t length, uint32_t code, char **spelled,
                     size_t *spelled_length)
{
    char character[4], name[16], *out;
    size_t octets = utf8_write(code, character), found = 0, used = 0;
    size_t named = (size_t)snprintf(name, sizeof name, "[U+%04X]", code);

    for (const char *at = text; (at = memmem(at, length - (size_t)(at - text), character, octets));
         at += octets)
        found++;
    size_t size = length + found * (named - octets);
    if (found == 0 || size > (size_t)16 * TEXT_LINE_OCTETS_MAX)
        return found == 0 ? FAX_EFORMAT : FAX_ELIMIT;
    out = malloc(size);
    if (out == NULL)
        return FAX_ENOMEM;
    for (size_t i = 0; i < length;)
        if (length - i >= octets && memcmp(text + i, character, octets) == 0) {
            memcpy(out + used, name, named);
            used += named;
            i += octets;
        } else {
            out[used++] = text[i++];
        }
    *spelled = out;
    *spelled_length = used;
    return 0;
}
