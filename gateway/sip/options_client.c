/* OPTIONS of ours (RFC 3261 §11.1): is the peer there? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/sip/message.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"
#include "gateway/sip/transport.h"

struct sip_options {
    struct sip_options *next, **at; /* of the stack's; at is what points here */
    struct sip_stack *stack;
    struct sip_transaction *tx;
    uint64_t sent_at_ms;
    sip_options_cb *cb;
    void *user;
};

static void forget(struct sip_options *probe)
{
    *probe->at = probe->next;
    if (probe->next)
        probe->next->at = probe->at;
    free(probe);
}

static void on_response(struct sip_transaction *tx, struct sip_session *session,
                        const osip_message_t *response, enum sip_party failure)
{
    struct sip_options *probe = tx->user;
    (void)session;
    if (!probe || (response && response->status_code < 200))
        return;
    struct sip_options_result result = {
        .who = response ? SIP_PARTY_PEER : failure,
        .took_ms = (uint32_t)(uv_now(probe->stack->loop) - probe->sent_at_ms)};
    if (response) {
        result.code = response->status_code;
        result.reason = response->reason_phrase ? response->reason_phrase : "";
        result.retry_after_s = sip_message_retry_after(response);
    } else if (failure == SIP_PARTY_TRANSPORT) {
        result.code = 503;
        result.reason = tx->failure ? tx->failure : "unreachable";
    } else {
        result.code = 408;
        result.reason = "no response";
    }
    sip_options_cb *cb = probe->cb;
    void *user = probe->user;
    tx->user = NULL;
    forget(probe);
    cb(user, &result);
}

static int send_request(struct sip_options *probe, const struct sip_options_target *target)
{
    struct sip_stack *stack = probe->stack;
    const struct sip_hop hop = {.address = target->address, .protocol = target->protocol};
    char own[SIP_CONTACT_TEXT + 2];
    struct sip_dialog outside = {.local_cseq = SIP_FIRST_CSEQ};
    const struct sip_call call = {.target = target->address,
                                  .protocol = target->protocol,
                                  .request_uri = target->request_uri,
                                  .from_uri = target->from_uri ? target->from_uri : own,
                                  .to_uri = target->request_uri};
    (void)snprintf(own, sizeof own, "<%s>", sip_transport_contact(stack, &hop, false));
    int error = sip_dialog_prepare(stack, &outside, &call);
    if (!error) {
        struct sip_request what = {.method = "OPTIONS", .cseq = SIP_FIRST_CSEQ};
        probe->tx = sip_request_send(stack, &outside, &what, NULL, on_response);
        error = probe->tx ? 0 : -EINVAL;
    }
    sip_dialog_close(stack, &outside);
    return error;
}

int sip_options_send(struct sip_stack *stack, const struct sip_options_target *target,
                     sip_options_cb *cb, void *user, struct sip_options **probe)
{
    if (probe)
        *probe = NULL;
    if (stack->is_closing || stack->counters.transactions >= stack->config.max_transactions)
        return -EAGAIN;
    struct sip_options *made = calloc(1, sizeof *made);
    if (!made)
        return -ENOMEM;
    *made = (struct sip_options){
        .stack = stack, .sent_at_ms = uv_now(stack->loop), .cb = cb, .user = user};
    int error = send_request(made, target);
    if (error) {
        free(made);
        return error;
    }
    made->tx->user = made;
    if (target->timeout_ms)
        sip_transaction_expire(made->tx, target->timeout_ms);
    made->next = stack->probes;
    made->at = &stack->probes;
    if (made->next)
        made->next->at = &made->next;
    stack->probes = made;
    if (probe)
        *probe = made;
    return 0;
}

void sip_options_cancel(struct sip_options *probe)
{
    if (!probe)
        return;
    probe->tx->on_response = NULL;
    probe->tx->user = NULL;
    forget(probe);
}

void sip_options_drop(struct sip_stack *stack)
{
    for (struct sip_options *probe = stack->probes, *next; probe; probe = next) {
        next = probe->next;
        probe->tx->on_response = NULL;
        probe->tx->user = NULL;
        free(probe);
    }
    stack->probes = NULL;
}
