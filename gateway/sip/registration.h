/* registration.h: our registration with a registrar (RFC 3261 §10.2), kept alive by the stack:
 * refreshed before it expires, made again when its connection is lost, taken back at the end.
 *
 * States and what leads on: trying (a REGISTER is out) → registered, at a 200 that names our
 * Contact; → failed, at anything else, and after a time that grows with each failure trying again.
 * 423 and challenges are answered within trying. */
#ifndef GATEWAY_SIP_REGISTRATION_H
#define GATEWAY_SIP_REGISTRATION_H

#include "gateway/sip/sip.h"

struct sip_registration;

enum sip_registration_state {
    SIP_REGISTRATION_TRYING, /* nothing is known yet */
    SIP_REGISTRATION_REGISTERED,
    SIP_REGISTRATION_FAILED,
};

struct sip_registration_status {
    enum sip_registration_state state;
    int code;           /* of the last response; 408, 503: none came */
    const char *reason; /* FAILED: why, for people; else "" */
    uint32_t expires_s; /* REGISTERED: what the registrar granted */
    uint32_t retry_s;   /* FAILED: until the next attempt */
};

/* The outcome of an attempt: also of refreshes. Runs from the loop. It may end the registration. */
typedef void sip_registration_cb(void *user, const struct sip_registration_status *status);

/* Everything is copied. */
struct sip_registration_config {
    struct sockaddr_storage target; /* where REGISTER goes */
    enum sip_protocol protocol;
    bool long_by_tcp;
    const char *registrar_uri; /* "sip:carrier.example" */
    const char *record_uri;    /* the address of record: "sip:4989@carrier.example" */
    const char *contact_user;  /* the user part of our Contact; no escapes */
    uint32_t expires_s;        /* asked for; 0: 3600. 423 raises it */
    uint32_t retry_ms;         /* first time between failures [30000]; doubles */
    uint32_t retry_max_ms;     /* [1800000]; at once when credentials were refused */
    const struct sip_credential *credentials;
    size_t credential_count;
};

/* Starts registering at the next turn of the loop. On success *registration is the caller's until
 * sip_registration_end() or sip_stack_close(), which ends all. Errors: -EINVAL (URIs, user, target,
 * credentials), -EAGAIN when the stack is closing, -ENOMEM. */
int sip_registration_start(struct sip_stack *stack, const struct sip_registration_config *config,
                           sip_registration_cb *cb, void *user,
                           struct sip_registration **registration)
    __attribute__((warn_unused_result));

/* From the next attempt on REGISTER goes there. */
void sip_registration_retarget(struct sip_registration *registration,
                               const struct sockaddr_storage *target, enum sip_protocol protocol);

/* Takes the registration back at the registrar, if it stands, and forgets it: no callback follows.
 * NULL is allowed. */
void sip_registration_end(struct sip_registration *registration);

#endif
