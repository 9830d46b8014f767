/* stream_tls_context.h: what TLS connections share: a certificate with its key, and who may have
 * signed the peer's. Private to stream_tls*.c. */
#ifndef GATEWAY_SIP_STREAM_TLS_CONTEXT_H
#define GATEWAY_SIP_STREAM_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "gateway/sip/stream_tls.h"

/* Returns the context for the terms, read again when one of its files has changed; it is borrowed
 * (an SSL made of it holds a reference). NULL: text and *error say why. */
SSL_CTX *sip_tls_context_find(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                              bool is_server, int *error, char text[SIP_TLS_TEXT]);

/* Copies the first line of OpenSSL's oldest error and forgets all of them. */
void sip_tls_error_text(char *text, size_t size);

#endif
