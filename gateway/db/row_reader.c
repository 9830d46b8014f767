#include "gateway/db/row_reader.h"

const char *row_text(struct row_reader *reader)
{
    const char *text = db_result_text(reader->result, reader->row, reader->column++);
    return text ? text : "";
}

int64_t row_integer(struct row_reader *reader)
{
    return db_result_integer(reader->result, reader->row, reader->column++, 0);
}
