#include "gateway/control/target_failover.h"

#include "gateway/control/peer_health.h"

/* Machines register where they are: nothing is held back of them. */
static bool has_health(const struct call_target *target)
{
    return target->count > 0 && !target->is_device;
}

static const struct sockaddr *address_of(const struct call_target *target)
{
    return (const struct sockaddr *)&target->address;
}

bool target_failover_is_dead(const struct sip_event *event, bool heard)
{
    return event->who == SIP_PARTY_TRANSPORT || (event->who == SIP_PARTY_TIMEOUT && !heard) ||
           (event->who == SIP_PARTY_PEER && event->code == 503);
}

bool target_failover_is_of_trunk(const struct sip_event *event, bool heard)
{
    switch (event->code) {
    case 401: /* it does not know us */
    case 407:
    case 500:
    case 502:
    case 504:
        return true;
    case 408:
        return event->who == SIP_PARTY_PEER || !heard;
    default:
        return target_failover_is_dead(event, heard) || event->code / 100 == 3;
    }
}

void target_failover_judge(struct control *control, const char *trunk,
                           const struct call_target *target, const struct sip_event *event,
                           bool heard, const char *cause)
{
    bool asks_for_rest = event->retry_after_s > 0 && (event->code == 500 || event->code / 100 == 3);
    if (!has_health(target) || event->who == SIP_PARTY_LOCAL)
        return;
    if (target_failover_is_dead(event, heard) || asks_for_rest)
        peer_health_bad(control, trunk, address_of(target), target->protocol, event->retry_after_s,
                        cause);
    else if (event->who == SIP_PARTY_PEER)
        peer_health_good(control, trunk, address_of(target), target->protocol);
}

void target_failover_mute(struct control *control, const char *trunk,
                          const struct call_target *target)
{
    if (has_health(target))
        peer_health_bad(control, trunk, address_of(target), target->protocol, 0, "no response");
}

void target_failover_try(struct control *control, const char *trunk,
                         const struct call_target *target)
{
    if (has_health(target))
        peer_health_try(control, trunk, address_of(target), target->protocol);
}

void target_failover_answered(struct control *control, const char *trunk,
                              const struct call_target *target)
{
    if (has_health(target))
        peer_health_good(control, trunk, address_of(target), target->protocol);
}
