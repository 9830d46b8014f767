/* peer_health.h: what calls and OPTIONS tell about the peers of trunks, and events when one is held
 * back (trunk.peer_down) or works again (trunk.peer_up). */
#ifndef GATEWAY_CONTROL_PEER_HEALTH_H
#define GATEWAY_CONTROL_PEER_HEALTH_H

#include "gateway/control/policy_cache.h"
#include "gateway/routing/peer_breaker.h"

struct control;

/* A peer of a trunk: control's name for it in the breaker. */
void peer_health_key(const char *trunk, const struct sockaddr *address, enum sip_protocol protocol,
                     char key[PEER_BREAKER_KEY]);

enum peer_state peer_health_state(const struct control *control, const char *trunk,
                                  const struct sockaddr *address, enum sip_protocol protocol);

/* A call goes there now. */
void peer_health_try(struct control *control, const char *trunk, const struct sockaddr *address,
                     enum sip_protocol protocol);

/* It answered, be it with a refusal. */
void peer_health_good(struct control *control, const char *trunk, const struct sockaddr *address,
                      enum sip_protocol protocol);

/* It did not, or not as a peer that works. cause is for people. */
void peer_health_bad(struct control *control, const char *trunk, const struct sockaddr *address,
                     enum sip_protocol protocol, uint32_t retry_after_s, const char *cause);

/* Asks it by OPTIONS; the answer, or that there is none, counts as above. */
void peer_health_probe(struct control *control, const struct trunk_info *trunk,
                       const struct sockaddr *address, enum sip_protocol protocol);

/* Frees what asks still; when the user agent is closed, and answers nothing more. */
void peer_health_free(struct control *control);

#endif
