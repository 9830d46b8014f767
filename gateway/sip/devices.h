/* devices.h: registered devices (fax machines, telephone adapters) of a SIP stack: a registrar (RFC
 * 3261 §10.3), where each device can be reached, and digest authentication of REGISTER and of the
 * calls that devices make (§22, RFC 8760).
 *
 * Who has no account, no secret or a wrong one costs one answer and no memory. A binding is reached
 * where its REGISTER came from (or by the connection that it came by), never where its Contact
 * claims to be: that is what works behind address translation, and nobody can point us at others.
 */
#ifndef GATEWAY_SIP_DEVICES_H
#define GATEWAY_SIP_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "gateway/sip/digest.h"
#include "gateway/sip/sip.h"

enum {
    SIP_DEVICE_NAME = 64, /* of a device, with its NUL */
    SIP_DEVICE_CONTACT = 512,
    SIP_DEVICE_BINDINGS_MAX = 16, /* that may be configured for one device */
};

/* Who signs in. name is what the application calls it; To may have it, the user name or the number
 * (may be ""). HA1 in lower-case hex by enum digest_algorithm, "": not that one. */
struct sip_device_account {
    char name[SIP_DEVICE_NAME], user[SIP_DEVICE_NAME], number[32];
    char ha1[2][DIGEST_HEX];
};

/* Looks up the account of a digest user name. The account is wiped after use. Returns 0; -ENOENT:
 * there is none; -EAGAIN: its secret is not at hand yet (the device gets 503 and comes again). */
typedef int sip_device_account_cb(void *user, const char *username,
                                  struct sip_device_account *account);

struct sip_tls;

/* Looks up the account of a device that showed a certificate which was verified, but for its names
 * (sip_tls_terms.anybody with ca_file): sip_device_certificate_is_for() tells whether it is for a
 * name. Without HA1. Returns 0 or -ENOENT. */
typedef int sip_device_certified_cb(void *user, const struct sip_tls *certificate,
                                    struct sip_device_account *account);

/* Whether it is for that DNS name, "sip:" URI (also without its scheme) or address (SAN, RFC 5922
 * §7; no wildcards, and the subject is not looked at). During that callback only. */
bool sip_device_certificate_is_for(const struct sip_tls *certificate, const char *name);

/* Where a device can be reached. Texts are valid during the callback only. */
struct sip_binding {
    const char *device;
    const char *contact; /* URI, for requests */
    struct sockaddr_storage source;
    enum sip_protocol protocol;
    uint32_t connection; /* TCP, TLS; 0: none */
    uint32_t expires_s;  /* from now */
    bool reachable;      /* its connection stands; always with UDP */
};

enum sip_binding_change {
    SIP_BINDING_NEW,
    SIP_BINDING_MOVED,   /* of the same contact: it comes from another address */
    SIP_BINDING_REMOVED, /* the device took it back */
    SIP_BINDING_EXPIRED,
};

/* A binding came, moved or went. Refreshes are not told. registration is 0, or a REGISTER that is
 * answered when sip_registration_finish() was called for it as often as this was with its number.
 */
typedef void sip_binding_cb(void *user, const struct sip_binding *binding,
                            enum sip_binding_change change, uint64_t registration);

/* A request that was refused while there are devices: signed in as somebody in vain (wrong secret,
 * no account, a certificate for nobody), or not one that strangers may make. username is the
 * peer's, printable, or "". */
typedef void sip_device_refused_cb(void *user, const struct sockaddr *source, const char *username,
                                   const char *method, const char *reason);

/* Everything is copied. Zero means the default in brackets. */
struct sip_devices_config {
    const char *realm;
    uint32_t nonce_lifetime_ms;            /* [60000] */
    uint32_t expires_min_s, expires_max_s; /* [60], [3600] */
    uint32_t bindings_of_device;           /* [4] */
    uint32_t bindings_max;                 /* of all; then 503 [20000] */
    sip_device_account_cb *account;
    sip_device_certified_cb *certified; /* NULL: certificates are for nobody */
    sip_binding_cb *changed;
    sip_device_refused_cb *refused; /* NULL: nobody is told */
    void *user;                     /* for all of them */
};

/* Makes the stack a registrar. Once for a stack, before requests come. Returns 0, -EINVAL,
 * -EALREADY or -ENOMEM. */
int sip_devices_open(struct sip_stack *stack, const struct sip_devices_config *config)
    __attribute__((warn_unused_result));

/* Whether there is anybody who might sign in. Without (the state after opening), strangers get the
 * answer for strangers, and REGISTER 403. */
void sip_devices_enable(struct sip_stack *stack, bool enabled);

/* The change that was told with this number is recorded (status 0), or could not be: then the
 * REGISTER gets 503 and its new bindings are gone, without being told. Safe for a number that is
 * gone. */
void sip_registration_finish(struct sip_stack *stack, uint64_t number, int status);

/* Puts back a binding that was known before a restart, without telling. Returns 0, -EEXIST,
 * -EINVAL, -ENOBUFS or -ENOMEM. */
int sip_binding_restore(struct sip_stack *stack, const struct sip_binding *binding)
    __attribute__((warn_unused_result));

/* The n-th binding of a device, newest first. False: there are not so many. The texts are valid
 * until the loop runs on. */
bool sip_binding_of(const struct sip_stack *stack, const char *device, size_t n,
                    struct sip_binding *out);

/* Forgets all bindings of a device (removed or disabled), without telling. */
void sip_bindings_forget(struct sip_stack *stack, const char *device);

struct sip_devices_counters {
    uint64_t registers, challenges, refused, stale, replayed;
    uint32_t bindings;
    size_t octets; /* of the bindings */
};
void sip_devices_read_counters(const struct sip_stack *stack, struct sip_devices_counters *out);

#endif
