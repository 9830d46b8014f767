/* srtp_media.h: RTP packets protected by SRTP (RFC 3711, RFC 7714), both ways of one call, by
 * libsrtp2. Takes and gives octets; keys come from signalling (RFC 4568). */
#ifndef T38_SRTP_MEDIA_H
#define T38_SRTP_MEDIA_H

#include <stddef.h>
#include <stdint.h>

enum srtp_media_suite {
    SRTP_MEDIA_NONE = 0,
    SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80, /* RFC 4568 §6.2.1 */
    SRTP_MEDIA_AEAD_AES_128_GCM,        /* RFC 7714 §14.2 */
    SRTP_MEDIA_AEAD_AES_256_GCM,
    SRTP_MEDIA_SUITES,
};

enum {
    SRTP_MEDIA_KEY_MAX = 46,      /* master key and salt together */
    SRTP_MEDIA_OVERHEAD_MAX = 20, /* octets added to a packet, at most: tag, and SRTCP's index */
};

struct srtp_media;

/* "AES_CM_128_HMAC_SHA1_80"; "" for none. */
const char *srtp_media_suite_name(enum srtp_media_suite suite);

/* Octets of master key and salt: 30, 28, 44. */
size_t srtp_media_key_octets(enum srtp_media_suite suite);

/* Loads the library and what it needs of files, so before a sandbox; once for a process, before all
 * else here. Makes a packet with every suite. Returns 0 or FAX_EENGINE. *keeper is to be freed when
 * no session is to be made any more: with its last session the library's NSS unloads what it
 * loaded. NULL after an error. */
int srtp_media_load(struct srtp_media **keeper) __attribute__((warn_unused_result));

/* Makes both directions. The keys (master key, then salt) are copied; the caller wipes its own.
 * SRTCP is protected with the same keys. Returns 0; FAX_EINVAL for SRTP_MEDIA_NONE; FAX_ENOMEM. */
int srtp_media_new(enum srtp_media_suite suite, const uint8_t *send_key, const uint8_t *receive_key,
                   struct srtp_media **out) __attribute__((warn_unused_result));

/* Goes on with these keys (a new description may bring others, RFC 4568 §7.1.4). A direction whose
 * suite and key are the same goes on as it was: its rollover counter is not in any packet. Errors
 * as for srtp_media_new; the session is then as before. */
int srtp_media_rekey(struct srtp_media *media, enum srtp_media_suite suite, const uint8_t *send_key,
                     const uint8_t *receive_key) __attribute__((warn_unused_result));

/* Wipes the keys. NULL is safe. */
void srtp_media_free(struct srtp_media *media);

/* Protects an RTP (or RTCP) packet in place: *length octets in a buffer of capacity, which must
 * have room for SRTP_MEDIA_OVERHEAD_MAX more. Returns 0; FAX_ELIMIT; FAX_EINVAL for what is no
 * packet. */
int srtp_media_protect(struct srtp_media *media, uint8_t *packet, size_t *length, size_t capacity)
    __attribute__((warn_unused_result));
int srtp_media_protect_rtcp(struct srtp_media *media, uint8_t *packet, size_t *length,
                            size_t capacity) __attribute__((warn_unused_result));

/* Checks and opens a packet in place. Returns 0; FAX_EFORMAT when it is not authentic, a replay,
 * too old, or no packet: the octets are then of no use. */
int srtp_media_unprotect(struct srtp_media *media, uint8_t *packet, size_t *length)
    __attribute__((warn_unused_result));
int srtp_media_unprotect_rtcp(struct srtp_media *media, uint8_t *packet, size_t *length)
    __attribute__((warn_unused_result));

#endif
