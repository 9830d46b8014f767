/* call_target.h: where a call goes, and on what terms: a trunk, or a registered device. The
 * addresses are in the order in which they are to be tried (RFC 3263 §4.3). */
#ifndef GATEWAY_CONTROL_CALL_TARGET_H
#define GATEWAY_CONTROL_CALL_TARGET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "gateway/control/policy_cache.h"
#include "gateway/dns/dns_locate.h"
#include "gateway/sip/devices.h"

enum { CALL_TARGET_ADDRESSES = 8, CALL_TARGET_NAME = POLICY_NAME_TEXT + 8, CALL_TARGET_HOST = 300 };

/* IPv4 or IPv6, with its port. */
union call_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct call_target {
    char name[CALL_TARGET_NAME]; /* of the trunk, or "device:NAME" */
    /* The one in use, that is addresses[at]. */
    struct sockaddr_storage address;
    enum sip_protocol protocol;
    struct {
        union call_address address;
        enum sip_protocol protocol;
    } addresses[CALL_TARGET_ADDRESSES];
    size_t count, at;
    char number[NUMBER_REWRITE_TEXT]; /* the number called, as the target wants it */
    /* The host part of the request URI and To: "192.0.2.1:5060", "[2001:db8::1]:5060", or a name,
     * without parameters. "": the address in use. */
    char host[CALL_TARGET_HOST];
    char from_host[CALL_TARGET_HOST];    /* of our URI; "": as configured for the gateway */
    char from_user[NUMBER_REWRITE_TEXT]; /* "": the number that calls */
    bool is_device;                      /* it is called where it registered, by its contact */
    uint32_t connection;                 /* device: that it registered over; 0: none */
    char contact[SIP_DEVICE_CONTACT];    /* device: the request URI */
    bool sips;                           /* with TLS: sips URIs */
    bool secured;                        /* protected media or no call */
    bool express;                        /* with TLS: a gateway that may run ahead of the clock */
    bool long_by_tcp;                    /* with UDP: long requests go by TCP */
    bool t38_first;
    bool audio_fallback;   /* T.30 over audio when the peer has no T.38 */
    bool no_t38;           /* it is neither asked for T.38 nor taken */
    bool asserts_identity; /* it is told who calls (RFC 3325) */
    bool nat;              /* media latch to the host that signals, whatever it describes */
};

struct control;

/* status: 0, then target is valid during the callback (copy it); else -ENOENT (no such trunk or
 * device), -ENXIO (its name leads nowhere), -ETIMEDOUT (its name could not be asked for),
 * -EHOSTDOWN (all of its peers are held back), -EACCES (the number is denied), -EBUSY (no room on
 * it) or -ENOMEM; target is NULL.
 */
typedef void call_target_cb(void *user, int status, const struct call_target *target);

/* Finds where calls to that number go: of a trunk the peers that are not held back, by priority and
 * weight, those of names as DNS says. name is that of a trunk, or "device:NAME". cb is called
 * exactly once, from the loop, never before this returns; there is no taking it back. Returns 0 or
 * -ENOMEM (then cb is not called). */
int call_target_find(struct control *control, const char *name, const char *to_number,
                     call_target_cb *cb, void *user) __attribute__((warn_unused_result));

/* What such a status means, for people. */
const char *call_target_error(int status);

/* The terms of a trunk, without its addresses: for calls that came from it. */
void call_target_of_trunk(const struct trunk_info *trunk, struct call_target *target);

/* Fills in the families that can be reached by its protocols: those of our sockets. */
void call_target_families(const struct control *control, struct dns_question *question);

/* Adds an address at the end; the first becomes the one in use. Beyond CALL_TARGET_ADDRESSES it is
 * dropped. */
void call_target_add(struct call_target *target, const struct sockaddr *address,
                     enum sip_protocol protocol);

/* Goes on to the next address; false when there is none. */
bool call_target_next(struct call_target *target);

/* Writes the request URI for the address in use. Returns 0 or -ENAMETOOLONG. */
int call_target_uri(const struct call_target *target, const char *number, char *out, size_t size)
    __attribute__((warn_unused_result));

/* Writes the URI of the caller: number is the one that calls, own_host that of the gateway. Returns
 * 0 or -ENAMETOOLONG. */
int call_target_from_uri(const struct call_target *target, const char *number, const char *own_host,
                         char *out, size_t size) __attribute__((warn_unused_result));

#endif
