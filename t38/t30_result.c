#include "t38/t30_result.h"

#include <stddef.h>

const char *t30_result_text(int code)
{
    return code == 0 ? "OK" : "unknown result";
}
