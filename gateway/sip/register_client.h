/* register_client.h: what the stack needs of its registrations (registration.h). */
#ifndef GATEWAY_SIP_REGISTER_CLIENT_H
#define GATEWAY_SIP_REGISTER_CLIENT_H

#include "gateway/sip/registration.h"
#include "gateway/sip/stack.h"

/* A connection is gone: the registrations by it are made again, as nobody could call us. */
void sip_registration_connection_lost(struct sip_stack *stack, uint32_t connection);

/* Whether a registration stands by that connection, which calls will come by. */
bool sip_registration_uses(const struct sip_stack *stack, uint32_t connection);

/* Ends all of them; their last requests may still be out. */
void sip_registrations_end(struct sip_stack *stack);

/* Frees what is left, without a word to anybody. */
void sip_registrations_drop(struct sip_stack *stack);

#endif
