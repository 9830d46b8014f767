/* spandsp_pages.c: the pages of a sender: which may be sent, and what of them a peer takes. */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"
#include "t38/document_tiff.h"

#include <stdlib.h>
#include <string.h>

/* A DIS is answered within this time, else the peer is about to repeat it (T4 is 3 s ± 15 %). */
enum { ANSWER_MS = 2000 };

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
    int error = document_tiff_write(e->document_fd, blanks, e->out.page_count);
    free(blanks);
    return error;
}

/* Asks for the document in the coding of its first page, which must not be T.85. */
static int load_pages(struct fax_engine *e)
{
    const struct fax_page_source *source = &e->out.source;
    for (uint32_t i = 0; i < source->page_count; i++) {
        int error = source->get(source->user, i, &e->out.pages[i]);
        e->out.coding = e->out.pages[0].coding;
        if (!error)
            error = e->out.coding == FAX_PAGE_T85 ? FAX_EUNSUPPORTED
                                                  : check_page(&e->out.pages[i], e->out.coding);
        if (!error && !same_shape(&e->out.pages[i], &e->out.pages[0]))
            error = FAX_EINVAL;
        if (error)
            return error;
    }
    return 0;
}

int spandsp_send_load(struct fax_engine *e)
{
    int error = load_pages(e);
    e->out.t85_loaded = false;
    if (!error && e->out.coding == FAX_PAGE_T6)
        error = load_t85(e);
    return error ? error : write_blanks(e);
}

/* What serves best of that which a DIS takes. T.4 1-D is taken by all (T.30 table 2). */
static enum fax_page_coding best_coding(const struct fax_engine *e, const uint8_t *dis, size_t n)
{
    bool t85 = guard_dis_takes_t85(dis, n) && e->out.t85_loaded;
    if (e->terminal.t30.ecm_allowed && (t85 || guard_dis_takes_t6(dis, n)))
        return FAX_PAGE_T6;
    return guard_dis_takes_2d(dis, n) ? FAX_PAGE_T4_2D : FAX_PAGE_T4_1D;
}

static bool coding_fits(const struct fax_engine *e, const uint8_t *dis, size_t n)
{
    return e->out.coding == FAX_PAGE_T4_1D || e->out.coding == best_coding(e, dis, n) ||
           (e->out.coding == FAX_PAGE_T4_2D && guard_dis_takes_2d(dis, n));
}

static bool page_fits(const struct fax_page_view *page, const struct guard_shape *taken)
{
    struct guard_shape shape = spandsp_page_shape(page);
    return shape.width <= taken->width && shape.x_dpi <= taken->x_dpi &&
           (shape.x_dpi == 408 || shape.y_dpi <= taken->y_dpi);
}

/* Asks for other pages, once for what one DIS takes. */
static void want_pages(struct fax_engine *e, const struct guard_shape *taken,
                       enum fax_page_coding coding)
{
    struct guard_shape *wanted = &e->out.wanted;
    if (wanted->width == taken->width && wanted->x_dpi == taken->x_dpi &&
        wanted->y_dpi == taken->y_dpi && e->out.wanted_coding == coding)
        return;
    *wanted = *taken;
    e->out.wanted_coding = coding;
    struct fax_engine_event event = {.kind = FAX_EVENT_PAGES_WANTED,
                                     .width = taken->width,
                                     .x_dpi = taken->x_dpi,
                                     .y_dpi = taken->y_dpi,
                                     .coding = coding,
                                     .remote_ident = e->statistics.remote_ident,
                                     .statistics = &e->statistics};
    e->callbacks.event(e->callbacks.user, &event);
}

static void keep_dis(struct fax_engine *e, const uint8_t *dis, size_t n)
{
    struct spandsp_send *out = &e->out;
    memcpy(out->dis, dis, n);
    out->dis_length = n;
    out->dis_ms = e->clock_ms;
    out->dis_state = e->terminal.t30.state;
}

/* A DIS that must wait is kept from spandsp; the peer repeats it every three seconds until T1 ends
 * the call. */
bool spandsp_send_fits(struct fax_engine *e, const uint8_t *dis, size_t n)
{
    struct guard_shape taken;
    if (!e->sender)
        return true;
    guard_dis_shape(dis, n, &taken);
    e->out.t85_taken = guard_dis_takes_t85(dis, n);
    e->out.dis_length = 0;
    if (e->hold_back)
        return false;
    bool fits = coding_fits(e, dis, n);
    for (uint32_t i = 0; i < e->out.page_count; i++)
        fits = fits && page_fits(&e->out.pages[i], &taken);
    if (fits || e->terminal.t30.operation_in_progress == OPERATION_T4_TX)
        return true;
    keep_dis(e, dis, n);
    want_pages(e, &taken, best_coding(e, dis, n));
    return false;
}

void spandsp_send_answer(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    uint8_t dis[sizeof e->out.dis];
    size_t n = e->out.dis_length;
    bool late = e->clock_ms > e->out.dis_ms + ANSWER_MS || t->state != e->out.dis_state;
    memcpy(dis, e->out.dis, n);
    if (n > 0 && !late && spandsp_send_fits(e, dis, n))
        t30_hdlc_accept(t, dis, (int)n, TRUE);
}
