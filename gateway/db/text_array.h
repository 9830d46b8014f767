/* text_array.h: text of a PostgreSQL array parameter. */
#ifndef GATEWAY_DB_TEXT_ARRAY_H
#define GATEWAY_DB_TEXT_ARRAY_H

#include <stddef.h>

/* The items as the text of a text[] ('{"a","b"}'), quoted. malloc, owned by the caller; NULL
 * without memory. */
char *text_array_make(const char *const *items, size_t count);

#endif
