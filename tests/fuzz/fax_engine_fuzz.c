/* fax_engine_fuzz.c: a script of frames, packets and time against one session.
 *
 * The first octet chooses the role and the version of T.38. Then come commands: an octet, its
 * arguments, data. 0: a raw IFP of n octets (one octet n)   1: an HDLC frame of n octets with
 * FCS-OK, low speed 2: the same at high speed                3: the same, end of the signal 4: an
 * indicator (one octet)              5: time passes, n times 100 ms 6: a lawful DCS and a TCF 7:
 * the waiting page becomes durable  8: a lawful DCS without ECM and a TCF
 * 9: n octets of an image without ECM, 10: the same, end of the signal  11: the waiting page is
 * poor or bad
 */
#include "t38/fax_engine.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TIME_MS = 400000 };

struct script {
    const uint8_t *data;
    size_t size;
    struct fax_engine *engine;
    uint64_t now_ms;
    uint16_t sequence;
    int version;
    unsigned received, confirmed;
    bool finished, sender;
};

/* A page of eight white rows. */
static const uint8_t page[] = {0xFF, 0x00, 0x08, 0x80};

static int get_page(void *user, uint32_t number, struct fax_page_view *out)
{
    (void)user;
    (void)number;
    *out = (struct fax_page_view){FAX_PAGE_T6, true, 1728, 8, 204, 196, page, sizeof page};
    return 0;
}

static void on_send(void *user, const uint8_t *ifp, size_t length, int copies)
{
    (void)user;
    if (length == 0 || copies < 1 || !ifp)
        abort();
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct script *s = user;
    if (s->finished)
        abort();
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
    (void)fax_engine_receive_ifp(s->engine, s->sequence++, ifp, length);
}

static void pass_time(struct script *s, unsigned ms)
{
    for (unsigned i = 0; i < ms && s->now_ms < MAX_TIME_MS; i += 20) {
        s->now_ms += 20;
        fax_engine_tick(s->engine, s->now_ms);
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

static void run_command(struct script *s)
{
    uint8_t command = take(s) % 12, n = take(s);
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
    struct script s = {.data = data + 1, .size = size - 1, .sender = data[0] & 1};
    s.version = data[0] >> 1 & 3;
    struct fax_engine_config c = {
        .sender = s.sender,
        .t38_version = s.version,
        .max_rate = 14400,
        .ecm = true,
        .source = {.page_count = 2, .get = get_page},
        .callbacks = {.send_ifp = on_send, .event = on_event, .user = &s}};
    if (fax_engine_new(&s.engine, &c))
        abort();
    pass_time(&s, 5000);
    while (s.size > 0 && s.now_ms < MAX_TIME_MS)
        run_command(&s);
    fax_engine_free(s.engine);
    return 0;
}
