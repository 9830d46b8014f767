#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/process/log.h"

static int dial(struct fax_call *call, const struct sip_credential *credentials, size_t count)
{
    struct sdp_session offer;
    const struct call_target *target = &call->target;
    char request[SIP_DEVICE_CONTACT + 1], from[400];
    int rc = call_target_uri(target, target->number, request, sizeof request);
    if (rc == 0)
        rc =
            call_target_from_uri(target, call->from, call->control->sip_address, from, sizeof from);
    if (rc < 0)
        return rc;
    memset(&call->local.signals, 0, sizeof call->local.signals);
    if (target->nat)
        call->local.signals = target->address;
    call->local.no_t38 = !call->control->config->fax.t38 || target->no_t38;
    /* Protected media is T.38 where it can be: also for peers that want a voice call first. */
    call->offered_t38 = (target->t38_first || call->local.secured) && !call->audio_only &&
                        !call->local.no_t38 && !fax_call_t38_refused_before(call);
    rc = call->offered_t38 ? media_offer_t38(&call->local, &offer)
                           : media_offer_audio(&call->local, &offer);
    if (rc < 0)
        return rc;
    char call_id[sizeof call->call_id + 40] = "";
    /* A further INVITE of the same attempt is a call of its own. */
    if (call->route > 0 || target->at > 0)
        snprintf(call_id, 32, "%zu.%zu.", (size_t)call->route, (size_t)target->at);
    size_t used = strlen(call_id);
    snprintf(call_id + used, sizeof call_id - used, "%s%s", call->audio_only ? "audio." : "",
             call->call_id);
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
        .call_id = call_id,
        .credentials = credentials,
        .credential_count = count,
        .asserted_uri = target->asserts_identity ? from : NULL,
    };
    call_recorder_follow(call->recorder, call_id);
    return sip_session_call(call->control->sip, &sip, fax_call_sip_event, call, &call->session);
}

/* Returns whether the call may be made to its target. */
static bool can_protect(struct fax_call *call)
{
    char text[FAX_CALL_DEMAND_TEXT];
    const struct call_target *target = &call->target;
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(call->control->policy), call->mailbox);
    const char *demand = fax_call_demands(call->control, target, call->class_name, text);
    /* A class that a sender chooses takes no protection away that its mailbox has. */
    if (!demand && mailbox)
        demand = fax_call_demands(call->control, target, mailbox->class_name, text);
    call->local.secured = demand != NULL;
    call->local.may_protect = fax_call_is_tls(target);
    call->local.may_express = target->express;
    if (!demand || call->local.may_protect)
        return true;
    if (fax_call_try_next_route(call, "it has no TLS signalling"))
        return false;
    call->sip_code = 488; /* as the peer would say: and so it is not tried again */
    fax_call_end(call, "%s, and trunk %.40s has no TLS signalling", demand, target->name);
    return false;
}

static void dial_with(struct fax_call *call, const struct sip_credential *credentials, size_t count)
{
    int rc = dial(call, credentials, count);
    if (rc < 0)
        fax_call_end(call, "the call could not be made: %s", strerror(-rc));
    else
        fax_watchers_say(call->control->watchers, &call->fax, "dialling", "sending", "");
    if (rc == 0)
        fax_call_watch_target(call);
}

static void on_credentials(void *user, int status, const struct sip_credential *credentials,
                           size_t count)
{
    struct fax_call *call = user;
    if (status < 0) {
        call->local_fault = status != -EBADMSG;
        fax_call_end(call, "the credentials of trunk %.40s cannot be opened: %s", call->trunk,
                     status == -EBADMSG ? "they are damaged" : strerror(-status));
    } else if (!call->ending) {
        dial_with(call, credentials, count);
    }
    fax_call_release(call);
}

static void dial_target(struct fax_call *call)
{
    if (!can_protect(call))
        return;
    call->pending++;
    int rc = trunk_credentials_open(call->control, call->target.name, on_credentials, call);
    if (rc == 0)
        return;
    call->pending--;
    if (rc > 0) {
        dial_with(call, NULL, 0);
    } else {
        call->local_fault = true;
        fax_call_end(call, "the keeper takes no questions: %s", strerror(-rc));
    }
}

static void on_target(void *user, int status, const struct call_target *target)
{
    struct fax_call *call = user;
    if (status < 0) {
        if (call->ending || fax_call_try_next_route(call, call_target_error(status))) {
            fax_call_release(call);
            return;
        }
        bool is_off = status == -ENXIO && device_name_of(call->trunk);
        /* It may be otherwise in a while; a device was there a moment ago. */
        call->sip_code = status == -ENOENT ? 0 : status == -EACCES ? 403 : is_off ? 480 : 503;
        fax_call_end(call, "the call could not be made: %s", call_target_error(status));
    } else if (!call->ending) {
        const struct trunk_info *trunk = policy_cache_trunk(call->control->policy, call->trunk);
        call->target = *target;
        if (trunk && !call->target.from_user[0])
            (void)number_rewrite(trunk->rewrite_out, call->from, call->target.from_user);
        dial_target(call);
    }
    fax_call_release(call);
}

void fax_call_out_dial(struct fax_call *call)
{
    if (call->target.count > 0) { /* once more, to the same */
        dial_target(call);
        return;
    }
    call->pending++;
    int rc = call_target_find(call->control, call->trunk, call->to, on_target, call);
    if (rc < 0) {
        call->pending--;
        fax_call_end(call, "the call could not be made: %s", strerror(-rc));
    }
}

/* The fax whose file and key hold the pages. */
static const struct fax_id *pages_of(const struct fax_call *call)
{
    return call->source_attempt ? &call->source : &call->fax;
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct fax_call *call = user;
    struct event e;
    if (status == 0 && !call->ending) {
        memcpy(call->data_key, result->data_key, sizeof call->data_key);
        event_begin(&e, "key.used", call->principal, &call->fax);
        event_text(&e, "kek", result->kek_id);
        event_text(&e, "purpose", "send");
        /* In order before media.started, which is waited for: so it is durable before a page
         * leaves.
         */
        int rc = event_append(&e, call->control->audit, NULL, NULL);
        if (rc == 0)
            rc = fax_store_open(call->control->context->paths->vault, pages_of(call), false,
                                &call->vault_fd);
        if (rc < 0) {
            fax_call_end(call, "the vault file cannot be opened: %s", strerror(-rc));
        } else if ((rc = fax_call_start_line(call)) < 0) {
            call->local_fault = true;
            fax_call_end(call, "no line can take the call: %s", strerror(-rc));
        }
    } else if (status < 0) {
        call->local_fault = status != -ENOENT && status != -EBADMSG;
        fax_call_end(call, "the fax's key cannot be had: %s",
                     status == -ENOENT    ? "it has been destroyed"
                     : status == -EBADMSG ? "it is damaged"
                                          : strerror(-status));
    }
    fax_call_release(call);
}

static void on_start_recorded(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    (void)index;
    if (status < 0) {
        fax_call_end(call, "the attempt could not be recorded: %s", strerror(-status));
    } else {
        call->recorded_start = true;
        if (!call->ending) {
            call->pending++;
            int rc = keeper_open_key(call->control->keeper, pages_of(call), on_key, call);
            if (rc < 0) {
                call->pending--;
                call->local_fault = true;
                fax_call_end(call, "the keeper takes no questions: %s", strerror(-rc));
            }
        }
    }
    fax_call_release(call);
}

int fax_call_out(struct control *control, const struct outbound_fax *fax,
                 const struct trunk_routes *routes, fax_call_done_cb *done, void *user)
{
    struct event e;
    struct fax_call *call = fax_call_new(control, true);
    if (!call)
        return -ENOMEM;
    call->fax = fax->fax;
    call->source = fax->source;
    call->source_attempt = fax->source_attempt;
    call->priority = fax->priority;
    call->attempt = fax->attempt;
    call->pages = fax->pages;
    call->first_page = fax->first_page > 0 ? fax->first_page : 1;
    call->pages_confirmed = call->pages_recorded = call->first_page - 1;
    call->max_rate = fax->max_rate ? fax->max_rate : (uint32_t)control->config->fax.max_rate;
    call->ecm = control->config->fax.ecm && !fax->no_ecm;
    memcpy(call->from, fax->from, sizeof call->from);
    memcpy(call->to, fax->to, sizeof call->to);
    memcpy(call->principal, fax->principal, sizeof call->principal);
    memcpy(call->mailbox, fax->mailbox, sizeof call->mailbox);
    call->routes = *routes;
    snprintf(call->trunk, sizeof call->trunk, "%s", routes->trunks[0]);
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(control->policy), call->mailbox);
    call->retention_days = mailbox ? mailbox->retention_days : 0;
    memcpy(call->class_name, fax->class_name, sizeof call->class_name);
    struct fax_id id;
    char text[FAX_ID_TEXT];
    int rc = fax_id_make(&id, (uint64_t)control_now_ms());
    if (rc == 0) {
        fax_id_text(&id, text);
        snprintf(call->call_id, sizeof call->call_id, "%s@%s", text, control->config->node);
        event_begin(&e, "attempt.started", call->principal, &call->fax);
        event_integer(&e, "attempt", call->attempt);
        event_text(&e, "trunk", call->trunk);
        event_text(&e, "call_id", call->call_id);
        call->pending++;
        rc = event_append(&e, control->audit, on_start_recorded, call);
    }
    if (rc < 0) {
        fax_call_discard(call);
        return rc;
    }
    call->done_cb = done;
    call->done_user = user;
    return 0;
}
