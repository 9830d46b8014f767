#include "gateway/sip/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/stream.h"
#include "gateway/sip/text.h"

struct sip_session *sip_session_create(struct sip_stack *stack, bool outgoing)
{
    struct sip_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->stack = stack;
    s->outgoing = outgoing;
    s->state = outgoing ? SIP_SESSION_OUTGOING : SIP_SESSION_INCOMING;
    s->dialog.node.owner = s;
    s->next = stack->all_sessions;
    if (s->next)
        s->next->previous = s;
    stack->all_sessions = s;
    stack->counters.sessions++;
    return s;
}

void sip_session_set_event_cb(struct sip_session *s, sip_event_cb *cb, void *user)
{
    s->cb = cb;
    s->user = user;
}

const char *sip_session_call_id(const struct sip_session *s)
{
    return s->dialog.call_id;
}

bool sip_session_heard(const struct sip_session *s)
{
    return s->rang;
}

enum sip_protocol sip_session_protocol(const struct sip_session *s)
{
    return s->dialog.peer.protocol;
}

void sip_session_signalling(const struct sip_session *s, char text[SIP_SIGNALLING_TEXT])
{
    static const char *const names[SIP_PROTOCOLS] = {"udp", "tcp", "tls"};
    char protection[SIP_SIGNALLING_TEXT - 8];
    sip_stream_protection(s->stack, s->dialog.peer.connection, protection, sizeof protection);
    (void)snprintf(text, SIP_SIGNALLING_TEXT, "%s%s%s", names[s->dialog.peer.protocol],
                   protection[0] ? " " : "", protection);
}

void sip_session_emit(struct sip_session *s, enum sip_event_kind kind, int code, const char *reason,
                      const struct sdp_session *sdp)
{
    struct sip_event event = {
        .kind = kind, .code = code, .reason = reason ? reason : "", .sdp = sdp};
    if (!s->over && s->cb)
        s->cb(s->user, s, &event);
}

static void tell_end(struct sip_session *s)
{
    struct sip_event event = {.kind = SIP_EVENT_ENDED,
                              .who = s->end.who,
                              .code = s->end.code,
                              .reason = s->end.text,
                              .retry_after_s = s->end.retry_after_s,
                              .q850_cause = s->end.q850_cause,
                              .redirection = s->end.redirection};
    sip_event_cb *cb = s->cb;
    s->told = true;
    s->cb = NULL;
    if (cb)
        cb(s->user, s, &event);
    sip_session_settle(s);
}

static void mark_over(struct sip_session *s, enum sip_party who, int code, const char *reason)
{
    s->over = true;
    s->end.who = who;
    s->end.code = code;
    (void)snprintf(s->end.text, sizeof s->end.text, "%s", reason ? reason : "");
    s->stack->counters.sessions--;
    sip_timer_stop(&s->stack->timers, &s->ring);
    sip_timer_stop(&s->stack->timers, &s->ring_again);
    sip_timer_stop(&s->stack->timers, &s->refresh.timer);
    sip_reinvite_client_drop(s);
    if (s->invite_client && s->state == SIP_SESSION_ESTABLISHED)
        sip_transaction_expire(s->invite_client, 64ull * s->stack->config.t1_ms);
}

void sip_session_end(struct sip_session *s, enum sip_party who, int code, const char *reason)
{
    if (s->over)
        return;
    mark_over(s, who, code, reason);
    tell_end(s);
}

void sip_session_end_later(struct sip_session *s, enum sip_party who, int code, const char *reason)
{
    if (s->over)
        return;
    mark_over(s, who, code, reason);
    sip_stack_post(s->stack);
}

void sip_session_tell_ended(struct sip_stack *stack)
{
    /* A callback may end further sessions, but only the one told leaves the list. */
    for (struct sip_session *s = stack->all_sessions, *next; s; s = next) {
        next = s->next;
        if (s->over && !s->told)
            tell_end(s);
    }
}

void sip_session_leave(struct sip_session *s, int code)
{
    switch (s->state) {
    case SIP_SESSION_INCOMING:
        sip_invite_server_refuse(s, code, NULL);
        break;
    case SIP_SESSION_OUTGOING:
        sip_cancel_send(s);
        break;
    case SIP_SESSION_ESTABLISHED:
        sip_invite_server_refuse(s, 487, NULL);
        sip_update_refuse(s, 487);
        if (s->confirmed)
            sip_bye_send(s);
        else
            s->bye_wanted = true;
        break;
    }
}

/* RFC 3326, without what could leave the quotes or the line. */
static char *reason_value(int cause, const char *text)
{
    char clean[96], *value = NULL;
    size_t n = 0;
    for (const char *at = text ? text : ""; *at && n < sizeof clean - 1; at++) {
        if ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\' && *at != 127)
            clean[n++] = *at;
    }
    clean[n] = '\0';
    if (asprintf(&value, n ? "SIP;cause=%d;text=\"%s\"" : "SIP;cause=%d", cause, clean) < 0)
        return NULL;
    return value;
}

void sip_session_hangup(struct sip_session *s, int cause, const char *text)
{
    if (s->over)
        return;
    if (cause > 0)
        s->reason = reason_value(cause, text);
    sip_session_end_later(s, SIP_PARTY_LOCAL, s->state == SIP_SESSION_ESTABLISHED ? 200 : 487,
                          text ? text : "hung up");
    sip_session_leave(s, 480);
}

void sip_session_forget(struct sip_session *s, const struct sip_transaction *tx)
{
    if (s->invite_client == tx)
        s->invite_client = NULL;
    if (s->invite_server == tx)
        s->invite_server = NULL;
    if (s->bye == tx)
        s->bye = NULL;
    if (s->update_client == tx)
        s->update_client = NULL;
    if (s->update_server == tx)
        s->update_server = NULL;
}

int sip_session_set_credentials(struct sip_session *s, const struct sip_credential *credentials,
                                size_t count)
{
    struct sip_auth *auth;
    int error = sip_auth_new(credentials, count, &auth);
    if (error)
        return error;
    sip_auth_free(s->dialog.auth);
    s->dialog.auth = auth;
    return 0;
}

bool sip_session_authenticate(struct sip_transaction *tx, const osip_message_t *response)
{
    struct sip_session *s = tx->session;
    bool is_first = tx == s->invite_client && s->state == SIP_SESSION_OUTGOING;
    if ((response->status_code != 401 && response->status_code != 407) ||
        (s->over && tx == s->invite_client))
        return false;
    struct sip_transaction *again = sip_auth_retry(tx, &s->dialog, response);
    if (!again)
        return false;
    again->session = s;
    again->on_response = tx->on_response;
    tx->session = NULL;
    tx->on_response = NULL;
    if (tx->expire_at_ms)
        sip_transaction_expire(again, 64ull * s->stack->config.t1_ms);
    if (s->bye == tx)
        s->bye = again;
    if (s->update_client == tx)
        s->update_client = again;
    if (s->invite_client == tx)
        s->invite_client = again;
    if (s->update_client == tx)
        s->update_client = again;
    if (is_first) {
        s->invite_cseq = s->dialog.local_cseq;
        s->rang = false; /* CANCEL waits for this one's provisional response */
    }
    return true;
}

void sip_session_settle(struct sip_session *s)
{
    struct sip_stack *stack = s->stack;
    if (s->dead || !s->told || s->invite_client || s->invite_server || s->bye || s->accepted.text)
        return;
    s->dead = true;
    if (s->previous)
        s->previous->next = s->next;
    else
        stack->all_sessions = s->next;
    if (s->next)
        s->next->previous = s->previous;
    s->previous = NULL;
    s->next = stack->dead_sessions;
    stack->dead_sessions = s;
    sip_dialog_close(stack, &s->dialog);
    sip_stack_post(stack);
}

static void detach(struct sip_transaction *tx)
{
    if (tx) {
        tx->session = NULL;
        tx->on_response = NULL;
    }
}

void sip_session_free(struct sip_session *s)
{
    struct sip_timers *timers = &s->stack->timers;
    sip_timer_stop(timers, &s->ring);
    sip_timer_stop(timers, &s->ring_again);
    sip_timer_stop(timers, &s->refresh.timer);
    sip_timer_stop(timers, &s->proposal.timer);
    sip_accept_stop(s);
    sip_prack_free(s);
    detach(s->invite_client);
    detach(s->invite_server);
    detach(s->bye);
    detach(s->update_client);
    detach(s->update_server);
    sip_dialog_close(s->stack, &s->dialog);
    sip_description_free(&s->description);
    free(s->acknowledged.text);
    free(s->proposal.offer);
    free(s->identity);
    free(s->reason);
    free(s);
}
