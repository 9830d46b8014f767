#include <errno.h>
#include <string.h>

#include "gateway/trace/call_trace.h"

enum { FIXED_OCTETS = 20 };

_Static_assert(TRACE_TEXT <= 256 && TRACE_SENTENCE <= 256, "one octet tells a text's length");

static uint8_t *put(uint8_t *out, uint64_t value, unsigned octets)
{
    for (unsigned i = octets; i-- > 0;)
        *out++ = (uint8_t)(value >> (8 * i));
    return out;
}

static uint64_t take(const uint8_t **in, unsigned octets)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < octets; i++)
        value = value << 8 | *(*in)++;
    return value;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7F;
}

static uint8_t *put_text(uint8_t *out, const char *text, size_t capacity)
{
    size_t length = strnlen(text, capacity - 1);
    *out++ = (uint8_t)length;
    for (size_t i = 0; i < length; i++)
        *out++ = is_plain((uint8_t)text[i]) ? (uint8_t)text[i] : (uint8_t)'?';
    return out;
}

static uint8_t *put_entry(uint8_t *out, const struct trace_entry *entry)
{
    out = put(out, entry->at_ms, 4);
    out = put(out, entry->kind, 1);
    out = put(out, entry->direction, 1);
    out = put(out, entry->code, 2);
    out = put(out, entry->value, 4);
    return put(out, entry->detail, 4);
}

/* Walks both traces in the order of time. */
struct merge {
    const struct call_trace *own, *line;
    uint32_t at_own, at_line;
};

static const struct trace_entry *merge_next(struct merge *m)
{
    const struct trace_entry *own = call_trace_at(m->own, m->at_own), *line = NULL;
    if (m->line && m->line->count > 0) {
        while (own && own->direction & TRACE_TOLD)
            own = call_trace_at(m->own, ++m->at_own);
        line = call_trace_at(m->line, m->at_line);
    }
    if (own && (!line || own->at_ms <= line->at_ms)) {
        m->at_own++;
        return own;
    }
    if (line)
        m->at_line++;
    return line;
}

size_t call_trace_encode(const struct trace_head *head, const struct call_trace *own,
                         const struct call_trace *line, uint8_t *out, size_t capacity)
{
    struct merge m = {own, line, 0, 0};
    const struct trace_entry *entry;
    uint32_t entries = 0;
    if (capacity < TRACE_OCTETS_MAX)
        return 0;
    while (merge_next(&m))
        entries++;
    uint8_t *at = put(out, TRACE_VERSION, 1);
    at = put(at, head->outbound, 1);
    at = put(at, head->attempt, 2);
    at = put(at, head->begun_ms, 8);
    at = put(at, head->retry, 1);
    at = put(at, head->side, 1);
    at = put(at, (uint64_t)own->left_out + (line ? line->left_out : 0), 4);
    at = put(at, entries, 2);
    at = put_text(at, head->from, sizeof head->from);
    at = put_text(at, head->to, sizeof head->to);
    at = put_text(at, head->trunk, sizeof head->trunk);
    at = put_text(at, head->state, sizeof head->state);
    at = put_text(at, head->verdict, sizeof head->verdict);
    m = (struct merge){own, line, 0, 0};
    while ((entry = merge_next(&m)))
        at = put_entry(at, entry);
    return (size_t)(at - out);
}

/* Returns false when there is no such text, or when it is too long. */
static bool take_text(const uint8_t **in, const uint8_t *end, char *text, size_t capacity)
{
    if (*in >= end)
        return false;
    size_t length = *(*in)++;
    if (length >= capacity || length > (size_t)(end - *in))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_plain((*in)[i]))
            return false;
    memcpy(text, *in, length);
    text[length] = '\0';
    *in += length;
    return true;
}

int call_trace_decode(const uint8_t *octets, size_t length, struct trace_head *head,
                      uint32_t *entries, size_t *offset)
{
    const uint8_t *at = octets, *end = octets + length;
    memset(head, 0, sizeof *head);
    *entries = 0;
    *offset = 0;
    if (length >= 1 && octets[0] != TRACE_VERSION)
        return -ENOTSUP;
    if (length < FIXED_OCTETS || length > TRACE_OCTETS_MAX)
        return -EBADMSG;
    at++;
    uint8_t outbound = (uint8_t)take(&at, 1);
    head->outbound = outbound == 1;
    head->attempt = (uint16_t)take(&at, 2);
    head->begun_ms = take(&at, 8);
    head->retry = (uint8_t)take(&at, 1);
    head->side = (uint8_t)take(&at, 1);
    head->left_out = (uint32_t)take(&at, 4);
    uint32_t count = (uint32_t)take(&at, 2);
    if (outbound > 1 || head->begun_ms > INT64_MAX ||
        !take_text(&at, end, head->from, TRACE_TEXT) ||
        !take_text(&at, end, head->to, TRACE_TEXT) ||
        !take_text(&at, end, head->trunk, TRACE_TEXT) ||
        !take_text(&at, end, head->state, TRACE_TEXT) ||
        !take_text(&at, end, head->verdict, TRACE_SENTENCE) ||
        (size_t)(end - at) != (size_t)count * TRACE_ENTRY_OCTETS)
        return -EBADMSG;
    *entries = count;
    *offset = (size_t)(at - octets);
    return 0;
}

void call_trace_decode_entry(const uint8_t *octets, size_t offset, uint32_t position,
                             struct trace_entry *entry)
{
    const uint8_t *at = octets + offset + (size_t)position * TRACE_ENTRY_OCTETS;
    entry->at_ms = (uint32_t)take(&at, 4);
    entry->kind = (uint8_t)take(&at, 1);
    entry->direction = (uint8_t)take(&at, 1);
    entry->code = (uint16_t)take(&at, 2);
    entry->value = (uint32_t)take(&at, 4);
    entry->detail = (uint32_t)take(&at, 4);
}
