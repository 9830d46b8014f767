/* spandsp_pages.c: the pages of a sender: which may be sent, and what of them a peer takes. */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/document_tiff.h"

#include <stdlib.h>

struct guard_shape spandsp_page_shape(const struct fax_page_view *page)
{
    return (struct guard_shape){
        .width = page->width / (page->x_dpi / 204U), .x_dpi = page->x_dpi, .y_dpi = page->y_dpi};
}

static bool is_width(uint32_t width)
{
    return width == 1728 || width == 2048 || width == 2432;
}

static bool is_resolution(const struct fax_page_view *p)
{
    if (p->x_dpi == 408)
        return p->y_dpi == 391;
    return p->x_dpi == 204 && (p->y_dpi == 98 || p->y_dpi == 196 || p->y_dpi == 391);
}

/* What the formats on offer can carry: three widths, R8 and R16 resolutions. T.30 table 2. */
static int check_page(const struct fax_page_view *p, enum fax_page_coding coding)
{
    if (p->coding != coding)
        return FAX_EUNSUPPORTED;
    if (!p->data || p->length < 1 || p->rows < 1)
        return FAX_EEMPTY;
    if (!is_resolution(p) || p->length > FAX_ENGINE_PAGE_MAX)
        return FAX_EINVAL;
    return is_width(spandsp_page_shape(p).width) && p->width % (p->x_dpi / 204U) == 0 ? 0
                                                                                      : FAX_EINVAL;
}

static size_t frames_of(const struct fax_page_view *page)
{
    return (page->length + GUARD_FRAME_OCTETS - 1) / GUARD_FRAME_OCTETS;
}

/* A document has one width and one horizontal resolution: spandsp sees pages of one kind only, so
 * it would not go back to phase B for another. */
static bool same_shape(const struct fax_page_view *a, const struct fax_page_view *b)
{
    return a->width == b->width && a->x_dpi == b->x_dpi;
}

/* Asks for the document in T.85, and whether that is worth it. A change of coding between two pages
 * would cost a new DCS with training, which takes longer than T.85 saves on most pages; so it is
 * one or the other. */
static int load_t85(struct fax_engine *e)
{
    const struct fax_page_source *source = &e->out.source;
    size_t t6 = 0, t85 = 0;
    e->out.t85_loaded = false;
    if (!source->get_t85)
        return 0;
    for (uint32_t i = 0; i < source->page_count; i++) {
        struct fax_page_view *page = &e->out.t85_pages[i];
        *page = (struct fax_page_view){0};
        int error = source->get_t85(source->user, i, page);
        if (error || !page->data)
            return error;
        error = check_page(page, FAX_PAGE_T85);
        if (error || page->rows != e->out.pages[i].rows || !same_shape(page, &e->out.pages[i]) ||
            page->y_dpi != e->out.pages[i].y_dpi)
            return error ? error : FAX_EINVAL;
        t6 += frames_of(&e->out.pages[i]);
        t85 += frames_of(page);
    }
    e->out.t85_loaded = t85 < t6;
    return 0;
}

/* What spandsp is shown: pages of A4, with resolutions that every peer takes that takes ours. */
static int write_blanks(struct fax_engine *e)
{
    struct fax_page_view *blanks = calloc(e->out.page_count, sizeof *blanks);
    if (!blanks)
        return FAX_ENOMEM;
    for (uint32_t i = 0; i < e->out.page_count; i++) {
        blanks[i] = e->out.pages[i];
        blanks[i].width = 1728;
        if (blanks[i].x_dpi != 204)
            blanks[i].y_dpi = 196;
        blanks[i].x_dpi = 204;
    }
    int error = document_tiff_write(e->document_fd, blanks, e->out.page_count, true);
    free(blanks);
    return error;
}

int spandsp_send_load(struct fax_engine *e)
{
    const struct fax_page_source *source = &e->out.source;
    for (uint32_t i = 0; i < source->page_count; i++) {
        int error = source->get(source->user, i, &e->out.pages[i]);
        if (!error)
            error = check_page(&e->out.pages[i], FAX_PAGE_T6);
        if (!error && !same_shape(&e->out.pages[i], &e->out.pages[0]))
            error = FAX_EINVAL;
        if (error)
            return error;
    }
    int error = load_t85(e);
    return error ? error : write_blanks(e);
}

/* What spandsp codes itself, for peers without error correction or T.6, is A4 only. */
static void taken_shape(const struct fax_engine *e, const uint8_t *dis, size_t n,
                        struct guard_shape *out)
{
    guard_dis_shape(dis, n, out);
    bool coded = guard_frame_bit(dis, n, 31) || (guard_dis_takes_t85(dis, n) && e->out.t85_loaded);
    if (e->terminal.t30.ecm_allowed && guard_frame_bit(dis, n, 27) && coded)
        return;
    out->width = 1728;
    out->x_dpi = 204;
}

static bool page_fits(const struct fax_page_view *page, const struct guard_shape *taken)
{
    struct guard_shape shape = spandsp_page_shape(page);
    return shape.width <= taken->width && shape.x_dpi <= taken->x_dpi &&
           (shape.x_dpi == 408 || shape.y_dpi <= taken->y_dpi);
}

/* The DIS is dropped; the peer repeats it every three seconds until T1 ends the call. */
bool spandsp_send_fits(struct fax_engine *e, const uint8_t *dis, size_t n)
{
    struct guard_shape taken;
    taken_shape(e, dis, n, &taken);
    e->out.t85_taken = guard_dis_takes_t85(dis, n);
    if (e->hold_back)
        return false;
    bool fits = true;
    for (uint32_t i = 0; i < e->out.page_count; i++)
        fits = fits && page_fits(&e->out.pages[i], &taken);
    if (fits || e->terminal.t30.operation_in_progress == OPERATION_T4_TX)
        return true;
    const struct guard_shape *wanted = &e->out.wanted;
    if (wanted->width == taken.width && wanted->x_dpi == taken.x_dpi &&
        wanted->y_dpi == taken.y_dpi)
        return false;
    e->out.wanted = taken;
    struct fax_engine_event event = {.kind = FAX_EVENT_RESOLUTION_WANTED,
                                     .width = taken.width,
                                     .x_dpi = taken.x_dpi,
                                     .y_dpi = taken.y_dpi,
                                     .remote_ident = e->statistics.remote_ident,
                                     .statistics = &e->statistics};
    e->callbacks.event(e->callbacks.user, &event);
    return false;
}
