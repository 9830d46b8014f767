#include "gateway/render/library_function.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int library_function_find(void *library, const char *name, void *member, size_t size)
{
    void *function = dlsym(library, name);

    if (function == NULL || size != sizeof function)
        return -ENOSYS;
    memcpy(member, &function, size); /* POSIX's way from an object to a function pointer */
    return 0;
}
