/* journal_frame.h: framing of the journal's segments and of its side file, which holds the personal
 * values of records. The bytes are described in policy/README.md.
 *
 * Each frame carries its sequence number and how many frames were durable when it was written. So a
 * reader can tell a write torn by a crash (never acknowledged, to be cut off) from damage to what
 * had been durable: if any later frame says that the damaged one was durable, it is damage. */
#ifndef POLICY_JOURNAL_FRAME_H
#define POLICY_JOURNAL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "policy/record.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_HEADER_OCTETS = 128,      /* a segment header, padded */
    JOURNAL_FRAME_HEADER_OCTETS = 28, /* marker, length, sequence, durable, check sum */
    JOURNAL_PAYLOAD_MAX = RECORD_MAX,
    JOURNAL_SIDE_VALUE_MAX = 4096
};

enum journal_kind { JOURNAL_RECORDS = 1, JOURNAL_SIDE = 2 };

struct journal_header {
    enum journal_kind kind;
    char node[RECORD_NODE_TEXT];
    uint64_t first_sequence; /* of the first frame of the segment */
    int64_t time_us;         /* when it was opened */
};

/* Writes a header. Errors: FAX_EP_INVAL (bad node or kind). */
int journal_header_encode(const struct journal_header *header, uint8_t out[JOURNAL_HEADER_OCTETS])
    __attribute__((warn_unused_result));

/* Errors: FAX_EP_TRUNCATED (short, or all zero: the header was never written), FAX_EP_VERSION,
 * FAX_EP_FORMAT. */
int journal_header_decode(const uint8_t *bytes, size_t available, struct journal_header *header)
    __attribute__((warn_unused_result));

/* A frame; bytes point into the segment when read. In a record segment the sequence is the index of
 * the record, in a side segment it counts the side frames. */
struct journal_frame {
    uint64_t sequence;
    uint64_t durable; /* every frame below this sequence was fsynced when this one was written */
    const uint8_t *bytes;
    size_t length;
};

/* Octets a payload takes in a segment. */
size_t journal_frame_length(size_t payload_length);

/* Writes a frame. Errors: FAX_EP_INVAL (empty, durable over sequence), FAX_EP_LIMIT. */
int journal_frame_encode(enum journal_kind kind, const struct journal_frame *frame, uint8_t *out,
                         size_t capacity, size_t *length) __attribute__((warn_unused_result));

/* The four octets that begin a frame of that kind. */
const uint8_t *journal_marker(enum journal_kind kind);

/* Reads the frame at bytes in place; its sequence is not judged. Errors: FAX_EP_TRUNCATED,
 * FAX_EP_FORMAT. The way through a segment is struct journal_reader. */
int journal_frame_decode(enum journal_kind kind, const uint8_t *bytes, size_t available,
                         struct journal_frame *frame) __attribute__((warn_unused_result));

/* Reads the frames of one segment image, which must outlive the reader. */
struct journal_reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset; /* of the next frame: where a writer goes on after JOURNAL_END or JOURNAL_TORN */
    uint64_t next_sequence;
    struct journal_header header;
};

enum journal_step {
    JOURNAL_FRAME,  /* a whole frame */
    JOURNAL_END,    /* no bytes are left, or only zeros: preallocated space */
    JOURNAL_TORN,   /* an unfinished write from offset on; nothing acknowledged is lost */
    JOURNAL_CORRUPT /* what was durable is damaged or missing from offset on */
};

/* Errors: as journal_header_decode; FAX_EP_MISMATCH (the other kind). */
int journal_reader_init(struct journal_reader *reader, const uint8_t *bytes, size_t length,
                        enum journal_kind kind) __attribute__((warn_unused_result));

/* Goes one frame on. Other results than JOURNAL_FRAME leave the reader where it is. */
enum journal_step journal_reader_next(struct journal_reader *reader, struct journal_frame *frame)
    __attribute__((warn_unused_result));

/* Whether so many of the next octets are zero, or all that are left: as in space that is kept. */
bool journal_reader_is_blank(const struct journal_reader *reader, size_t octets);

/* After JOURNAL_CORRUPT: goes to the next whole frame, so that reading can continue.
 * Returns 0, or FAX_EP_TRUNCATED if there is none. */
int journal_reader_resync(struct journal_reader *reader) __attribute__((warn_unused_result));

/* The personal value of one field of a record; the payload of a side frame. */
struct journal_side {
    uint64_t record_index;
    char key[RECORD_KEY_TEXT];
    uint8_t salt[RECORD_SALT_OCTETS];
    const char *value; /* not NUL-terminated when decoded: points into the payload */
    size_t value_length;
};

/* Errors: FAX_EP_INVAL (bad key), FAX_EP_LIMIT (value or capacity). */
int journal_side_encode(const struct journal_side *side, uint8_t *out, size_t capacity,
                        size_t *length) __attribute__((warn_unused_result));

/* Errors: FAX_EP_TRUNCATED, FAX_EP_FORMAT. */
int journal_side_decode(const uint8_t *bytes, size_t length, struct journal_side *side)
    __attribute__((warn_unused_result));

#endif
