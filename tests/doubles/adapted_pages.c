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

int adapted_pages_give(struct adapted_pages *a, struct fax_engine *engine,
                       const struct fax_page *pages, uint32_t count)
{
    if (!a->wanted)
        return 0;
    a->wanted = false;
    struct adapted_pages before = *a;
    if (count > ADAPTED_PAGES_MAX)
        abort();
    a->count = a->coding == FAX_PAGE_T6 ? 0 : count;
    for (uint32_t i = 0; i < a->count; i++)
        a->pages[i] = adapted_page_make(&pages[i].view, a->coding);
    int error = fax_engine_pages_changed(engine);
    struct adapted_pages *unused = error == FAX_ESTATE ? a : &before;
    for (uint32_t i = 0; i < unused->count; i++)
        fax_page_wipe(&unused->pages[i]);
    if (unused == a)
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
    for (uint32_t i = 0; i < a->count; i++)
        fax_page_wipe(&a->pages[i]);
    memset(a, 0, sizeof *a);
}
