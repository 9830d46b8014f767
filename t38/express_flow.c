#include "t38/express_flow.h"

#include <string.h>

#include "codecs/fax_error.h"

enum {
    REPORT_VERSION = 1,
    REPORT_EACH = 8,    /* datagrams */
    REPORT_SOON_MS = 5, /* what is new waits no longer */
    REPORT_AGAIN_MS = 100,
    WINDOW_GROWTH = 4,
    STALL_MS = 1000,
};

/* Octet 2 is the length of the primary IFP, which no UDPTL packet has at 0. */
static const uint8_t report_begin[8] = {0, 0, 0, 'S', 'F', 'X', REPORT_VERSION, 0};

void express_flow_begin(struct express_flow *f, uint16_t next)
{
    memset(f, 0, sizeof *f);
    f->on = true;
    f->next = f->seen = next;
    f->window = EXPRESS_WINDOW_FIRST;
    f->stalled_ms = UINT64_MAX;
}

void express_flow_sent(struct express_flow *f)
{
    f->next++;
}

unsigned express_flow_credit(struct express_flow *f, uint64_t now_ms)
{
    uint32_t on_the_way = (uint16_t)(f->next - f->seen);

    if (!f->on)
        return 0;
    if (on_the_way < f->window) {
        f->stalled_ms = UINT64_MAX;
        return f->window - on_the_way;
    }
    if (f->stalled_ms == UINT64_MAX)
        f->stalled_ms = now_ms;
    if (now_ms - f->stalled_ms >= STALL_MS)
        f->on = false;
    return 0;
}

void express_flow_received(struct express_flow *f, uint16_t sequence, uint32_t missed)
{
    if (!f->any || (int16_t)(uint16_t)(sequence - f->highest) > 0)
        f->highest = sequence;
    f->any = true;
    f->missed = missed;
    f->unreported++;
}

static void put16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *in)
{
    return (uint32_t)in[0] << 8 | in[1];
}

size_t express_flow_report(struct express_flow *f, uint64_t now_ms,
                           uint8_t out[EXPRESS_REPORT_OCTETS])
{
    uint64_t since_ms = now_ms - f->reported_ms;

    if (!f->any ||
        !(f->unreported >= REPORT_EACH || (f->unreported > 0 && since_ms >= REPORT_SOON_MS) ||
          since_ms >= REPORT_AGAIN_MS))
        return 0;
    f->unreported = 0;
    f->reported_ms = now_ms;
    f->report_number++;
    memcpy(out, report_begin, sizeof report_begin);
    put16(out + 8, (uint16_t)(f->highest + 1u));
    put16(out + 10, f->report_number);
    put16(out + 12, f->missed >> 16);
    put16(out + 14, f->missed);
    return EXPRESS_REPORT_OCTETS;
}

bool express_flow_is_report(const uint8_t *datagram, size_t length)
{
    return length >= 6 && memcmp(datagram, report_begin, 6) == 0;
}

int express_flow_take(struct express_flow *f, const uint8_t *datagram, size_t length)
{
    if (length != EXPRESS_REPORT_OCTETS || memcmp(datagram, report_begin, sizeof report_begin) != 0)
        return FAX_EFORMAT;
    uint16_t seen = (uint16_t)get16(datagram + 8);
    uint16_t number = (uint16_t)get16(datagram + 10);
    uint32_t missed = get16(datagram + 12) << 16 | get16(datagram + 14);
    bool newer = (int16_t)(uint16_t)(number - (uint16_t)f->report_taken) > 0;

    if (!f->on || !newer || (uint16_t)(seen - f->seen) > (uint16_t)(f->next - f->seen))
        return FAX_ESTATE;
    f->report_taken = number;
    f->reports_taken++;
    f->seen = seen;
    if (missed != f->peer_missed)
        f->window = f->window / 2 > EXPRESS_WINDOW_MIN ? f->window / 2 : EXPRESS_WINDOW_MIN;
    else if (f->window + WINDOW_GROWTH < EXPRESS_WINDOW_MAX)
        f->window += WINDOW_GROWTH;
    else
        f->window = EXPRESS_WINDOW_MAX;
    f->peer_missed = missed;
    return 0;
}
