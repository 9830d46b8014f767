/* transport.h: the UDP socket of a stack. Other transports are to stand beside it. */
#ifndef GATEWAY_SIP_TRANSPORT_H
#define GATEWAY_SIP_TRANSPORT_H

#include "gateway/sip/stack.h"

/* Opens, binds and watches the socket of config.listen. Errors: the system's. */
int sip_transport_open(struct sip_stack *stack) __attribute__((warn_unused_result));

/* Stops watching and closes the socket; done runs when the handle is gone. */
void sip_transport_close(struct sip_stack *stack, uv_close_cb done);

/* Sends one datagram. A full socket buffer counts as a lost datagram (0). Errors: the system's,
 * when the network refuses. */
int sip_transport_send(struct sip_stack *stack, const char *bytes, size_t length,
                       const struct sockaddr *to);

/* Returns "host:port" of ours as the peer should see it; valid until the next call. */
const char *sip_transport_host(struct sip_stack *stack, const struct sockaddr *peer);

/* Makes an address from a literal (with or without brackets) and a port. Returns false for names
 * and for another family than the socket's. */
bool sip_transport_literal(const struct sip_stack *stack, const char *host, uint16_t port,
                           struct sockaddr_storage *address);

/* Compares the addresses, and the ports when with_port. */
bool sip_transport_same(const struct sockaddr *a, const struct sockaddr *b, bool with_port);

#endif
