/* REGISTER of a device (RFC 3261 §10.3). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/device_store.h"
#include "gateway/sip/message.h"
#include "gateway/sip/response.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transaction.h"

struct wish {
    char contact[SIP_DEVICE_CONTACT];
    uint32_t expires_s; /* 0: to be removed */
};

/* What a REGISTER asks for. code 0: it may be done. */
struct wishes {
    struct wish all[SIP_DEVICE_BINDINGS_MAX];
    size_t count;
    bool everything; /* Contact: * */
    int code;
    const char *told; /* to the application, when it is not the device's doing; NULL: nothing */
    const char *name, *value; /* a header of the refusal */
    char min_expires[16];
};

static const struct wishes *refuse(struct wishes *w, int code)
{
    w->code = code;
    return w;
}

/* Seconds as text; -1: not there or no number (§20.19: then as if it were not there). */
static int64_t read_seconds(const char *text)
{
    size_t digits = text ? strspn(text, "0123456789") : 0;
    if (!digits || digits > 10 || text[digits] != '\0')
        return -1;
    return (int64_t)strtoull(text, NULL, 10);
}

static uint32_t wanted_expires(const struct sip_devices_config *c, const osip_message_t *m,
                               const osip_contact_t *contact)
{
    int64_t seconds = read_seconds(sip_message_param(&contact->gen_params, "expires"));
    if (seconds < 0)
        seconds = read_seconds(sip_message_header(m, "expires"));
    if (seconds < 0 || seconds > c->expires_max_s)
        return c->expires_max_s;
    return (uint32_t)seconds;
}

static bool is_star(const osip_contact_t *contact)
{
    return !contact->url && contact->displayname && !strcmp(contact->displayname, "*");
}

static bool read_contact(const osip_contact_t *contact, struct wish *wish)
{
    char *text = NULL;
    bool usable = sip_message_uri_is_usable(contact->url) &&
                  osip_uri_to_str(contact->url, &text) == 0 &&
                  strlen(text) < sizeof wish->contact && sip_text_is_token(text);
    if (usable)
        memcpy(wish->contact, text, strlen(text) + 1);
    osip_free(text);
    return usable;
}

/* §10.3 step 6: `*` stands alone, and only for removing. */
static const struct wishes *read_star(const osip_message_t *m, struct wishes *w)
{
    w->everything = true;
    if (osip_list_size(&m->contacts) != 1 || read_seconds(sip_message_header(m, "expires")) != 0)
        return refuse(w, 400);
    return w;
}

static const struct wishes *read_wishes(const struct sip_devices_config *c, const osip_message_t *m,
                                        struct wishes *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; !osip_list_eol(&m->contacts, i); i++) {
        const osip_contact_t *contact = osip_list_get(&m->contacts, i);
        if (is_star(contact))
            return read_star(m, w);
        if (w->count >= c->bindings_of_device)
            return refuse(w, 403);
        struct wish *wish = &w->all[w->count++];
        if (!read_contact(contact, wish))
            return refuse(w, 400);
        wish->expires_s = wanted_expires(c, m, contact);
        if (wish->expires_s > 0 && wish->expires_s < c->expires_min_s) {
            snprintf(w->min_expires, sizeof w->min_expires, "%u", c->expires_min_s);
            w->name = "Min-Expires";
            w->value = w->min_expires;
            return refuse(w, 423);
        }
    }
    return w;
}

/* §10.3 step 7: of one Call-ID, only what is newer counts. */
static bool is_outdated(const struct sip_device_binding *b, const char *call_id, uint32_t cseq)
{
    return b && b->call_id && !strcmp(b->call_id, call_id) && cseq <= b->cseq;
}

static bool any_outdated(const struct sip_device_record *record, const struct wishes *w,
                         const char *call_id, uint32_t cseq)
{
    for (size_t i = 0; i < w->count; i++) {
        if (is_outdated(sip_device_binding_find(record, w->all[i].contact), call_id, cseq))
            return true;
    }
    for (const struct sip_device_binding *b = record ? record->first : NULL; w->everything && b;
         b = b->next) {
        if (is_outdated(b, call_id, cseq))
            return true;
    }
    return false;
}

/* The address of record is the device's own, by either of its names. */
static bool is_own(const osip_message_t *m, const struct sip_device_account *account)
{
    const char *to = m->to->url->username;
    return to && (!strcmp(to, account->name) || !strcmp(to, account->user) ||
                  (account->number[0] && !strcmp(to, account->number)));
}

/* --- the answer --- */

static int add_contact(osip_message_t *response, const struct sip_device_binding *b,
                       uint64_t now_ms)
{
    char text[SIP_DEVICE_CONTACT + 32];
    uint64_t left = b->expires_at_ms > now_ms ? (b->expires_at_ms - now_ms + 999) / 1000 : 0;
    snprintf(text, sizeof text, "<%s>;expires=%llu", b->contact, (unsigned long long)left);
    return osip_message_set_contact(response, text);
}

static void answer(struct sip_stack *stack, struct sip_transaction *tx, const char *device,
                   int status)
{
    char tag[SIP_ID_TEXT];
    sip_stack_make_id(tag);
    const struct sip_device_record *record = sip_device_find(stack, device);
    const struct sip_response what = {.code = status < 0 ? 503 : 200, .local_tag = tag};
    osip_message_t *response = sip_response_build(stack, sip_transaction_message(tx), &what);
    if (status < 0)
        sip_response_add(response, "Retry-After", "10");
    for (const struct sip_device_binding *b = record ? record->first : NULL;
         response && status == 0 && b; b = b->next) {
        if (add_contact(response, b, uv_now(stack->loop)) != 0) {
            osip_message_free(response);
            response = NULL;
        }
    }
    sip_transaction_respond(tx, response);
}

/* What the REGISTER made and could not be recorded. */
static void take_back(struct sip_stack *stack, const struct sip_register_answer *r)
{
    struct sip_device_record *record = sip_device_find(stack, r->device);
    for (struct sip_device_binding *b = record ? record->first : NULL, *next; b; b = next) {
        next = b->next;
        if (b->registration != r->number)
            continue;
        b->registration = 0;
        if (r->status < 0)
            sip_device_binding_drop(b, NULL);
    }
}

void sip_registration_finish(struct sip_stack *stack, uint64_t number, int status)
{
    struct sip_register_answer **at = stack->devices ? &stack->devices->waiting : NULL;
    while (at && *at && (*at)->number != number)
        at = &(*at)->next;
    if (!at || !*at)
        return;
    struct sip_register_answer *r = *at;
    if (status < 0)
        r->status = status;
    if (--r->waits > 0)
        return;
    *at = r->next;
    take_back(stack, r);
    struct sip_transaction *tx = sip_transaction_find(stack, r->key);
    if (tx && sip_transaction_message(tx))
        answer(stack, tx, r->device, r->status);
    free(r);
}

/* --- doing it --- */

static void remove_binding(struct sip_device_binding *b)
{
    static const enum sip_binding_change removed = SIP_BINDING_REMOVED;
    sip_device_binding_drop(b, &removed);
}

/* A machine that was switched off takes nothing back: what it does not refresh makes room. */
static void make_room(struct sip_stack *stack, const char *device)
{
    struct sip_device_record *record = sip_device_find(stack, device);
    if (!record || record->count < stack->devices->config.bindings_of_device)
        return;
    struct sip_device_binding *last = record->first;
    while (last->next)
        last = last->next;
    remove_binding(last);
}

static bool same_place(const struct sip_hop *a, const struct sip_hop *b)
{
    return a->protocol == b->protocol && a->connection == b->connection &&
           !memcmp(&a->address, &b->address, sizeof a->address);
}

static void note_request(struct sip_device_binding *b, const char *call_id, uint32_t cseq)
{
    if (!b->call_id || strcmp(b->call_id, call_id) != 0) {
        free(b->call_id);
        b->call_id = strdup(call_id); /* without memory: any request is newer */
    }
    b->cseq = cseq;
}

static void fulfil(struct sip_stack *stack, struct sip_register_answer *r, const struct wish *wish,
                   const struct sip_hop *source, const osip_message_t *m)
{
    char call_id[SIP_CALL_ID_MAX + 1] = "";
    struct sip_device_binding *b =
        sip_device_binding_find(sip_device_find(stack, r->device), wish->contact);
    bool is_new = !b, moved = b && !same_place(&b->hop, source);
    (void)sip_message_call_id(m, call_id);
    if (wish->expires_s == 0) {
        if (b)
            remove_binding(b);
        return;
    }
    if (is_new) {
        make_room(stack, r->device);
        b = sip_device_binding_add(stack, r->device, wish->contact, source, wish->expires_s);
        if (!b) {
            r->status = -ENOMEM;
            return;
        }
        b->registration = r->number;
    } else {
        b->hop = *source;
        sip_device_binding_refresh(b, wish->expires_s);
    }
    note_request(b, call_id, sip_message_cseq(m));
    if (is_new || moved) {
        r->waits++;
        sip_device_binding_tell(b, is_new ? SIP_BINDING_NEW : SIP_BINDING_MOVED, r->number);
    }
}

static void fulfil_all(struct sip_stack *stack, struct sip_register_answer *r,
                       const struct wishes *w, const struct sip_hop *source,
                       const osip_message_t *m)
{
    struct sip_device_record *record = sip_device_find(stack, r->device);
    for (unsigned left = w->everything && record ? record->count : 0; left > 0; left--)
        remove_binding(record->first);
    for (size_t i = 0; i < w->count; i++)
        fulfil(stack, r, &w->all[i], source, m);
}

static struct sip_register_answer *begin(struct sip_stack *stack, const char *key,
                                         const char *device)
{
    size_t length = strlen(key) + 1;
    struct sip_register_answer *r = calloc(1, sizeof *r + length);
    if (!r)
        return NULL;
    r->number = ++stack->devices->last_registration;
    r->waits = 1;
    sip_text_copy(r->device, sizeof r->device, device);
    memcpy(r->key, key, length);
    r->next = stack->devices->waiting;
    stack->devices->waiting = r;
    return r;
}

static bool is_full(const struct sip_stack *stack)
{
    return stack->is_closing || stack->counters.transactions >= stack->config.max_transactions ||
           stack->devices->counters.bindings >= stack->devices->config.bindings_max;
}

static void examine(struct sip_stack *stack, const osip_message_t *m,
                    const struct sip_device_account *account, struct wishes *w)
{
    char call_id[SIP_CALL_ID_MAX + 1] = "";
    (void)read_wishes(&stack->devices->config, m, w);
    (void)sip_message_call_id(m, call_id);
    if (w->code)
        return;
    if (is_full(stack)) {
        stack->counters.overloaded++;
        w->code = 503, w->name = "Retry-After", w->value = "10";
    } else if (!is_own(m, account)) {
        w->code = 403;
        w->told = "of another device's address of record";
    } else if (any_outdated(sip_device_find(stack, account->name), w, call_id,
                            sip_message_cseq(m))) {
        w->code = 500;
    }
}

void sip_register_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                          const struct sip_hop *source, const struct sip_device_account *account)
{
    struct wishes w;
    struct sip_register_answer *r = NULL;
    stack->devices->counters.registers++;
    examine(stack, event->sip, account, &w);
    if (!w.code && !(r = begin(stack, key, account->name)))
        w.code = 503, w.name = "Retry-After", w.value = "10";
    if (w.told)
        sip_device_tell_refused(stack, event->sip, source, account->user, w.told);
    if (w.code || !r) {
        sip_response_stateless(stack, event->sip, source,
                               &(struct sip_refusal){w.code, NULL, w.name, w.value});
        osip_event_free(event);
        return;
    }
    struct sip_transaction *tx = sip_transaction_serve(stack, event, key, source);
    if (tx) {
        /* In the order of the numbers: the callbacks may finish it. */
        fulfil_all(stack, r, &w, source, sip_transaction_message(tx));
    }
    sip_registration_finish(stack, r->number, 0);
}
