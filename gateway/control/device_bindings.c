#include "gateway/control/device_bindings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_queue.h"
#include "gateway/db/register_queries.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"

enum { ADDRESS_TEXT = SOCKET_ADDRESS_HOST + 16 };

static const char *const transports[] = {"udp", "tcp", "tls"};

static void write_address(const struct sockaddr *address, char text[ADDRESS_TEXT])
{
    char host[SOCKET_ADDRESS_HOST];
    socket_address_host(address, host);
    bool colon = strchr(host, ':') != NULL;
    snprintf(text, ADDRESS_TEXT, "%s%s%s:%u", colon ? "[" : "", host, colon ? "]" : "",
             (unsigned)socket_address_port(address));
}

struct change {
    struct control *control;
    uint64_t registration;
    char device[POLICY_NAME_TEXT];
};

static void on_recorded(void *user, int status, uint64_t index)
{
    struct change *change = user;
    struct control *c = change->control;
    (void)index;
    if (c->sip)
        sip_registration_finish(c->sip, change->registration, status);
    const struct device_info *info = policy_cache_device(c->policy, change->device);
    if (status == 0 && info && c->ready && !c->stopping)
        fax_queue_wake(c->queue, info->extension);
    free(change);
}

static void begin(struct event *e, const char *type, const char *actor, const char *device,
                  const char *contact, const char *address)
{
    event_begin(e, type, actor, NULL);
    event_text(e, "device", device);
    event_personal(e, "contact", contact);
    event_personal(e, "peer", address);
}

static void record_gone(struct control *c, const char *device, const char *contact,
                        const char *address, const char *reason)
{
    struct event e;
    begin(&e, "device.expired", "system", device, contact, address);
    event_text(&e, "reason", reason);
    event_note(&e, c->audit);
}

static int record_there(struct control *c, const struct sip_binding *binding, const char *address,
                        uint64_t registration)
{
    struct event e;
    char actor[POLICY_NAME_TEXT + 8];
    struct change *change = calloc(1, sizeof *change);
    if (!change)
        return -ENOMEM;
    *change = (struct change){.control = c, .registration = registration};
    snprintf(change->device, sizeof change->device, "%s", binding->device);
    snprintf(actor, sizeof actor, DEVICE_PREFIX "%s", binding->device);
    begin(&e, "device.registered", actor, binding->device, binding->contact, address);
    event_text(&e, "transport", transports[binding->protocol]);
    event_integer(&e, "expires", binding->expires_s);
    int rc = event_append(&e, c->audit, on_recorded, change);
    if (rc < 0)
        free(change);
    return rc;
}

void device_binding_changed(struct control *c, const struct sip_binding *binding,
                            enum sip_binding_change change, uint64_t registration)
{
    char address[ADDRESS_TEXT];
    write_address((const struct sockaddr *)&binding->source, address);
    if (change == SIP_BINDING_REMOVED || change == SIP_BINDING_EXPIRED) {
        record_gone(c, binding->device, binding->contact, address,
                    change == SIP_BINDING_REMOVED ? "removed" : "expired");
        return;
    }
    int rc = record_there(c, binding, address, registration);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "a registration could not be recorded: %s", strerror(-rc));
        sip_registration_finish(c->sip, registration, rc);
    }
}

/* --- after a restart --- */

static void restore(struct control *c, const struct binding_row *row)
{
    struct sip_binding binding = {
        .device = row->device, .contact = row->contact, .expires_s = (uint32_t)row->expires_s};
    const struct device_info *info = policy_cache_device(c->policy, row->device);
    int rc = strcmp(row->transport, "udp") == 0 && info && !info->disabled
                 ? config_parse_endpoint(row->address, &binding.source)
                 : -ENOTCONN;
    if (rc == 0)
        rc = sip_binding_restore(c->sip, &binding);
    if (rc < 0 && rc != -EEXIST) /* that one has registered in the meantime */
        record_gone(c, row->device, row->contact, row->address, "the gateway was restarted");
}

static void on_bindings(void *user, int status, const struct db_result *result)
{
    struct control *c = user;
    if (status < 0) {
        log_write(LOG_LEVEL_WARNING, "where devices were cannot be read: %s", strerror(-status));
        return;
    }
    for (int i = 0; c->sip && !c->stopping && i < db_result_rows(result); i++) {
        struct binding_row row;
        binding_row_read(result, i, &row);
        restore(c, &row);
    }
    if (c->ready && !c->stopping)
        fax_queue_run(c->queue);
}

int device_bindings_restore(struct control *c)
{
    int rc = register_query_bindings(c->db, on_bindings, c);
    return rc == -ENOTCONN ? 0 : rc;
}
