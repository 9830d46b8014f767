/* audio_engine_fuzz.c: a script of frames, carrier changes, bits and time against one session over
 * audio, behind its modems.
 *
 * The first octet chooses the role. Then come commands: an octet, its arguments, data. 0: a frame
 * of n octets (one octet n), 1: the same with a bad FCS, 2: a status of the carrier (one octet), 3:
 * time passes, n times 100 ms, 4: n octets of bits to the modem of an image, 5: a lawful DCS and a
 * TCF, 6: the same without ECM, 7: the waiting page is durable, 8: it is poor or bad,
 * 9: n times 20 ms are lost
 */
#include "t38/spandsp_session.h"
#include "tests/doubles/adapted_pages.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TIME_MS = 90000, TCF_BITS = 21600 };

struct script {
    const uint8_t *data;
    size_t size;
    struct fax_engine *engine;
    uint64_t now_ms;
    unsigned received, confirmed, lost;
    bool finished, sender;
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

static size_t on_hear(void *user, int16_t *samples)
{
    struct script *s = user;
    memset(samples, 0, FAX_ENGINE_SAMPLES * sizeof *samples);
    if (s->lost == 0)
        return 0;
    s->lost--;
    return FAX_ENGINE_SAMPLES;
}

static void on_say(void *user, const int16_t *samples)
{
    (void)user;
    (void)samples;
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

static unsigned take_octet(struct script *s)
{
    if (s->size == 0)
        return 0;
    s->size--;
    return *s->data++;
}

static void pass_time(struct script *s, unsigned ms)
{
    for (unsigned i = 0; i < ms && s->now_ms < MAX_TIME_MS; i += 20) {
        s->now_ms += 20;
        fax_engine_tick(s->engine, s->now_ms);
        (void)adapted_pages_give(&s->adapted, s->engine, pages, 2);
    }
}

static void hear_frame(struct script *s, const uint8_t *frame, int length, int good)
{
    hdlc_rx_state_t *h = &s->engine->fax.modems.hdlc_rx;
    s->engine->depth++; /* as within a step */
    h->frame_handler(h->frame_user_data, frame, length, good);
    s->engine->depth--;
    pass_time(s, 20);
}

static void hear_bit(struct script *s, int bit)
{
    v17_rx_state_t *v17 = &s->engine->fax.modems.fast_modems.v17_rx;
    if (s->engine->sound.image_receiver)
        v17->put_bit(v17->put_bit_user_data, bit);
}

static void hear_some_frame(struct script *s, int good)
{
    size_t n = take_octet(s);
    if (n > s->size)
        n = s->size;
    uint8_t *copy = malloc(n + 1);
    if (!copy)
        return;
    memcpy(copy, s->data, n);
    hear_frame(s, copy, (int)n, good);
    free(copy);
    s->data += n;
    s->size -= n;
}

static void hear_bits(struct script *s)
{
    for (size_t n = take_octet(s); n > 0 && s->size > 0; n--) {
        unsigned octet = take_octet(s);
        for (unsigned bit = 0; bit < 8; bit++)
            hear_bit(s, (int)(octet >> bit & 1));
    }
    pass_time(s, 20);
}

static void train(struct script *s, const uint8_t *dcs, int n)
{
    pass_time(s, 5000);
    hear_frame(s, NULL, SIG_STATUS_CARRIER_UP, TRUE);
    hear_frame(s, dcs, n, TRUE);
    hear_frame(s, NULL, SIG_STATUS_CARRIER_DOWN, TRUE);
    hear_bit(s, SIG_STATUS_TRAINING_SUCCEEDED);
    for (int i = 0; i < TCF_BITS; i++)
        hear_bit(s, 0);
    hear_bit(s, SIG_STATUS_CARRIER_DOWN);
    pass_time(s, 2000);
}

static void run_command(struct script *s, unsigned command)
{
    static const uint8_t dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x62, 0xF8, 0x44};
    static const uint8_t plain_dcs[] = {0xFF, 0x13, 0x83, 0x00, 0x62, 0x78};
    switch (command % 10) {
    case 0:
    case 1:
        hear_some_frame(s, command % 10 == 0);
        break;
    case 2:
        hear_frame(s, NULL, -1 - (int)(take_octet(s) % 12), TRUE);
        break;
    case 3:
        pass_time(s, 100 * take_octet(s));
        break;
    case 4:
        hear_bits(s);
        break;
    case 5:
        train(s, dcs, sizeof dcs);
        break;
    case 6:
        train(s, plain_dcs, sizeof plain_dcs);
        break;
    case 7:
        (void)fax_engine_page_durable(s->engine);
        break;
    case 8:
        (void)fax_engine_page_judged(s->engine, take_octet(s) & 1 ? FAX_COPY_BAD : FAX_COPY_POOR);
        break;
    default:
        s->lost = take_octet(s);
        pass_time(s, 20 * s->lost);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {.data = data, .size = size};
    s.sender = take_octet(&s) & 1;
    struct fax_engine_config config = {
        .sender = s.sender,
        .audio = true,
        .max_rate = 14400,
        .ecm = true,
        .source = {.page_count = 2, .get = get_page, .user = &s},
        .callbacks = {.event = on_event, .hear = on_hear, .say = on_say, .user = &s}};
    if (fax_engine_new(&s.engine, &config))
        return 0;
    pass_time(&s, 20);
    while (s.size > 0 && !s.finished && s.now_ms < MAX_TIME_MS)
        run_command(&s, take_octet(&s));
    fax_engine_free(s.engine);
    adapted_pages_free(&s.adapted);
    return 0;
}
