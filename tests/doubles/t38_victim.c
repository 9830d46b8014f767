#include "tests/doubles/t38_victim.h"

#include <stdlib.h>
#include <string.h>

enum { TCF_PACKETS = 52, TCF_OCTETS = 54, IMAGE_MAX = 1000 };

const uint8_t victim_dcs[7] = {0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x44};
const uint8_t victim_dcs_without_ecm[6] = {0xFF, 0x13, 0x83, 0x00, 0x60, 0x10};

static void on_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct victim *v = user;
    (void)ifp;
    (void)length;
    v->sent += (unsigned)copies;
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct victim *v = user;
    if (event->kind == FAX_EVENT_PAGE_RECEIVED) {
        v->received++;
        v->octets = event->received->view.length;
        if (!v->hold && fax_engine_page_judged(v->engine, v->copy))
            abort();
    }
    v->confirmed += event->kind == FAX_EVENT_PAGE_CONFIRMED;
    v->rejected += event->kind == FAX_EVENT_PAGE_REJECTED;
    if (event->kind == FAX_EVENT_FINISHED) {
        v->finished = true;
        v->result = event->result;
    }
}

static int get_page(void *user, uint32_t number, struct fax_page_view *out)
{
    const struct victim *v = user;
    (void)number;
    *out = v->page->view;
    return 0;
}

void victim_begin(struct victim *v, bool sender, const struct fax_page *page)
{
    memset(v, 0, sizeof *v);
    v->page = page;
    struct fax_engine_config c = {.sender = sender,
                                  .max_rate = 14400,
                                  .ecm = true,
                                  .source = {.page_count = 1, .get = get_page, .user = v},
                                  .callbacks = {.send_ifp = on_ifp, .event = on_event, .user = v}};
    if (fax_engine_new(&v->engine, &c))
        abort();
    fax_engine_tick(v->engine, 0);
}

void victim_pass_time(struct victim *v, unsigned ms)
{
    for (uint64_t until = v->now_ms + ms; v->now_ms < until; v->now_ms += 20)
        fax_engine_tick(v->engine, v->now_ms + 20);
}

int victim_send_ifp(struct victim *v, const uint8_t *ifp, size_t length)
{
    return fax_engine_receive_ifp(v->engine, v->sequence++, ifp, length);
}

void victim_indicate(struct victim *v, unsigned indicator)
{
    uint8_t ifp = (uint8_t)(indicator << 1);
    (void)victim_send_ifp(v, &ifp, 1);
}

static uint8_t reversed(uint8_t octet)
{
    uint8_t out = 0;
    for (int i = 0; i < 8; i++)
        out = (uint8_t)(out << 1 | (octet >> i & 1));
    return out;
}

void victim_send_frame(struct victim *v, unsigned data_type, const uint8_t *frame, size_t n,
                       bool end)
{
    uint8_t ifp[700];
    size_t at = 0;
    ifp[at++] = (uint8_t)(0xC0 | data_type << 1);
    ifp[at++] = 2;
    ifp[at++] = 0x80;
    ifp[at++] = (uint8_t)((n - 1) >> 8);
    ifp[at++] = (uint8_t)(n - 1);
    for (size_t i = 0; i < n; i++)
        ifp[at++] = reversed(frame[i]);
    ifp[at++] = (uint8_t)((end ? 4 : 2) << 4);
    (void)victim_send_ifp(v, ifp, at);
}

void victim_send_control(struct victim *v, const uint8_t *frame, size_t n)
{
    victim_indicate(v, IND_V21);
    victim_pass_time(v, 1000);
    victim_send_frame(v, V21, frame, n, true);
    victim_pass_time(v, 200);
}

void victim_send_image(struct victim *v, const uint8_t *octets, size_t n, bool end)
{
    uint8_t ifp[IMAGE_MAX + 5] = {0xC0 | V17_14400 << 1, 1, end ? 0xF0 : 0xE0};
    if (n < 1 || n > IMAGE_MAX)
        abort();
    ifp[3] = (uint8_t)((n - 1) >> 8);
    ifp[4] = (uint8_t)(n - 1);
    memcpy(ifp + 5, octets, n);
    (void)victim_send_ifp(v, ifp, n + 5);
}

static void send_tcf(struct victim *v)
{
    static const uint8_t zeros[TCF_OCTETS];
    static const uint8_t end[] = {0xC0 | V17_14400 << 1, 1, 0x70};
    victim_indicate(v, IND_V17_LONG);
    for (int i = 0; i < TCF_PACKETS; i++) {
        victim_send_image(v, zeros, sizeof zeros, false);
        victim_pass_time(v, 40);
    }
    (void)victim_send_ifp(v, end, sizeof end);
    victim_indicate(v, IND_NONE);
    victim_pass_time(v, 4000);
}

void victim_train(struct victim *v, const uint8_t *dcs, size_t n)
{
    victim_pass_time(v, 6000);
    victim_send_control(v, dcs, n);
    send_tcf(v);
}
