/* message_signatures.h: DKIM signatures of a message (RFC 6376) by libopendkim, which is loaded
 * when one is asked for. It gets the keys from us: nothing here asks the network. */
#ifndef GATEWAY_RENDER_MESSAGE_SIGNATURES_H
#define GATEWAY_RENDER_MESSAGE_SIGNATURES_H

#include "gateway/mail/message_request.h"
#include "gateway/render/message_tree.h"

/* Fills signatures and signature_count of facts with those that are aligned with the domain of
 * facts->from, in their order, at most MESSAGE_SIGNATURES_MAX. None is no error. Errors: -ENOSYS
 * (no libopendkim), FAX_ENOMEM. */
int message_signatures_list(const struct message_tree *tree, struct message_facts *facts)
    __attribute__((warn_unused_result));

/* Checks the same signatures. Good is one that holds by the key given for its domain and selector,
 * covers the whole body (no l=), uses SHA-256 and, with RSA, at least 1,024 bits (RFC 8301).
 * author: the address in From. Errors as above. */
int message_signatures_verify(const struct message_tree *tree, const char *author,
                              const struct msg_verify *keys, struct msg_verified *verified)
    __attribute__((warn_unused_result));

#endif
