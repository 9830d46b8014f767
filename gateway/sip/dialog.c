#include "gateway/sip/dialog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/message.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"
#include "gateway/socket_address.h"

/* Takes a string that libosip2 made, so that all here is freed by free(). */
static char *adopt(char *osip_text)
{
    char *copy = osip_text ? strdup(osip_text) : NULL;
    osip_free(osip_text);
    return copy;
}

static char *uri_text(const osip_uri_t *uri)
{
    char *text = NULL;
    return osip_uri_to_str(uri, &text) == 0 ? adopt(text) : NULL;
}

static char *with_tag(const char *value, const char *tag)
{
    char *text = NULL;
    return asprintf(&text, "%s;tag=%s", value, tag) < 0 ? NULL : text;
}

static int enter(struct sip_stack *stack, struct sip_dialog *d, void *owner)
{
    if (asprintf(&d->key, "%s\n%s", d->call_id, d->local_tag) < 0) {
        d->key = NULL;
        return -ENOMEM;
    }
    d->node.key = d->key;
    d->node.owner = owner;
    sip_table_add(&stack->dialogs, &d->node);
    d->in_table = true;
    return 0;
}

struct sip_session *sip_dialog_find(struct sip_stack *stack, const osip_message_t *message,
                                    const char *local_tag)
{
    char key[SIP_KEY_TEXT], call_id[SIP_CALL_ID_MAX + 1];
    if (!*local_tag || !sip_message_call_id(message, call_id))
        return NULL;
    int n = snprintf(key, sizeof key, "%s\n%s", call_id, local_tag);
    return n > 0 && n < (int)sizeof key ? sip_table_find(&stack->dialogs, key) : NULL;
}

/* Where a URI leads to: a literal address, by the transport that it names. */
static bool uri_hop(const struct sip_stack *stack, const osip_uri_t *uri, struct sip_hop *hop)
{
    const char *transport = sip_message_param(&uri->url_params, "transport");
    bool is_tls = !strcasecmp(uri->scheme, "sips") || (transport && !strcasecmp(transport, "tls"));
    long port = uri->port && *uri->port ? strtol(uri->port, NULL, 10) : is_tls ? 5061 : 5060;
    *hop = (struct sip_hop){.protocol = is_tls ? SIP_TLS : SIP_UDP};
    if (!is_tls && transport && !strcasecmp(transport, "tcp"))
        hop->protocol = SIP_TCP;
    return port > 0 && port <= UINT16_MAX &&
           sip_transport_literal(uri->host, (uint16_t)port, &hop->address) &&
           sip_transport_can_reach(stack, hop);
}

/* Requests go to the first route or the target when that is a literal address; names, and peers
 * behind an address translation, are reached where their message came from. So is everybody at the
 * other end of a connection, and what began in TLS goes on in TLS. */
static void find_peer(struct sip_stack *stack, struct sip_dialog *d, const osip_uri_t *first_hop,
                      const struct sip_hop *source, bool is_translated)
{
    struct sip_hop hop;
    const struct sip_hop *known = source ? source : &d->peer;
    bool found =
        first_hop && !is_translated && !known->is_device && uri_hop(stack, first_hop, &hop);
    if (found && known->protocol != SIP_UDP)
        found = !sip_transport_same((const struct sockaddr *)&hop.address,
                                    (const struct sockaddr *)&known->address, false) &&
                (known->protocol == SIP_TCP || hop.protocol == SIP_TLS);
    if (found)
        d->peer = hop;
    else if (source)
        d->peer = *source;
}

/* Joins the Record-Route URIs, in order for a server, reversed for a client. Returns the first
 * one of the route set in *first, NULL when there is none. */
static int take_routes(struct sip_dialog *d, const osip_message_t *m, bool reversed,
                       const osip_uri_t **first)
{
    int count = osip_list_size(&m->record_routes);
    struct sip_text all;
    char *text;
    *first = NULL;
    if (count <= 0)
        return 0;
    size_t capacity = (size_t)count * (SIP_LINE_MAX + 2);
    text = malloc(capacity);
    if (!text)
        return -ENOMEM;
    sip_text_open(&all, text, capacity);
    for (int i = 0; i < count; i++) {
        char *one = NULL;
        const osip_record_route_t *r =
            osip_list_get(&m->record_routes, reversed ? count - 1 - i : i);
        if (!r || !sip_message_uri_is_usable(r->url) || osip_record_route_to_str(r, &one) != 0) {
            free(text);
            return -EBADMSG;
        }
        if (i == 0) {
            *first = r->url;
            d->is_strict = !sip_message_param(&r->url->url_params, "lr");
        }
        sip_text_add(&all, "%s%s", i ? ", " : "", one);
        osip_free(one);
    }
    d->routes = all.overflow ? NULL : strdup(text);
    free(text);
    return d->routes ? 0 : -ENOMEM;
}

/* Whether the top Via, written by the peer, names another address than we see. */
static bool is_translated(const osip_message_t *request, const struct sip_hop *source)
{
    const osip_via_t *via = osip_list_get(&request->vias, 0);
    char text[SOCKET_ADDRESS_HOST];
    socket_address_host((const struct sockaddr *)&source->address, text);
    bool is_literal = strspn(via->host, "0123456789.") == strlen(via->host);
    return is_literal && osip_list_size(&request->vias) == 1 && strcmp(via->host, text) != 0;
}

static int take_invite(struct sip_stack *stack, struct sip_dialog *d, const osip_message_t *invite,
                       const struct sip_hop *source)
{
    char call_id[SIP_CALL_ID_MAX + 1], *text = NULL;
    const osip_uri_t *contact = sip_message_contact(invite), *first = NULL;
    if (!contact || !sip_message_call_id(invite, call_id))
        return -EBADMSG;
    d->call_id = strdup(call_id);
    d->remote_tag = strdup(sip_message_from_tag(invite));
    if (osip_from_to_str(invite->from, &text) == 0)
        d->remote = adopt(text);
    text = NULL;
    if (osip_to_to_str(invite->to, &text) == 0) {
        d->local = with_tag(text, d->local_tag);
        osip_free(text);
    }
    d->target = uri_text(contact);
    if (!d->call_id || !d->remote_tag || !d->remote || !d->local || !d->target)
        return -ENOMEM;
    int error = take_routes(d, invite, false, &first);
    if (error)
        return error;
    find_peer(stack, d, first ? first : contact, source, is_translated(invite, source));
    return 0;
}

int sip_dialog_open_server(struct sip_stack *stack, struct sip_dialog *d,
                           const osip_message_t *invite, const struct sip_hop *source)
{
    void *owner = d->node.owner;
    sip_stack_make_id(d->local_tag);
    d->remote_cseq = sip_message_cseq(invite);
    d->has_remote_cseq = true;
    int error = take_invite(stack, d, invite, source);
    return error ? error : enter(stack, d, owner);
}

/* A bare URI gets brackets, so that our tag does not become a parameter of it. */
static char *bracketed(const char *uri)
{
    char *text = NULL;
    return asprintf(&text, strchr(uri, '<') ? "%s" : "<%s>", uri) < 0 ? NULL : text;
}

static bool is_usable_text(const char *s)
{
    return s && *s && strlen(s) < 1024 && sip_text_is_line(s);
}

int sip_dialog_prepare(struct sip_stack *stack, struct sip_dialog *d, const struct sip_call *call)
{
    char id[SIP_ID_TEXT];
    const struct sip_hop hop = {.address = call->target,
                                .protocol = call->protocol,
                                .connection = call->connection,
                                .is_device = call->to_device};
    sip_stack_make_id(id);
    sip_stack_make_id(d->local_tag);
    if (!is_usable_text(call->request_uri) || !sip_text_is_token(call->request_uri) ||
        !is_usable_text(call->from_uri) || !is_usable_text(call->to_uri) ||
        (call->call_id &&
         (!sip_text_is_token(call->call_id) || strlen(call->call_id) > SIP_CALL_ID_MAX)) ||
        !sip_transport_can_reach(stack, &hop))
        return -EINVAL;
    d->call_id = strdup(call->call_id ? call->call_id : id);
    char *from = bracketed(call->from_uri);
    d->local = from ? with_tag(from, d->local_tag) : NULL;
    free(from);
    d->remote = bracketed(call->to_uri);
    d->target = strdup(call->request_uri);
    d->peer = hop;
    d->long_by_tcp = call->long_by_tcp && call->protocol == SIP_UDP;
    d->hops_made = call->hops_made < SIP_HOPS_MAX ? call->hops_made : SIP_HOPS_MAX;
    return d->call_id && d->local && d->remote && d->target ? 0 : -ENOMEM;
}

int sip_dialog_open_client(struct sip_stack *stack, struct sip_dialog *d,
                           const struct sip_call *call)
{
    void *owner = d->node.owner;
    int error = sip_dialog_prepare(stack, d, call);
    return error ? error : enter(stack, d, owner);
}

int sip_dialog_confirm(struct sip_stack *stack, struct sip_dialog *d,
                       const osip_message_t *response)
{
    const osip_uri_t *contact = sip_message_contact(response), *first = NULL;
    char *to = NULL, *text = NULL;
    if (osip_to_to_str(response->to, &text) == 0)
        to = adopt(text);
    free(d->remote_tag);
    d->remote_tag = strdup(sip_message_to_tag(response));
    if (!to || !d->remote_tag) {
        free(to);
        return -ENOMEM;
    }
    free(d->remote);
    d->remote = to;
    if (contact) {
        char *target = uri_text(contact);
        if (!target)
            return -ENOMEM;
        free(d->target);
        d->target = target;
    }
    int error = take_routes(d, response, true, &first);
    if (!error)
        find_peer(stack, d, first ? first : contact, NULL, false);
    return error;
}

int sip_dialog_fork(struct sip_stack *stack, struct sip_dialog *fork,
                    const struct sip_dialog *dialog, const osip_message_t *response)
{
    *fork = (struct sip_dialog){
        .local_cseq = dialog->local_cseq, .peer = dialog->peer, .long_by_tcp = dialog->long_by_tcp};
    memcpy(fork->local_tag, dialog->local_tag, sizeof fork->local_tag);
    fork->call_id = strdup(dialog->call_id);
    fork->local = strdup(dialog->local);
    fork->remote = strdup(dialog->remote);
    fork->target = strdup(dialog->target);
    if (!fork->call_id || !fork->local || !fork->remote || !fork->target)
        return -ENOMEM;
    return sip_dialog_confirm(stack, fork, response);
}

void sip_dialog_refresh(struct sip_stack *stack, struct sip_dialog *d, const osip_message_t *m)
{
    const osip_uri_t *contact = sip_message_contact(m);
    char *target = contact ? uri_text(contact) : NULL;
    if (!target)
        return;
    bool is_same = !strcmp(target, d->target);
    free(d->target);
    d->target = target;
    if (!is_same && !d->routes)
        find_peer(stack, d, contact, NULL, false);
}

void sip_dialog_close(struct sip_stack *stack, struct sip_dialog *d)
{
    if (d->in_table)
        sip_table_remove(&stack->dialogs, &d->node);
    d->in_table = false;
    free(d->key);
    free(d->call_id);
    free(d->remote_tag);
    free(d->local);
    free(d->remote);
    free(d->target);
    free(d->routes);
    sip_auth_free(d->auth);
    d->auth = NULL;
    d->key = d->call_id = d->remote_tag = d->local = d->remote = d->target = d->routes = NULL;
}
