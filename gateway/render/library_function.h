/* library_function.h: functions of a library that was loaded when it was needed (dlopen). */
#ifndef GATEWAY_RENDER_LIBRARY_FUNCTION_H
#define GATEWAY_RENDER_LIBRARY_FUNCTION_H

#include <stddef.h>

/* Stores the function called name in the function pointer at member, which has size octets. Returns
 * 0, or -ENOSYS when the library has none of that name. */
int library_function_find(void *library, const char *name, void *member, size_t size)
    __attribute__((warn_unused_result));

#endif
