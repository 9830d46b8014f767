/* stream.h: TCP and TLS connections of a stack (RFC 3261 §18), accepted and made. Messages are
 * framed by Content-Length; a peer that sends something else, too slowly, or too much loses its
 * connection, and what it had begun is taken up by retransmission on a new one. */
#ifndef GATEWAY_SIP_STREAM_H
#define GATEWAY_SIP_STREAM_H

#include "gateway/sip/stack.h"

/* Opens the listeners of the configuration. Errors: the system's, -EINVAL for TLS without a usable
 * certificate (stack->trouble says why); what was opened is closed by sip_streams_close(). */
int sip_streams_open(struct sip_stack *stack) __attribute__((warn_unused_result));

/* Closes listeners and connections; each handle reports to sip_stack_handle_closed(). */
void sip_streams_close(struct sip_stack *stack);

/* Frees the tables, once all handles are closed. */
void sip_streams_release(struct sip_stack *stack);

/* As sip_transport_send() for TCP and TLS. */
int sip_stream_send(struct sip_stack *stack, const char *bytes, size_t length, struct sip_hop *to);

/* Writes what protects that connection: "TLSv1.3 TLS_AES_256_GCM_SHA384", "" for TCP or when it is
 * gone. */
void sip_stream_protection(const struct sip_stack *stack, uint32_t connection, char *text,
                           size_t size);

/* The connection leads to somebody who waits there until then (uv_now() time): it is not closed for
 * idleness before. Nothing happens when it is gone. */
void sip_stream_keep(struct sip_stack *stack, uint32_t connection, uint64_t until_ms);

/* The TLS of a connection whose peer has shown a device's certificate; NULL: there is none. */
const struct sip_tls *sip_stream_certified(const struct sip_stack *stack, uint32_t connection);

/* Whether there still is that connection. */
bool sip_stream_stands(const struct sip_stack *stack, uint32_t connection);

#endif
