/* media_udptl.h: both directions of UDPTL as control has negotiated them. */
#ifndef GATEWAY_LINE_MEDIA_UDPTL_H
#define GATEWAY_LINE_MEDIA_UDPTL_H

#include "gateway/process/messages.h"
#include "t38/udptl.h"

/* Makes them; on failure what was made is still the caller's, the rest NULL. Returns 0 or a
 * negative FAX_E... code. */
int media_udptl_open(const struct msg_call_media *media, struct udptl_sender **out,
                     struct udptl_receiver **in) __attribute__((warn_unused_result));

#endif
