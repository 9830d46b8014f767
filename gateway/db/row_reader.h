/* row_reader.h: reads the columns of a row one after the other. */
#ifndef GATEWAY_DB_ROW_READER_H
#define GATEWAY_DB_ROW_READER_H

#include "gateway/db/db.h"

struct row_reader {
    const struct db_result *result;
    int row, column;
};

/* The next column: its text, "" for NULL; or its integer, 0 for NULL. */
const char *row_text(struct row_reader *reader);
int64_t row_integer(struct row_reader *reader);

#endif
