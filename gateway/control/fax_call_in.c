#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/bridge_call.h"
#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call_private.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/key_drop.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"
#include "policy/retention.h"

/* --- refusing --- */

static void refuse(struct fax_call *call, int code, const char *what, const char *detail)
{
    call->sip_code = code;
    fax_call_end(call, "%s: %s", what, detail);
}

struct refusal {
    struct sip_session *session;
    int code;
    bool told; /* the peer gets the reason */
    char reason[MSG_REASON_MAX];
};

static void on_refusal_recorded(void *user, int status, uint64_t index)
{
    struct refusal *refusal = user;
    (void)status; /* a refusal that could not be recorded is still a refusal */
    (void)index;
    if (refusal->session) {
        /* The end of the session is told later, when the refusal is gone. */
        sip_session_set_event_cb(refusal->session, NULL, NULL);
        sip_session_reject(refusal->session, refusal->code, refusal->told ? refusal->reason : NULL);
    }
    free(refusal);
}

static void on_refused_event(void *user, struct sip_session *session, const struct sip_event *event)
{
    struct refusal *refusal = user;
    (void)session;
    if (event->kind == SIP_EVENT_ENDED)
        refusal->session = NULL;
}

void fax_call_refuse(struct control *control, struct sip_session *session,
                     const struct sip_request_info *info, const char *actor, int code,
                     const char *reason)
{
    struct event e;
    event_begin(&e, "call.refused", actor, NULL);
    event_outcome(&e, "denied");
    event_personal(&e, "from", info->from_user);
    event_personal(&e, "to", info->to_user);
    event_text(&e, "call_id", info->call_id);
    event_text(&e, "reason", reason);
    event_integer(&e, "sip_code", code);
    struct refusal *refusal = calloc(1, sizeof *refusal);
    if (!refusal) {
        sip_session_reject(session, 503, NULL);
        return;
    }
    refusal->session = session;
    refusal->code = code;
    refusal->told = code == 488; /* what is wrong with its media is no secret */
    snprintf(refusal->reason, sizeof refusal->reason, "%s", reason);
    sip_session_set_event_cb(session, on_refused_event, refusal);
    int rc = event_append(&e, control->audit, on_refusal_recorded, refusal);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "a refused call could not be recorded: %s", strerror(-rc));
        on_refusal_recorded(refusal, rc, 0);
    }
}

/* --- answering --- */

void fax_call_in_answer(struct fax_call *call)
{
    struct sdp_session answer;
    bool t38 = false;
    if (!call->session)
        return;
    int rc = call->has_offer ? media_answer(&call->local, &call->offer, &answer, &t38)
                             : media_offer_audio(&call->local, &answer);
    if (rc == 0)
        rc = sip_session_answer(call->session, &answer);
    if (rc < 0) {
        refuse(call, rc == -ENOTSUP ? 488 : 500, "the call could not be answered", strerror(-rc));
        return;
    }
    call->answered = true;
    fax_watchers_say(call->control->watchers, &call->fax, "answered", "receiving", "");
    if (!t38)
        return; /* T.38 is offered after the ACK */
    rc = media_agree_t38(&call->local, &call->offer, &call->t38);
    if (rc < 0)
        fax_call_end(call, "the peer's offer has no usable %s", "T.38 address");
    else
        fax_call_media(call);
}

/* --- the steps before the answer: record, vault file, line --- */

struct create_work {
    uv_work_t work;
    struct fax_call *call;
    const char *vault;
    int status, descriptor;
};

static void create_file(uv_work_t *work)
{
    struct create_work *w = work->data;
    w->status = fax_store_create(w->vault, &w->call->fax, w->call->class_name, w->call->kek_id,
                                 false, &w->descriptor);
}

static void on_file_created(uv_work_t *work, int cancelled)
{
    struct create_work *w = work->data;
    struct fax_call *call = w->call;
    int rc = cancelled < 0 ? cancelled : w->status;
    if (rc == 0)
        call->vault_fd = w->descriptor;
    free(w);
    if (!call->ending) {
        if (rc < 0)
            refuse(call, 500, "the vault file could not be made", strerror(-rc));
        else if ((rc = fax_call_start_line(call)) < 0)
            refuse(call, 503, "no line can take the call", strerror(-rc));
    }
    fax_call_release(call);
}

/* The call is not in the log. */
static void drop_key(struct fax_call *call, bool made)
{
    OPENSSL_cleanse(call->data_key, sizeof call->data_key);
    key_drop(call->control, &call->fax, made, "a call that was not taken");
}

static void on_offer_recorded(void *user, int status, uint64_t index)
{
    struct fax_call *call = user;
    (void)index;
    if (status < 0) {
        drop_key(call, true);
        refuse(call, 503, "the call could not be recorded", strerror(-status));
    } else {
        call->recorded_start = true;
        struct create_work *w = call->ending ? NULL : calloc(1, sizeof *w);
        if (w) {
            w->call = call;
            w->vault = call->control->context->paths->vault;
            w->work.data = w;
            call->pending++;
            uv_queue_work(&call->control->loop, &w->work, create_file, on_file_created);
        } else {
            refuse(call, 500, "the call could not be taken", strerror(ENOMEM));
        }
    }
    fax_call_release(call);
}

static void on_key_made(void *user, int status, const struct msg_key_result *result)
{
    struct fax_call *call = user;
    struct event e;
    if (status < 0) {
        if (status == -ECONNRESET) /* there may be one */
            drop_key(call, false);
        refuse(call, 503, "the keeper gave no key", strerror(-status));
        fax_call_release(call);
        return;
    }
    snprintf(call->kek_id, sizeof call->kek_id, "%s", result->kek_id);
    event_begin(&e, "key.created", "system", &call->fax);
    event_text(&e, "kek", call->kek_id);
    event_note(&e, call->control->audit);
    if (call->ending) { /* the caller did not wait */
        drop_key(call, true);
        fax_call_release(call);
        return;
    }
    memcpy(call->data_key, result->data_key, sizeof call->data_key);
    event_begin(&e, "fax.offered", call->principal, &call->fax);
    event_text(&e, "direction", "in");
    event_personal(&e, "from", call->from);
    event_personal(&e, "to", call->to);
    if (call->diverted_from[0])
        event_personal(&e, "diverted_from", call->diverted_from);
    if (call->wants_privacy)
        event_integer(&e, "privacy", 1);
    event_text(&e, "mailbox", call->mailbox);
    event_text(&e, "class", call->class_name);
    event_text(&e, "trunk", call->trunk);
    event_text(&e, "call_id", call->call_id);
    event_text(&e, "kek", call->kek_id);
    int rc = event_append(&e, call->control->audit, on_offer_recorded, call);
    if (rc < 0) {
        on_offer_recorded(call, rc, 0);
        return;
    }
    event_begin(&e, "attempt.started", call->principal, &call->fax);
    event_integer(&e, "attempt", call->attempt);
    event_text(&e, "trunk", call->trunk);
    event_text(&e, "call_id", call->call_id);
    event_note(&e, call->control->audit);
}

static void on_credentials(void *user, int status, const struct sip_credential *credentials,
                           size_t count)
{
    struct fax_call *call = user;
    if (status == 0 && call->session)
        status = sip_session_set_credentials(call->session, credentials, count);
    if (status < 0) /* the peer may never ask */
        log_write(LOG_LEVEL_WARNING, "trunk %s: its credentials cannot be used: %s", call->trunk,
                  strerror(-status));
    fax_call_release(call);
}

/* Some carriers challenge re-INVITE and BYE of ours also in calls that they made. */
static void open_credentials(struct fax_call *call)
{
    call->pending++;
    if (trunk_credentials_open(call->control, call->trunk, on_credentials, call) != 0)
        call->pending--;
}

void fax_call_take(struct control *control, struct sip_session *session,
                   const struct sip_request_info *info, const struct fax_caller *caller)
{
    const struct policy_mailbox *mailbox = caller->mailbox;
    char month[KEK_MONTH_TEXT];
    int64_t disposal_us;
    struct fax_call *call = fax_call_new(control, false);
    if (!call || fax_id_make(&call->fax, (uint64_t)control_now_ms()) < 0) {
        sip_session_reject(session, 503, NULL);
        if (call)
            fax_call_discard(call);
        return;
    }
    if (number_normalise(caller->from, call->from) < 0)
        call->from[0] = '\0';
    if (number_normalise(info->diverted_from, call->diverted_from) < 0)
        call->diverted_from[0] = '\0';
    call->wants_privacy = info->wants_privacy;
    int rc = number_normalise(caller->to, call->to);
    snprintf(call->principal, sizeof call->principal, "%s", caller->actor);
    snprintf(call->trunk, sizeof call->trunk, "%.63s", caller->target.name);
    snprintf(call->mailbox, sizeof call->mailbox, "%s", mailbox->name);
    snprintf(call->class_name, sizeof call->class_name, "%s", mailbox->class_name);
    snprintf(call->call_id, sizeof call->call_id, "%s", info->call_id);
    call_recorder_follow(call->recorder, info->call_id);
    call->retention_days = mailbox->retention_days;
    call->session = session;
    call->local.may_protect = info->protocol == SIP_TLS;
    call->target = caller->target;
    if (call->target.nat)
        socket_address_with_port(info->source, 0, &call->local.signals);
    call->local.may_express = call->target.express && info->protocol == SIP_TLS;
    call->local.secured = fax_call_demands(control, &call->target, call->class_name,
                                           (char[FAX_CALL_DEMAND_TEXT]){0}) != NULL;
    fax_call_note_signalling(call);
    call->has_offer = info->offer != NULL;
    if (info->offer)
        call->offer = *info->offer;
    sip_session_set_event_cb(session, fax_call_sip_event, call);
    if (rc == 0)
        rc = retention_disposal_time(control_now_ms() * 1000, call->retention_days, &disposal_us);
    if (rc == 0)
        rc = kek_month_for(disposal_us, month);
    if (rc == 0) {
        call->pending++;
        rc = keeper_create_key(control->keeper, &call->fax, call->class_name, month, on_key_made,
                               call);
        if (rc < 0)
            call->pending--;
    }
    if (rc < 0) {
        refuse(call, 503, "the call could not be prepared", "no key can be asked for");
    } else {
        open_credentials(call);
        sip_session_ring(session);
    }
}
