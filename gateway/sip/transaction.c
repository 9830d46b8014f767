#include "gateway/sip/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transaction_timer.h"
#include "gateway/sip/transport.h"

bool sip_transaction_client_key(char key[SIP_KEY_TEXT], const char *method, const char *branch)
{
    int n = snprintf(key, SIP_KEY_TEXT, "c:%s:%s", method, branch);
    return n > 0 && n < SIP_KEY_TEXT;
}

/* RFC 3261 §17.2.3; without the cookie the older rule, on what stays the same in retransmissions.
 */
bool sip_transaction_server_key(char key[SIP_KEY_TEXT], const char *method,
                                const osip_message_t *request)
{
    char call_id[SIP_CALL_ID_MAX + 1];
    const osip_via_t *via = osip_list_get(&request->vias, 0);
    const char *branch = sip_message_branch(request);
    const char *port = via->port ? via->port : "";
    int n;
    if (!strncmp(branch, "z9hG4bK", 7)) {
        n = snprintf(key, SIP_KEY_TEXT, "s:%s:%s:%s:%s", method, branch, via->host, port);
    } else {
        if (!sip_message_call_id(request, call_id))
            return false;
        n = snprintf(key, SIP_KEY_TEXT, "s:%s:%s:%s:%s:%s:%s", method, call_id,
                     request->cseq->number, sip_message_from_tag(request), via->host, port);
    }
    return n > 0 && n < SIP_KEY_TEXT;
}

struct sip_transaction *sip_transaction_find(struct sip_stack *stack, const char *key)
{
    return sip_table_find(&stack->transactions, key);
}

static void note_failure(struct sip_transaction *tx, const char *text)
{
    tx->unreachable = true;
    if (!tx->failure && text[0])
        tx->failure = strdup(text);
}

/* The machine's answer addresses are ignored: requests go where the dialog says, responses where
 * the request came from (RFC 3581, and symmetric for those who do not ask for it). */
static int on_send(osip_transaction_t *osip, osip_message_t *message, char *host, int port,
                   int socket)
{
    struct sip_transaction *tx = osip_transaction_get_your_instance(osip);
    (void)host, (void)port, (void)socket;
    char *text = NULL;
    size_t length = 0;
    /* The machine builds the ACK for a refusal without Max-Forwards (§8.1.1.6). */
    if (MSG_IS_ACK(message) && !sip_message_header(message, "max-forwards")) {
        (void)osip_message_set_header(message, "Max-Forwards", "70");
        osip_message_force_update(message);
    }
    if (osip_message_to_str(message, &text, &length) != 0)
        return 0;
    if (sip_transport_send(tx->stack, text, length, &tx->peer) < 0)
        note_failure(tx, tx->stack->trouble);
    osip_free(text);
    return 0;
}

/* Nothing may be answered in here: the machine sets its state only after this returns. */
static void on_message(int type, osip_transaction_t *osip, osip_message_t *message)
{
    struct sip_transaction *tx = osip_transaction_get_your_instance(osip);
    if (type == OSIP_ICT_STATUS_TIMEOUT || type == OSIP_NICT_STATUS_TIMEOUT)
        tx->timed_out = true;
    else if (message && MSG_IS_RESPONSE(message) && (tx->type == ICT || tx->type == NICT) &&
             type != OSIP_ICT_STATUS_3456XX_RECEIVED_AGAIN)
        tx->response = message;
    if (type == OSIP_IST_INVITE_RECEIVED_AGAIN || type == OSIP_NIST_REQUEST_RECEIVED_AGAIN)
        tx->stack->counters.retransmissions_in++;
}

static void on_kill(int type, osip_transaction_t *osip)
{
    struct sip_transaction *tx = osip_transaction_get_your_instance(osip);
    (void)type;
    tx->terminated = true;
}

void sip_transaction_register(osip_t *osip)
{
    osip_set_cb_send_message(osip, on_send);
    for (int i = 0; i < OSIP_MESSAGE_CALLBACK_COUNT; i++)
        osip_set_message_callback(osip, i, on_message);
    for (int i = 0; i < OSIP_KILL_CALLBACK_COUNT; i++)
        osip_set_kill_transaction_callback(osip, i, on_kill);
}

void sip_transaction_kill(struct sip_transaction *tx)
{
    struct sip_stack *stack = tx->stack;
    if (tx->dead)
        return;
    tx->dead = true;
    sip_timer_stop(&stack->timers, &tx->timer);
    sip_table_remove(&stack->transactions, &tx->node);
    if (tx->previous)
        tx->previous->next = tx->next;
    else
        stack->all_transactions = tx->next;
    if (tx->next)
        tx->next->previous = tx->previous;
    tx->next = stack->dead_transactions;
    stack->dead_transactions = tx;
    stack->counters.transactions--;
    sip_stack_post(stack);
}

void sip_transaction_free(struct sip_transaction *tx)
{
    if (tx->osip)
        osip_transaction_free2(tx->osip);
    free(tx->kept);
    free(tx->failure);
    free(tx);
}

/* Ends it and tells the verb, and the session when it was its. */
static void finish(struct sip_transaction *tx, const osip_message_t *response,
                   enum sip_party failure)
{
    struct sip_session *session = tx->session;
    sip_response_cb *tell = tx->on_response;
    tx->session = NULL;
    tx->on_response = NULL;
    if (session)
        sip_session_forget(session, tx);
    if (tell)
        tell(tx, session, response, failure);
    if (session)
        sip_session_settle(session);
}

void sip_transaction_fail(struct sip_transaction *tx, enum sip_party failure)
{
    sip_transaction_kill(tx);
    finish(tx, NULL, failure);
}

/* What the machine noted, once it has returned. */
static void tell(struct sip_transaction *tx)
{
    const osip_message_t *response = tx->response;
    tx->response = NULL;
    if (response && tx->session && sip_session_authenticate(tx, response))
        return;
    if (response && response->status_code >= 200)
        finish(tx, response, SIP_PARTY_PEER);
    else if (tx->timed_out || tx->dead)
        finish(tx, NULL, SIP_PARTY_TIMEOUT);
    else if (response && tx->on_response)
        tx->on_response(tx, tx->session, response, SIP_PARTY_PEER);
}

/* Freed later: the application may be looking at the request just now. */
static void release_machine(struct sip_transaction *tx)
{
    osip_transaction_set_reserved6(tx->osip, tx->stack->dead_osip);
    tx->stack->dead_osip = tx->osip;
    tx->osip = NULL;
    sip_stack_post(tx->stack);
}

/* Keeps the final response to a request other than INVITE instead of the machine. */
static void keep_response(struct sip_transaction *tx)
{
    char *text = NULL;
    size_t length = 0;
    if (osip_message_to_str(tx->osip->last_response, &text, &length) == 0)
        tx->kept = malloc(length);
    if (tx->kept) {
        memcpy(tx->kept, text, length);
        tx->kept_length = length;
        release_machine(tx);
    }
    osip_free(text);
}

static void execute(struct sip_transaction *tx, osip_event_t *event)
{
    event->transactionid = tx->osip->transactionid;
    osip_transaction_execute(tx->osip, event);
    if (tx->terminated && tx->type == IST && tx->osip->last_response &&
        MSG_IS_STATUS_2XX(tx->osip->last_response)) {
        tx->accepted = true;
        release_machine(tx);
    } else if (tx->terminated) {
        sip_transaction_kill(tx);
    }
    if (!tx->dead && tx->osip && tx->osip->state == NIST_COMPLETED)
        keep_response(tx);
    if (!tx->dead)
        sip_transaction_timer_update(tx);
    tell(tx);
}

void sip_transaction_time_out(struct sip_transaction *tx, type_t timer)
{
    osip_event_t *event = osip_malloc(sizeof *event);
    if (!event) {
        sip_transaction_fail(tx, SIP_PARTY_TIMEOUT);
        return;
    }
    *event = (osip_event_t){.type = timer};
    execute(tx, event);
} // NOLINT(clang-analyzer-unix.Malloc): osip_transaction_execute() frees events

static struct sip_transaction *create(struct sip_stack *stack, osip_fsm_type_t type,
                                      osip_message_t *request, const char *key,
                                      const struct sip_hop *peer)
{
    size_t length = strlen(key) + 1;
    struct sip_transaction *tx = calloc(1, sizeof *tx + length);
    if (!tx)
        return NULL;
    if (osip_transaction_init(&tx->osip, type, stack->osip, request) != 0) {
        free(tx);
        return NULL;
    }
    /* Its own list is searched linearly; ours is the table. */
    osip_remove_transaction(stack->osip, tx->osip);
    osip_transaction_set_your_instance(tx->osip, tx);
    memcpy(tx->key, key, length);
    tx->stack = stack;
    tx->type = type;
    tx->state = tx->osip->state;
    tx->node.key = tx->key;
    tx->node.owner = tx;
    tx->peer = *peer;
    sip_table_add(&stack->transactions, &tx->node);
    tx->next = stack->all_transactions;
    if (tx->next)
        tx->next->previous = tx;
    stack->all_transactions = tx;
    stack->counters.transactions++;
    return tx;
}

struct sip_transaction *sip_transaction_request(struct sip_stack *stack, const char *text,
                                                size_t length, const char *branch,
                                                const struct sip_hop *to)
{
    char key[SIP_KEY_TEXT];
    osip_message_t *request = NULL;
    struct sip_transaction *tx = NULL;
    osip_event_t *event = NULL;
    if (stack->counters.transactions >= 2 * stack->config.max_transactions)
        return NULL;
    if (osip_message_init(&request) != 0)
        return NULL;
    if (osip_message_parse(request, text, length) != 0 || sip_message_check(request) != 0 ||
        !MSG_IS_REQUEST(request) || !sip_message_uri_is_usable(request->req_uri) ||
        !sip_transaction_client_key(key, request->sip_method, branch))
        goto fail;
    event = osip_new_outgoing_sipmessage(request);
    if (!event)
        goto fail;
    tx = create(stack, MSG_IS_INVITE(request) ? ICT : NICT, request, key, to);
    if (!tx)
        goto fail;
    execute(tx, event);
    return tx;
fail:
    osip_free(event);
    osip_message_free(request);
    return NULL;
}

struct sip_transaction *sip_transaction_serve(struct sip_stack *stack, osip_event_t *event,
                                              const char *key, const struct sip_hop *source)
{
    struct sip_transaction *tx =
        create(stack, MSG_IS_INVITE(event->sip) ? IST : NIST, event->sip, key, source);
    if (tx)
        execute(tx, event);
    else
        osip_event_free(event);
    return tx;
}

void sip_transaction_receive(struct sip_transaction *tx, osip_event_t *event)
{
    if (tx->osip) {
        execute(tx, event);
        return;
    }
    /* A 2xx to INVITE is repeated by the session's own timer. */
    tx->stack->counters.retransmissions_in++;
    if (tx->kept)
        (void)sip_transport_send(tx->stack, tx->kept, tx->kept_length, &tx->peer);
    osip_event_free(event);
}

void sip_transaction_respond(struct sip_transaction *tx, osip_message_t *response)
{
    osip_event_t *event = response && tx->osip ? osip_new_outgoing_sipmessage(response) : NULL;
    if (event)
        execute(tx, event);
    else
        osip_message_free(response);
}

osip_message_t *sip_transaction_message(const struct sip_transaction *tx)
{
    return tx->osip ? tx->osip->orig_request : NULL;
}

/* Finds the client transaction by method and branch in what ICMP quotes of our request. */
void sip_transaction_unreachable(struct sip_stack *stack, const char *bytes, size_t length,
                                 const struct sockaddr *to)
{
    char method[32], branch[SIP_TAG_MAX], key[SIP_KEY_TEXT];
    static const char mark[] = ";branch=";
    const char *space = memchr(bytes, ' ', length < sizeof method ? length : sizeof method);
    const char *at = memmem(bytes, length, mark, sizeof mark - 1);
    if (!space || (size_t)(space - bytes) >= sizeof method || !at)
        return;
    memcpy(method, bytes, (size_t)(space - bytes));
    method[space - bytes] = '\0';
    at += sizeof mark - 1;
    size_t n = 0, left = length - (size_t)(at - bytes);
    while (n < left && n < sizeof branch - 1 && at[n] > ' ' && at[n] != ';' && at[n] != ',')
        n++;
    memcpy(branch, at, n);
    branch[n] = '\0';
    if (!sip_transaction_client_key(key, method, branch))
        return;
    struct sip_transaction *tx = sip_transaction_find(stack, key);
    if (tx && tx->peer.protocol == SIP_UDP &&
        sip_transport_same((struct sockaddr *)&tx->peer.address, to, true)) {
        tx->unreachable = true;
        sip_transaction_timer_update(tx);
    }
}

void sip_transaction_connection_lost(struct sip_stack *stack, uint32_t connection, bool may_resend,
                                     const char *text)
{
    for (struct sip_transaction *tx = stack->all_transactions; tx; tx = tx->next) {
        if (tx->peer.protocol == SIP_UDP || tx->peer.connection != connection || !tx->osip)
            continue;
        tx->may_resend = may_resend && !tx->resent;
        note_failure(tx, text);
        sip_transaction_timer_update(tx);
    }
}

void sip_transaction_resend(struct sip_transaction *tx)
{
    char *text = NULL;
    size_t length = 0;
    tx->resent = true;
    tx->may_resend = tx->unreachable = false;
    tx->peer.connection = 0;
    if (osip_message_to_str(tx->osip->orig_request, &text, &length) != 0)
        tx->unreachable = true;
    else if (sip_transport_send(tx->stack, text, length, &tx->peer) < 0)
        note_failure(tx, tx->stack->trouble);
    osip_free(text);
    sip_transaction_timer_update(tx);
}
