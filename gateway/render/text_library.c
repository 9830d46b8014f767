#include "gateway/render/text_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

static int find(void *handle, const char *name, void *member, size_t size)
{
    void *function = dlsym(handle, name);

    if (function == NULL || size != sizeof function)
        return -ENOSYS;
    memcpy(member, &function, size); /* POSIX's way from an object to a function pointer */
    return 0;
}

int text_library_load(struct text_library *library)
{
    /* What it depends on is searched with it. */
    void *handle = dlopen("libpangocairo-1.0.so.0", RTLD_NOW | RTLD_LOCAL);
    int error = 0;

    memset(library, 0, sizeof *library);
    if (handle == NULL)
        return -ENOSYS;
#define TEXT_LIBRARY_FIND(name)                                                                    \
    if (error == 0)                                                                                \
        error = find(handle, #name, &library->name, sizeof library->name);
    TEXT_LIBRARY_FUNCTIONS(TEXT_LIBRARY_FIND)
#undef TEXT_LIBRARY_FIND
    if (error != 0)
        dlclose(handle);
    return error;
}
