/* call_trace_fuzz.c: the decoder of sealed traces, their words, and the reader of SIP messages: any
 * octets. What decodes must encode to the same entries. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/sip_trace.h"
#include "gateway/trace/call_trace.h"

static void read_message(const uint8_t *data, size_t size)
{
    struct sip_trace_message m;
    const char *call_id;
    size_t length, body;
    if (sip_trace_read((const char *)data, size, &m, &call_id, &length, &body) && body > size)
        abort();
}

static void note_frames(const uint8_t *data, size_t size)
{
    static struct call_trace trace;
    memset(&trace, 0, sizeof trace);
    for (size_t at = 0; at < size; at += 1 + data[at] % 40) {
        size_t left = size - at;
        call_trace_note_frame(&trace, (uint32_t)at, data[at], data + at, left < 40 ? left : 40);
    }
    if (trace.count > TRACE_ENTRIES_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace_head head;
    uint32_t count;
    size_t offset;
    char label[TRACE_LABEL];
    read_message(data, size);
    note_frames(data, size);
    if (call_trace_decode(data, size, &head, &count, &offset) != 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        struct trace_entry entry;
        call_trace_decode_entry(data, offset, i, &entry);
        call_trace_label(&entry, label);
        if (!memchr(label, '\0', sizeof label) || !call_trace_group(&entry))
            abort();
    }
    if (offset + (size_t)count * TRACE_ENTRY_OCTETS != size)
        abort();
    return 0;
}
