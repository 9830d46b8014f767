/* sdp.h: session descriptions (RFC 8866) for fax: audio and `m=image udptl t38` (T.38 Annex D).
 *
 * A description is a plain value of fixed size: no pointers, nothing to free, may be copied by
 * assignment. Everything read is bounded; text that does not fit a field is an error where it
 * matters (addresses, formats) and left out where it does not (fmtp). */
#ifndef GATEWAY_SIP_SDP_H
#define GATEWAY_SIP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SDP_MEDIA_MAX = 8,
    SDP_FORMATS_MAX = 16,
    SDP_ADDRESS_TEXT = 46, /* an IPv4 or IPv6 literal with its NUL */
    SDP_TOKEN_TEXT = 24,
    SDP_FMTP_TEXT = 48,
    SDP_FINGERPRINT_OCTETS = 32,
    SDP_CRYPTO_MAX = 4, /* a=crypto lines of a media that are kept */
    SDP_CRYPTO_KEY_MAX = 46,
    SDP_TEXT_MAX = 16384, /* longest description read or written, octets */
    SDP_LINES_MAX = 512,
};

enum sdp_kind { SDP_AUDIO, SDP_IMAGE, SDP_OTHER };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

enum sdp_t38_rate_management { SDP_T38_TRANSFERRED_TCF, SDP_T38_LOCAL_TCF };

enum sdp_t38_udp_ec { SDP_T38_EC_NONE, SDP_T38_EC_REDUNDANCY, SDP_T38_EC_FEC };

/* Which attributes stood in the description (read) or are to be written. */
enum sdp_t38_present {
    SDP_T38_VERSION = 1 << 0,
    SDP_T38_MAX_BIT_RATE = 1 << 1,
    SDP_T38_RATE_MANAGEMENT = 1 << 2,
    SDP_T38_MAX_BUFFER = 1 << 3,
    SDP_T38_MAX_DATAGRAM = 1 << 4,
    SDP_T38_UDP_EC = 1 << 5,
    SDP_T38_FILL_BIT_REMOVAL = 1 << 6,
    SDP_T38_TRANSCODING_MMR = 1 << 7,
    SDP_T38_TRANSCODING_JBIG = 1 << 8,
    SDP_T38_EXPRESS = 1 << 9, /* X-SealfaxExpress, of our own: t38/express_flow.h */
};

/* T.38 §D.2.3. Members whose present bit is not set hold the defaults of sdp_t38_set_defaults(). */
struct sdp_t38 {
    uint32_t present; /* bits of enum sdp_t38_present */
    uint8_t version;  /* 0..4 */
    enum sdp_t38_rate_management rate_management;
    enum sdp_t38_udp_ec udp_ec;
    bool fill_bit_removal, transcoding_mmr, transcoding_jbig, express;
    uint32_t max_bit_rate; /* bit/s, 2400..33600 */
    uint32_t max_buffer;   /* octets, 0 = not said */
    uint32_t max_datagram; /* octets of a UDPTL packet that the describing side accepts */
};

/* One format of a media line: a payload type with its rtpmap, or "t38". */
struct sdp_format {
    char token[SDP_TOKEN_TEXT];    /* as on the m-line: "0", "101", "t38" */
    char encoding[SDP_TOKEN_TEXT]; /* of a=rtpmap: "PCMU"; of static payload types also without */
    uint32_t clock_rate;           /* Hz; 0 when there is none */
    char fmtp[SDP_FMTP_TEXT];      /* of a=fmtp; empty when there is none or it is longer */
};

/* a=setup (RFC 4145 §4): who begins the DTLS handshake. */
enum sdp_setup { SDP_SETUP_NONE, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_ACTPASS };

/* One a=crypto line (RFC 4568 §4) of a suite that is known. */
struct sdp_crypto {
    uint32_t tag;
    uint8_t suite;                   /* enum srtp_media_suite */
    uint8_t key[SDP_CRYPTO_KEY_MAX]; /* master key, then salt */
};

struct sdp_media {
    enum sdp_kind kind;
    char kind_text[SDP_TOKEN_TEXT]; /* "audio", "image", "video", ... */
    uint16_t port;                  /* 0: refused */
    char proto[SDP_TOKEN_TEXT];     /* "RTP/AVP", "udptl", ... as written by the peer */
    uint32_t format_count;
    struct sdp_format formats[SDP_FORMATS_MAX];
    char address[SDP_ADDRESS_TEXT]; /* of its c= line, else of the session's; empty: none */
    enum sdp_direction direction;   /* of its own attribute, else of the session's */
    uint32_t packet_ms;             /* a=ptime; 0 when there is none */
    bool rtcp_mux;                  /* a=rtcp-mux: RTCP on the same port, RFC 5761 */
    struct sdp_t38 t38;             /* for kind SDP_IMAGE */
    /* What protects it: its own, else the session's. */
    enum sdp_setup setup;
    bool has_fingerprint; /* by SHA-256, the only hash that is taken (RFC 8122) */
    uint8_t fingerprint[SDP_FINGERPRINT_OCTETS];
    bool inherits_fingerprint; /* of the reader */
    uint32_t crypto_count;
    struct sdp_crypto crypto[SDP_CRYPTO_MAX];
};

struct sdp_session {
    char user[SDP_TOKEN_TEXT]; /* o= user name; "-" when there is none */
    uint64_t session_id, session_version;
    char origin_address[SDP_ADDRESS_TEXT]; /* empty when the peer gave a name */
    char address[SDP_ADDRESS_TEXT];        /* session level c=; empty: none */
    uint32_t media_count;
    struct sdp_media media[SDP_MEDIA_MAX];
};

/* Sets version 0, 14400 bit/s, transferred TCF, no error correction said, 400-octet datagrams:
 * what T.38 Annex D and practice assume for what is absent. Clears the present bits. */
void sdp_t38_set_defaults(struct sdp_t38 *t38);

/* Reads length octets at text, which need no NUL behind them and must not hold one. Lines may end
 * in CRLF or LF, the last one in nothing; T.38 names are compared without case; unknown lines and
 * attributes are skipped. T.38 values that are odd or out of range are tolerated: the attribute
 * counts as absent, or is brought into range.
 * On success session holds it all, each media with its effective address and direction.
 * On failure session is undefined and *error_offset (may be NULL) is the octet where the bad line
 * or field begins. Errors: -EBADMSG for a broken description, -E2BIG for one past the limits. */
int sdp_read(struct sdp_session *session, const char *text, size_t length, size_t *error_offset)
    __attribute__((warn_unused_result));

/* Writes the description with CRLF line ends to text (not NUL-terminated) and its length to
 * *length. Media with port 0 are written as refused lines. T.38 attributes are written for image
 * lines that are not refused, those whose present bit is set.
 * Errors: -ENOSPC when capacity does not suffice, -EINVAL for a value that cannot be written
 * (bad address literal, control or space characters in tokens, no format). */
int sdp_write(const struct sdp_session *session, char *text, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* The same with another session version. */
int sdp_write_version(const struct sdp_session *session, uint64_t session_version, char *text,
                      size_t capacity, size_t *length) __attribute__((warn_unused_result));

/* Starts a description of our own: user "-", the given ids, address (an IPv4 or IPv6 literal) for
 * origin and connection, no media. Errors: -EINVAL when address is no literal. */
int sdp_begin(struct sdp_session *session, uint64_t session_id, uint64_t session_version,
              const char *address) __attribute__((warn_unused_result));

/* Starts an answer (RFC 3264 §6): as sdp_begin(), and one media line for each of the offer's, in
 * its order and with its kind, protocol and formats, all refused (port 0). The caller then accepts
 * lines by setting port, formats, direction, t38 of the entry. Errors: as sdp_begin(). */
int sdp_begin_answer(struct sdp_session *answer, const struct sdp_session *offer,
                     uint64_t session_id, uint64_t session_version, const char *address)
    __attribute__((warn_unused_result));

/* Appends an image line `udptl t38` on that port with those attributes, address from the session.
 * Errors: -ENOSPC when there are SDP_MEDIA_MAX lines already. */
int sdp_add_t38(struct sdp_session *session, uint16_t port, const struct sdp_t38 *t38)
    __attribute__((warn_unused_result));

/* Appends an audio line `RTP/AVP` on that port with G.711 A-law and/or mu-law, 20 ms packets.
 * a_law_first orders them. Errors: -ENOSPC as above. */
int sdp_add_g711(struct sdp_session *session, uint16_t port, bool a_law_first)
    __attribute__((warn_unused_result));

/* Turns entry index of an answer into an accepted T.38 line. Errors: -EINVAL when it is not an
 * image line with format t38 over udptl. */
int sdp_accept_t38(struct sdp_session *answer, size_t index, uint16_t port,
                   const struct sdp_t38 *t38) __attribute__((warn_unused_result));

/* Turns entry index of an answer into an accepted G.711 line with one law (that of the offer's
 * first G.711 format) and the direction that mirrors the offered one. Errors: -EINVAL when it is
 * not an audio line over RTP/AVP with PCMA or PCMU. */
int sdp_accept_g711(struct sdp_session *answer, const struct sdp_session *offer, size_t index,
                    uint16_t port) __attribute__((warn_unused_result));

/* As sdp_add_t38(), over UDP/TLS/UDPTL (RFC 7345 §4) with that fingerprint and setup. */
int sdp_add_t38_dtls(struct sdp_session *session, uint16_t port, const struct sdp_t38 *t38,
                     const uint8_t fingerprint[SDP_FINGERPRINT_OCTETS], enum sdp_setup setup)
    __attribute__((warn_unused_result));

/* As sdp_accept_t38(), for a line over UDP/TLS/UDPTL; setup is SDP_SETUP_ACTIVE or _PASSIVE. */
int sdp_accept_t38_dtls(struct sdp_session *answer, size_t index, uint16_t port,
                        const struct sdp_t38 *t38,
                        const uint8_t fingerprint[SDP_FINGERPRINT_OCTETS], enum sdp_setup setup)
    __attribute__((warn_unused_result));

/* Returns the index of the first line that is not refused and is T.38 over UDP/TLS/UDPTL, or -1. */
int sdp_find_t38_dtls(const struct sdp_session *session);

/* Returns the index of the first line that is not refused and is RTP/SAVP audio with PCMA or PCMU
 * and a usable a=crypto line, or -1. *a_law (may be NULL) tells which of the two comes first. */
int sdp_find_g711_srtp(const struct sdp_session *session, bool *a_law);

/* Appends an audio line as sdp_add_g711() does, over RTP/SAVP with those a=crypto lines. */
int sdp_add_g711_srtp(struct sdp_session *session, uint16_t port, bool a_law_first,
                      const struct sdp_crypto *crypto, size_t count)
    __attribute__((warn_unused_result));

/* As sdp_accept_g711(), for a line over RTP/SAVP: crypto is our key with the tag and suite of the
 * offered one that was chosen (RFC 4568 §5.1.2). */
int sdp_accept_g711_srtp(struct sdp_session *answer, const struct sdp_session *offer, size_t index,
                         uint16_t port, const struct sdp_crypto *crypto)
    __attribute__((warn_unused_result));

/* Returns the index of the first line that is not refused and is T.38 over udptl, or -1. */
int sdp_find_t38(const struct sdp_session *session);

/* Returns the index of the first line that is not refused and is RTP/AVP audio with PCMA or PCMU,
 * or -1. *a_law (may be NULL) tells which of the two comes first. */
int sdp_find_g711(const struct sdp_session *session, bool *a_law);

#endif
