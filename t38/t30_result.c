#include "t38/t30_result.h"

const char *t30_result_text(int code)
{
    return t30_result_get(code)->text;
}
