/* response.h: builds responses (RFC 3261 §8.2.6). */
#ifndef GATEWAY_SIP_RESPONSE_H
#define GATEWAY_SIP_RESPONSE_H

#include "gateway/sip/stack.h"

struct sip_response {
    int code;
    const char *reason;    /* NULL: the standard phrase */
    const char *local_tag; /* To tag when the request has none; NULL: none */
    const char *contact;   /* our URI for Contact, with Record-Route copied; NULL: none */
    const char *body;      /* SDP; NULL: none */
    size_t body_length;
};

/* Returns the response to request, the caller's; NULL when memory runs out. */
osip_message_t *sip_response_build(const struct sip_stack *stack, const osip_message_t *request,
                                   const struct sip_response *what);

/* Adds a header; returns the message for chaining, NULL stays NULL. */
osip_message_t *sip_response_add(osip_message_t *response, const char *name, const char *value);

/* A response that is sent without making state. code 0: none. */
struct sip_refusal {
    int code;
    const char *reason;       /* NULL: the standard phrase */
    const char *name, *value; /* one more header; NULL: none */
};

/* Answers without keeping anything (§8.2.7): refusals and OPTIONS. Each retransmission of the
 * request gets the same again, with the same To tag. Requests that cannot be answered (ACK) are
 * left alone. */
void sip_response_stateless(struct sip_stack *stack, const osip_message_t *request,
                            const struct sip_hop *source, const struct sip_refusal *refusal);

struct sip_response_line {
    const char *name, *value;
};

/* The same with count more headers, to somebody who is not known: over UDP it is shorter than twice
 * the request, so the last headers are left out as needed, and without any nothing is sent. */
void sip_response_stateless_lines(struct sip_stack *stack, const osip_message_t *request,
                                  const struct sip_hop *source, const struct sip_refusal *refusal,
                                  const struct sip_response_line *lines, size_t count);

#endif
