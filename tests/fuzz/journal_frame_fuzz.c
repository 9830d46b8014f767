/* A segment image of either kind, read to its end over all damage. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/journal_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_segment(const uint8_t *data, size_t size, enum journal_kind kind)
{
    struct journal_reader reader;
    struct journal_frame frame;
    struct journal_side side;
    if (journal_reader_init(&reader, data, size, kind))
        return;
    for (;;) {
        size_t before = reader.offset;
        enum journal_step step = journal_reader_next(&reader, &frame);
        if (step == JOURNAL_FRAME) {
            if (reader.offset <= before || frame.bytes < data ||
                frame.bytes + frame.length > data + size)
                abort();
            if (kind == JOURNAL_SIDE &&
                journal_side_decode(frame.bytes, frame.length, &side) == 0 &&
                side.value + side.value_length > (const char *)data + size)
                abort();
            continue;
        }
        if (step != JOURNAL_CORRUPT || journal_reader_resync(&reader))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_segment(data, size, JOURNAL_RECORDS);
    read_segment(data, size, JOURNAL_SIDE);
    return 0;
}
