/* Who may call, and what becomes of the call: it brings a fax, or is taken through. */
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call.h"
#include "gateway/control/device_register.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/trunk_routes.h"

/* As we have them: after the trunk's rules. */
struct inbound_numbers {
    char from[NUMBER_REWRITE_TEXT], to[NUMBER_REWRITE_TEXT];
};

/* Whether the offer has media that we take, as protected as it has to be. */
static bool media_fits(const struct control *control, const struct sip_request_info *info,
                       const struct call_target *target, const char *class_name,
                       char why[MSG_REASON_MAX])
{
    char text[FAX_CALL_DEMAND_TEXT];
    const char *demand = fax_call_demands(control, target, class_name, text);
    const struct media_local local = {.no_t38 = !control->config->fax.t38 || target->no_t38,
                                      .secured = demand != NULL,
                                      .may_protect = info->protocol == SIP_TLS};
    if (demand && !local.may_protect) {
        snprintf(why, MSG_REASON_MAX, "%s, and signalling is not TLS", demand);
        return false;
    }
    if (!info->offer || media_has_t38(&local, info->offer) || media_has_audio(&local, info->offer))
        return true;
    if (demand)
        snprintf(why, MSG_REASON_MAX, "%s, and the offer has none", demand);
    else
        snprintf(why, MSG_REASON_MAX, "offers neither T.38 nor G.711");
    return false;
}

/* Takes a call that is permitted, when it can be. */
static void take_permitted(struct control *control, struct sip_session *session,
                           const struct sip_request_info *info, const struct fax_caller *caller)
{
    char why[MSG_REASON_MAX];
    const struct bridge_terms terms = {.principal = caller->actor,
                                       .to = caller->through,
                                       .routes = caller->routes,
                                       .number = caller->to,
                                       .from = caller->from,
                                       .from_is_known = caller->from_is_known,
                                       .caller = &caller->target,
                                       .mailbox = caller->mailbox};
    if (!media_fits(control, info, &caller->target, caller->mailbox->class_name, why))
        fax_call_refuse(control, session, info, caller->actor, 488, why);
    else if (line_pool_room(control->lines) == 0 || !keeper_client_ready(control->keeper))
        fax_call_refuse(control, session, info, caller->actor, 503, "no line has room");
    else if (caller->through)
        bridge_call_incoming(control, session, info, &terms);
    else
        fax_call_take(control, session, info, caller);
}

/* --- machines --- */

/* Why a machine's call is refused; code 0: it is not. */
struct refused_call {
    int code;
    char why[POLICY_REASON_TEXT]; /* TRUNK_ROUTES_TEXT is less */
};

static void refuse_for(struct refused_call *refused, int code, const char *why)
{
    refused->code = code;
    snprintf(refused->why, sizeof refused->why, "%s", why);
}

/* A number that no fax goes to is refused now, and not when all of it has come. */
static void judge_stored(const struct control *control, const char *number, const char *class_name,
                         struct refused_call *refused)
{
    char why[TRUNK_ROUTES_TEXT];
    struct trunk_routes routes;
    if (!policy_cache_device_of(control->policy, number) &&
        trunk_routes_find(control, number, class_name, "", control_now_ms(), &routes, why) ==
            TRUNK_ROUTES_DENIED)
        refuse_for(refused, 403, why);
}

/* The call goes over that trunk and no other: what its routes say counts for denied numbers only.
 */
static void judge_over_trunk(const struct control *control, const char *name, const char *number,
                             struct refused_call *refused)
{
    char why[TRUNK_ROUTES_TEXT];
    const struct trunk_info *trunk = policy_cache_trunk(control->policy, name);
    if (!trunk)
        refuse_for(refused, 503, "the trunk of the device's calls is gone");
    else if (trunk_routes_denied(control, trunk, number, why))
        refuse_for(refused, 403, why);
}

/* Another machine of ours is called as a stored fax would be delivered to it. */
static void judge_to_device(const struct control *control, const char *name, const char *number,
                            struct refused_call *refused)
{
    struct policy_answer answer;
    char principal[CALL_TARGET_NAME];
    snprintf(principal, sizeof principal, DEVICE_PREFIX "%.50s", name);
    policy_cache_decide(control->policy, principal, POLICY_RECEIVE, NULL, number, NULL, &answer);
    if (!answer.allowed)
        refuse_for(refused, 403, answer.reason);
}

/* Where a machine's call goes: through is "" when it is stored. */
struct way {
    char through[CALL_TARGET_NAME];
    struct trunk_routes routes; /* none: nowhere else */
};

/* By the routes, as a fax goes: over the first trunk that has room. */
static void judge_by_routes(struct control *control, const char *number, const char *class_name,
                            struct way *way, struct refused_call *refused)
{
    static const int codes[] = {[TRUNK_ROUTES_FOUND] = 486,
                                [TRUNK_ROUTES_NONE] = 404,
                                [TRUNK_ROUTES_DENIED] = 403,
                                [TRUNK_ROUTES_CLOSED] = 480};
    char why[TRUNK_ROUTES_TEXT];
    struct trunk_routes *routes = &way->routes;
    enum trunk_routes_outcome outcome =
        trunk_routes_find(control, number, class_name, "", control_now_ms(), routes, why);
    for (size_t i = 0; i < routes->count; i++) {
        const struct trunk_info *trunk = policy_cache_trunk(control->policy, routes->trunks[i]);
        if (trunk && trunk_routes_has_room(control, trunk, false)) {
            snprintf(way->through, sizeof way->through, "%s", trunk->name);
            return;
        }
    }
    refuse_for(refused, codes[outcome],
               outcome == TRUNK_ROUTES_FOUND ? "no trunk to the number has room" : why);
}

static void judge_number(struct control *control, const struct device_info *device,
                         const char *number, const char *class_name, struct way *way,
                         struct refused_call *refused)
{
    const char *trunk = device_calls_trunk(device);
    const struct device_info *called = policy_cache_device_of(control->policy, number);
    if (!device_calls_are_bridged(device)) {
        judge_stored(control, number, class_name, refused);
    } else if (trunk) {
        snprintf(way->through, sizeof way->through, "%s", trunk);
        judge_over_trunk(control, trunk, number, refused);
    } else if (called) {
        snprintf(way->through, sizeof way->through, DEVICE_PREFIX "%.50s", called->name);
        judge_to_device(control, called->name, number, refused);
    } else {
        judge_by_routes(control, number, class_name, way, refused);
    }
}

/* A machine calls, as its number whatever it says: what it sends is taken in and sent on later, or
 * its call is taken through. */
static void take_from_device(struct control *control, struct sip_session *session,
                             const struct sip_request_info *info)
{
    struct policy_answer answer;
    struct refused_call refused = {.code = 0};
    struct fax_caller caller = {.target = {.audio_fallback = true, .is_device = true},
                                .from_is_known = true};
    struct way way = {.through = ""};
    char number[NUMBER_TEXT];
    const struct device_info *device = policy_cache_device(control->policy, info->device);
    if (!device || device->disabled) {
        sip_session_reject(session, 403, NULL);
        return;
    }
    snprintf(caller.actor, sizeof caller.actor, DEVICE_PREFIX "%.50s", device->name);
    snprintf(caller.target.name, sizeof caller.target.name, "%s", caller.actor);
    caller.target.nat = device->nat;
    caller.from = device->extension;
    caller.to = info->to_user;
    policy_cache_decide(control->policy, caller.actor,
                        device_calls_are_bridged(device) ? POLICY_BRIDGE : POLICY_SUBMIT,
                        device->extension, info->to_user, NULL, &answer);
    caller.mailbox = answer.mailbox;
    if (!answer.allowed)
        refuse_for(&refused, 403, answer.reason);
    else if (number_normalise(info->to_user, number) == 0)
        judge_number(control, device, number, answer.mailbox->class_name, &way, &refused);
    caller.through = way.through[0] ? way.through : NULL;
    caller.routes = &way.routes;
    if (refused.code)
        fax_call_refuse(control, session, info, caller.actor, refused.code, refused.why);
    else
        take_permitted(control, session, info, &caller);
}

/* --- trunks --- */

/* Who calls: what a trunk that is believed asserts comes before what the caller says of itself (RFC
 * 3325 §5), but not when the caller wants that withheld (§7): mailboxes and reports would show it.
 */
static bool take_asserted(const struct trunk_info *trunk, const struct sip_request_info *info,
                          char from[NUMBER_REWRITE_TEXT])
{
    char asserted[NUMBER_REWRITE_TEXT], number[NUMBER_TEXT];
    if (!trunk->trusts_identity || !info->asserted_user[0] || info->wants_privacy)
        return false;
    (void)number_rewrite(trunk->rewrite_in, info->asserted_user, asserted);
    if (number_normalise(asserted, number) < 0)
        return false;
    memcpy(from, asserted, sizeof asserted);
    return true;
}

static void take_from_trunk(struct control *control, struct sip_session *session,
                            const struct sip_request_info *info, const struct trunk_info *trunk)
{
    struct policy_answer answer;
    struct inbound_numbers numbers;
    struct fax_caller caller = {.from = numbers.from, .to = numbers.to};
    snprintf(caller.actor, sizeof caller.actor, "trunk:%.50s", trunk->name);
    call_target_of_trunk(trunk, &caller.target);
    caller.from_is_known = take_asserted(trunk, info, numbers.from);
    if (!caller.from_is_known)
        (void)number_rewrite(trunk->rewrite_in, info->from_user, numbers.from);
    (void)number_rewrite(trunk->rewrite_in, info->to_user, numbers.to);
    policy_decide_inbound(policy_cache_set(control->policy), trunk->name, numbers.to,
                          control_now_ms() * 1000, &answer);
    caller.mailbox = answer.mailbox;
    caller.through = policy_bridge_target(policy_cache_set(control->policy), numbers.to);
    if (answer.allowed)
        take_permitted(control, session, info, &caller);
    else
        fax_call_refuse(control, session, info, caller.actor, answer.mailbox ? 403 : 404,
                        answer.reason);
}

void fax_call_incoming(void *user, struct sip_session *session, const struct sip_request_info *info)
{
    struct control *control = user;
    const struct trunk_info *trunk =
        info->device ? NULL : trunk_sources_find(control, info->source, info->protocol);
    bool known = info->device || trunk;
    if (!control->ready || control->stopping || !known)
        sip_session_reject(session, known ? 503 : 403, NULL);
    else if (info->device)
        take_from_device(control, session, info);
    else
        take_from_trunk(control, session, info, trunk);
}
