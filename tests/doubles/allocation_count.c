#include "tests/doubles/allocation_count.h"

#include <stdint.h>

/* Of <sanitizer/allocator_interface.h>, which only some compilers bring.
 * NOLINTNEXTLINE(readability-identifier-naming) */
__attribute__((weak)) int
__sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                          void (*on_free)(const volatile void *));

static _Thread_local struct allocation_count count;
static _Thread_local bool counting;

static void on_malloc(const volatile void *block, size_t size)
{
    (void)block;
    if (!counting)
        return;
    if (size <= ALLOCATION_SMALL)
        count.small++;
    else
        count.large++;
}

static void on_free(const volatile void *block)
{
    (void)block;
}

bool allocation_count_begin(void)
{
    static int hooks; /* there is room for a few, and they stay for good */
    if (!__sanitizer_install_malloc_and_free_hooks)
        return false;
    if (hooks == 0)
        hooks = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    count = (struct allocation_count){0};
    counting = hooks != 0;
    return counting;
}

struct allocation_count allocation_count_end(void)
{
    counting = false;
    return count;
}
