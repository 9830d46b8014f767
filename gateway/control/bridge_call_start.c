/* From the decision to the INVITE of the other leg. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"

/* --- the other leg --- */

static int write_uris(const struct bridge_side *side, char *request, char *from, size_t size)
{
    const struct bridge_call *call = side->call;
    const struct call_target *target = &side->target;
    const char *caller = side->caller[0] ? side->caller : "anonymous";
    int rc = call_target_uri(target, target->number[0] ? target->number : call->to, request, size);
    if (rc < 0)
        return rc;
    return call_target_from_uri(target, caller, call->control->sip_address, from, size);
}

static int invite(struct bridge_side *side, const struct sip_credential *credentials, size_t count)
{
    struct sdp_session offer;
    char request[SIP_DEVICE_CONTACT + 1], from[SIP_DEVICE_CONTACT + 1];
    const struct bridge_call *call = side->call;
    const struct call_target *target = &side->target;
    const struct bridge_side *caller = &call->side[BRIDGE_CALLER];
    int rc = write_uris(side, request, from, sizeof request);
    if (rc < 0)
        return rc;
    memset(&side->local.signals, 0, sizeof side->local.signals);
    if (target->nat)
        side->local.signals = target->address;
    side->local.no_t38 = !call->control->config->fax.t38 || target->no_t38;
    /* To a peer that takes T.38 at once it is offered so when the caller is a fax for sure; and
     * protected media is T.38 where it can be. */
    bool sure = caller->has_offer && media_has_t38(&caller->local, &caller->offer);
    side->offered_t38 = !side->audio_only && !side->local.no_t38 &&
                        ((target->t38_first && sure) || side->local.secured);
    rc = side->offered_t38 ? media_offer_t38(&side->local, &offer)
                           : media_offer_audio(&side->local, &offer);
    if (rc < 0)
        return rc;
    struct fax_id id;
    rc = fax_id_make(&id, (uint64_t)control_now_ms());
    if (rc < 0)
        return rc;
    fax_id_text(&id, side->call_id);
    call_recorder_follow_leg(call->recorder, side->call_id, TRACE_CALLED);
    const struct sip_call sip = {
        .target = target->address,
        .protocol = target->protocol,
        .to_device = target->is_device,
        .connection = target->connection,
        .long_by_tcp = target->long_by_tcp,
        .request_uri = request,
        .from_uri = from,
        .to_uri = request,
        .offer = &offer,
        .call_id = side->call_id,
        .credentials = credentials,
        .credential_count = count,
        .asserted_uri =
            target->asserts_identity && call->from_is_known && side->caller[0] ? from : NULL,
        .wants_privacy = call->wants_privacy,
        .hops_made = call->hops_made,
    };
    return sip_session_call(call->control->sip, &sip, bridge_call_sip_event, side, &side->session);
}

static void dial_with(struct bridge_call *call, const struct sip_credential *credentials,
                      size_t count)
{
    int rc = invite(&call->side[BRIDGE_CALLED], credentials, count);
    if (rc < 0)
        bridge_call_end(call, "the other leg could not be called: %s", strerror(-rc));
    else
        bridge_call_watch_target(call);
}

static void on_credentials(void *user, int status, const struct sip_credential *credentials,
                           size_t count)
{
    struct bridge_call *call = user;
    if (status < 0)
        bridge_call_end(call, "the credentials of the other leg cannot be opened: %s",
                        strerror(-status));
    else if (!call->ending)
        dial_with(call, credentials, count);
    bridge_call_release(call);
}

void bridge_call_dial(struct bridge_call *call)
{
    call->pending++;
    int rc = trunk_credentials_open(call->control, call->via, on_credentials, call);
    if (rc == 0)
        return;
    call->pending--;
    if (rc > 0)
        dial_with(call, NULL, 0);
    else
        bridge_call_end(call, "the keeper takes no questions: %s", strerror(-rc));
}

/* Returns false when a leg must be protected and cannot be: then the call has ended, or goes
 * another way. */
static bool protect(struct bridge_call *call, struct bridge_side *side)
{
    char text[FAX_CALL_DEMAND_TEXT];
    const char *demand = fax_call_demands(call->control, &side->target, call->class_name, text);
    side->local.secured = demand != NULL;
    if (!demand || side->local.may_protect)
        return true;
    if (side->index == BRIDGE_CALLED &&
        bridge_call_try_next_route(call, "it has no TLS signalling"))
        return false;
    call->refuse_code = 488;
    bridge_call_end(call, "%s, and the %s leg has no TLS signalling", demand,
                    bridge_side_name(side));
    return false;
}

/* The number that the other leg shows: as its trunk wants numbers, and none when the caller wants
 * privacy (RFC 3323). */
static void write_caller(struct bridge_side *side)
{
    const struct bridge_call *call = side->call;
    const struct trunk_info *trunk = policy_cache_trunk(call->control->policy, call->via);
    side->caller[0] = '\0';
    if (call->from[0] && !call->wants_privacy)
        (void)number_rewrite(trunk ? trunk->rewrite_out : "", call->from, side->caller);
}

static void on_target(void *user, int status, const struct call_target *target)
{
    struct bridge_call *call = user;
    struct bridge_side *side = &call->side[BRIDGE_CALLED];
    if (status < 0) {
        if (call->ending || bridge_call_try_next_route(call, call_target_error(status))) {
            bridge_call_release(call);
            return;
        }
        call->refuse_code = status == -ENOENT   ? 404
                            : status == -EACCES ? 403
                            : status == -EBUSY  ? 486
                                                : 503;
        bridge_call_end(call, "the other leg cannot be called: %s", call_target_error(status));
    } else if (!call->ending) {
        side->target = *target;
        write_caller(side);
        side->local.may_protect = fax_call_is_tls(target);
        if (protect(call, side))
            bridge_call_dial(call);
    }
    bridge_call_release(call);
}

void bridge_call_find(struct bridge_call *call)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct media_local *local = &call->side[i].local;
        if (RAND_bytes((unsigned char *)local->srtp_keys, sizeof local->srtp_keys) != 1) {
            bridge_call_end(call, "no keys can be made");
            return;
        }
    }
    if (!protect(call, &call->side[BRIDGE_CALLER]))
        return;
    if (bridge_copy_is_impossible(call)) {
        call->refuse_code = 488;
        bridge_call_end(call, "a copy is wanted, and T.38 is not used");
        return;
    }
    const struct trunk_info *trunk = policy_cache_trunk(call->control->policy, call->via);
    if (trunk && !trunk_routes_has_room(call->control, trunk, true)) {
        call->refuse_code = 486;
        bridge_call_end(call, "the other leg cannot be called: %s", call_target_error(-EBUSY));
        return;
    }
    call->has_place = true;
    bridge_call_find_target(call);
}

void bridge_call_find_target(struct bridge_call *call)
{
    call->pending++;
    int rc = call_target_find(call->control, call->via, call->to, on_target, call);
    if (rc < 0)
        on_target(call, rc, NULL);
}

/* --- from the decision on --- */

void bridge_call_go_on(struct bridge_call *call)
{
    int rc = call->ending ? 0 : bridge_call_start_line(call);
    if (rc < 0) {
        call->refuse_code = 503;
        bridge_call_end(call, "no line can take the call: %s", strerror(-rc));
    }
}

static void on_start_recorded(void *user, int status, uint64_t index)
{
    struct bridge_call *call = user;
    (void)index;
    if (status < 0) {
        call->refuse_code = 503;
        bridge_call_end(call, "the call could not be recorded: %s", strerror(-status));
    } else {
        call->recorded_start = true;
        if (!call->ending)
            bridge_copy_prepare(call);
    }
    bridge_call_release(call);
}

static void record_start(struct bridge_call *call)
{
    struct event e;
    event_begin(&e, "bridge.started", call->principal, &call->id);
    event_personal(&e, "from", call->from);
    event_personal(&e, "to", call->to);
    event_text(&e, "caller", call->side[BRIDGE_CALLER].target.name);
    event_text(&e, "target", call->via);
    event_text(&e, "mailbox", call->mailbox);
    event_text(&e, "class", call->class_name);
    event_text(&e, "call_id", call->side[BRIDGE_CALLER].call_id);
    event_integer(&e, "capture", call->copy.wanted);
    if (call->wants_privacy)
        event_integer(&e, "privacy", 1);
    call->pending++;
    int rc = event_append(&e, call->control->audit, on_start_recorded, call);
    if (rc < 0)
        on_start_recorded(call, rc, 0);
}

static void take_terms(struct bridge_call *call, const struct bridge_terms *terms)
{
    snprintf(call->principal, sizeof call->principal, "%s", terms->principal);
    snprintf(call->via, sizeof call->via, "%s", terms->to);
    if (terms->routes)
        call->routes = *terms->routes;
    while (call->route < call->routes.count &&
           strcmp(call->routes.trunks[call->route], call->via) != 0)
        call->route++;
    if (number_normalise(terms->number, call->to) < 0)
        call->to[0] = '\0';
    if (number_normalise(terms->from, call->from) < 0)
        call->from[0] = '\0';
    call->from_is_known = terms->from_is_known;
    call->side[BRIDGE_CALLER].target = *terms->caller;
    if (!terms->mailbox)
        return;
    snprintf(call->mailbox, sizeof call->mailbox, "%s", terms->mailbox->name);
    snprintf(call->class_name, sizeof call->class_name, "%s", terms->mailbox->class_name);
    call->retention_days = terms->mailbox->retention_days;
    call->copy.wanted = terms->mailbox->capture;
}

static void begin_side(struct bridge_side *side)
{
    const struct control *control = side->call->control;
    struct media_local *local = &side->local;
    local->address = control->media_address;
    local->session_id = (uint64_t)side->call->started_ms + side->index;
    local->session_version = 1;
    local->no_t38 = !control->config->fax.t38 || side->target.no_t38;
    local->max_bit_rate = (uint32_t)control->config->fax.max_rate;
    local->max_datagram = (uint32_t)control->config->media.max_datagram;
    local->t38_version = (uint8_t)control->config->media.t38_version;
    local->recovery = fax_call_recovery(control);
}

static void on_caller_credentials(void *user, int status, const struct sip_credential *credentials,
                                  size_t count)
{
    struct bridge_call *call = user;
    struct sip_session *session = call->side[BRIDGE_CALLER].session;
    if (status == 0 && session)
        status = sip_session_set_credentials(session, credentials, count);
    if (status < 0) /* the peer may never ask */
        log_write(LOG_LEVEL_WARNING, "the credentials of the caller's trunk cannot be used: %s",
                  strerror(-status));
    bridge_call_release(call);
}

/* As fax_call_in.c: some challenge our re-INVITE and BYE also in calls that they made. */
static void open_caller_credentials(struct bridge_call *call)
{
    call->pending++;
    if (trunk_credentials_open(call->control, call->side[BRIDGE_CALLER].target.name,
                               on_caller_credentials, call) != 0)
        call->pending--;
}

void bridge_call_start(struct control *control, struct sip_session *session,
                       const struct sip_request_info *info, const struct bridge_terms *terms)
{
    struct bridge_call *call = bridge_call_new(control);
    if (!call || fax_id_make(&call->id, (uint64_t)control_now_ms()) < 0) {
        sip_session_reject(session, 503, NULL);
        if (call)
            bridge_call_discard(call);
        return;
    }
    struct bridge_side *caller = &call->side[BRIDGE_CALLER];
    take_terms(call, terms);
    call->wants_privacy = info->wants_privacy;
    call->hops_made = (uint8_t)(SIP_HOPS_MAX + 1 - info->max_forwards);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        begin_side(&call->side[i]);
    snprintf(caller->call_id, sizeof caller->call_id, "%s", info->call_id);
    caller->local.may_protect = info->protocol == SIP_TLS;
    if (caller->target.nat)
        socket_address_with_port(info->source, 0, &caller->local.signals);
    caller->has_offer = info->offer != NULL;
    if (info->offer)
        caller->offer = *info->offer;
    caller->session = session;
    call_recorder_follow_leg(call->recorder, caller->call_id, TRACE_CALLER);
    sip_session_signalling(session, caller->signalling);
    sip_session_set_event_cb(session, bridge_call_sip_event, caller);
    open_caller_credentials(call);
    record_start(call);
}

void bridge_call_incoming(struct control *control, struct sip_session *session,
                          const struct sip_request_info *info, const struct bridge_terms *terms)
{
    struct policy_answer answer;
    /* What a trunk says of who calls gives it no right; a machine calls as its own number. */
    policy_cache_decide(control->policy, terms->principal, POLICY_BRIDGE,
                        terms->caller->is_device ? terms->from : NULL, terms->number, NULL,
                        &answer);
    if (!answer.allowed)
        fax_call_refuse(control, session, info, terms->principal, 403, answer.reason);
    else if (strcmp(terms->to, terms->caller->name) == 0)
        fax_call_refuse(control, session, info, terms->principal, 482,
                        "the call would go back where it is from");
    else
        bridge_call_start(control, session, info, terms);
}
