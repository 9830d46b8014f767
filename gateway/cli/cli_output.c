#include "gateway/cli/cli_output.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "gateway/http/http_utf8.h"

enum { COLUMNS_MAX = 24 };

static bool is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* to NULL: only measures */
static size_t write_escaped(FILE *to, const char *text)
{
    size_t length = strlen(text), columns = 0;
    char piece[16];
    for (size_t at = 0; at < length;) {
        uint32_t c = 0;
        size_t octets = http_utf8_next(text + at, length - at, &c);
        int width;
        if (octets == 0) {
            width = snprintf(piece, sizeof piece, "\\x%02X", (unsigned)(unsigned char)text[at]);
            octets = 1;
        } else if (is_hostile(c)) {
            width = snprintf(piece, sizeof piece, "\\u{%" PRIX32 "}", c);
        } else {
            snprintf(piece, sizeof piece, "%.*s", (int)octets, text + at);
            width = wcwidth((wchar_t)c);
            width = width < 0 ? 1 : width; /* the locale does not know it */
        }
        if (to)
            fputs(piece, to);
        columns += (size_t)width;
        at += octets;
    }
    return columns;
}

size_t cli_print_escaped(FILE *to, const char *text)
{
    return write_escaped(to, text);
}

void cli_local_time(const char *text, char out[32])
{
    struct tm t = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (end && (strcmp(end, "Z") == 0 || strcmp(end, "+00:00") == 0)) {
        time_t when = timegm(&t);
        if (localtime_r(&when, &t) && strftime(out, 32, "%Y-%m-%d %H:%M:%S", &t) > 0)
            return;
    }
    snprintf(out, 32, "%s", text);
}

static char *join(const json_t *list)
{
    char *text = NULL;
    size_t size = 0, i;
    const json_t *item;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    json_array_foreach(list, i, item)
    {
        if (json_is_integer(item))
            fprintf(to, "%s%" JSON_INTEGER_FORMAT, i ? "," : "", json_integer_value(item));
        else
            fprintf(to, "%s%s", i ? "," : "", json_is_string(item) ? json_string_value(item) : "?");
    }
    fclose(to);
    return text;
}

char *cli_cell_text(const json_t *object, const struct cli_column *column)
{
    char text[32];
    const json_t *value = json_object_get(object, column->key);
    if (json_is_array(value) && json_array_size(value) > 0)
        return join(value);
    if (json_is_array(value))
        return strdup("-");
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return strdup(text);
    }
    if (!json_is_string(value) || !*json_string_value(value))
        return strdup("-");
    if (column->cell != CELL_TIME)
        return strdup(json_string_value(value));
    cli_local_time(json_string_value(value), text);
    return strdup(text);
}

static void print_padding(FILE *to, size_t columns)
{
    for (; columns > 0; columns--)
        fputc(' ', to);
}

static void measure(const json_t *rows, const struct cli_column *columns, size_t *widths)
{
    size_t i;
    const json_t *row;
    for (size_t c = 0; c < COLUMNS_MAX && columns[c].title; c++) {
        widths[c] = write_escaped(NULL, columns[c].title);
        json_array_foreach(rows, i, row)
        {
            char *text = cli_cell_text(row, &columns[c]);
            size_t width = text ? write_escaped(NULL, text) : 0;
            widths[c] = width > widths[c] ? width : widths[c];
            free(text);
        }
    }
}

static void print_cell(FILE *to, const struct cli_column *column, const char *text, size_t width)
{
    size_t own = write_escaped(NULL, text);
    size_t padding = width > own ? width - own : 0;
    if (column->cell == CELL_NUMBER)
        print_padding(to, padding);
    write_escaped(to, text);
    if (column[1].title) {
        if (column->cell != CELL_NUMBER)
            print_padding(to, padding);
        fputs("  ", to);
    }
}

void cli_print_table(FILE *to, const json_t *rows, const struct cli_column *columns,
                     const char *empty_text)
{
    size_t widths[COLUMNS_MAX] = {0}, i;
    const json_t *row;
    if (json_array_size(rows) == 0) {
        fprintf(to, "%s\n", empty_text);
        return;
    }
    measure(rows, columns, widths);
    for (size_t c = 0; c < COLUMNS_MAX && columns[c].title; c++)
        print_cell(to, &columns[c], columns[c].title, widths[c]);
    fputc('\n', to);
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < COLUMNS_MAX && columns[c].title; c++) {
            char *text = cli_cell_text(row, &columns[c]);
            print_cell(to, &columns[c], text ? text : "?", widths[c]);
            free(text);
        }
        fputc('\n', to);
    }
}

void cli_print_record(FILE *to, const json_t *object, const struct cli_column *columns)
{
    size_t width = 0;
    for (const struct cli_column *c = columns; c->title; c++)
        width = strlen(c->title) > width ? strlen(c->title) : width;
    for (const struct cli_column *c = columns; c->title; c++) {
        char *text = cli_cell_text(object, c);
        fprintf(to, "%-*s  ", (int)width, c->title);
        write_escaped(to, text ? text : "?");
        fputc('\n', to);
        free(text);
    }
}

void cli_print_json(FILE *to, const json_t *value, int compact)
{
    json_dumpf(value, to, JSON_ENSURE_ASCII | (compact ? JSON_COMPACT : JSON_INDENT(2)));
    fputc('\n', to);
    fflush(to);
}
