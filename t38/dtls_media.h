/* dtls_media.h: UDPTL over DTLS 1.2 (RFC 7345): one association for one call, over datagrams that
 * the caller moves. No sockets, no files.
 *
 * The certificate is made in memory, once for a process; what signalling says of the peer's
 * certificate is its SHA-256 fingerprint (RFC 8122). Nothing passes in either direction before the
 * handshake is done with exactly that certificate. There is no cookie exchange: the peer is known
 * by signalling, and datagrams of other addresses never come here. Replayed records are dropped
 * (RFC 6347 §4.1.2.6). */
#ifndef T38_DTLS_MEDIA_H
#define T38_DTLS_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DTLS_MEDIA_FINGERPRINT_OCTETS = 32,
    DTLS_MEDIA_OVERHEAD = 37,             /* octets that a record adds to a UDPTL packet, at most */
    DTLS_MEDIA_DATAGRAM_MAX = 1200,       /* what is sent in the handshake */
    DTLS_MEDIA_HANDSHAKE_MS = 10000,      /* then the association has failed */
    DTLS_MEDIA_HANDSHAKE_DATAGRAMS = 256, /* of the peer's; more is no handshake */
    DTLS_MEDIA_TEXT_MAX = 128,
};

struct dtls_identity;

/* Makes a P-256 key and a self-signed certificate for it, and what all associations share. The
 * caller's until dtls_identity_free(), which must come after the last association. Returns 0 or
 * FAX_ENOMEM (also when OpenSSL cannot do it). */
int dtls_identity_new(struct dtls_identity **out) __attribute__((warn_unused_result));
void dtls_identity_free(struct dtls_identity *identity);

/* SHA-256 of the certificate; DTLS_MEDIA_FINGERPRINT_OCTETS, as long as the identity. */
const uint8_t *dtls_identity_fingerprint(const struct dtls_identity *identity);

enum dtls_media_state {
    DTLS_MEDIA_HANDSHAKE,
    DTLS_MEDIA_OPEN,
    DTLS_MEDIA_FAILED, /* see dtls_media_text(); also after the peer's close */
};

struct dtls_media_callbacks {
    /* A datagram for the peer; data is the callee's only during the call. */
    void (*send)(void *user, const uint8_t *data, size_t length);
    /* A UDPTL packet of the peer, authenticated. It may be altered, and is wiped after the call. */
    void (*receive)(void *user, uint8_t *data, size_t length);
    void *user;
};

struct dtls_media;

/* Makes an association. active: our side is the client and begins (a=setup:active, RFC 4145).
 * fingerprint: what the peer's certificate must have, copied. Callbacks run only from inside the
 * functions below. Returns 0 or FAX_ENOMEM. */
int dtls_media_new(struct dtls_identity *identity, bool active,
                   const uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS],
                   const struct dtls_media_callbacks *callbacks, uint64_t now_ms,
                   struct dtls_media **out) __attribute__((warn_unused_result));

/* Sends nothing; safe with NULL. */
void dtls_media_free(struct dtls_media *media);

/* Begins: the client's first flight leaves. Returns the state. */
enum dtls_media_state dtls_media_start(struct dtls_media *media);

/* Takes a datagram of the peer. What is no DTLS record (RFC 7983) is counted and dropped. Returns
 * the state. */
enum dtls_media_state dtls_media_receive(struct dtls_media *media, const uint8_t *datagram,
                                         size_t length);

/* Protects a UDPTL packet and sends it. Returns 0; FAX_ESTATE before the handshake is done or after
 * the end: it is then not sent. */
int dtls_media_send(struct dtls_media *media, const uint8_t *data, size_t length)
    __attribute__((warn_unused_result));

/* To be called every 20 ms or so: retransmits flights (RFC 6347 §4.2.4, first after 1 s by the
 * clock of the system) and ends a handshake that takes too long. Returns the state. */
enum dtls_media_state dtls_media_tick(struct dtls_media *media, uint64_t now_ms);

/* Tells the peer that this is the end (close_notify), if there is an association. */
void dtls_media_close(struct dtls_media *media);

enum dtls_media_state dtls_media_state(const struct dtls_media *media);

/* Open: "DTLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384". Failed: why, for people. Else "". */
const char *dtls_media_text(const struct dtls_media *media);

/* Datagrams dropped because they were no DTLS, or could not be authenticated. */
uint32_t dtls_media_dropped(const struct dtls_media *media);

#endif
