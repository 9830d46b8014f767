/* stream_tls.h: TLS of one connection over memory BIOs, and the contexts that connections share.
 * TLS 1.2 and later. Verification is RFC 5922's: the chain, the time, and the name. */
#ifndef GATEWAY_SIP_STREAM_TLS_H
#define GATEWAY_SIP_STREAM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "gateway/sip/sip.h"

enum { SIP_TLS_CONTEXTS_MAX = 64, SIP_TLS_TEXT = 240 };

struct sip_tls_contexts;
struct sip_tls;

/* Makes an empty set. -ENOMEM. */
int sip_tls_contexts_new(struct sip_tls_contexts **out) __attribute__((warn_unused_result));
void sip_tls_contexts_free(struct sip_tls_contexts *contexts);

/* Begins TLS with a peer. Files are read when they are needed the first time or have changed since.
 * On success *out is the caller's. Errors: -ENOMEM, -EACCES, -ENOENT, -EINVAL, with a sentence in
 * text. */
int sip_tls_new(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                const struct sockaddr *peer, bool is_server, struct sip_tls **out,
                char text[SIP_TLS_TEXT]) __attribute__((warn_unused_result));
void sip_tls_free(struct sip_tls *tls);

/* Whether the certificate and key of the terms can be used; as sip_tls_new(). */
int sip_tls_check(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                  char text[SIP_TLS_TEXT]) __attribute__((warn_unused_result));

/* Gives it what came from the network. Errors: -ENOMEM. */
int sip_tls_feed(struct sip_tls *tls, const char *bytes, size_t length)
    __attribute__((warn_unused_result));

/* Takes the next step of the handshake. Returns 0 when it is done and the peer is who it should be;
 * -EAGAIN; -EPROTO, -EACCES (verification) with a sentence in sip_tls_text(). */
int sip_tls_handshake(struct sip_tls *tls) __attribute__((warn_unused_result));

/* Reads what the peer sent. Returns the octets; -EAGAIN; 0 at its end; -EPROTO, -EACCES as above.
 */
int sip_tls_read(struct sip_tls *tls, char *out, size_t capacity)
    __attribute__((warn_unused_result));

/* Encrypts. Errors: -EPROTO. */
int sip_tls_write(struct sip_tls *tls, const char *bytes, size_t length)
    __attribute__((warn_unused_result));

/* Says goodbye (close_notify). */
void sip_tls_shut(struct sip_tls *tls);

/* Takes octets that are to go to the network; returns how many, 0 when there are none. */
size_t sip_tls_take(struct sip_tls *tls, char *out, size_t capacity);

/* What went wrong; "" when nothing did. */
const char *sip_tls_text(const struct sip_tls *tls);

/* A name in the certificate of a peer that need not have shown one (terms.optional): a DNS name or
 * a mail address, by position from 0. Returns 0; -ENOENT when there is no such name, no
 * certificate, or when nobody that is trusted has signed it. */
int sip_tls_peer_name(const struct sip_tls *tls, int position, char *name, size_t size)
    __attribute__((warn_unused_result));

/* Whether the peer, that might be anybody, has shown a certificate; verified but for its names. */
bool sip_tls_is_certified(const struct sip_tls *tls);

/* Whether that certificate is for a name: DNS name, "sip:" URI with or without its scheme, address.
 */
bool sip_tls_is_for(const struct sip_tls *tls, const char *name);

/* Writes "TLSv1.3 TLS_AES_256_GCM_SHA384". */
void sip_tls_describe(const struct sip_tls *tls, char *text, size_t size);

#endif
