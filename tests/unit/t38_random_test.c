/* t38_random_test.c: frames made up or damaged at random. Both sessions must survive them, and no
 * page may be confirmed that was not kept whole.
 */
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { V21 = 0, V17_14400 = 8 };

static struct fax_page page;

static uint8_t reversed(uint8_t octet)
{
    uint8_t out = 0;
    for (int i = 0; i < 8; i++)
        out = (uint8_t)(out << 1 | (octet >> i & 1));
    return out;
}

static const uint8_t fcfs[] = {0x80, 0x40, 0x20, 0x82, 0x42, 0x22, 0x84, 0x44, 0xC4, 0x8E, 0x4E,
                               0x2E, 0x9E, 0x5E, 0x3E, 0xBE, 0xCE, 0x6E, 0x8C, 0xCC, 0x4C, 0xAC,
                               0x2C, 0xBC, 0xEC, 0x1C, 0xFA, 0x1A, 0x06, 0x86, 0x12, 0xCA, 0x61};

static unsigned pick(struct lossy_link *link, unsigned below)
{
    return (unsigned)(lossy_link_random(link) * below);
}

static void make_frame(struct lossy_link *link, uint8_t *frame, size_t *n)
{
    static const unsigned lengths[] = {1, 6, 40, 258};
    *n = 3 + pick(link, lengths[pick(link, 4)]);
    frame[0] = 0xFF;
    frame[1] = pick(link, 2) ? 0x13 : 0x03;
    frame[2] = pick(link, 6) ? fcfs[pick(link, sizeof fcfs)] : (uint8_t)pick(link, 256);
    frame[2] ^= (uint8_t)pick(link, 2);
    for (size_t i = 3; i < *n; i++)
        frame[i] = (uint8_t)pick(link, 256);
    if (*n > 3 && pick(link, 2))
        frame[3] = fcfs[pick(link, sizeof fcfs)];
    if (*n > 5 && pick(link, 2)) {
        frame[4] = (uint8_t)pick(link, 3);
        frame[5] = (uint8_t)pick(link, 2);
    }
}

/* Puts invented frames, and damaged packets, into the stream of one end of an honest call. */
static void inject(struct virtual_call *call, int from)
{
    struct lossy_link *link = &call->link;
    uint8_t ifp[700], frame[300];
    size_t n, at = 0;
    make_frame(link, frame, &n);
    ifp[at++] = (uint8_t)(0xC0 | (pick(link, 3) ? V21 : V17_14400) << 1);
    ifp[at++] = 2;
    ifp[at++] = 0x80;
    ifp[at++] = (uint8_t)((n - 1) >> 8);
    ifp[at++] = (uint8_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        ifp[at++] = reversed(frame[i]);
    ifp[at++] = pick(link, 3) ? 0x40 : 0x20;
    if (pick(link, 8) == 0)
        ifp[pick(link, (unsigned)at)] = (uint8_t)pick(link, 256);
    lossy_link_send(&link->end[from], ifp, at, 1);
}

static void random_frames_harm_nobody(void **state)
{
    (void)state;
    unsigned completed = 0, guarded = 0;
    for (unsigned seed = 0; seed < 400; seed++) {
        struct virtual_call call;
        int from = (int)(seed & 1);
        double rate = seed % 5 == 4 ? 0.2 : 0.02 / (1 + seed % 5);
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = &page,
                                                                .page_count = 1,
                                                                .hold_ms = seed % 3 ? 0 : 2500,
                                                                .link = {.seed = seed}});
        while (call.link.now_ms < 300000 && !(call.end[0].finished && call.end[1].finished)) {
            virtual_call_step(&call);
            if (lossy_link_random(&call.link) < rate)
                inject(&call, from);
        }
        completed += call.end[0].result == 0;
        for (int i = 0; i < 2; i++)
            guarded += call.end[i].result == T30_RESULT_GUARD;
        assert_true(call.end[LOSSY_RECEIVER].confirmed <= call.received);
        if (from == LOSSY_SENDER) /* an invented MCF of a hostile receiver is a lie we cannot see */
            assert_true(call.end[LOSSY_SENDER].confirmed <= call.received);
        virtual_call_end(&call);
    }
    print_message("   400 calls, %u completed, %u ended by the guard\n", completed, guarded);
    assert_true(completed > 0);
}

struct fuzz {
    struct lossy_link *link;
    unsigned per_thousand;
};

/* Damages control frames of a plain sender; the octets of the image are protected by their FCS. */
static void damage(void *user, uint8_t *frame, int *length)
{
    struct fuzz *f = user;
    uint8_t type = frame[2] & 0xFE;
    if (type == FCF_DCS || pick(f->link, 1000) >= f->per_thousand)
        return;
    switch (type == FCF_FCD ? 0 : pick(f->link, 4)) {
    case 0:
        frame[2] = fcfs[pick(f->link, sizeof fcfs)];
        break;
    case 1:
        frame[3] = (uint8_t)pick(f->link, 256);
        break;
    case 2:
        frame[*length > 4 ? 4 : 3] = (uint8_t)pick(f->link, 256);
        break;
    default:
        frame[*length > 6 ? 6 : 3] = (uint8_t)pick(f->link, 256);
        break;
    }
}

/* The sender must never believe in more pages than were kept. */
static void damaged_frames_confirm_nothing_that_was_not_kept(void **state)
{
    (void)state;
    struct fax_page three[3] = {page, page, page};
    unsigned completed = 0;
    for (unsigned seed = 0; seed < 200; seed++) {
        struct virtual_call call;
        virtual_call_begin(&call, &(struct virtual_call_config){.pages = three,
                                                                .page_count = 3,
                                                                .plain_sender = true,
                                                                .link = {.seed = seed}});
        struct fuzz f = {&call.link, 1u << seed % 7};
        call.peer.alter = damage;
        call.peer.user = &f;
        (void)virtual_call_run(&call, 600);
        assert_true((unsigned)call.peer.terminal->t30.tx_page_number <= call.received);
        completed += call.end[LOSSY_RECEIVER].result == 0;
        virtual_call_end(&call);
    }
    print_message("   200 calls, %u completed\n", completed);
    assert_true(completed > 0);
}

static int make_page(void **state)
{
    (void)state;
    page = t6_page_make(T6_PAGE_SHORT, 1);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    fax_page_wipe(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_frames_harm_nobody),
        cmocka_unit_test(damaged_frames_confirm_nothing_that_was_not_kept),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
