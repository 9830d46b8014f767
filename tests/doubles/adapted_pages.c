#include "tests/doubles/adapted_pages.h"

#include "codecs/fax_error.h"
#include "codecs/page_coder.h"

#include <stdlib.h>
#include <string.h>

struct fax_page adapted_page_make(const struct fax_page_view *page, enum fax_page_coding coding)
{
    struct page_format format = {.width = page->width,
                                 .x_dpi = page->x_dpi,
                                 .y_dpi = page->y_dpi,
                                 .coding = PAGE_CODING_T6,
                                 .lsb_first = page->lsb_first};
    struct raster raster;
    struct coded_page coded;
    if (page->coding != FAX_PAGE_T6 ||
        page_decode(page->data, page->length, &format, NULL, &raster, NULL))
        abort();
    format.coding = coding == FAX_PAGE_T4_2D ? PAGE_CODING_T4_2D : PAGE_CODING_T4_1D;
    if (page_encode(&raster, &format, &coded))
        abort();
    raster_free(&raster);
    struct fax_page out = {.view = *page, .buffer = coded.data, .capacity = coded.length};
    out.view.coding = coding;
    out.view.data = coded.data;
    out.view.length = coded.length;
    return out;
}

void adapted_pages_note(struct adapted_pages *a, const struct fax_engine_event *event)
{
    if (event->kind != FAX_EVENT_PAGES_WANTED)
        return;
    a->wanted = true;
    a->coding = event->coding;
}

/* Pages of a long document in a test are the same one, mostly. */
static void make_or_share(struct adapted_pages *a, const struct fax_page *pages, uint32_t i)
{
    if (i > 0 && pages[i].view.data == pages[i - 1].view.data)
        a->pages[i].view = a->pages[i - 1].view;
    else
        a->pages[i] = adapted_page_make(&pages[i].view, a->coding);
}

static void free_pages(struct adapted_pages *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        fax_page_wipe(&a->pages[i]);
    free(a->pages);
    a->pages = NULL;
    a->count = 0;
}

int adapted_pages_give(struct adapted_pages *a, struct fax_engine *engine,
                       const struct fax_page *pages, uint32_t count)
{
    if (!a->wanted)
        return 0;
    a->wanted = false;
    struct adapted_pages before = *a;
    a->count = a->coding == FAX_PAGE_T6 ? 0 : count;
    a->pages = calloc(a->count + 1, sizeof *a->pages);
    if (!a->pages)
        abort();
    for (uint32_t i = 0; i < a->count; i++)
        make_or_share(a, pages, i);
    int error = fax_engine_pages_changed(engine);
    free_pages(error == FAX_ESTATE ? a : &before);
    if (error == FAX_ESTATE)
        *a = before;
    return error;
}

struct fax_page_view adapted_pages_get(const struct adapted_pages *a, const struct fax_page *pages,
                                       uint32_t page)
{
    return a->count > 0 ? a->pages[page].view : pages[page].view;
}

void adapted_pages_free(struct adapted_pages *a)
{
    free_pages(a);
    memset(a, 0, sizeof *a);
}
