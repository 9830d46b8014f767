#include "t38/copy_quality.h"

enum { POOR_FROM = 50, BAD_FROM = 150 }; /* of a thousand */

enum fax_copy copy_quality_judge(uint32_t rows, uint32_t bad_rows, uint32_t lost_permille)
{
    if (rows == 0)
        return FAX_COPY_BAD;
    uint64_t bad = (uint64_t)bad_rows * 1000 / rows;
    if (lost_permille > bad)
        bad = lost_permille;
    if (bad >= BAD_FROM)
        return FAX_COPY_BAD;
    return bad >= POOR_FROM ? FAX_COPY_POOR : FAX_COPY_GOOD;
}
