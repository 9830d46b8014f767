/* t38_shapes_test.c: wide pages and 408 pels an inch, to plain spandsp receivers that take them or
 * do not, in virtual time. What a receiver takes is what gateway/line makes of the document. */
#include "codecs/raster.h"
#include "gateway/line/document_adapt.h"
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 2, ROWS = 700 };

/* What stands in the memory of a loaded document, as an engine is given it. */
static void show(const struct loaded_document *document, struct fax_page pages[PAGES])
{
    assert_int_equal(document->page_count, PAGES);
    for (uint32_t i = 0; i < PAGES; i++) {
        const struct coded_page *page = &document->pages[i];

        pages[i] = (struct fax_page){.view = {.data = page->data,
                                              .length = page->length,
                                              .width = page->format.width,
                                              .rows = page->format.height,
                                              .x_dpi = page->format.x_dpi,
                                              .y_dpi = page->format.y_dpi,
                                              .lsb_first = page->format.lsb_first,
                                              .coding = FAX_PAGE_T6}};
    }
}

/* Frames, slanted lines and single pixels. */
static void make_document(struct loaded_document *document, uint32_t width, uint16_t x_dpi,
                          uint16_t y_dpi)
{
    const struct page_format format = {.x_dpi = x_dpi, .y_dpi = y_dpi, .coding = PAGE_CODING_T6};

    memset(document, 0, sizeof *document);
    for (uint32_t i = 0; i < PAGES; i++) {
        struct raster page;

        assert_int_equal(raster_init(&page, width, ROWS), 0);
        for (uint32_t y = 0; y < ROWS; y++) {
            uint8_t *row = raster_row(&page, y);

            for (uint32_t x = (y + 50 * i) % 97; x < width; x += 97)
                row[x / 8] |= (uint8_t)(0x80 >> x % 8);
            row[0] |= 0x80;
            row[(width - 1) / 8] |= (uint8_t)(0x80 >> (width - 1) % 8);
            if (y % 100 == 10)
                memset(row, 0xFF, width / 8);
        }
        assert_int_equal(document_reserve(document, false), 0);
        assert_int_equal(document_append(document, &page, &format), 0);
        raster_free(&page);
    }
}

struct peer {
    int resolutions, sizes;
    bool without_ecm;
};

static void begin(struct virtual_call *call, const struct fax_page *pages, const struct peer *peer)
{
    virtual_call_begin(call, &(struct virtual_call_config){.pages = pages,
                                                           .page_count = PAGES,
                                                           .plain_receiver = true,
                                                           .plain_without_ecm = peer->without_ecm});
    t30_state_t *t = t38_terminal_get_t30_state(call->peer.terminal);
    t30_set_supported_resolutions(t, peer->resolutions);
    t30_set_supported_image_sizes(t, T30_SUPPORT_UNLIMITED_LENGTH | peer->sizes);
}

static void expect_success(struct virtual_call *call)
{
    bool done = virtual_call_run(call, 400);

    print_message("   %.1f s, results %d %d\n", (double)call->link.now_ms / 1000,
                  call->end[0].result, call->end[1].result);
    assert_true(done);
    assert_int_equal(call->end[LOSSY_SENDER].result, 0);
    assert_int_equal(call->end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(call->end[LOSSY_SENDER].confirmed, PAGES);
}

enum {
    R8 = T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION |
         T30_SUPPORT_SUPERFINE_RESOLUTION | T30_SUPPORT_R8_RESOLUTION,
    R16 = R8 | T30_SUPPORT_R16_RESOLUTION | T30_SUPPORT_400_400_RESOLUTION,
    STANDARD = T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_R8_RESOLUTION,
    FINE = STANDARD | T30_SUPPORT_FINE_RESOLUTION,
    A4 = T30_SUPPORT_215MM_WIDTH,
    B4 = A4 | T30_SUPPORT_255MM_WIDTH,
    A3 = B4 | T30_SUPPORT_303MM_WIDTH,
};

static const struct shape_case {
    uint32_t width;
    uint16_t x_dpi, y_dpi;
    struct peer peer;
    struct document_form wanted; /* all 0: it is sent as it is */
    uint32_t sent_width, sent_rows;
    uint16_t sent_x_dpi, sent_y_dpi;
} cases[] = {
    {2048, 204, 196, {R8, B4, false}, {0}, 2048, ROWS, 204, 196},
    {2432, 204, 391, {R8, A3, false}, {0}, 2432, ROWS, 204, 391},
    {3456, 408, 391, {R16, A4, false}, {0}, 3456, ROWS, 408, 391},
    {4864, 408, 391, {R16, A3, false}, {0}, 4864, ROWS, 408, 391},
    {2048, 204, 196, {R8, A4, false}, {1728, 204, 391, PAGE_CODING_T6}, 1728, 591, 204, 196},
    {2432, 204, 196, {STANDARD, B4, false}, {2048, 204, 98, PAGE_CODING_T6}, 2048, 295, 204, 98},
    {3456, 408, 391, {FINE, A4, false}, {1728, 204, 196, PAGE_CODING_T6}, 1728, ROWS / 2, 204, 196},
    {4864, 408, 391, {STANDARD, A4, false}, {1728, 204, 98, PAGE_CODING_T6}, 1728, 125, 204, 98},
    /* without error correction: the same in T.4 */
    {2432, 204, 196, {R16, A3, true}, {2432, 408, 391, PAGE_CODING_T4_2D}, 2432, ROWS, 204, 196},
    {3456, 408, 391, {R16, A3, true}, {2432, 408, 391, PAGE_CODING_T4_2D}, 3456, ROWS, 408, 391},
    {4864, 408, 391, {R16, A3, true}, {2432, 408, 391, PAGE_CODING_T4_2D}, 4864, ROWS, 408, 391},
    {2432, 204, 391, {FINE, B4, true}, {2048, 204, 196, PAGE_CODING_T4_2D}, 2048, 295, 204, 196},
};

static void check_case(const struct shape_case *c)
{
    struct loaded_document document, reduced = {0};
    struct fax_page pages[PAGES], small[PAGES];
    struct virtual_call call;
    bool less = c->sent_width != c->width || c->sent_y_dpi != c->y_dpi;

    make_document(&document, c->width, c->x_dpi, c->y_dpi);
    show(&document, pages);
    if (less) {
        struct document_form form = c->wanted;

        form.coding = PAGE_CODING_T6; /* the call makes T.4 of it where that is wanted */
        assert_int_equal(document_adapt(&reduced, &document, &form), 0);
        show(&reduced, small);
    }
    const struct fax_page *sent = less ? small : pages;
    begin(&call, pages, &c->peer);
    call.reduced = less ? small : NULL;
    expect_success(&call);
    const struct virtual_call_end *end = &call.end[LOSSY_SENDER];
    assert_int_equal(end->width_wanted, c->wanted.width);
    assert_int_equal(end->x_dpi_wanted, c->wanted.x_dpi);
    assert_int_equal(end->y_dpi_wanted, c->wanted.y_dpi);
    assert_int_equal(end->statistics.coding, c->peer.without_ecm ? FAX_PAGE_T4_2D : FAX_PAGE_T6);
    assert_int_equal(end->statistics.width, c->sent_width);
    assert_int_equal(end->statistics.x_dpi, c->sent_x_dpi);
    assert_int_equal(end->statistics.y_dpi, c->sent_y_dpi);
    assert_int_equal(sent[0].view.rows, c->sent_rows);
    assert_int_equal(spandsp_peer_identical(&call.peer, sent, PAGES), PAGES);
    virtual_call_end(&call);
    document_wipe(&reduced);
    document_wipe(&document);
}

static void peers_get_what_they_take(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%u pels, %u × %u\n", cases[i].width, cases[i].x_dpi, cases[i].y_dpi);
        check_case(&cases[i]);
    }
}

/* One that offers them takes wide and fine pages as they are. */
static void an_engine_that_takes_wide_pages_gets_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct shape_case *c = &cases[i];
        struct loaded_document document;
        struct fax_page pages[PAGES];
        struct virtual_call call;

        make_document(&document, c->width, c->x_dpi, c->y_dpi);
        show(&document, pages);
        virtual_call_begin(&call, &(struct virtual_call_config){
                                      .pages = pages, .page_count = PAGES, .wide_offered = true});
        expect_success(&call);
        assert_int_equal(call.end[LOSSY_SENDER].width_wanted, 0);
        assert_int_equal(call.received, PAGES);
        assert_int_equal(call.identical, PAGES); /* shape included */
        for (int end = 0; end < 2; end++) {
            assert_int_equal(call.end[end].statistics.width, c->width);
            assert_int_equal(call.end[end].statistics.x_dpi, c->x_dpi);
            assert_int_equal(call.end[end].statistics.y_dpi, c->y_dpi);
        }
        virtual_call_end(&call);
        document_wipe(&document);
    }
}

/* Others take A4 at 204 dpi. */
static void an_engine_of_ours_gets_a4(void **state)
{
    struct loaded_document document, reduced;
    struct fax_page pages[PAGES], small[PAGES];
    struct virtual_call call;

    (void)state;
    make_document(&document, 4864, 408, 391);
    show(&document, pages);
    assert_int_equal(document_adapt(&reduced, &document,
                                    &(struct document_form){1728, 204, 391, PAGE_CODING_T6}),
                     0);
    show(&reduced, small);
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages, .page_count = PAGES});
    call.reduced = small;
    expect_success(&call);
    assert_int_equal(call.received, PAGES);
    assert_int_equal(call.identical, PAGES);
    assert_int_equal(call.end[LOSSY_RECEIVER].statistics.width, 1728);
    virtual_call_end(&call);
    document_wipe(&reduced);
    document_wipe(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_get_what_they_take),
        cmocka_unit_test(an_engine_that_takes_wide_pages_gets_them),
        cmocka_unit_test(an_engine_of_ours_gets_a4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
