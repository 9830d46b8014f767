/* authenticate.h: the client side of authentication in SIP (RFC 3261 §22, RFC 8760): remembers the
 * challenges of a call or registration and answers them. A challenge whose realm has no credential
 * here is never answered. */
#ifndef GATEWAY_SIP_AUTHENTICATE_H
#define GATEWAY_SIP_AUTHENTICATE_H

#include "gateway/sip/digest.h"
#include "gateway/sip/stack.h"
#include "gateway/sip/text.h"

struct sip_auth;
struct sip_dialog;
struct sip_transaction;

enum { SIP_AUTH_REFUSAL_TEXT = 160 };

/* Copies the credentials; count 0 gives NULL. The caller owns *out. Errors: -EINVAL (too many, a
 * text that cannot stand in a header), -ENOMEM. */
int sip_auth_new(const struct sip_credential *from, size_t count, struct sip_auth **out)
    __attribute__((warn_unused_result));

/* Wipes and frees; NULL is allowed. */
void sip_auth_free(struct sip_auth *auth);

/* Appends Authorization and Proxy-Authorization lines for a request, for each challenge that is
 * known; for an ACK those of the INVITE before it (RFC 3261 §22.1). auth NULL: none. */
void sip_auth_write(struct sip_auth *auth, const char *method, const char *uri, struct sip_text *t);

/* Sends the request of tx once more, with the next CSeq, for the challenges in its 401 or 407.
 * Returns the new transaction, which has what tx had but for the session and on_response; NULL when
 * there is no answer, and tx->failure then says why. The first time and once more for stale=true:
 * what is refused after that is a wrong secret, and asking on could lock the account. */
struct sip_transaction *sip_auth_retry(struct sip_transaction *tx, struct sip_dialog *dialog,
                                       const osip_message_t *response);

#endif
