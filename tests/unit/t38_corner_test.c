/* t38_corner_test.c: what becomes of a page when something unusual but lawful happens in T.30. */
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { QUIET_MS = 2500 };

/* A call whose frames are altered. One for a test. */
struct corner {
    struct virtual_call call;
    const char *name;
    unsigned fcds, mcfs, rnrs, cfrs, ctcs;
    bool done_once;
    t30_send_hdlc_handler_t *next; /* below our receiver */
    void *next_user;
};

static struct fax_page pages[3];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        pages[i] = t6_page_make(i == 1 ? T6_PAGE_TEXT : T6_PAGE_SHORT, i + 1);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        fax_page_wipe(&pages[i]);
    return 0;
}

static bool is_case(const struct corner *c, const char *name)
{
    return strcmp(c->name, name) == 0;
}

static void replace_code(uint8_t *octet, uint8_t code)
{
    *octet = (uint8_t)(code | (*octet & 1));
}

/* Frames that the plain sender sends. */
static void alter_sender(void *user, uint8_t *frame, int *length)
{
    struct corner *c = user;
    uint8_t type = frame[2] & 0xFE, step = *length > 3 ? frame[3] & 0xFE : 0;
    c->fcds += type == FCF_FCD;
    c->ctcs += type == FCF_CTC;
    if (is_case(c, "ctc") && type == FCF_FCD && c->fcds < 700 && c->fcds % 2 == 0)
        *length = 0;
    if (is_case(c, "eor") && type == FCF_FCD && frame[3] == 7)
        *length = 0;
    if (is_case(c, "pri") && type == FCF_PPS && step == FCF_MPS)
        replace_code(&frame[3], FCF_PRI_MPS);
    if (is_case(c, "pri") && type == FCF_PPS && step == FCF_EOP)
        replace_code(&frame[3], FCF_PRI_EOP);
    if (is_case(c, "short frames") && type == FCF_FCD && frame[3] == 3 && c->fcds < 12)
        *length = 68;
    if (is_case(c, "no rcp") && type == FCF_RCP)
        *length = 0;
    if (is_case(c, "frames of 64 announced") && type == FCF_DCS)
        frame[6] |= 0x08;
    if (is_case(c, "nsf and sub") &&
        type == FCF_TSI) { /* in place of the TSI: one that we do not use */
        memset(frame + 3, 'x', 60);
        frame[2] = (uint8_t)(c->done_once ? 0xC2 : 0x22);
        *length = 63;
        c->done_once = true;
    }
}

/* Frames that our receiver sends. */
static void below_receiver(void *user, const uint8_t *frame, int length)
{
    struct corner *c = user;
    uint8_t altered[SPANDSP_PEER_FRAME], type = length >= 3 ? frame[2] & 0xFE : 0;
    bool silence = false;
    if (length >= 3) {
        memcpy(altered, frame, (size_t)length);
        frame = altered;
    }
    c->mcfs += type == FCF_MCF;
    c->rnrs += type == FCF_RNR;
    c->cfrs += type == FCF_CFR;
    silence |= is_case(c, "mcf lost after mps") && type == FCF_MCF && c->mcfs == 1;
    silence |= is_case(c, "mcf lost after eop") && type == FCF_MCF && c->mcfs == 3;
    silence |= is_case(c, "rnr lost") && type == FCF_RNR && c->rnrs == 1;
    silence |= is_case(c, "later rnr lost") && type == FCF_RNR && c->rnrs == 3;
    if (silence)
        c->call.link.end[LOSSY_SENDER].cut_until_ms = c->call.link.now_ms + QUIET_MS;
    if (is_case(c, "ftt") && type == FCF_CFR && c->cfrs <= 2)
        replace_code(&altered[2], FCF_FTT);
    c->next(c->next_user, frame, length);
}

static int use_small_frames(t30_state_t *t, void *user, int command)
{
    (void)user;
    (void)command;
    t->octets_per_ecm_frame = 64;
    return T30_ERR_OK;
}

static void begin(struct corner *c, const char *name, bool plain_sender, uint64_t hold_ms)
{
    memset(c, 0, sizeof *c);
    c->name = name;
    virtual_call_begin(&c->call, &(struct virtual_call_config){.pages = pages,
                                                               .page_count = 3,
                                                               .plain_sender = plain_sender,
                                                               .hold_ms = hold_ms});
    if (plain_sender) {
        c->call.peer.alter = alter_sender;
        c->call.peer.user = c;
    }
    struct fax_engine *receiver = c->call.link.end[LOSSY_RECEIVER].engine;
    c->next = receiver->next_frame;
    c->next_user = receiver->next_frame_user;
    receiver->next_frame = below_receiver;
    receiver->next_frame_user = c;
}

static void run(struct corner *c)
{
    bool done = virtual_call_run(&c->call, 900);
    print_message("   %-24s %.0f s, results %d %d, %u received, %u identical, %u confirmed\n",
                  c->name, (double)c->call.link.now_ms / 1000, c->call.end[0].result,
                  c->call.end[1].result, c->call.received, c->call.identical,
                  c->call.end[1].confirmed);
    assert_true(done);
    assert_int_not_equal(c->call.end[1].result, T30_RESULT_GUARD);
}

static void expect_all_pages(struct corner *c)
{
    assert_int_equal(c->call.end[LOSSY_SENDER].result, 0);
    assert_int_equal(c->call.end[LOSSY_RECEIVER].result, 0);
    assert_int_equal(c->call.received, 3);
    assert_int_equal(c->call.identical, 3);
    assert_int_equal(c->call.end[LOSSY_RECEIVER].confirmed, 3);
}

static void a_plain_sender_gets_its_pages_through(void **state)
{
    (void)state;
    static const char *const names[] = {"nothing unusual", "ctc",    "pri",
                                        "short frames",    "no rcp", "frames of 64 announced",
                                        "nsf and sub"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct corner c;
        begin(&c, names[i], true, 0);
        run(&c);
        expect_all_pages(&c);
        if (is_case(&c, "ctc"))
            assert_true(c.ctcs > 0);
        virtual_call_end(&c.call);
    }
}

static void frames_of_64_octets_are_put_together(void **state)
{
    (void)state;
    struct corner c;
    begin(&c, "frames of 64", true, 0);
    t30_set_phase_b_handler(t38_terminal_get_t30_state(c.call.peer.terminal), use_small_frames,
                            NULL);
    run(&c);
    expect_all_pages(&c);
    virtual_call_end(&c.call);
}

/* Pages of different resolutions: EOM between them, and a new DCS. */
static void a_change_of_resolution_renegotiates(void **state)
{
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        struct corner c;
        pages[1].view.y_dpi = 98;
        begin(&c, "eom", plain, 0);
        run(&c);
        expect_all_pages(&c);
        assert_int_equal(c.call.end[LOSSY_RECEIVER].documents, 3);
        assert_int_equal(c.call.end[LOSSY_RECEIVER].trained, 3);
        virtual_call_end(&c.call);
        pages[1].view.y_dpi = 196;
    }
}

/* The sender gives up on a frame that never arrives: the page must not be confirmed. */
static void eor_ends_without_confirmation(void **state)
{
    (void)state;
    struct corner c;
    begin(&c, "eor", true, 0);
    run(&c);
    assert_int_equal(c.call.received, 0);
    assert_int_equal(c.call.end[LOSSY_RECEIVER].confirmed, 0);
    assert_int_not_equal(c.call.end[LOSSY_SENDER].result, 0);
    assert_int_not_equal(c.call.end[LOSSY_RECEIVER].result, 0);
    virtual_call_end(&c.call);
}

static void lost_answers_are_repeated(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t hold_ms;
    } cases[] = {{"mcf lost after mps", 0},
                 {"mcf lost after eop", 0},
                 {"rnr lost", 6000},
                 {"later rnr lost", 12000}};
    for (int plain = 0; plain < 2; plain++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct corner c;
            begin(&c, cases[i].name, plain, cases[i].hold_ms);
            run(&c);
            expect_all_pages(&c);
            virtual_call_end(&c.call);
        }
}

static void failed_training_steps_down(void **state)
{
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        struct corner c;
        begin(&c, "ftt", plain, 0);
        run(&c);
        expect_all_pages(&c);
        if (!plain) /* spandsp's own receiver believes in its CFR: only the sender steps down twice
                     */
            assert_int_equal(c.call.end[LOSSY_SENDER].statistics.bit_rate, 9600);
        virtual_call_end(&c.call);
    }
}

/* Codings that a sender may choose beside T.6; the page is reported as what it is. */
static void other_codings_are_kept(void **state)
{
    (void)state;
    static const struct {
        int compressions;
        enum fax_page_coding coding;
    } cases[] = {{T30_SUPPORT_T4_1D_COMPRESSION, FAX_PAGE_T4_1D},
                 {T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION, FAX_PAGE_T4_2D}};
    for (size_t i = 0; i < 2; i++) {
        struct corner c;
        begin(&c, "other coding", true, 0);
        t30_set_supported_compressions(t38_terminal_get_t30_state(c.call.peer.terminal),
                                       cases[i].compressions);
        run(&c);
        expect_all_pages(&c);
        assert_int_equal(c.call.end[LOSSY_RECEIVER].statistics.coding, cases[i].coding);
        virtual_call_end(&c.call);
    }
}

struct answer {
    uint8_t to, instead_of;
    unsigned count, at;
};

static void alter_answer(void *user, uint8_t *frame, int *length)
{
    struct answer *a = user;
    if (*length == 3 && (frame[2] & 0xFE) == a->instead_of && ++a->count == a->at)
        replace_code(&frame[2], a->to);
}

static struct virtual_call_end answer_second_page(uint8_t answer, bool ecm, uint32_t *taken)
{
    struct virtual_call call;
    struct answer a = {answer, FCF_MCF, 0, 2};
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                            .page_count = 3,
                                                            .plain_receiver = true,
                                                            .plain_without_ecm = !ecm});
    call.peer.alter = alter_answer;
    call.peer.user = &a;
    assert_true(virtual_call_run(&call, 900));
    struct virtual_call_end end = call.end[LOSSY_SENDER];
    print_message("   answer %02x, ECM %d: %d (%s), %u confirmed\n", answer, ecm, end.result,
                  t30_result_get(end.result)->name, end.confirmed);
    *taken = (uint32_t)call.peer.terminal->t30.rx_page_number;
    virtual_call_end(&call);
    return end;
}

/* Our sender, and a receiver that answers the second page otherwise than with MCF. */
static void a_rejected_page_is_not_taken_for_confirmed(void **state)
{
    (void)state;
    static const struct {
        uint8_t answer;
        bool ecm;
    } cases[] = {
        {FCF_RTN, true}, {FCF_PIN, true}, {FCF_DCN, true}, {FCF_ERR, true}, {FCF_DCN, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t taken;
        struct virtual_call_end end = answer_second_page(cases[i].answer, cases[i].ecm, &taken);
        assert_int_not_equal(end.result, 0);
        assert_int_equal(end.confirmed, 1);
        assert_int_equal(end.confirmed_pages[0], 0);
        assert_int_equal(end.asked, 2);
    }
}

/* T.30 lets a sender without ECM repeat the page: then the receiver has it twice. */
static void a_page_answered_with_rtn_or_pin_is_sent_again(void **state)
{
    (void)state;
    static const uint8_t answers[] = {FCF_RTN, FCF_PIN};
    for (size_t i = 0; i < sizeof answers; i++) {
        uint32_t taken;
        struct virtual_call_end end = answer_second_page(answers[i], false, &taken);
        assert_int_equal(end.result, 0);
        assert_int_equal(end.confirmed, 3);
        assert_int_equal(taken, 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_sender_gets_its_pages_through),
        cmocka_unit_test(frames_of_64_octets_are_put_together),
        cmocka_unit_test(a_change_of_resolution_renegotiates),
        cmocka_unit_test(eor_ends_without_confirmation),
        cmocka_unit_test(lost_answers_are_repeated),
        cmocka_unit_test(failed_training_steps_down),
        cmocka_unit_test(other_codings_are_kept),
        cmocka_unit_test(a_rejected_page_is_not_taken_for_confirmed),
        cmocka_unit_test(a_page_answered_with_rtn_or_pin_is_sent_again),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
