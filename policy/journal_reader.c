#include <stdbool.h>
#include <string.h>

#include "policy/journal_frame.h"
#include "policy/policy_error.h"

/* Check sums computed in search of whole frames behind a bad place: with more it is damage in any
 * case, and the time is bounded. */
enum { CANDIDATES_MAX = 4096, MARKER_OCTETS = 4 };

int journal_reader_init(struct journal_reader *reader, const uint8_t *bytes, size_t length,
                        enum journal_kind kind)
{
    *reader = (struct journal_reader){.bytes = bytes, .length = length};
    int rc = journal_header_decode(bytes, length, &reader->header);
    if (rc)
        return rc;
    if (reader->header.kind != kind)
        return FAX_EP_MISMATCH;
    reader->offset = JOURNAL_HEADER_OCTETS;
    reader->next_sequence = reader->header.first_sequence;
    return 0;
}

/* Looks for the next whole frame from *offset on, which is then its place.
 * Returns 0, FAX_EP_TRUNCATED (none), FAX_EP_LIMIT (gave up). */
static int find_frame(const struct journal_reader *reader, size_t *offset,
                      struct journal_frame *frame)
{
    const uint8_t *marker = journal_marker(reader->header.kind);
    for (int tries = 0; tries < CANDIDATES_MAX; tries++) {
        if (*offset >= reader->length)
            return FAX_EP_TRUNCATED;
        const uint8_t *found =
            memmem(reader->bytes + *offset, reader->length - *offset, marker, MARKER_OCTETS);
        if (!found)
            return FAX_EP_TRUNCATED;
        *offset = (size_t)(found - reader->bytes);
        if (journal_frame_decode(reader->header.kind, found, reader->length - *offset, frame) == 0)
            return 0;
        ++*offset;
    }
    return FAX_EP_LIMIT;
}

/* What is at the reader's place is no frame. It is a torn write unless some whole frame behind it
 * says that the missing one had been durable. */
static enum journal_step judge(const struct journal_reader *reader)
{
    size_t offset = reader->offset;
    struct journal_frame frame;
    int rc;
    while ((rc = find_frame(reader, &offset, &frame)) == 0) {
        if (frame.durable > reader->next_sequence)
            return JOURNAL_CORRUPT;
        offset += journal_frame_length(frame.length);
    }
    return rc == FAX_EP_LIMIT ? JOURNAL_CORRUPT : JOURNAL_TORN;
}

bool journal_reader_is_blank(const struct journal_reader *reader, size_t octets)
{
    const uint8_t *rest = reader->bytes + reader->offset;
    size_t left = reader->length - reader->offset;
    size_t length = left < octets ? left : octets;
    return length == 0 || (rest[0] == 0 && memcmp(rest, rest + 1, length - 1) == 0);
}

enum journal_step journal_reader_next(struct journal_reader *reader, struct journal_frame *frame)
{
    const uint8_t *at = reader->bytes + reader->offset;
    size_t left = reader->length - reader->offset;
    if (left == 0)
        return JOURNAL_END;
    if (journal_frame_decode(reader->header.kind, at, left, frame) == 0) {
        /* A whole frame out of sequence was not written there by us. */
        if (frame->sequence != reader->next_sequence)
            return JOURNAL_CORRUPT;
        reader->offset += journal_frame_length(frame->length);
        reader->next_sequence++;
        return JOURNAL_FRAME;
    }
    if (*at == 0 && journal_reader_is_blank(reader, SIZE_MAX))
        return JOURNAL_END;
    return judge(reader);
}

int journal_reader_resync(struct journal_reader *reader)
{
    struct journal_frame frame;
    size_t offset = reader->offset;
    int rc;
    /* Giving up is only a pause: here every candidate is tried, however many there are. */
    while ((rc = find_frame(reader, &offset, &frame)) == FAX_EP_LIMIT)
        ;
    if (rc)
        return FAX_EP_TRUNCATED;
    reader->offset = offset;
    reader->next_sequence = frame.sequence;
    return 0;
}
