#include "gateway/sip/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/device_store.h"
#include "gateway/sip/stream.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

enum { RECORDS = 8192 };

static uint32_t or_default(uint32_t value, uint32_t standard)
{
    return value ? value : standard;
}

int sip_devices_open(struct sip_stack *stack, const struct sip_devices_config *config)
{
    if (stack->devices)
        return -EALREADY;
    struct sip_devices *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    struct sip_devices_config *c = &d->config;
    *c = *config;
    sip_text_copy(d->realm, sizeof d->realm, config->realm);
    c->realm = d->realm;
    c->nonce_lifetime_ms = or_default(c->nonce_lifetime_ms, 60000);
    c->expires_min_s = or_default(c->expires_min_s, 60);
    c->expires_max_s = or_default(c->expires_max_s, 3600);
    c->bindings_of_device = or_default(c->bindings_of_device, 4);
    c->bindings_max = or_default(c->bindings_max, 20000);
    int error = sip_table_open(&d->records, RECORDS);
    if (!error)
        error = digest_server_new(&d->digest, d->realm, c->nonce_lifetime_ms);
    if (!error && (!c->account || !c->changed || c->expires_min_s > c->expires_max_s ||
                   c->bindings_of_device > SIP_DEVICE_BINDINGS_MAX))
        error = -EINVAL;
    if (error) {
        digest_server_free(d->digest);
        sip_table_close(&d->records);
        free(d);
        return error;
    }
    stack->devices = d;
    return 0;
}

void sip_devices_enable(struct sip_stack *stack, bool enabled)
{
    if (stack->devices)
        stack->devices->enabled = enabled;
}

bool sip_devices_enabled(const struct sip_stack *stack)
{
    return stack->devices && stack->devices->enabled;
}

static void free_binding(struct sip_device_binding *b)
{
    free(b->contact);
    free(b->call_id);
    free(b);
}

/* Their record goes with the last one. */
static void drop_all(struct sip_device_binding *first)
{
    for (struct sip_device_binding *b = first, *next; b; b = next) {
        next = b->next;
        sip_device_binding_drop(b, NULL);
    }
}

void sip_devices_close(struct sip_stack *stack)
{
    struct sip_devices *d = stack->devices;
    if (!d)
        return;
    for (size_t i = 0; i <= d->records.mask; i++) {
        while (d->records.buckets[i]) {
            const struct sip_device_record *record = d->records.buckets[i]->owner;
            drop_all(record->first);
        }
    }
    while (d->waiting) {
        struct sip_register_answer *r = d->waiting;
        d->waiting = r->next;
        free(r);
    }
    sip_table_close(&d->records);
    digest_server_free(d->digest);
    stack->devices = NULL;
    free(d);
}

struct sip_device_record *sip_device_find(const struct sip_stack *stack, const char *name)
{
    return stack->devices ? sip_table_find(&stack->devices->records, name) : NULL;
}

struct sip_device_binding *sip_device_binding_find(const struct sip_device_record *record,
                                                   const char *contact)
{
    struct sip_device_binding *b = record ? record->first : NULL;
    while (b && strcmp(b->contact, contact) != 0)
        b = b->next;
    return b;
}

static size_t octets_of(const struct sip_device_binding *b)
{
    return sizeof *b + strlen(b->contact) + 1;
}

static void unlink_binding(struct sip_device_binding *b)
{
    struct sip_device_binding **at = &b->record->first;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
}

static void drop_record(struct sip_device_record *record)
{
    struct sip_devices *d = record->stack->devices;
    sip_table_remove(&d->records, &record->node);
    d->counters.octets -= sizeof *record;
    free(record);
}

void sip_device_binding_drop(struct sip_device_binding *b, const enum sip_binding_change *told)
{
    struct sip_device_record *record = b->record;
    struct sip_devices *d = record->stack->devices;
    unlink_binding(b);
    record->count--;
    d->counters.bindings--;
    d->counters.octets -= octets_of(b);
    sip_timer_stop(&record->stack->timers, &b->timer);
    if (told)
        sip_device_binding_tell(b, *told, 0);
    free_binding(b);
    if (!record->first)
        drop_record(record);
}

static void on_expired(struct sip_timer *timer)
{
    static const enum sip_binding_change expired = SIP_BINDING_EXPIRED;
    sip_device_binding_drop(timer->owner, &expired);
}

void sip_device_binding_refresh(struct sip_device_binding *b, uint32_t expires_s)
{
    struct sip_stack *stack = b->record->stack;
    uint64_t ms = (uint64_t)expires_s * 1000;
    b->expires_at_ms = uv_now(stack->loop) + ms;
    sip_timer_start(&stack->timers, &b->timer, ms, on_expired, b);
    if (b->hop.protocol != SIP_UDP)
        sip_stream_keep(stack, b->hop.connection, b->expires_at_ms);
    if (b->record->first != b) {
        unlink_binding(b);
        b->next = b->record->first;
        b->record->first = b;
    }
}

static struct sip_device_record *make_record(struct sip_stack *stack, const char *name)
{
    struct sip_device_record *record = calloc(1, sizeof *record);
    if (!record)
        return NULL;
    record->stack = stack;
    sip_text_copy(record->name, sizeof record->name, name);
    record->node.key = record->name;
    record->node.owner = record;
    sip_table_add(&stack->devices->records, &record->node);
    stack->devices->counters.octets += sizeof *record;
    return record;
}

struct sip_device_binding *sip_device_binding_add(struct sip_stack *stack, const char *device,
                                                  const char *contact, const struct sip_hop *hop,
                                                  uint32_t expires_s)
{
    struct sip_device_record *record = sip_device_find(stack, device);
    struct sip_device_binding *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->contact = strdup(contact);
    if (b->contact && !record)
        record = make_record(stack, device);
    if (!b->contact || !record) {
        free_binding(b);
        return NULL;
    }
    b->record = record;
    b->hop = *hop;
    b->next = record->first;
    record->first = b;
    record->count++;
    stack->devices->counters.bindings++;
    stack->devices->counters.octets += octets_of(b);
    sip_device_binding_refresh(b, expires_s);
    return b;
}

static void describe(const struct sip_device_binding *b, struct sip_binding *out)
{
    const struct sip_stack *stack = b->record->stack;
    uint64_t now_ms = uv_now(stack->loop);
    bool udp = b->hop.protocol == SIP_UDP;
    *out = (struct sip_binding){
        .device = b->record->name,
        .contact = b->contact,
        .source = b->hop.address,
        .protocol = b->hop.protocol,
        .connection = b->hop.connection,
        .expires_s =
            b->expires_at_ms > now_ms ? (uint32_t)((b->expires_at_ms - now_ms + 999) / 1000) : 0,
        .reachable = udp || sip_stream_stands(stack, b->hop.connection),
    };
}

void sip_device_binding_tell(struct sip_device_binding *b, enum sip_binding_change change,
                             uint64_t registration)
{
    const struct sip_devices_config *c = &b->record->stack->devices->config;
    struct sip_binding binding;
    describe(b, &binding);
    c->changed(c->user, &binding, change, registration);
}

int sip_binding_restore(struct sip_stack *stack, const struct sip_binding *binding)
{
    const struct sip_hop hop = {.address = binding->source, .protocol = binding->protocol};
    if (!stack->devices || !binding->expires_s || strlen(binding->device) >= SIP_DEVICE_NAME ||
        strlen(binding->contact) >= SIP_DEVICE_CONTACT || !sip_text_is_token(binding->contact) ||
        !sip_transport_can_reach(stack, &hop))
        return -EINVAL;
    const struct sip_device_record *record = sip_device_find(stack, binding->device);
    if (sip_device_binding_find(record, binding->contact))
        return -EEXIST;
    if (stack->devices->counters.bindings >= stack->devices->config.bindings_max ||
        (record && record->count >= stack->devices->config.bindings_of_device))
        return -ENOBUFS;
    return sip_device_binding_add(stack, binding->device, binding->contact, &hop,
                                  binding->expires_s)
               ? 0
               : -ENOMEM;
}

bool sip_binding_of(const struct sip_stack *stack, const char *device, size_t n,
                    struct sip_binding *out)
{
    const struct sip_device_record *record = sip_device_find(stack, device);
    const struct sip_device_binding *b = record ? record->first : NULL;
    while (b && n-- > 0)
        b = b->next;
    if (b)
        describe(b, out);
    return b != NULL;
}

void sip_bindings_forget(struct sip_stack *stack, const char *device)
{
    const struct sip_device_record *record = sip_device_find(stack, device);
    if (record)
        drop_all(record->first);
}

void sip_devices_read_counters(const struct sip_stack *stack, struct sip_devices_counters *out)
{
    *out = stack->devices ? stack->devices->counters : (struct sip_devices_counters){0};
}
