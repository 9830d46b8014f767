/* transport.h: the UDP socket of a stack, and the choice between it and stream.h. */
#ifndef GATEWAY_SIP_TRANSPORT_H
#define GATEWAY_SIP_TRANSPORT_H

#include "gateway/sip/stack.h"

/* Opens, binds and watches the socket of config.listen. Errors: the system's. */
int sip_transport_open(struct sip_stack *stack) __attribute__((warn_unused_result));

/* Stops watching and closes the socket; done runs when the handle is gone. */
void sip_transport_close(struct sip_stack *stack, uv_close_cb done);

/* Sends one message. UDP: a full socket buffer counts as a lost datagram (0). Streams: by the
 * connection named in *to, else by one to the same place, else by a new one, whose number is then
 * in *to; what goes wrong later is told by sip_transaction_connection_lost(). Errors: the
 * system's, when the network refuses; stack->trouble may then say why. */
int sip_transport_send(struct sip_stack *stack, const char *bytes, size_t length,
                       struct sip_hop *to);

/* Returns "host:port" of ours as the peer should see it; valid until the next call. */
const char *sip_transport_host(struct sip_stack *stack, const struct sip_hop *peer);

/* Returns our Contact URI for that peer, with its transport parameter; valid until the next call.
 */
const char *sip_transport_contact(struct sip_stack *stack, const struct sip_hop *peer,
                                  bool is_sips);

/* "UDP", "TCP", "TLS", as in Via. */
const char *sip_transport_name(enum sip_protocol protocol);

/* Makes an address from a literal (with or without brackets) and a port. Returns false for names.
 */
bool sip_transport_literal(const char *host, uint16_t port, struct sockaddr_storage *address);

/* Whether the stack can send there: for UDP the family must be the socket's. */
bool sip_transport_can_reach(const struct sip_stack *stack, const struct sip_hop *hop);

/* Compares the addresses, and the ports when with_port. */
bool sip_transport_same(const struct sockaddr *a, const struct sockaddr *b, bool with_port);

/* Notes address as ours for a protocol: what Via and Contact say. */
void sip_transport_set_bound(struct sip_stack *stack, enum sip_protocol protocol,
                             const struct sockaddr_storage *address);

#endif
