/* credential_register.h: signs principals in by user name and password. The hashes are opened by
 * the keeper when the policy is read, and stay in memory; passwords are compared on a thread of
 * their own. An unknown user takes as long as a wrong password. */
#ifndef GATEWAY_CONTROL_CREDENTIAL_REGISTER_H
#define GATEWAY_CONTROL_CREDENTIAL_REGISTER_H

#include <sys/socket.h>

#include "gateway/smtp/smtp_server.h"

struct control;
struct credential_register;

/* Makes an empty register that follows the policy cache. Returns 0 or -ENOMEM, -EIO. */
int credential_register_new(struct control *control, struct credential_register **out)
    __attribute__((warn_unused_result));

/* Wipes and frees; after the keeper's client. NULL is allowed. */
void credential_register_free(struct credential_register *registry);

/* The policy was read again, or a keeper came: follows, and has new hashes opened. */
void credential_register_refresh(struct credential_register *registry);

/* As smtp_server_config.sign_in: done gets SMTP_SIGNED_IN with the principal, or another of enum
 * smtp_sign_in_result. What was right and wrong is recorded. peer NULL: a local one. Errors:
 * -EBUSY: too many wrong passwords lately; -ENOBUFS: too many wait; -ENOMEM. */
int credential_sign_in(struct control *control, const struct sockaddr *peer, const char *name,
                       const char *password, smtp_signed_in_cb *done, void *user,
                       struct smtp_sign_in **out) __attribute__((warn_unused_result));

/* The answer is not wanted any more. */
void credential_sign_in_forget(struct smtp_sign_in *sign_in);

/* Whether there is a principal of this name that is not disabled. */
bool credential_principal_is_active(const struct control *control, const char *principal);

#endif
