/* fax_relay_test.c: whole calls from T.38 to T.38 through the relay with an observer, the pages
 * that it puts together, and hostile packets. */
#include "t38/fax_relay.h"

#include "codecs/fax_error.h"
#include "t38/fax_engine.h"
#include "t38/fax_observer.h"
#include "t38/guard_frame.h"
#include "t38/hdlc_octets.h"
#include "tests/doubles/adapted_pages.h"
#include "tests/doubles/t6_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 2, STEP_MS = 20, QUEUE = 64, LIMIT_S = 200 };

static struct fax_page brief[PAGES];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++)
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 10);
    return 0;
}

static int drop_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGES; i++)
        fax_page_wipe(&brief[i]);
    return 0;
}

struct rig;

struct end {
    struct rig *rig;
    unsigned index;
    struct fax_engine *engine;
    struct fax_relay relay; /* of what it sends */
    uint16_t sent;          /* by it */
    uint16_t given;         /* to it */
    bool finished;
    int result;
    struct adapted_pages adapted;
};

struct queued {
    unsigned to;
    uint8_t octets[FAX_RELAY_IFP_MAX];
    size_t length;
};

struct rig {
    struct end end[2];
    struct fax_observer *observer;
    struct queued queue[QUEUE];
    unsigned queued;
    unsigned lose_each; /* one of so many packets never comes to the relay; 0: none */
    unsigned count;
    unsigned kept, identical, missed;
    uint32_t frames[2];
    uint8_t first, last; /* control field of the first and the latest frame */
    bool ecm;
};

static void engine_sends(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct end *end = user;
    struct rig *rig = end->rig;
    struct queued *q = &rig->queue[rig->queued];
    struct ifp_packet packet;
    uint16_t sequence = end->sent++;
    (void)copies;
    if (rig->lose_each > 0 && ++rig->count % rig->lose_each == 0)
        return;
    assert_true(rig->queued < QUEUE);
    if (fax_relay_pass(&end->relay, sequence, ifp, length, q->octets, &q->length, &packet))
        return;
    q->to = end->index ^ 1u;
    rig->queued++;
    fax_observer_see(rig->observer, end->index, sequence, &packet);
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct end *end = user;
    adapted_pages_note(&end->adapted, event);
    if (event->kind == FAX_EVENT_PAGE_RECEIVED)
        assert_int_equal(fax_engine_page_durable(end->engine), 0);
    if (event->kind != FAX_EVENT_FINISHED)
        return;
    end->finished = true;
    end->result = event->result;
}

static int get_page(void *user, uint32_t page, struct fax_page_view *out)
{
    const struct end *end = user;
    *out = adapted_pages_get(&end->adapted, brief, page);
    return 0;
}

static void on_page(void *user, uint32_t number, struct fax_page *page)
{
    struct rig *rig = user;
    rig->kept++;
    assert_int_equal(number, rig->kept + rig->missed);
    assert_int_equal(page->without_ecm, !rig->ecm);
    if (t6_page_arrived(&brief[number - 1].view, &page->view))
        rig->identical++;
    struct fax_page taken = *page;
    memset(page, 0, sizeof *page);
    fax_page_wipe(&taken);
}

static void on_missed(void *user, uint32_t number, const char *why)
{
    struct rig *rig = user;
    (void)number;
    assert_non_null(why);
    rig->missed++;
}

static void on_frame(void *user, unsigned side, const uint8_t *octets, size_t length)
{
    struct rig *rig = user;
    uint8_t type = octets[2] & 0xFE;
    assert_true(side < 2 && length >= 3);
    assert_true(type != FCF_FCD && type != FCF_RCP);
    if (rig->frames[0] + rig->frames[1] == 0)
        rig->first = type;
    if (type == FCF_DCS || type == FCF_PPS)
        assert_int_equal(side, 0);
    if (type == FCF_CFR || type == FCF_MCF)
        assert_int_equal(side, 1);
    rig->last = type;
    rig->frames[side]++;
}

static void begin(struct rig *rig, bool ecm, int version0, int version1)
{
    const struct fax_observer_callbacks callbacks = {
        .page = on_page, .missed = on_missed, .frame = on_frame, .user = rig};
    memset(rig, 0, sizeof *rig);
    rig->ecm = ecm;
    assert_int_equal(fax_observer_new(&rig->observer, &callbacks), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct end *end = &rig->end[i];
        const struct fax_engine_config config = {
            .sender = i == 0,
            .t38_version = i == 0 ? version0 : version1,
            .max_rate = 14400,
            .ecm = ecm,
            .local_ident = i == 0 ? "111" : "222",
            .source = {.page_count = PAGES, .get = get_page, .user = end},
            .callbacks = {.send_ifp = engine_sends, .event = on_event, .user = end}};
        end->rig = rig;
        end->index = i;
        end->relay.version_in = i == 0 ? version0 : version1;
        end->relay.version_out = i == 0 ? version1 : version0;
        assert_int_equal(fax_engine_new(&end->engine, &config), 0);
    }
}

static void step(struct rig *rig, uint64_t now_ms)
{
    for (unsigned i = 0; i < 2; i++) {
        fax_relay_tick(&rig->end[i].relay);
        fax_engine_tick(rig->end[i].engine, now_ms);
        assert_int_equal(adapted_pages_give(&rig->end[i].adapted, rig->end[i].engine, brief, PAGES),
                         0);
    }
    struct queued now[QUEUE];
    unsigned count = rig->queued;
    memcpy(now, rig->queue, count * sizeof *now);
    rig->queued = 0;
    for (unsigned i = 0; i < count; i++) {
        struct end *to = &rig->end[now[i].to];
        (void)fax_engine_receive_ifp(to->engine, to->given++, now[i].octets, now[i].length);
    }
}

static void run(struct rig *rig)
{
    uint64_t now_ms = 1000;
    while (now_ms < (uint64_t)LIMIT_S * 1000 && !(rig->end[0].finished && rig->end[1].finished))
        step(rig, now_ms += STEP_MS);
}

static void end(struct rig *rig)
{
    for (unsigned i = 0; i < 2; i++) {
        fax_engine_free(rig->end[i].engine);
        adapted_pages_free(&rig->end[i].adapted);
    }
    fax_observer_free(rig->observer);
}

static void faxes_pass_between_versions(void **state)
{
    (void)state;
    static const int versions[][2] = {{0, 0}, {0, 3}, {3, 0}, {1, 2}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        for (int ecm = 0; ecm < 2; ecm++) {
            struct rig rig;
            begin(&rig, ecm, versions[i][0], versions[i][1]);
            run(&rig);
            const struct fax_observer_statistics *s = fax_observer_statistics(rig.observer);
            assert_int_equal(rig.end[0].result, 0);
            assert_int_equal(rig.end[1].result, 0);
            assert_true(rig.end[0].finished && rig.end[1].finished);
            assert_int_equal(s->pages, PAGES);
            assert_int_equal(s->ecm, ecm);
            assert_int_equal(s->bit_rate, 14400);
            assert_true(s->trained && s->dcn && !s->in_page);
            assert_int_equal(s->rejected + s->retransmissions, 0);
            assert_string_equal(s->ident[0], "111");
            assert_string_equal(s->ident[1], "222");
            for (unsigned e = 0; e < 2; e++)
                assert_int_equal(rig.frames[e], s->frames[e]);
            assert_int_equal(rig.first, FCF_CSI);
            assert_int_equal(rig.last, FCF_DCN);
            assert_int_equal(rig.kept, PAGES);
            if (ecm) /* the octets are what was sent; without ECM they are coded anew by the engine
                      */
                assert_int_equal(rig.identical, PAGES);
            for (unsigned e = 0; e < 2; e++)
                assert_int_equal(rig.end[e].relay.counters.ifps_refused +
                                     rig.end[e].relay.counters.frames_refused,
                                 0);
            end(&rig);
        }
}

/* Frames that lost a part on the first way are asked for again, and the copy is whole. */
static void losses_are_made_good_by_the_machines(void **state)
{
    (void)state;
    struct rig rig;
    begin(&rig, true, 0, 1);
    rig.lose_each = 97;
    run(&rig);
    const struct fax_observer_statistics *s = fax_observer_statistics(rig.observer);
    assert_int_equal(rig.end[0].result, 0);
    assert_int_equal(s->pages, PAGES);
    assert_true(rig.end[0].relay.counters.frames_refused > 0);
    assert_int_equal(rig.kept, PAGES);
    assert_int_equal(rig.identical, PAGES);
    end(&rig);
}

/* ---- hostile packets ---- */

static size_t pass(struct fax_relay *r, const struct ifp_packet *in, struct ifp_packet *out)
{
    uint8_t ifp[700], left[FAX_RELAY_IFP_MAX];
    size_t length = 0, octets = 0;
    assert_int_equal(ifp_packet_write(in, r->version_in, ifp, sizeof ifp, &length), 0);
    fax_relay_tick(r);
    if (fax_relay_pass(r, (uint16_t)(r->sequence + 1), ifp, length, left, &octets, out))
        return 0;
    assert_int_equal(ifp_check(left, octets, r->version_out, NULL), 0);
    return octets;
}

static enum ifp_field_type frame_ends_with(const uint8_t *frame, size_t n)
{
    struct fax_relay r = {.version_out = 1};
    struct ifp_packet out;
    uint8_t turned[300];
    hdlc_octets_turn(frame, n, turned);
    const struct ifp_packet in = {
        .has_fields = true,
        .fields = 2,
        .field = {{IFP_HDLC_DATA, turned, n}, {.type = IFP_HDLC_FCS_OK_SIG_END}}};
    assert_true(pass(&r, &in, &out) > 0);
    return out.field[1].type;
}

static void frames_that_no_fax_sends_are_spoilt(void **state)
{
    (void)state;
    static const uint8_t mcf[] = {0xFF, 0x13, 0x8C}, long_mcf[] = {0xFF, 0x13, 0x8C, 0x00},
                         wide_dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x46, 0x7B, 0x80},
                         strange[] = {0x01, 0x02, 0x03}, unknown[] = {0xFF, 0x13, 0x77};
    uint8_t endless[300];
    memset(endless, 0xFF, sizeof endless);
    assert_int_equal(frame_ends_with(mcf, sizeof mcf), IFP_HDLC_FCS_OK_SIG_END);
    assert_int_equal(frame_ends_with(long_mcf, sizeof long_mcf), IFP_HDLC_FCS_BAD_SIG_END);
    assert_int_equal(frame_ends_with(wide_dcs, sizeof wide_dcs), IFP_HDLC_FCS_BAD_SIG_END);
    assert_int_equal(frame_ends_with(strange, sizeof strange), IFP_HDLC_FCS_BAD_SIG_END);
    assert_int_equal(frame_ends_with(unknown, sizeof unknown), IFP_HDLC_FCS_BAD_SIG_END);
    assert_int_equal(frame_ends_with(endless, sizeof endless), IFP_HDLC_FCS_BAD_SIG_END);
}

static void packets_that_are_none_are_dropped(void **state)
{
    (void)state;
    struct fax_relay r = {0};
    struct ifp_packet out;
    static const uint8_t bad[] = {0xC0, 0xFF, 0x00};
    uint8_t left[FAX_RELAY_IFP_MAX];
    size_t octets;
    const struct ifp_packet v33 = {.indicator = true, .type = 21},
                            cng = {.indicator = true, .type = 1};
    assert_int_equal(fax_relay_pass(&r, 1, bad, sizeof bad, left, &octets, NULL), FAX_EFORMAT);
    assert_int_equal(fax_relay_pass(&r, 2, bad, 0, left, &octets, NULL), FAX_EFORMAT);
    assert_int_equal(pass(&r, &v33, &out), 0);
    assert_int_equal(r.counters.ifps_refused, 3);
    assert_int_equal(pass(&r, &cng, &out), 1);
    assert_int_equal(fax_relay_copies(&out), 3);
    for (int i = 0; i < FAX_RELAY_PER_TICK + 10; i++) {
        int error =
            fax_relay_pass(&r, (uint16_t)i, (const uint8_t[]){0x02}, 1, left, &octets, NULL);
        assert_int_equal(error, i < FAX_RELAY_PER_TICK - 1 ? 0 : FAX_ELIMIT);
    }
    assert_int_equal(r.counters.ifps_refused, 3 + 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faxes_pass_between_versions),
        cmocka_unit_test(losses_are_made_good_by_the_machines),
        cmocka_unit_test(frames_that_no_fax_sends_are_spoilt),
        cmocka_unit_test(packets_that_are_none_are_dropped),
    };
    return cmocka_run_group_tests(tests, make_pages, drop_pages);
}
