/* request.h: builds the requests of a dialog (RFC 3261 §8.1.1, §12.2.1.1). */
#ifndef GATEWAY_SIP_REQUEST_H
#define GATEWAY_SIP_REQUEST_H

#include "gateway/sip/dialog.h"
#include "gateway/sip/transaction.h"

struct sip_request {
    const char *method;
    uint32_t cseq;
    const char *branch;  /* of Via; NULL: a new one */
    const char *reason;  /* value of a Reason header; NULL: none */
    const char *headers; /* further lines, each with its end; NULL: none */
    const char *body;    /* SDP; NULL: none */
    size_t body_length;
};

/* Writes the request to stack->scratch. branch (if not NULL) gets the branch used. Returns its
 * length, 0 when it is too long. */
size_t sip_request_write(struct sip_stack *stack, const struct sip_dialog *dialog,
                         const struct sip_request *what, char branch[SIP_ID_TEXT + 8]);

/* Writes and sends it in a new client transaction, whose outcome goes to on_response with session
 * (both may be NULL). Returns the transaction or NULL. */
struct sip_transaction *sip_request_send(struct sip_stack *stack, const struct sip_dialog *dialog,
                                         const struct sip_request *what,
                                         struct sip_session *session, sip_response_cb *on_response);

#endif
