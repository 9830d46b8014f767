/* media_srtp.h: the shield of media_transport.h that speaks SRTP, by t38/srtp_media.h. */
#ifndef GATEWAY_LINE_MEDIA_SRTP_H
#define GATEWAY_LINE_MEDIA_SRTP_H

#include "gateway/line/media_transport.h"
#include "t38/srtp_media.h"

/* Puts SRTP between the transport, which then owns it, and its user. Keys as srtp_media_new.
 * Returns 0, -EINVAL for an unknown suite, or -ENOMEM. */
int media_srtp_begin(struct media_transport *transport, enum srtp_media_suite suite,
                     const uint8_t *send_key, const uint8_t *receive_key)
    __attribute__((warn_unused_result));

/* The same transport goes on with other keys; nothing happens where they are the same. Errors as
 * above. */
int media_srtp_rekey(struct media_transport *transport, enum srtp_media_suite suite,
                     const uint8_t *send_key, const uint8_t *receive_key)
    __attribute__((warn_unused_result));

#endif
