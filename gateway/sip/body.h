/* body.h: headers and body of a datagram apart, and the session description in a body. libosip2
 * gets the header section only: its multipart reader leaks memory on repeated part headers. */
#ifndef GATEWAY_SIP_BODY_H
#define GATEWAY_SIP_BODY_H

#include "gateway/sip/stack.h"

/* Parses a datagram that sip_message_scan() has passed, using stack->scratch. The body, as long as
 * Content-Length says or else the whole rest, becomes the only one of the message, also when it is
 * multipart. Returns NULL when it cannot be parsed; else the event is the caller's. */
osip_event_t *sip_body_parse(struct sip_stack *stack, const char *bytes, size_t length);

/* Finds the first part of that type ("application/sdp") in a multipart body of length octets.
 * Returns false when there is none; *part points into body. */
bool sip_body_find_part(const char *body, size_t length, const char *boundary, const char *type,
                        const char **part, size_t *part_length);

#endif
