#include "gateway/sip/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

enum { SIP_UDP_REQUEST_MAX = 1300 }; /* RFC 3261 §18.1.1 */

/* The URI inside the first <...> of a Route value. */
static int first_route(const struct sip_dialog *d, const char **uri, const char **rest)
{
    const char *open = strchr(d->routes, '<');
    const char *close = open ? strchr(open, '>') : NULL;
    if (!close)
        return 0;
    *uri = open + 1;
    *rest = strncmp(close + 1, ", ", 2) == 0 ? close + 3 : "";
    return (int)(close - open - 1);
}

static void write_start(struct sip_text *t, const struct sip_dialog *d, const char *method)
{
    const char *uri = NULL, *rest = "";
    int length = d->routes && d->is_strict ? first_route(d, &uri, &rest) : 0;
    if (length > 0)
        sip_text_add(t, "%s %.*s SIP/2.0\r\nRoute: %s%s<%s>\r\n", method, length, uri, rest,
                     *rest ? ", " : "", d->target);
    else if (d->routes)
        sip_text_add(t, "%s %s SIP/2.0\r\nRoute: %s\r\n", method, d->target, d->routes);
    else
        sip_text_add(t, "%s %s SIP/2.0\r\n", method, d->target);
}

static void write_authorization(struct sip_text *t, const struct sip_dialog *d, const char *method)
{
    char uri[DIGEST_URI_MAX];
    const char *end = t->text + strlen(method) + 1; /* of the URI in the first line */
    size_t length = d->auth && !t->overflow ? strcspn(end, " ") : sizeof uri;
    if (length >= sizeof uri)
        return;
    memcpy(uri, end, length);
    uri[length] = '\0';
    sip_auth_write(d->auth, method, uri, t);
}

/* Those that make or refresh a target (RFC 3261 §12.2, RFC 3311 §5.1), and OPTIONS. */
static bool has_contact(const char *method)
{
    return !strcmp(method, "INVITE") || !strcmp(method, "UPDATE") || !strcmp(method, "OPTIONS");
}

static size_t write_for(struct sip_stack *stack, const struct sip_dialog *d,
                        const struct sip_request *what, const struct sip_hop *hop,
                        char branch[SIP_ID_TEXT + 8])
{
    struct sip_text t;
    char id[SIP_ID_TEXT], own[SIP_ID_TEXT + 8];
    if (what->branch) {
        (void)snprintf(own, sizeof own, "%s", what->branch);
    } else {
        sip_stack_make_id(id);
        (void)snprintf(own, sizeof own, "z9hG4bK%s", id);
    }
    sip_text_open(&t, stack->scratch, sizeof stack->scratch);
    write_start(&t, d, what->method);
    sip_text_add(&t, "Via: SIP/2.0/%s %s;rport;branch=%s\r\nMax-Forwards: %d\r\n",
                 sip_transport_name(hop->protocol), sip_transport_host(stack, hop), own,
                 SIP_HOPS_MAX - d->hops_made);
    sip_text_add(&t, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %" PRIu32 " %s\r\n", d->local,
                 d->remote, d->call_id, what->cseq, what->method);
    if (has_contact(what->method))
        sip_text_add(&t, "Contact: <%s>\r\nAllow: " SIP_ALLOW "\r\nAccept: application/sdp\r\n",
                     sip_transport_contact(stack, &d->peer, !strncasecmp(d->target, "sips:", 5)));
    if (stack->config.user_agent)
        sip_text_add(&t, "User-Agent: %s\r\n", stack->config.user_agent);
    write_authorization(&t, d, what->method);
    if (what->reason)
        sip_text_add(&t, "Reason: %s\r\n", what->reason);
    if (what->headers)
        sip_text_add(&t, "%s", what->headers);
    if (what->body)
        sip_text_add(&t, "Content-Type: application/sdp\r\n");
    sip_text_add(&t, "Content-Length: %zu\r\n\r\n", what->body ? what->body_length : 0);
    if (what->body)
        sip_text_add_octets(&t, what->body, what->body_length);
    if (branch)
        memcpy(branch, own, sizeof own);
    return t.overflow ? 0 : t.length;
}

size_t sip_request_write(struct sip_stack *stack, const struct sip_dialog *d,
                         const struct sip_request *what, char branch[SIP_ID_TEXT + 8])
{
    return write_for(stack, d, what, &d->peer, branch);
}

struct sip_transaction *sip_request_send(struct sip_stack *stack, const struct sip_dialog *dialog,
                                         const struct sip_request *what,
                                         struct sip_session *session, sip_response_cb *on_response)
{
    char branch[SIP_ID_TEXT + 8];
    struct sip_hop hop = dialog->peer;
    size_t length = sip_request_write(stack, dialog, what, branch);
    if (length > SIP_UDP_REQUEST_MAX && dialog->long_by_tcp && hop.protocol == SIP_UDP) {
        hop.protocol = SIP_TCP;
        length = write_for(stack, dialog, what, &hop, branch);
    }
    struct sip_transaction *tx =
        length ? sip_transaction_request(stack, stack->scratch, length, branch, &hop) : NULL;
    if (tx) {
        tx->session = session;
        tx->on_response = on_response;
    }
    return tx;
}
