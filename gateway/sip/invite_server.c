/* INVITE from a peer (RFC 3261 §13.3). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/message.h"
#include "gateway/sip/redirect.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static void copy_display(char *to, size_t size, const char *display)
{
    size_t n = 0;
    for (const char *at = or_empty(display); *at && n < size - 1; at++) {
        if (*at != '"' && *at != '\\')
            to[n++] = *at;
    }
    to[n] = '\0';
}

/* Any wish but none; values are parted by semicolons (RFC 3323 §4.2). */
static bool wants_privacy(const osip_message_t *invite)
{
    const char *privacy = sip_message_header(invite, "privacy");
    return privacy && *privacy && strcasecmp(privacy, "none") != 0;
}

/* Without the header it is a new call's (RFC 3261 §16.3); 0 has been refused. */
static unsigned hops_left(const osip_message_t *invite)
{
    const char *hops = sip_message_header(invite, "max-forwards");
    long left = hops ? strtol(hops, NULL, 10) : SIP_HOPS_MAX;
    return left > 0 && left < SIP_HOPS_MAX ? (unsigned)left : SIP_HOPS_MAX;
}

static void offer_to_application(struct sip_session *s, const osip_message_t *invite,
                                 const struct sip_hop *source, const char *device,
                                 const struct sdp_session *offer)
{
    const struct sip_config *config = &s->stack->config;
    char display[128], diverted[SIP_DIVERTED_TEXT], why[SIP_DIVERTED_TEXT];
    osip_from_t *asserted = NULL;
    const char *identity = sip_message_header(invite, "p-asserted-identity");
    copy_display(display, sizeof display, invite->from->displayname);
    if (identity && osip_from_init(&asserted) == 0 && osip_from_parse(asserted, identity) != 0) {
        osip_from_free(asserted);
        asserted = NULL;
    }
    sip_redirect_diverted(invite, diverted, why);
    struct sip_request_info info = {
        .from_user = or_empty(invite->from->url->username),
        .from_host = or_empty(invite->from->url->host),
        .from_display = display,
        .asserted_user = asserted && asserted->url
                             ? or_empty(asserted->url->username ? asserted->url->username
                                                                : asserted->url->string)
                             : "",
        .to_user = or_empty(invite->req_uri->username),
        .to_host = or_empty(invite->req_uri->host),
        .call_id = s->dialog.call_id,
        .user_agent = or_empty(sip_message_header(invite, "user-agent")),
        .diverted_from = diverted,
        .diversion_reason = why,
        .wants_privacy = wants_privacy(invite),
        .source = (const struct sockaddr *)&source->address,
        .device = device,
        .protocol = source->protocol,
        .offer = offer,
        .max_forwards = hops_left(invite),
    };
    config->incoming(config->user, s, &info);
    osip_from_free(asserted);
}

static int respond(struct sip_session *s, int code, const char *reason)
{
    struct sip_transaction *tx = s->invite_server;
    struct sip_response what = {.code = code, .reason = reason, .local_tag = s->dialog.local_tag};
    if (code > 100 && code < 300)
        what.contact = sip_transport_contact(s->stack, &tx->peer,
                                             sip_message_is_sips(sip_transaction_message(tx)));
    osip_message_t *response = sip_response_build(s->stack, sip_transaction_message(tx), &what);
    if (!response)
        return -ENOMEM;
    if (code > 100 && code < 200 && sip_prack_demand(s, response, &tx->peer) != 0) {
        osip_message_free(response);
        return -EBUSY;
    }
    if (code >= 200) {
        tx->session = NULL;
        s->invite_server = NULL;
        sip_prack_stop(s);
        sip_timer_stop(&s->stack->timers, &s->ring_again);
    }
    s->rang = true;
    sip_transaction_respond(tx, response);
    return 0;
}

/* The application said nothing, or it keeps ringing: the peer may be gone without a word. */
static void on_ring_timeout(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    sip_session_leave(s, 480);
    sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "not answered");
}

static void start(struct sip_stack *stack, struct sip_transaction *tx, const struct sip_hop *source,
                  const char *device, const struct sdp_session *offer)
{
    const osip_message_t *invite = sip_transaction_message(tx);
    struct sip_session *s = sip_session_create(stack, false);
    int error = s ? sip_dialog_open_server(stack, &s->dialog, invite, source) : -ENOMEM;
    if (error) {
        struct sip_response what = {.code = error == -ENOMEM ? 500 : 400};
        if (s)
            sip_session_end(s, SIP_PARTY_LOCAL, what.code, NULL);
        sip_transaction_respond(tx, sip_response_build(stack, invite, &what));
        return;
    }
    stack->counters.calls_in++;
    s->reliable.required = sip_message_has_token(invite, "require", NULL, "100rel");
    s->invite_server = tx;
    s->invite_offered = offer != NULL;
    tx->session = s;
    sip_timer_start(&stack->timers, &s->ring, SIP_RING_TIMEOUT_MS, on_ring_timeout, s);
    offer_to_application(s, invite, source, device, offer);
    if (!s->over && s->invite_server == tx && !s->rang)
        (void)respond(s, 100, NULL);
}

static bool is_full(const struct sip_stack *stack)
{
    return stack->is_closing || stack->counters.sessions >= stack->config.max_sessions ||
           stack->counters.transactions >= stack->config.max_transactions;
}

/* All that is refused here is refused without making state. */
void sip_invite_server_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                               const struct sip_hop *source, const char *device)
{
    struct sdp_session offer;
    const osip_message_t *invite = event->sip;
    int described = sip_message_sdp(invite, &offer), code = 0;
    const char *name = NULL, *value = NULL, *reason = NULL;
    char number[16];
    uint32_t min_s;
    if (is_full(stack)) {
        stack->counters.overloaded++;
        code = 503, name = "Retry-After", value = "10";
    } else if (!stack->config.incoming) {
        code = 403;
    } else if (!*sip_message_from_tag(invite) || !sip_message_contact(invite)) {
        stack->counters.malformed++;
        code = 400, reason = *sip_message_from_tag(invite) ? "One Contact with a SIP URI is needed"
                                                           : "From has no tag";
    } else if (!sip_message_accepts_sdp(invite)) {
        code = 406;
    } else if ((min_s = sip_session_timer_demand(stack, invite)) > 0) {
        (void)snprintf(number, sizeof number, "%" PRIu32, min_s);
        code = 422, name = "Min-SE", value = number;
    } else if (described == -EMEDIUMTYPE) {
        code = 415, name = "Accept", value = "application/sdp";
    } else if (described < 0) {
        code = 488;
    }
    if (code) {
        sip_response_stateless(stack, invite, source,
                               &(struct sip_refusal){code, reason, name, value});
        osip_event_free(event);
        return;
    }
    struct sip_transaction *tx = sip_transaction_serve(stack, event, key, source);
    if (tx)
        start(stack, tx, source, device, described == 1 ? &offer : NULL);
}

/* So that no proxy on the way takes the call for forgotten (§13.3.1.1). */
static void on_ring_again(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    if (!s->over && s->state == SIP_SESSION_INCOMING && s->invite_server)
        (void)sip_session_ring(s);
}

int sip_session_ring(struct sip_session *s)
{
    if (s->over || s->state != SIP_SESSION_INCOMING || !s->invite_server)
        return -EPROTO;
    sip_timer_start(&s->stack->timers, &s->ring_again, SIP_RING_AGAIN_MS, on_ring_again, s);
    int error = respond(s, 180, NULL);
    return error == -EBUSY ? 0 : error; /* the one before still waits for its PRACK */
}

void sip_invite_server_refuse(struct sip_session *s, int code, const char *reason)
{
    if (s->invite_server)
        (void)respond(s, code, reason);
}

int sip_session_reject(struct sip_session *s, int code, const char *reason)
{
    if (code < 300 || code > 699 || (reason && !sip_text_is_line(reason)))
        return -EINVAL;
    if (s->over || s->state != SIP_SESSION_INCOMING || !s->invite_server)
        return -EPROTO;
    sip_session_end_later(s, SIP_PARTY_LOCAL, code, reason ? reason : "rejected");
    sip_invite_server_refuse(s, code, reason);
    return 0;
}

int sip_invite_server_accept(struct sip_session *s, const struct sdp_session *sdp)
{
    struct sip_stack *stack = s->stack;
    struct sip_transaction *tx = s->invite_server;
    const osip_message_t *invite = sip_transaction_message(tx);
    struct sip_description *agreed = &s->description;
    char *body = agreed->local;
    size_t length = agreed->local_length;
    osip_message_t *response = NULL;
    int error = sdp ? sip_description_write(s, sdp, &body, &length) : body ? 0 : -EINVAL;
    if (error)
        return error;
    struct sip_response what = {
        .code = 200,
        .local_tag = s->dialog.local_tag,
        .contact = sip_transport_contact(stack, &tx->peer, sip_message_is_sips(invite)),
        .body = body,
        .body_length = length};
    response = sip_response_build(stack, invite, &what);
    if (response)
        sip_session_timer_answer(s, invite, response);
    if (!response || sip_accept_start(s, tx, response) != 0)
        goto fail;
    if (s->invite_offered) {
        sip_description_agree(s, body, length, invite);
    } else { /* the ACK agrees */
        s->accepted.offered = true;
        s->accepted.offer = body == agreed->local ? strndup(body, length) : body;
        s->accepted.offer_length = length;
    }
    tx->session = NULL;
    s->invite_server = NULL;
    sip_prack_stop(s);
    sip_timer_stop(&stack->timers, &s->ring_again);
    sip_transaction_respond(tx, response);
    return 0;
fail:
    osip_message_free(response);
    if (body != agreed->local)
        free(body);
    return -ENOMEM;
}

int sip_session_answer(struct sip_session *s, const struct sdp_session *sdp)
{
    if (s->over || s->state != SIP_SESSION_INCOMING || !s->invite_server)
        return -EPROTO;
    int error = sip_invite_server_accept(s, sdp);
    if (error)
        return error;
    s->rang = true;
    s->state = SIP_SESSION_ESTABLISHED;
    s->stack->counters.calls_answered++;
    sip_timer_stop(&s->stack->timers, &s->ring);
    return 0;
}
