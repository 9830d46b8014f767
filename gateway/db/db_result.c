#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/db_connection.h"

int db_result_rows(const struct db_result *result)
{
    return result->pg ? PQntuples(result->pg) : 0;
}

int db_result_columns(const struct db_result *result)
{
    return result->pg ? PQnfields(result->pg) : 0;
}

int64_t db_result_affected(const struct db_result *result)
{
    if (!result->pg)
        return 0;
    /* PQcmdTuples does not change the result but takes it without const. */
    union {
        const PGresult *given;
        PGresult *taken;
    } pg = {.given = result->pg};
    return strtoll(PQcmdTuples(pg.taken), NULL, 10);
}

const char *db_result_text(const struct db_result *result, int row, int column)
{
    if (row < 0 || row >= db_result_rows(result) || column < 0 ||
        column >= db_result_columns(result) || PQgetisnull(result->pg, row, column))
        return NULL;
    return PQgetvalue(result->pg, row, column);
}

int64_t db_result_integer(const struct db_result *result, int row, int column, int64_t fallback)
{
    const char *text = db_result_text(result, row, column);
    if (!text || !*text)
        return fallback;
    if (strcmp(text, "t") == 0 || strcmp(text, "f") == 0)
        return *text == 't';
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno || *end ? fallback : (int64_t)value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int db_result_octets(const struct db_result *result, int row, int column, uint8_t **out,
                     size_t *length)
{
    const char *text = db_result_text(result, row, column);
    if (!text)
        return -ENODATA;
    size_t digits = strlen(text);
    if (digits < 2 || digits % 2 || text[0] != '\\' || text[1] != 'x')
        return -EINVAL;
    size_t count = digits / 2 - 1;
    uint8_t *octets = malloc(count + 1);
    if (!octets)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text[2 + 2 * i]);
        int low = hex_digit(text[3 + 2 * i]);
        if (high < 0 || low < 0) {
            free(octets);
            return -EINVAL;
        }
        octets[i] = (uint8_t)(high << 4 | low);
    }
    *out = octets;
    *length = count;
    return 0;
}

const char *db_result_sqlstate(const struct db_result *result)
{
    const char *state = result->pg ? PQresultErrorField(result->pg, PG_DIAG_SQLSTATE) : NULL;
    return state ? state : "";
}

const char *db_result_message(const struct db_result *result)
{
    const char *text = result->pg ? PQresultErrorField(result->pg, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    return text ? text : "";
}
