#include "gateway/trace/call_trace.h"

#include <stddef.h>

#include "t38/fax_engine.h"

enum { HALF = TRACE_ENTRIES_MAX / 2, REPEATS_MAX = 0xFFFF };

void call_trace_note(struct call_trace *trace, const struct trace_entry *entry)
{
    if (trace->count < TRACE_ENTRIES_MAX) {
        trace->entries[trace->count++] = *entry;
        return;
    }
    trace->entries[HALF + trace->next] = *entry;
    trace->next = (trace->next + 1) % HALF;
    trace->left_out++;
}

static uint32_t place(const struct call_trace *trace, uint32_t position)
{
    return position < HALF ? position : HALF + (trace->next + position - HALF) % HALF;
}

const struct trace_entry *call_trace_at(const struct call_trace *trace, uint32_t position)
{
    return position < trace->count ? &trace->entries[place(trace, position)] : NULL;
}

static bool same_message(const struct trace_entry *a, const struct trace_entry *b)
{
    const uint32_t identity = TRACE_SIP_LEG | TRACE_SIP_METHOD;
    return a->kind == b->kind && a->direction == b->direction && a->code == b->code &&
           a->value == b->value && (a->detail & identity) == (b->detail & identity);
}

bool call_trace_note_sip(struct call_trace *trace, const struct trace_entry *entry)
{
    for (uint32_t i = trace->count; i-- > 0;) {
        struct trace_entry *before = &trace->entries[place(trace, i)];
        if (!same_message(before, entry))
            continue;
        if (before->detail >> TRACE_SIP_REPEATS_SHIFT < REPEATS_MAX)
            before->detail += UINT32_C(1) << TRACE_SIP_REPEATS_SHIFT;
        return false;
    }
    call_trace_note(trace, entry);
    return true;
}

/* --- frames: octets as T.30 engines hold them, the bit sent first being the lowest --- */

enum {
    AT_FCF = 2,
    AT_RATE = 4, /* bits 9 to 16 of the FIF, and so on */
    AT_ECM = 6,
    AT_T85 = 12,
    RATE_BITS = 0x3C,
    ECM_BIT = 0x04,
    T6_BIT = 0x40,
    T85_BITS = 0x60,
    PPR_OCTETS = 32,
};

static const struct {
    uint8_t bits;
    uint8_t modem;
    uint16_t rate;
} dcs_rates[] = {
    {0x20, FAX_MODEM_V17, 14400},   {0x28, FAX_MODEM_V17, 12000},   {0x24, FAX_MODEM_V17, 9600},
    {0x2C, FAX_MODEM_V17, 7200},    {0x04, FAX_MODEM_V29, 9600},    {0x0C, FAX_MODEM_V29, 7200},
    {0x08, FAX_MODEM_V27TER, 4800}, {0x00, FAX_MODEM_V27TER, 2400},
};

static uint8_t octet(const uint8_t *octets, size_t length, size_t at)
{
    return at < length ? octets[at] : 0;
}

static uint32_t formats(const uint8_t *octets, size_t length)
{
    uint8_t bits = octet(octets, length, AT_ECM);
    uint32_t flags = 0;
    if (bits & ECM_BIT)
        flags |= TRACE_FRAME_ECM;
    if (bits & T6_BIT)
        flags |= TRACE_FRAME_T6;
    if (octet(octets, length, AT_T85) & T85_BITS)
        flags |= TRACE_FRAME_T85;
    return flags;
}

/* T.30 table 2, bits 11 to 14: what the sender of DIS can receive. */
static void see_dis(struct trace_entry *entry, const uint8_t *octets, size_t length)
{
    uint8_t bits = octet(octets, length, AT_RATE) & RATE_BITS;
    entry->value = 2400;
    if (bits == 0x08)
        entry->value = 4800;
    else if (bits == 0x04 || bits == 0x0C)
        entry->value = 9600;
    else if (bits == 0x2C || bits == 0x1C)
        entry->value = 14400;
    entry->detail = formats(octets, length);
}

static void see_dcs(struct trace_entry *entry, const uint8_t *octets, size_t length)
{
    uint8_t bits = octet(octets, length, AT_RATE) & RATE_BITS;
    entry->detail = formats(octets, length);
    for (size_t i = 0; i < sizeof dcs_rates / sizeof *dcs_rates; i++)
        if (dcs_rates[i].bits == bits) {
            entry->value = dcs_rates[i].rate;
            entry->detail |= (uint32_t)dcs_rates[i].modem << TRACE_FRAME_MODEM_SHIFT;
        }
}

static uint32_t frames_asked_for(const uint8_t *octets, size_t length)
{
    uint32_t count = 0;
    for (size_t i = AT_FCF + 1; i < length && i <= AT_FCF + PPR_OCTETS; i++)
        count += (uint32_t)__builtin_popcount(octets[i]);
    return count;
}

void call_trace_note_frame(struct call_trace *trace, uint32_t at_ms, unsigned direction,
                           const uint8_t *octets, size_t length)
{
    if (length <= AT_FCF)
        return;
    uint8_t type = octets[AT_FCF];
    struct trace_entry entry = {
        .at_ms = at_ms, .kind = TRACE_T30, .direction = (uint8_t)direction, .code = type};
    switch (type & 0xFE) {
    case TRACE_FCF_FCD:
    case TRACE_FCF_RCP:
        return;
    case TRACE_FCF_DIS: /* and DTC */
        see_dis(&entry, octets, length);
        break;
    case TRACE_FCF_DCS:
        see_dcs(&entry, octets, length);
        break;
    case TRACE_FCF_PPS:
        entry.value = (uint32_t)octet(octets, length, 3) << 24 |
                      (uint32_t)octet(octets, length, 4) << 16 |
                      (uint32_t)octet(octets, length, 5) << 8 | octet(octets, length, 6);
        break;
    case TRACE_FCF_PPR:
        entry.value = frames_asked_for(octets, length);
        break;
    default:
        break;
    }
    call_trace_note(trace, &entry);
}
