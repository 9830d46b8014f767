/* target_failover.h: what the end of a call that nobody answered says of where it went: whether
 * another address of the target (RFC 3263 §4.3) or another trunk may do better. Before any answer
 * only: then no page can have been sent. */
#ifndef GATEWAY_CONTROL_TARGET_FAILOVER_H
#define GATEWAY_CONTROL_TARGET_FAILOVER_H

#include <stdbool.h>

#include "gateway/control/call_target.h"
#include "gateway/sip/session.h"

struct control;

/* Nobody, or nobody that works, is at the address: the next one is tried. heard: it had answered
 * provisionally. */
bool target_failover_is_dead(const struct sip_event *event, bool heard);

/* A refusal that another trunk may not share. */
bool target_failover_is_of_trunk(const struct sip_event *event, bool heard);

/* Counts for, or against, the address in use of that trunk (peer_health.h). cause is for people.
 */
void target_failover_judge(struct control *control, const char *trunk,
                           const struct call_target *target, const struct sip_event *event,
                           bool heard, const char *cause);

/* The address in use said nothing for sip.failover_ms. */
void target_failover_mute(struct control *control, const char *trunk,
                          const struct call_target *target);

/* A call goes there now. */
void target_failover_try(struct control *control, const char *trunk,
                         const struct call_target *target);

/* It was answered there. */
void target_failover_answered(struct control *control, const char *trunk,
                              const struct call_target *target);

#endif
