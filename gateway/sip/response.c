#include "gateway/sip/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/message.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

static const char *phrase_of(int code)
{
    const char *phrase = osip_message_get_reason(code);
    return phrase ? phrase : "Refused";
}

static int copy_vias(const osip_message_t *request, osip_message_t *response)
{
    for (int i = 0; !osip_list_eol(&request->vias, i); i++) {
        osip_via_t *copy = NULL;
        if (osip_via_clone(osip_list_get(&request->vias, i), &copy) != 0)
            return -1;
        if (osip_list_add(&response->vias, copy, -1) < 0) {
            osip_via_free(copy);
            return -1;
        }
    }
    return 0;
}

static int copy_record_routes(const osip_message_t *request, osip_message_t *response)
{
    for (int i = 0; !osip_list_eol(&request->record_routes, i); i++) {
        osip_record_route_t *copy = NULL;
        if (osip_record_route_clone(osip_list_get(&request->record_routes, i), &copy) != 0)
            return -1;
        if (osip_list_add(&response->record_routes, copy, -1) < 0) {
            osip_record_route_free(copy);
            return -1;
        }
    }
    return 0;
}

static int copy_headers(const osip_message_t *request, osip_message_t *response,
                        const struct sip_response *what)
{
    if (osip_from_clone(request->from, &response->from) != 0 ||
        osip_to_clone(request->to, &response->to) != 0 ||
        osip_call_id_clone(request->call_id, &response->call_id) != 0 ||
        osip_cseq_clone(request->cseq, &response->cseq) != 0 || copy_vias(request, response) != 0)
        return -1;
    if (!what->local_tag || *sip_message_to_tag(request) || what->code <= 100)
        return 0;
    /* osip_to_set_tag() would not look whether there is memory for the name. */
    char *name = osip_strdup("tag"), *tag = osip_strdup(what->local_tag);
    if (name && tag && osip_generic_param_add(&response->to->gen_params, name, tag) >= 0)
        return 0;
    osip_free(name);
    osip_free(tag);
    return -1;
}

/* The machine writes responses without looking whether their texts are there. */
static int write_status(osip_message_t *response, const struct sip_response *what)
{
    const char *reason = what->reason ? what->reason : phrase_of(what->code);
    osip_message_set_version(response, osip_strdup("SIP/2.0"));
    osip_message_set_status_code(response, what->code);
    osip_message_set_reason_phrase(response, osip_strdup(reason));
    return response->sip_version && response->reason_phrase ? 0 : -1;
}

static int add_contact(osip_message_t *response, const char *uri)
{
    char contact[SIP_CONTACT_TEXT + 2];
    (void)snprintf(contact, sizeof contact, "<%s>", uri);
    return osip_message_set_contact(response, contact);
}

osip_message_t *sip_response_build(const struct sip_stack *stack, const osip_message_t *request,
                                   const struct sip_response *what)
{
    osip_message_t *r = NULL;
    if (osip_message_init(&r) != 0)
        return NULL;
    if (write_status(r, what) != 0 || copy_headers(request, r, what) != 0)
        goto fail;
    if (what->contact &&
        (copy_record_routes(request, r) != 0 || add_contact(r, what->contact) != 0))
        goto fail;
    if (what->contact && what->code >= 200)
        osip_message_set_allow(r, SIP_ALLOW);
    if (stack->config.user_agent)
        osip_message_set_header(r, "Server", stack->config.user_agent);
    if (what->body && (osip_message_set_content_type(r, "application/sdp") != 0 ||
                       osip_message_set_body(r, what->body, what->body_length) != 0))
        goto fail;
    return r;
fail:
    osip_message_free(r);
    return NULL;
}

osip_message_t *sip_response_add(osip_message_t *response, const char *name, const char *value)
{
    if (!response)
        return NULL;
    if (!strcmp(name, "Allow"))
        osip_message_set_allow(response, value);
    else if (!strcmp(name, "Accept"))
        osip_message_set_accept(response, value);
    else
        osip_message_set_header(response, name, value);
    return response;
}

/* A tag that stays the same for retransmissions and that others cannot guess. */
static void make_tag(struct sip_stack *stack, const osip_message_t *request, char tag[24])
{
    char call_id[SIP_CALL_ID_MAX + 1], text[SIP_KEY_TEXT];
    if (!sip_message_call_id(request, call_id))
        call_id[0] = '\0';
    int n = snprintf(text, sizeof text, "%s:%s:%s", call_id, sip_message_from_tag(request),
                     request->cseq->number);
    size_t length = n < 0 ? 0 : strnlen(text, sizeof text);
    (void)snprintf(tag, 24, "%016" PRIx64, sip_table_hash(stack->tag_seed, text, length));
}

/* Returns the text, for osip_free(), or NULL. */
static char *write_stateless(struct sip_stack *stack, const osip_message_t *request,
                             const struct sip_hop *source, const struct sip_refusal *refusal,
                             const struct sip_response_line *lines, size_t count, size_t *length)
{
    char tag[24], *text = NULL;
    make_tag(stack, request, tag);
    struct sip_response what = {.code = refusal->code, .reason = refusal->reason, .local_tag = tag};
    if (refusal->code == 200)
        what.contact = sip_transport_contact(stack, source, sip_message_is_sips(request));
    osip_message_t *response = sip_response_build(stack, request, &what);
    if (response && refusal->name)
        sip_response_add(response, refusal->name, refusal->value);
    for (size_t i = 0; i < count; i++)
        sip_response_add(response, lines[i].name, lines[i].value);
    if (!response || osip_message_to_str(response, &text, length) != 0)
        text = NULL;
    osip_message_free(response);
    return text;
}

void sip_response_stateless_lines(struct sip_stack *stack, const osip_message_t *request,
                                  const struct sip_hop *source, const struct sip_refusal *refusal,
                                  const struct sip_response_line *lines, size_t count)
{
    size_t length = 0, left = count;
    struct sip_hop back = *source;
    if (MSG_IS_ACK(request))
        return;
    char *text = write_stateless(stack, request, source, refusal, lines, left, &length);
    /* Whoever forges a source shall not have others sent twice as much as he sends. */
    while (text && left > 0 && source->protocol == SIP_UDP &&
           length >= 2 * stack->receiving.length) {
        osip_free(text);
        text = --left > 0 ? write_stateless(stack, request, source, refusal, lines, left, &length)
                          : NULL;
    }
    if (text)
        (void)sip_transport_send(stack, text, length, &back);
    osip_free(text);
}

void sip_response_stateless(struct sip_stack *stack, const osip_message_t *request,
                            const struct sip_hop *source, const struct sip_refusal *refusal)
{
    sip_response_stateless_lines(stack, request, source, refusal, NULL, 0);
}
