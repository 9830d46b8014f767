/* stream_frame.h: where one message on a stream ends (RFC 3261 §18.3) and what stands between
 * messages (RFC 5626 §3.5.1). Pure. */
#ifndef GATEWAY_SIP_STREAM_FRAME_H
#define GATEWAY_SIP_STREAM_FRAME_H

#include <stdbool.h>
#include <stddef.h>

enum { SIP_STREAM_MESSAGE_MAX = 65535 };

enum sip_frame_kind {
    SIP_FRAME_MESSAGE,
    SIP_FRAME_PING, /* CRLF CRLF: to be answered with CRLF */
    SIP_FRAME_PONG, /* CRLF: the answer, or an empty line */
};

/* How far the beginning of a message has been looked at, so that a peer that sends octet by octet
 * costs no more than one that does not. All zero for a new message. */
struct sip_frame {
    size_t scanned;    /* octets of the header section that hold no end */
    size_t line_start; /* of the line being scanned */
    bool has_length;
    size_t body_length;
    size_t total; /* once the header section is complete */
};

/* Looks at what has arrived. is_pong_due: an empty line is the answer to our ping, not half of
 * theirs. Returns 0 with *kind and *length, the octets it takes up (*frame is then fresh again);
 * -EAGAIN when more is needed; -EBADMSG (no Content-Length, two of them, no number); -E2BIG. */
int sip_frame_next(struct sip_frame *frame, const char *bytes, size_t available, bool is_pong_due,
                   enum sip_frame_kind *kind, size_t *length) __attribute__((warn_unused_result));

#endif
