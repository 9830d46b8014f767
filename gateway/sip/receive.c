/* Where a datagram goes: the way from the transport to transactions, sessions and verbs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/body.h"
#include "gateway/sip/device_store.h"
#include "gateway/sip/message.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/sip_trace.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"
#include "gateway/socket_address.h"
#include "policy/secret.h"

static bool is_method(const osip_message_t *m, const char *method)
{
    return !strcmp(m->sip_method, method);
}

static bool is_known_method(const osip_message_t *m)
{
    static const char *const methods[] = {"INVITE",  "ACK",   "CANCEL", "BYE",
                                          "OPTIONS", "PRACK", "UPDATE"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (is_method(m, methods[i]))
            return true;
    }
    return false;
}

static bool has_hops_left(const osip_message_t *m)
{
    const char *hops = sip_message_header(m, "max-forwards");
    return !hops || strtol(hops, NULL, 10) != 0 || *hops < '0' || *hops > '9';
}

/* Writes what Require asks for and we do not have; returns whether there is any. */
static bool lacks(const osip_message_t *m, char *unsupported, size_t size)
{
    struct sip_text list;
    sip_text_open(&list, unsupported, size);
    for (int i = 0; !osip_list_eol(&m->headers, i); i++) {
        const osip_header_t *h = osip_list_get(&m->headers, i);
        if (!h || !h->hname || !h->hvalue || !*h->hvalue || strcasecmp(h->hname, "require") != 0 ||
            !strcasecmp(h->hvalue, "100rel") || !strcasecmp(h->hvalue, "timer"))
            continue;
        sip_text_add(&list, "%s%s", list.length ? ", " : "", h->hvalue);
    }
    return list.length > 0 || list.overflow;
}

static bool needs_dialog(const osip_message_t *m)
{
    return *sip_message_to_tag(m) || is_method(m, "BYE") || is_method(m, "PRACK") ||
           is_method(m, "UPDATE");
}

/* RFC 3261 §8.2, in its order. unsupported is of SIP_LINE_MAX. */
static struct sip_refusal examine(const struct sip_stack *stack, const osip_message_t *m,
                                  const struct sip_session *s, const struct sip_hop *source,
                                  char *unsupported)
{
    if (!is_known_method(m) && !(stack->devices && is_method(m, "REGISTER")))
        return (struct sip_refusal){405, NULL, "Allow", SIP_ALLOW};
    if (is_method(m, "CANCEL"))
        return (struct sip_refusal){.code = 0};
    if (!s && needs_dialog(m))
        return (struct sip_refusal){.code = 481};
    if (!has_hops_left(m))
        return (struct sip_refusal){.code = 483};
    /* sips asks for TLS on every hop (§26.2.2), and the last one is here. */
    if ((!s && !sip_message_uri_is_usable(m->req_uri)) ||
        (sip_message_is_sips(m) && source->protocol != SIP_TLS))
        return (struct sip_refusal){.code = 416};
    if (lacks(m, unsupported, SIP_LINE_MAX))
        return (struct sip_refusal){420, NULL, "Unsupported", unsupported};
    if (s && s->dialog.has_remote_cseq && sip_message_cseq(m) < s->dialog.remote_cseq)
        return (struct sip_refusal){.code = 500};
    return (struct sip_refusal){.code = 0};
}

static bool is_known_source(const struct sip_stack *stack, const struct sip_session *s,
                            const struct sip_hop *source)
{
    const struct sip_config *c = &stack->config;
    const struct sockaddr *address = (const struct sockaddr *)&source->address;
    if (s && sip_transport_same((const struct sockaddr *)&s->dialog.peer.address, address, false))
        return true;
    return !c->source_known || c->source_known(c->user, address, source->protocol);
}

/* What began in TLS cannot be touched by other means: their sources can be forged. */
static bool is_protected_from(const struct sip_hop *peer, const struct sip_hop *source)
{
    return peer->protocol == SIP_TLS && source->protocol != SIP_TLS;
}

/* The dialog of a call of ours that is not answered yet can be one of several, in which the callee
 * may do little. */
static bool is_peers_tag(const struct sip_session *s, const osip_message_t *m)
{
    const char *tag = sip_message_from_tag(m);
    return s->dialog.remote_tag ? !strcmp(s->dialog.remote_tag, tag)
                                : is_method(m, "UPDATE") && *tag && sip_prack_early(s, tag);
}

/* Finds the session by both tags. */
static struct sip_session *find_session(struct sip_stack *stack, const osip_message_t *m,
                                        const struct sip_hop *source)
{
    struct sip_session *s = sip_dialog_find(stack, m, sip_message_to_tag(m));
    if (s && !is_protected_from(&s->dialog.peer, source) && is_peers_tag(s, m))
        return s;
    return NULL;
}

static void receive_ack(struct sip_stack *stack, osip_event_t *event, const struct sip_hop *source)
{
    struct sip_session *s = find_session(stack, event->sip, source);
    if (s)
        sip_ack_receive(s, event->sip);
    else
        stack->counters.strays++;
    osip_event_free(event);
}

/* BYE, PRACK, UPDATE and re-INVITE. */
static void receive_with_state(struct sip_stack *stack, osip_event_t *event, const char *key,
                               const struct sip_hop *source, struct sip_session *s)
{
    s->dialog.remote_cseq = sip_message_cseq(event->sip);
    s->dialog.has_remote_cseq = true;
    if (stack->counters.transactions >= 2 * stack->config.max_transactions) {
        stack->counters.overloaded++;
        sip_response_stateless(stack, event->sip, source,
                               &(struct sip_refusal){503, NULL, "Retry-After", "10"});
        osip_event_free(event);
        return;
    }
    struct sip_transaction *tx = sip_transaction_serve(stack, event, key, source);
    if (!tx)
        return;
    const osip_message_t *m = sip_transaction_message(tx);
    if (is_method(m, "BYE"))
        sip_bye_receive(s, tx);
    else if (is_method(m, "PRACK"))
        sip_prack_receive(s, tx);
    else if (is_method(m, "UPDATE"))
        sip_update_receive(s, tx);
    else
        sip_reinvite_server_receive(s, tx);
}

/* What strangers may ask when there are devices: to be signed in, and to take back a call. Within a
 * call nobody is asked to sign in: there the address tells, not the tags, which others may read. */
static bool may_sign_in(const struct sip_stack *stack, const osip_message_t *m,
                        const struct sip_session *s)
{
    return sip_devices_enabled(stack) && !s &&
           (is_method(m, "REGISTER") || is_method(m, "INVITE") || is_method(m, "CANCEL"));
}

/* A REGISTER, or a call of somebody who is no trunk; takes event. */
static void receive_from_device(struct sip_stack *stack, osip_event_t *event, const char *key,
                                const struct sip_hop *source)
{
    struct sip_device_account account;
    struct sip_hop hop = *source;
    if (!sip_devices_enabled(stack)) {
        sip_response_stateless(stack, event->sip, source, &(struct sip_refusal){.code = 403});
        osip_event_free(event);
        return;
    }
    if (!sip_device_sign_in(stack, event->sip, source, &account)) {
        osip_event_free(event);
        return;
    }
    hop.is_device = true;
    if (is_method(event->sip, "REGISTER"))
        sip_register_receive(stack, event, key, &hop, &account);
    else
        sip_invite_server_receive(stack, event, key, &hop, account.name);
    secret_wipe(&account, sizeof account);
}

static bool is_admitted(struct sip_stack *stack, const osip_message_t *m,
                        const struct sip_hop *source)
{
    const struct sip_config *c = &stack->config;
    if (!c->admit || c->admit(c->user, (const struct sockaddr *)&source->address, source->protocol,
                              SIP_STAGE_CALL) == SIP_ADMITTED)
        return true;
    stack->counters.limited++;
    sip_response_stateless(stack, m, source, &(struct sip_refusal){503, NULL, "Retry-After", "10"});
    return false;
}

static void receive_new_request(struct sip_stack *stack, osip_event_t *event, const char *key,
                                const struct sip_hop *source)
{
    const osip_message_t *m = event->sip;
    struct sip_session *s = find_session(stack, m, source);
    bool known = is_known_source(stack, s, source);
    if (!known && !may_sign_in(stack, m, s)) {
        stack->counters.unknown_sources++;
        sip_device_tell_refused(stack, m, source, "", "the address is unknown");
        if (stack->config.unknown_source == SIP_UNKNOWN_403)
            sip_response_stateless(stack, m, source, &(struct sip_refusal){.code = 403});
        osip_event_free(event);
        return;
    }
    char unsupported[SIP_LINE_MAX];
    struct sip_refusal refusal = examine(stack, m, s, source, unsupported);
    if (refusal.code) {
        sip_response_stateless(stack, m, source, &refusal);
        osip_event_free(event);
    } else if (is_method(m, "OPTIONS")) {
        sip_options_receive(stack, m, source);
        osip_event_free(event);
    } else if (is_method(m, "CANCEL")) {
        sip_cancel_receive(stack, event, key, source);
    } else if (is_method(m, "REGISTER") || (is_method(m, "INVITE") && !s && !known)) {
        receive_from_device(stack, event, key, source);
    } else if (is_method(m, "INVITE") && !s && !is_admitted(stack, m, source)) {
        osip_event_free(event);
    } else if (is_method(m, "INVITE") && !s) {
        sip_invite_server_receive(stack, event, key, source, NULL);
    } else {
        receive_with_state(stack, event, key, source, s);
    }
}

static void receive_request(struct sip_stack *stack, osip_event_t *event,
                            const struct sip_hop *source)
{
    char key[SIP_KEY_TEXT], text[SOCKET_ADDRESS_HOST];
    osip_message_t *m = event->sip;
    bool is_ack = MSG_IS_ACK(m);
    const struct sockaddr *address = (const struct sockaddr *)&source->address;
    socket_address_host(address, text);
    (void)osip_message_fix_last_via_header(m, text, socket_address_port(address));
    if (!sip_transaction_server_key(key, is_ack ? "INVITE" : m->sip_method, m)) {
        stack->counters.malformed++;
        osip_event_free(event);
        return;
    }
    struct sip_transaction *tx = sip_transaction_find(stack, key);
    if (tx && is_protected_from(&tx->peer, source)) {
        stack->counters.strays++;
        osip_event_free(event);
    } else if (tx && !(is_ack && tx->accepted))
        sip_transaction_receive(tx, event);
    else if (is_ack)
        receive_ack(stack, event, source);
    else
        receive_new_request(stack, event, key, source);
}

static void receive_response(struct sip_stack *stack, osip_event_t *event,
                             const struct sip_hop *source)
{
    char key[SIP_KEY_TEXT];
    const osip_message_t *m = event->sip;
    struct sip_transaction *tx = NULL;
    if (sip_transaction_client_key(key, m->cseq->method, sip_message_branch(m)))
        tx = sip_transaction_find(stack, key);
    if (tx && !is_protected_from(&tx->peer, source)) {
        sip_transaction_receive(tx, event);
        return;
    }
    if (tx || !MSG_IS_STATUS_2XX(m) || strcmp(m->cseq->method, "INVITE") != 0 ||
        !sip_ack_repeat(stack, m))
        stack->counters.strays++;
    osip_event_free(event);
}

/* Where a connection of ours would have to go: RFC 3261 §18.2.2. */
static uint16_t return_port(const osip_message_t *request)
{
    const osip_via_t *via = osip_list_get(&request->vias, 0);
    long port = via->port ? strtol(via->port, NULL, 10) : 0;
    if (port > 0 && port <= UINT16_MAX)
        return (uint16_t)port;
    return !strcasecmp(via->protocol, "TLS") ? 5061 : 5060;
}

/* What could be parsed but not be used is refused where that is possible (§8.2, §21.4.1), not
 * for strangers. */
static void refuse_bad(struct sip_stack *stack, const osip_message_t *m,
                       const struct sip_hop *source)
{
    const osip_via_t *via = osip_list_get(&m->vias, 0);
    char call_id[SIP_CALL_ID_MAX + 1];
    if (!MSG_IS_REQUEST(m) || !m->sip_method || !via || !via->host || !m->from || !m->from->url ||
        !m->to || !m->to->url || !m->call_id || !m->call_id->number || !m->cseq ||
        !m->cseq->number || !m->cseq->method || !sip_message_call_id(m, call_id) ||
        osip_list_size(&m->vias) > SIP_LIST_MAX || !is_known_source(stack, NULL, source))
        return;
    bool is_version = m->sip_version && strcasecmp(m->sip_version, "SIP/2.0") != 0;
    sip_response_stateless(stack, m, source, &(struct sip_refusal){.code = is_version ? 505 : 400});
}

/* Asked before anything is read: reading is what costs. Responses are of our own asking, or fit
 * nothing. */
static bool is_above_rate(const struct sip_stack *stack, const char *bytes, size_t length,
                          const struct sip_hop *source)
{
    const struct sip_config *c = &stack->config;
    if (!c->admit || length < 8 || memcmp(bytes, "SIP/2.0 ", 8) == 0)
        return false;
    return c->admit(c->user, (const struct sockaddr *)&source->address, source->protocol,
                    SIP_STAGE_REQUEST) != SIP_ADMITTED;
}

void sip_stack_receive(struct sip_stack *stack, const char *bytes, size_t length,
                       const struct sip_hop *source)
{
    struct sip_hop hop = *source;
    stack->counters.datagrams_in++;
    for (; length && (*bytes == '\r' || *bytes == '\n'); length--)
        bytes++;
    if (is_above_rate(stack, bytes, length, source)) {
        stack->counters.limited++;
        return;
    }
    int error = sip_message_scan(bytes, length);
    if (error == -EAGAIN)
        return;
    osip_event_t *event = error ? NULL : sip_body_parse(stack, bytes, length);
    if (!event || sip_message_check(event->sip) != 0) {
        stack->counters.malformed++;
        if (event)
            refuse_bad(stack, event->sip, &hop);
        osip_event_free(event);
        return;
    }
    if (hop.protocol != SIP_UDP && MSG_IS_REQUEST(event->sip))
        hop.return_port = return_port(event->sip);
    sip_trace_message(stack, false, bytes, length, hop.protocol);
    stack->receiving.bytes = bytes;
    stack->receiving.length = length;
    stack->receiving.protocol = hop.protocol;
    if (MSG_IS_REQUEST(event->sip))
        receive_request(stack, event, &hop);
    else
        receive_response(stack, event, &hop);
    stack->receiving.bytes = NULL;
}
