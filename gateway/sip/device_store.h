/* device_store.h: the inside of a struct sip_devices: bindings by device, registrations that wait
 * to be recorded. Private to gateway/sip; register_server.c and device_auth.c work on it. */
#ifndef GATEWAY_SIP_DEVICE_STORE_H
#define GATEWAY_SIP_DEVICE_STORE_H

#include "gateway/sip/devices.h"
#include "gateway/sip/stack.h"

struct sip_device_record;

struct sip_device_binding {
    struct sip_device_binding *next; /* of the device, the one refreshed last first */
    struct sip_device_record *record;
    char *contact, *call_id;
    struct sip_hop hop;
    uint64_t expires_at_ms; /* uv_now() time */
    uint64_t registration;  /* that made it and is not recorded yet; 0: none */
    uint32_t cseq;
    struct sip_timer timer;
};

struct sip_device_record {
    struct sip_node node; /* key: the name */
    struct sip_stack *stack;
    struct sip_device_binding *first;
    unsigned count;
    char name[SIP_DEVICE_NAME];
};

/* A REGISTER of a device whose answer waits until its bindings are recorded. */
struct sip_register_answer {
    struct sip_register_answer *next;
    uint64_t number;
    unsigned waits;
    int status;
    char device[SIP_DEVICE_NAME];
    char key[]; /* of its transaction */
};

struct sip_devices {
    struct sip_devices_config config;
    char realm[DIGEST_NAME_MAX];
    bool enabled;
    struct digest_server *digest;
    struct sip_table records;
    struct sip_register_answer *waiting;
    uint64_t last_registration;
    struct sip_devices_counters counters;
};

/* Frees everything, without telling; for a stack that closes. */
void sip_devices_close(struct sip_stack *stack);

struct sip_device_record *sip_device_find(const struct sip_stack *stack, const char *name);

/* The binding of a device for this contact, or NULL. */
struct sip_device_binding *sip_device_binding_find(const struct sip_device_record *record,
                                                   const char *contact);

/* Makes a binding, with its record when that is needed, that expires in expires_s. NULL: out of
 * memory. */
struct sip_device_binding *sip_device_binding_add(struct sip_stack *stack, const char *device,
                                                  const char *contact, const struct sip_hop *hop,
                                                  uint32_t expires_s);

/* It is good for expires_s more, and the newest of its device. */
void sip_device_binding_refresh(struct sip_device_binding *binding, uint32_t expires_s);

/* Takes it out and frees it, and its record when that was the last. change: what is told; told
 * NULL: nothing is. */
void sip_device_binding_drop(struct sip_device_binding *binding,
                             const enum sip_binding_change *told);

/* Tells the application. */
void sip_device_binding_tell(struct sip_device_binding *binding, enum sip_binding_change change,
                             uint64_t registration);

/* Whether strangers may sign in. */
bool sip_devices_enabled(const struct sip_stack *stack);

/* Tells the application of a request that is refused; nothing without devices. */
void sip_device_tell_refused(struct sip_stack *stack, const osip_message_t *request,
                             const struct sip_hop *source, const char *username,
                             const char *reason);

/* device_auth.c: who sends this request? Returns true with the account, which the caller wipes;
 * false: the request was answered (401 or 503). No state is made for it. */
bool sip_device_sign_in(struct sip_stack *stack, const osip_message_t *request,
                        const struct sip_hop *source, struct sip_device_account *account);

/* register_server.c: a REGISTER of that account; takes event. */
void sip_register_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                          const struct sip_hop *source, const struct sip_device_account *account);

#endif
