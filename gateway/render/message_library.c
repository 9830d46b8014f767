#include "gateway/render/message_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "gateway/render/library_function.h"

int message_library_load(struct message_library *library)
{
    /* What it depends on is searched with it. */
    void *handle = dlopen("libgmime-3.0.so.0", RTLD_NOW | RTLD_LOCAL);
    int error = 0;

    memset(library, 0, sizeof *library);
    if (handle == NULL)
        return -ENOSYS;
#define MESSAGE_LIBRARY_FIND(name)                                                                 \
    if (error == 0)                                                                                \
        error = library_function_find(handle, #name, &library->name, sizeof library->name);
    MESSAGE_LIBRARY_FUNCTIONS(MESSAGE_LIBRARY_FIND)
#undef MESSAGE_LIBRARY_FIND
    if (error != 0) {
        dlclose(handle);
        return error;
    }
    library->g_mime_init();
    return 0;
}
