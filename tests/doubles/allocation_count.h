/* allocation_count.h: how often memory is asked for, by us and by the libraries. Needs the address
 * sanitizer, which is told of each allocation.
 */
#ifndef TESTS_DOUBLES_ALLOCATION_COUNT_H
#define TESTS_DOUBLES_ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stddef.h>

/* Blocks up to this size are small: what a packet might want. A page in progress grows in larger
 * steps. */
enum { ALLOCATION_SMALL = 4096 };

struct allocation_count {
    unsigned small, large;
};

/* Begins to count, from zero. Returns false where nothing can be counted. */
bool allocation_count_begin(void);

/* What was asked for since then by this thread; counting ends. */
struct allocation_count allocation_count_end(void);

#endif
