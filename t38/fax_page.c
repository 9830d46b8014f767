#include "t38/fax_page.h"

#include <stdlib.h>
#include <string.h>

void fax_page_wipe(struct fax_page *page)
{
    if (!page)
        return;
    if (page->buffer)
        explicit_bzero(page->buffer, page->capacity);
    free(page->buffer);
    memset(page, 0, sizeof *page);
}
