#include "gateway/render/text_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "gateway/render/library_function.h"

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
        error = library_function_find(handle, #name, &library->name, sizeof library->name);
    TEXT_LIBRARY_FUNCTIONS(TEXT_LIBRARY_FIND)
#undef TEXT_LIBRARY_FIND
    if (error != 0)
        dlclose(handle);
    return error;
}
