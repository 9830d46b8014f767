/* sdp_protect.h: the attributes that protect media: a=fingerprint (RFC 8122), a=setup (RFC 4145),
 * a=crypto (RFC 4568), used by the reader and writer of sdp.h. */
#ifndef GATEWAY_SIP_SDP_PROTECT_H
#define GATEWAY_SIP_SDP_PROTECT_H

#include "gateway/sip/sdp.h"
#include "gateway/sip/text.h"

/* Takes one attribute, as sdp_t38_take(); returns whether it was one of these. Hashes other than
 * SHA-256, unknown suites, keys of a wrong length, keys with MKI and session parameters that would
 * change what is protected are left out, so that such a line counts as absent. */
bool sdp_protect_take(struct sdp_media *media, const char *name, size_t name_length,
                      const char *value, size_t value_length);

/* Begins a media with what stood at session level; settled at the end of the description: a line's
 * own attributes replace the session's. */
void sdp_protect_inherit(struct sdp_media *media, const struct sdp_media *session);
void sdp_protect_settle(struct sdp_media *media);

/* Appends the lines of what is set. */
void sdp_protect_put(struct sip_text *out, const struct sdp_media *media);

#endif
