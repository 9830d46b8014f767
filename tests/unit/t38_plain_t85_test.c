/* t38_plain_t85_test.c: T.85 with parts that are not ours: plain spandsp speaks T.30 and libjbig
 * codes. spandsp 0.0.6 does not know T.85, so its DIS or DCS is altered on the way out; a sender's
 * frames get libjbig's octets in the place of those of a dummy page, a receiver's frames are put
 * together here, as its real-time handler sees them.
 */
#include "tests/doubles/virtual_call.h"
#include "tests/unit/jbig_reference.h"

#include "codecs/page_coder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    PAGES = 2,
    FRAME = 256,
    FRAMES_MAX = 256,
    DCS_OCTETS = 13, /* address, control, code, and 80 bits */
    EXTEND = 0x80,
    T6_BIT_31 = 0x40,
    T4_2D_BIT_16 = 0x80,
    T85_BIT_78 = 0x20,
    T85_BIT_79 = 0x40,
};

struct peer {
    struct jbig_bie bies[PAGES];
    uint32_t page; /* being sent */
    uint8_t bits;  /* 78, 79 or both */
    uint8_t frames[PAGES][FRAMES_MAX][FRAME];
    bool seen[PAGES][FRAMES_MAX];
    uint32_t pages; /* received */
};

static struct fax_page pages[PAGES];
static struct raster rasters[PAGES];
static struct coded_page ours[PAGES];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        pages[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        const struct fax_page_view *view = &pages[i].view;
        const struct page_format t6 = {
            .width = view->width, .coding = PAGE_CODING_T6, .lsb_first = view->lsb_first};
        const struct page_format t85 = {
            .coding = PAGE_CODING_T85, .x_dpi = view->x_dpi, .y_dpi = view->y_dpi};
        assert_int_equal(page_decode(view->data, view->length, &t6, NULL, &rasters[i], NULL), 0);
        assert_int_equal(page_encode(&rasters[i], &t85, &ours[i]), 0);
    }
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++) {
        fax_page_wipe(&pages[i]);
        raster_free(&rasters[i]);
        coded_page_free(&ours[i]);
    }
    return 0;
}

/* To 13 octets, each saying that another follows, without T.6 and T.4 2-D. */
static void say_t85(uint8_t *frame, int *length, uint8_t bits, bool is_dcs)
{
    if (*length < DCS_OCTETS)
        memset(frame + *length, 0, DCS_OCTETS - (size_t)*length);
    for (size_t i = 5; i < DCS_OCTETS - 1; i++)
        frame[i] |= EXTEND;
    if (is_dcs) {
        frame[4] &= (uint8_t)~T4_2D_BIT_16;
        frame[6] &= (uint8_t)~T6_BIT_31;
    }
    frame[12] |= bits;
    *length = DCS_OCTETS;
}

static void alter_sender(void *user, uint8_t *frame, int *length)
{
    struct peer *peer = user;
    const struct jbig_bie *bie = &peer->bies[peer->page % PAGES];
    size_t frames = (bie->length + FRAME - 1) / FRAME, at = (size_t)frame[3] * FRAME;
    uint8_t type = frame[2] & 0xFE;
    if (type == FCF_DCS)
        say_t85(frame, length, peer->bits, true);
    else if (type == FCF_FCD && at >= bie->length)
        *length = 0;
    else if (type == FCF_FCD) {
        memset(frame + 4, 0, FRAME);
        memcpy(frame + 4, bie->data + at, bie->length - at < FRAME ? bie->length - at : FRAME);
    } else if (type == FCF_PPS)
        frame[6] = (uint8_t)(frames - 1);
}

/* What comes in at the sender: the page was confirmed. */
static void on_sender_frame(t30_state_t *t, void *user, int direction, const uint8_t *frame,
                            int length)
{
    struct peer *peer = user;
    (void)t;
    if (direction && length >= 3 && (frame[2] & 0xFE) == FCF_MCF)
        peer->page++;
}

static void alter_receiver(void *user, uint8_t *frame, int *length)
{
    const struct peer *peer = user;
    if ((frame[2] & 0xFE) == FCF_DIS)
        say_t85(frame, length, peer->bits, false);
}

static void on_receiver_frame(t30_state_t *t, void *user, int direction, const uint8_t *frame,
                              int length)
{
    struct peer *peer = user;
    (void)t;
    if (!direction || peer->pages == PAGES || length < 4)
        return;
    if ((frame[2] & 0xFE) == FCF_FCD && length <= 4 + FRAME) {
        memcpy(peer->frames[peer->pages][frame[3]], frame + 4, (size_t)length - 4);
        peer->seen[peer->pages][frame[3]] = true;
    }
    peer->pages += (frame[2] & 0xFE) == FCF_PPS && (frame[3] & 0xFE) != 0;
}

static void pages_of_a_plain_sender_arrive(void **state)
{
    (void)state;
    static const struct {
        uint8_t bits;
        int options;
    } cases[] = {{T85_BIT_78, JBG_TPBON},
                 {T85_BIT_78 | T85_BIT_79, 0},
                 {T85_BIT_79, JBG_TPBON | JBG_VLENGTH}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct virtual_call call;
        struct peer *peer = calloc(1, sizeof *peer);
        struct coded_page theirs[PAGES];
        peer->bits = cases[i].bits;
        for (uint32_t p = 0; p < PAGES; p++) {
            peer->bies[p] = jbig_encode(&rasters[p], cases[i].options, 128, 127);
            theirs[p] = ours[p];
            theirs[p].data = peer->bies[p].data;
            theirs[p].length = peer->bies[p].length;
            assert_true(peer->bies[p].length < pages[p].view.length);
        }
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                                .t85_pages = theirs,
                                                                .page_count = PAGES,
                                                                .t85_offered = true,
                                                                .plain_sender = true});
        call.peer.alter = alter_sender;
        call.peer.user = peer;
        t30_set_real_time_frame_handler(t38_terminal_get_t30_state(call.peer.terminal),
                                        on_sender_frame, peer);
        assert_true(virtual_call_run(&call, 900));
        assert_int_equal(call.peer.result, T30_ERR_OK);
        assert_int_equal(call.end[LOSSY_RECEIVER].result, 0);
        assert_int_equal(call.end[LOSSY_RECEIVER].statistics.coding, FAX_PAGE_T85);
        assert_int_equal(call.received, PAGES);
        assert_int_equal(call.identical, PAGES);
        virtual_call_end(&call);
        for (uint32_t p = 0; p < PAGES; p++)
            free(peer->bies[p].data);
        free(peer);
    }
}

/* The pixels of a page that a plain receiver took, by libjbig. */
static void expect_page(const struct peer *peer, uint32_t page)
{
    uint8_t *octets = malloc((size_t)FRAMES_MAX * FRAME);
    struct raster found;
    size_t length = 0;
    while (length / FRAME < FRAMES_MAX && peer->seen[page][length / FRAME]) {
        memcpy(octets + length, peer->frames[page][length / FRAME], FRAME);
        length += FRAME;
    }
    assert_true(length >= ours[page].length);
    assert_true(jbig_decode(octets, ours[page].length, &found));
    assert_true(raster_equal(&found, &rasters[page]));
    for (size_t i = ours[page].length; i < length; i++)
        assert_int_equal(octets[i], 0);
    raster_free(&found);
    free(octets);
}

static void a_plain_receiver_gets_pages_that_libjbig_reads(void **state)
{
    (void)state;
    for (int loss = 0; loss < 2; loss++) {
        struct virtual_call call;
        struct peer *peer = calloc(1, sizeof *peer);
        peer->bits = T85_BIT_78 | T85_BIT_79;
        virtual_call_begin(&call,
                           &(struct virtual_call_config){
                               .pages = pages,
                               .t85_pages = ours,
                               .page_count = PAGES,
                               .plain_receiver = true,
                               .link = {.loss = loss ? 0.02 : 0, .redundancy = 2, .seed = 3}});
        call.peer.alter = alter_receiver;
        call.peer.user = peer;
        t30_set_real_time_frame_handler(t38_terminal_get_t30_state(call.peer.terminal),
                                        on_receiver_frame, peer);
        assert_true(virtual_call_run(&call, 900));
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.end[LOSSY_SENDER].confirmed, PAGES);
        assert_int_equal(call.end[LOSSY_SENDER].statistics.coding, FAX_PAGE_T85);
        assert_int_equal(peer->pages, PAGES);
        for (uint32_t p = 0; p < PAGES; p++)
            expect_page(peer, p);
        virtual_call_end(&call);
        free(peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_a_plain_sender_arrive),
        cmocka_unit_test(a_plain_receiver_gets_pages_that_libjbig_reads),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
