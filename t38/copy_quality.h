/* copy_quality.h: what a page that came without error correction is worth. Pure.
 */
#ifndef T38_COPY_QUALITY_H
#define T38_COPY_QUALITY_H

#include "t38/fax_engine.h"

/* Judges a page of `rows` rows (bad ones included), of which bad_rows were damaged. lost_permille:
 * the share of its packets that never came; their rows are missing without a trace, so they are
 * reckoned as bad, where these are more. T.30 leaves the limits open; these are those that the
 * tests of TSB-85 assume: below 5 % good, below 15 % poor, else bad. A page without rows is bad. */
enum fax_copy copy_quality_judge(uint32_t rows, uint32_t bad_rows, uint32_t lost_permille);

#endif
