/* fax_engine_fuzz.c: a script of frames, packets and time against one session.
 *
 * The first octet chooses the role (bit 0), the version of T.38 (1, 2), T.85 (3), wide pages (4),
 * and whether the session may run ahead of the clock (5), the peer saying by itself what it has
 * seen (6). Then come commands: an octet, its arguments, data. 0: a raw IFP of n octets (one octet
 * n)   1: an HDLC frame of n octets with FCS-OK, low speed 2: the same at high speed 3: the same,
 * end of the signal 4: an indicator (one octet)              5: time passes, n times 100 ms 6: a
 * lawful DCS and a TCF 7: the waiting page becomes durable  8: a lawful DCS without ECM and a TCF
 * 9: n octets of an image without ECM, 10: the same, end of the signal  11: the waiting page is
 * poor or bad
 *
 * What only a grammar reaches: 12: a whole block of ECM and the PPS that belongs to it  13: that
 * PPS again  14: a lawful frame of the peer's list, preamble and all  15: a page without ECM and
 * its command  16: packets are lost, or numbers begin anew  17: a DCS of chosen bits, and a TCF 18:
 * a DIS of chosen bits, and time for DCS and TCF, and CFR  19: seconds pass
 *
 * With one of the bits 3 to 6: 20: a report of the peer's, made up or true  21: a page is refused
 * 22: the document has changed  23: the call is given up
 */
#include "t38/express_flow.h"
#include "t38/fax_engine.h"
#include "t38/t30_result.h"
#include "tests/doubles/adapted_pages.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MAX_TIME_MS = 400000,
    OPTION_SENDER = 1,
    OPTION_T85 = 8,
    OPTION_WIDE = 16,
    OPTION_AHEAD = 32,
    OPTION_REPORTS = 64,
    COMMANDS = 20,      /* without options */
    COMMANDS_MORE = 24, /* with some */
    LONG_PAGE = 600,    /* octets, three frames */
};

struct script {
    const uint8_t *data;
    size_t size;
    struct fax_engine *engine;
    uint64_t now_ms;
    uint16_t sequence;
    int version;
    unsigned received, confirmed;
    bool finished, sender;
    uint8_t page, block, pps[7];
    unsigned options, missed;
    struct express_flow flow, peer; /* ours, and what the peer knows of it */
    struct adapted_pages adapted;
};

/* A page of eight white rows. */
static const uint8_t page[] = {0xFF, 0x00, 0x08, 0x80};

static const struct fax_page pages[] = {
    {.view = {FAX_PAGE_T6, true, 1728, 8, 204, 196, page, sizeof page}},
    {.view = {FAX_PAGE_T6, true, 1728, 8, 204, 196, page, sizeof page}}};

static int get_page(void *user, uint32_t number, struct fax_page_view *out)
{
    const struct script *s = user;
    *out = adapted_pages_get(&s->adapted, pages, number);
    return 0;
}

/* With more frames than the same in T.85, which is preferred then. */
static int get_long_page(void *user, uint32_t number, struct fax_page_view *out)
{
    static uint8_t octets[LONG_PAGE];
    (void)get_page(user, number, out);
    if (out->coding != FAX_PAGE_T6)
        return 0;
    memcpy(octets, page, sizeof page);
    out->data = octets;
    out->length = sizeof octets;
    return 0;
}

static int get_t85(void *user, uint32_t number, struct fax_page_view *out)
{
    static const uint8_t octets[] = {0, 0,    1, 0, 0, 0, 6, 0xC0, 0, 0, 0,    8,
                                     0, 0x80, 0, 0, 0, 0, 0, 0,    0, 0, 0xFF, 2};
    (void)get_page(user, number, out);
    out->coding = FAX_PAGE_T85;
    out->lsb_first = false;
    out->data = octets;
    out->length = sizeof octets;
    return 0;
}

static void on_send(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct script *s = user;
    if (length == 0 || copies < 1 || !ifp)
        abort();
    express_flow_received(&s->peer, s->flow.next, s->missed);
    express_flow_sent(&s->flow);
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct script *s = user;
    if (s->finished)
        abort();
    adapted_pages_note(&s->adapted, event);
    s->received += event->kind == FAX_EVENT_PAGE_RECEIVED;
    s->confirmed += event->kind == FAX_EVENT_PAGE_CONFIRMED;
    s->finished = event->kind == FAX_EVENT_FINISHED;
    if (!s->sender && s->confirmed > s->received)
        abort();
}

static uint8_t take(struct script *s)
{
    if (s->size == 0)
        return 0;
    s->size--;
    return *s->data++;
}

static void give(struct script *s, const uint8_t *ifp, size_t length)
{
    /* As the line does, which asks when the next visit is due unless nothing but octets came. */
    if (fax_engine_receive_at(s->engine, s->now_ms, s->sequence++, ifp, length) !=
        FAX_ENGINE_OCTETS)
        (void)fax_engine_next_due_ms(s->engine);
}

/* Whatever a report says, no more is on the way after it than before. */
static void give_report(struct script *s, const uint8_t report[EXPRESS_REPORT_OCTETS])
{
    uint16_t before = (uint16_t)(s->flow.next - s->flow.seen);
    if (express_flow_take(&s->flow, report, EXPRESS_REPORT_OCTETS) == 0 &&
        ((uint16_t)(s->flow.next - s->flow.seen) > before || s->flow.window < EXPRESS_WINDOW_MIN))
        abort();
}

static void take_report(struct script *s)
{
    uint8_t report[EXPRESS_REPORT_OCTETS];
    if (express_flow_report(&s->peer, s->now_ms, report) > 0)
        give_report(s, report);
}

static void run_ahead(struct script *s)
{
    unsigned credit = express_flow_credit(&s->flow, s->now_ms);
    if (credit > EXPRESS_WINDOW_MAX)
        abort();
    if (credit > 0)
        (void)fax_engine_run_ahead(s->engine, credit);
    if (s->options & OPTION_REPORTS)
        take_report(s);
}

static void pass_time(struct script *s, unsigned ms)
{
    for (unsigned i = 0; i < ms && s->now_ms < MAX_TIME_MS; i += 20) {
        s->now_ms += 20;
        fax_engine_tick(s->engine, s->now_ms);
        (void)adapted_pages_give(&s->adapted, s->engine, pages, 2);
        if (s->options & OPTION_AHEAD)
            run_ahead(s);
    }
}

static uint8_t reversed(uint8_t octet)
{
    uint8_t out = 0;
    for (int i = 0; i < 8; i++)
        out = (uint8_t)(out << 1 | (octet >> i & 1));
    return out;
}

static void give_frame(struct script *s, const uint8_t *frame, size_t n, unsigned type, bool end)
{
    uint8_t ifp[300];
    size_t at = 0;
    if (n < 1)
        return;
    unsigned shift = s->version ? 3 : 4;
    ifp[at++] = (uint8_t)(0xC0 | type << 1);
    ifp[at++] = 2;
    ifp[at++] = 0x80;
    ifp[at++] = 0;
    ifp[at++] = (uint8_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        ifp[at++] = reversed(frame[i]);
    ifp[at++] = (uint8_t)((end ? 4u : 2u) << shift);
    give(s, ifp, at);
}

/* Gets a receiver to where pages come; the fuzzer would never find a TCF. */
static void train(struct script *s, bool ecm)
{
    const uint8_t dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, ecm ? 0x44 : 0x00};
    uint8_t tcf[59] = {0xD0, 1, 0x80, 0, 53};
    const uint8_t v21 = 3 << 1, v17 = 15 << 1, none = 0;
    tcf[2] = (uint8_t)(0x80 | 6u << (s->version ? 3 : 4));
    give(s, &v21, 1);
    pass_time(s, 1000);
    give_frame(s, dcs, sizeof dcs, 0, true);
    pass_time(s, 200);
    give(s, &v17, 1);
    for (int i = 0; i < 52; i++) {
        give(s, tcf, sizeof tcf);
        pass_time(s, 40);
    }
    const uint8_t end[] = {0xD0, 1, (uint8_t)(7u << (s->version ? 3 : 4))};
    give(s, end, sizeof end);
    give(s, &none, 1);
    pass_time(s, 3000);
}

static void give_image(struct script *s, const uint8_t *octets, size_t n, bool end)
{
    uint8_t ifp[300] = {0xD0, 1};
    if (n < 1)
        return;
    ifp[2] = (uint8_t)(0x80 | (end ? 7u : 6u) << (s->version ? 3 : 4));
    ifp[4] = (uint8_t)(n - 1);
    memcpy(ifp + 5, octets, n);
    give(s, ifp, n + 5);
}

static void say(struct script *s, const uint8_t *frame, size_t n)
{
    const uint8_t v21 = 3 << 1, none = 0;
    give(s, &v21, 1);
    pass_time(s, 1000);
    give_frame(s, frame, n, 0, true);
    give(s, &none, 1);
    pass_time(s, 200);
}

/* The low half of n: frames; the high half: what follows. Lost frames by a mask. */
static void give_block(struct script *s, uint8_t n)
{
    static const uint8_t follows[8] = {0x00, 0x4F, 0x2F, 0x8F, 0x5F, 0x3F, 0x9F, 0x2E};
    const uint8_t v17 = 14 << 1, none = 0, rcp[] = {0xFF, 0x03, 0x86};
    uint8_t fcd[260] = {0xFF, 0x03, 0x06}, frames = (uint8_t)(1 + n % 16), lost = take(s);
    size_t length = n & 8 ? 64 : 256;
    memset(fcd + 4, take(s), 256);
    give(s, &v17, 1);
    for (uint8_t i = 0; i < frames; i++) {
        fcd[3] = i;
        if (!(lost >> i % 8 & 1))
            give_frame(s, fcd, 4 + length, 8, false);
        pass_time(s, 140);
    }
    give_frame(s, rcp, sizeof rcp, 8, true);
    give(s, &none, 1);
    uint8_t follow = follows[n >> 5];
    const uint8_t pps[] = {0xFF, 0x13, 0xBF, follow, s->page, s->block, (uint8_t)(frames - 1)};
    memcpy(s->pps, pps, sizeof pps);
    say(s, pps, sizeof pps);
    s->block = follow ? 0 : (uint8_t)(s->block + 1);
    s->page = (uint8_t)(s->page + (follow != 0));
    pass_time(s, 1500);
}

static void say_lawful(struct script *s, uint8_t n)
{
    static const uint8_t to_receiver[] = {0x4F, 0x2F, 0x8F, 0x5F, 0x3F, 0x9F, 0x6F,
                                          0xCF, 0x13, 0xFB, 0x1B, 0x43, 0xC3, 0x83};
    static const uint8_t to_sender[] = {0x84, 0x44, 0x8C, 0xCC, 0x4C, 0xAC, 0x2C, 0xBC,
                                        0xEC, 0x1C, 0xC4, 0xFA, 0x1A, 0x40, 0x80};
    uint8_t frame[40] = {0xFF, 0x13};
    frame[2] = s->sender ? to_sender[n % sizeof to_sender] : to_receiver[n % sizeof to_receiver];
    size_t length = 3;
    uint8_t type = frame[2] & 0xFE;
    if (type == 0xBC)
        length = 35;
    else if (type == 0xCE)
        length = 4;
    else if (type == 0x12)
        length = 5;
    else if (type == 0x42 || type == 0xC2 || type == 0x40)
        length = 23;
    else if (type == 0x82 || type == 0x80)
        length = 6 + n % 8;
    if (type == 0x42 || type == 0xC2 || type == 0x40)
        frame[1] = 0x03;
    for (size_t i = 3; i < length; i++)
        frame[i] = take(s);
    say(s, frame, length);
    pass_time(s, 400);
}

static void give_plain_page(struct script *s, uint8_t n)
{
    static const uint8_t commands[4] = {0x4F, 0x2F, 0x8F, 0x3F};
    const uint8_t v17 = 15 << 1, none = 0;
    uint8_t octets[100];
    memset(octets, take(s), sizeof octets);
    give(s, &v17, 1);
    for (uint8_t i = 0; i < n % 16; i++) {
        octets[i] = take(s);
        s->sequence = (uint16_t)(s->sequence + (n >> 6 == 3 && i % 4 == 1));
        give_image(s, octets, sizeof octets, false);
        pass_time(s, 60);
    }
    give_image(s, octets, 1, true);
    give(s, &none, 1);
    const uint8_t command[] = {0xFF, 0x13, commands[n >> 4 & 3]};
    say(s, command, sizeof command);
    pass_time(s, 1500);
}

static void choose_bits(struct script *s, uint8_t n, uint8_t type)
{
    uint8_t frame[22] = {0xFF, 0x13, type, 0x00, 0x60, 0x90, 0x44,
                         0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    size_t length = 6 + n % 17;
    for (int i = 0; i < n >> 5; i++) {
        size_t at = 3 + take(s) % 19u;
        frame[at] ^= (uint8_t)(1u << take(s) % 8);
    }
    say(s, frame, length);
}

static void give_tcf(struct script *s)
{
    uint8_t zeros[54] = {0};
    const uint8_t v17 = 15 << 1, none = 0;
    give(s, &v17, 1);
    for (int i = 0; i < 52; i++) {
        give_image(s, zeros, sizeof zeros, false);
        pass_time(s, 40);
    }
    give_image(s, zeros, 1, true);
    give(s, &none, 1);
    pass_time(s, 3000);
}

/* Returns false for the commands of run_command. */
static bool run_lawful(struct script *s, uint8_t command, uint8_t n)
{
    const uint8_t cfr[] = {0xFF, 0x13, 0x84};
    switch (command) {
    case 12:
        give_block(s, n);
        return true;
    case 13:
        say(s, s->pps, sizeof s->pps);
        return true;
    case 14:
        say_lawful(s, n);
        return true;
    case 15:
        give_plain_page(s, n);
        return true;
    case 16:
        s->sequence = (uint16_t)(n & 1 ? n << 8 : s->sequence + n / 2);
        return true;
    case 17:
        choose_bits(s, n, 0x83);
        give_tcf(s);
        s->block = 0;
        return true;
    case 18:
        choose_bits(s, n, 0x80);
        pass_time(s, 8000);
        say(s, cfr, sizeof cfr);
        pass_time(s, 3000);
        return true;
    case 19:
        pass_time(s, n * 250u);
        return true;
    default:
        return false;
    }
}

/* A true one with octets changed. */
static void make_report(struct script *s)
{
    uint8_t report[EXPRESS_REPORT_OCTETS] = {0};
    (void)express_flow_report(&s->peer, s->now_ms + 1000, report);
    for (unsigned n = take(s) % 8u; n > 0; n--) {
        size_t at = take(s) % sizeof report;
        report[at] ^= take(s);
    }
    give_report(s, report);
}

/* Returns false for the others. */
static bool run_optional(struct script *s, uint8_t command, uint8_t n)
{
    switch (command) {
    case 20:
        s->missed += n >> 4;
        if (n & 1)
            make_report(s);
        else
            take_report(s);
        return true;
    case 21:
        (void)fax_engine_page_refused(s->engine, T30_RESULT_STORE_FAILED);
        return true;
    case 22:
        s->adapted.wanted = true; /* by nobody */
        s->adapted.coding = (enum fax_page_coding)(n % 3);
        (void)adapted_pages_give(&s->adapted, s->engine, pages, 2);
        return true;
    case 23:
        fax_engine_abort(s->engine, T30_RESULT_ABORTED);
        return true;
    default:
        return false;
    }
}

static void run_command(struct script *s)
{
    uint8_t commands = s->options >= OPTION_T85 ? COMMANDS_MORE : COMMANDS;
    uint8_t command = take(s) % commands, n = take(s);
    if (run_lawful(s, command, n) || run_optional(s, command, n))
        return;
    size_t left = n < s->size ? n : s->size;
    switch (command) {
    case 0:
        give(s, s->data, left);
        break;
    case 1:
    case 2:
    case 3:
        give_frame(s, s->data, left, command == 2 ? 8 : n & 1 ? 8 : 0, command == 3);
        break;
    case 4:
        give(s, &n, 1);
        return;
    case 5:
        pass_time(s, n * 100u);
        return;
    case 6:
    case 8:
        train(s, command == 6);
        return;
    case 9:
    case 10:
        give_image(s, s->data, left, command == 10);
        break;
    case 11:
        (void)fax_engine_page_judged(s->engine, n & 1 ? FAX_COPY_POOR : FAX_COPY_BAD);
        return;
    default:
        (void)fax_engine_page_durable(s->engine);
        return;
    }
    s->data += left;
    s->size -= left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct script s = {
        .data = data + 1, .size = size - 1, .sender = data[0] & OPTION_SENDER, .options = data[0]};
    bool t85 = s.options & OPTION_T85;
    s.version = data[0] >> 1 & 3;
    if (s.options & OPTION_AHEAD) {
        express_flow_begin(&s.flow, 0);
        express_flow_begin(&s.peer, 0);
    }
    struct fax_engine_config c = {
        .sender = s.sender,
        .t38_version = s.version,
        .max_rate = 14400,
        .ecm = true,
        .t85 = t85 && !s.sender,
        .wide = s.options & OPTION_WIDE,
        .source = {.page_count = 2,
                   .get = t85 ? get_long_page : get_page,
                   .get_t85 = t85 ? get_t85 : NULL,
                   .user = &s},
        .callbacks = {.send_ifp = on_send, .event = on_event, .user = &s}};
    if (fax_engine_new(&s.engine, &c))
        abort();
    pass_time(&s, 5000);
    while (s.size > 0 && s.now_ms < MAX_TIME_MS)
        run_command(&s);
    fax_engine_free(s.engine);
    adapted_pages_free(&s.adapted);
    return 0;
}
