/* media_dtls.h: the shield of media_transport.h that speaks DTLS (RFC 7345), by t38/dtls_media.h.
 */
#ifndef GATEWAY_LINE_MEDIA_DTLS_H
#define GATEWAY_LINE_MEDIA_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/line/media_transport.h"
#include "t38/dtls_media.h"

struct media_dtls;

/* Puts DTLS between the transport, which then owns it, and its user; the client begins at once, so
 * the transport must be connected. active, fingerprint: as dtls_media_new. Returns 0 or -ENOMEM. */
int media_dtls_begin(struct media_transport *transport, struct dtls_identity *identity, bool active,
                     const uint8_t *fingerprint, uint64_t now_ms, struct media_dtls **out)
    __attribute__((warn_unused_result));

/* The handshake is not over: nothing can be sent yet. */
bool media_dtls_is_shaking(const struct media_dtls *dtls);

/* Why there will never be a protected stream, or NULL. What happens to one that was there is left
 * to T.30: a peer that closes it has said its last frame or will be missed. */
const char *media_dtls_failure(const struct media_dtls *dtls);

/* "DTLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384", "" while there is none. */
const char *media_dtls_protection(const struct media_dtls *dtls);

/* Whether it is the peer's fingerprint that the association was begun with. */
bool media_dtls_is_peer(const struct media_dtls *dtls, const uint8_t *fingerprint);

#endif
