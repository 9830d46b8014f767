/* cli_output.h: what the commands print. Data from the gateway is never sent to the terminal
 * unescaped. */
#ifndef GATEWAY_CLI_CLI_OUTPUT_H
#define GATEWAY_CLI_CLI_OUTPUT_H

#include <stdio.h>

#include <jansson.h>

enum cli_cell {
    CELL_TEXT,
    CELL_NUMBER, /* right-aligned */
    CELL_TIME,   /* RFC 3339 as local time */
    CELL_LIST,   /* an array, joined by commas */
    CELL_FLAG,   /* yes or no */
};

struct cli_column {
    const char *title; /* NULL ends a table */
    const char *key;
    enum cli_cell cell;
};

/* Writes text with control characters, broken UTF-8 and characters that turn the writing
 * direction as \xNN or \u{N}. Returns the number of columns it takes on a terminal. */
size_t cli_print_escaped(FILE *to, const char *text);

/* Prints an array of objects as an aligned table with a title line; nothing to show: empty_text.
 * Absent and null values are '-'. */
void cli_print_table(FILE *to, const json_t *rows, const struct cli_column *columns,
                     const char *empty_text);

/* Prints one object as 'Title  value' lines. */
void cli_print_record(FILE *to, const json_t *object, const struct cli_column *columns);

/* Prints indented JSON (compact on one line for compact != 0) and a line end, in ASCII. */
void cli_print_json(FILE *to, const json_t *value, int compact);

/* Turns RFC 3339 into "2026-11-21 22:33:36" in local time; anything else is copied. */
void cli_local_time(const char *text, char out[32]);

/* Returns the text of a cell as a new string that the caller frees, not escaped; NULL: no memory.
 */
char *cli_cell_text(const json_t *object, const struct cli_column *column);

#endif
