/* digest_private.h: the sums of RFC 7616 §3.4, for digest*.c alone. */
#ifndef GATEWAY_SIP_DIGEST_PRIVATE_H
#define GATEWAY_SIP_DIGEST_PRIVATE_H

#include "gateway/sip/digest.h"

/* The hash, in hexadecimal digits, of the parts joined by colons. Returns 0, -ENOTSUP or -ENOMEM.
 */
int digest_hash(enum digest_algorithm algorithm, const char *const parts[], size_t count,
                char out[DIGEST_HEX]) __attribute__((warn_unused_result));

/* The response for p's nonce, nonce-count, cnonce, qop and uri (RFC 7616 §3.4.1). Returns as
 * digest_hash(). */
int digest_response(const struct digest_params *p, const char *ha1, const char *method,
                    char out[DIGEST_HEX]) __attribute__((warn_unused_result));

#endif
