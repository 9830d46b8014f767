/* trunk_credentials.h: the credentials of a trunk, opened by the keeper.
 *
 * They are opened for each call and each registration, and wiped as soon as the SIP stack has its
 * copy, which dies with the call: control keeps no secrets of its own. One question to the keeper a
 * credential is little beside a call; and new secrets hold from the next call on. */
#ifndef GATEWAY_CONTROL_TRUNK_CREDENTIALS_H
#define GATEWAY_CONTROL_TRUNK_CREDENTIALS_H

#include "gateway/control/control.h"

/* status: 0, or why they cannot be had (-EBADMSG: altered). credentials: valid during the callback,
 * then wiped. */
typedef void trunk_credentials_cb(void *user, int status, const struct sip_credential *credentials,
                                  size_t count);

/* Opens those of a trunk. Returns 1 when it has none (cb is not called); 0 when cb will be called,
 * once, not before this returns; -ENOMEM, -ENOBUFS. */
int trunk_credentials_open(struct control *control, const char *trunk, trunk_credentials_cb *cb,
                           void *user) __attribute__((warn_unused_result));

enum { TRUNK_PRINCIPAL_TEXT = POLICY_NAME_TEXT + 8 };

/* The principal that secrets of a trunk are bound to: "trunk:NAME". */
void trunk_credentials_principal(const char *trunk, char principal[TRUNK_PRINCIPAL_TEXT]);

#endif
