/* sdp_t38.h: the a=T38... attributes (T.38 §D.2.3), used by the reader and writer of sdp.h. */
#ifndef GATEWAY_SIP_SDP_T38_H
#define GATEWAY_SIP_SDP_T38_H

#include "gateway/sip/sdp.h"
#include "gateway/sip/text.h"

/* Takes one attribute, name (length name_length) and value (length value_length, 0 when it is
 * bare), neither NUL-terminated. Others than T.38's and odd values are ignored. */
void sdp_t38_take(struct sdp_t38 *t38, const char *name, size_t name_length, const char *value,
                  size_t value_length);

/* Appends the attribute lines of those present. */
void sdp_t38_put(struct sip_text *out, const struct sdp_t38 *t38);

#endif
