/* media_protect.h: puts what protects a stream (DTLS, SRTP) between a transport and its user,
 * before the first datagram is read. */
#ifndef GATEWAY_LINE_MEDIA_PROTECT_H
#define GATEWAY_LINE_MEDIA_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/line/media_dtls.h"
#include "gateway/line/media_transport.h"
#include "gateway/process/messages.h"

struct media_protection {
    uint8_t by;                    /* enum media_path */
    bool shaking;                  /* a handshake has been begun; the user says when it is over */
    struct media_dtls *dtls;       /* the transport's, when it is protected so */
    char text[MSG_PROTECTION_MAX]; /* version and cipher; "" while there is none */
};

/* Returns 0 or a negative errno. */
int media_protect(struct media_transport *transport, struct dtls_identity *identity,
                  const struct msg_call_media *media, uint64_t now_ms,
                  struct media_protection *protection) __attribute__((warn_unused_result));

/* Media that runs so is told this, with other keys of SRTP perhaps; what protects it does not
 * change under way. Returns false when it cannot go on so: the call is to end. */
bool media_protect_move(struct media_transport *transport, struct media_protection *protection,
                        const struct msg_call_media *media) __attribute__((warn_unused_result));

#endif
