/* media_offer.h: the session descriptions of a fax call: what we offer and answer, and what the
 * peer's description means for the line. Pure: no input/output. */
#ifndef GATEWAY_CONTROL_MEDIA_OFFER_H
#define GATEWAY_CONTROL_MEDIA_OFFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "gateway/sip/sdp.h"

/* How UDPTL makes up for loss (T.38 §9.1, T38FaxUdpEC). */
enum media_recovery { MEDIA_REDUNDANCY, MEDIA_FEC, MEDIA_NO_RECOVERY };

enum { MEDIA_T38_VERSION_MAX = 3, MEDIA_SRTP_KEYS = 3, MEDIA_SRTP_KEY_OCTETS = 46 };

/* Our side of a call's media; the version counts up with each description (RFC 3264 §8). */
struct media_local {
    const char *address; /* literal that stands in c= */
    uint16_t port;
    uint64_t session_id, session_version;
    uint32_t max_bit_rate;
    uint32_t max_datagram;        /* what we accept */
    uint8_t t38_version;          /* that we offer; answered is what the peer offers, up to 3 */
    enum media_recovery recovery; /* that we offer, and the best that we answer */
    bool no_t38;                  /* is not answered */
    bool secured;                 /* media must be protected: nothing else is offered or answered */
    bool may_express;             /* the trunk is trusted to run ahead of the clock */
    bool may_protect;             /* signalling is TLS: protected media is answered */
    /* Where the peer signals from, when it is behind an address translation: of its description
     * only the port is taken, for a guess. Family AF_UNSPEC: it is where it says. */
    struct sockaddr_storage signals;
    uint8_t fingerprint[SDP_FINGERPRINT_OCTETS]; /* of the line that carries the call */
    /* Random octets, of which the keys for SRTP are made: one for each suite, the best first. */
    uint8_t srtp_keys[MEDIA_SRTP_KEYS][MEDIA_SRTP_KEY_OCTETS];
    /* kept by the functions here: */
    uint8_t said_version; /* of our latest description of T.38 */
    enum media_recovery said_recovery;
    bool answered_audio, answered_t38, answered_active;
    bool settled; /* an engine may run with said_version: it is not answered otherwise again */
};

/* What was agreed for T.38. */
struct media_t38 {
    struct sockaddr_storage peer;
    uint8_t version;
    uint16_t max_datagram;        /* what the peer accepts */
    uint32_t max_bit_rate;        /* the smaller of both */
    enum media_recovery recovery; /* that both can do; redundancy when the peer says nothing */
    bool dtls;                    /* UDP/TLS/UDPTL (RFC 7345) */
    bool express;                 /* both run ahead of the clock */
    bool active;                  /* we begin the handshake */
    bool latch;                   /* the port of peer is a guess: who sends first from its host */
    uint8_t fingerprint[SDP_FINGERPRINT_OCTETS]; /* of the peer */
};

/* What was agreed for audio. */
struct media_audio {
    struct sockaddr_storage peer;
    uint8_t payload_type; /* both ways */
    bool a_law;
    bool latch;         /* as for T.38 */
    bool rtcp;          /* reports travel on the same port; else there are none */
    uint8_t srtp_suite; /* enum srtp_media_suite; 0: plain RTP */
    uint8_t send_key[MEDIA_SRTP_KEY_OCTETS], receive_key[MEDIA_SRTP_KEY_OCTETS];
};

/* G.711 on our port. Returns 0 or a negative errno as sdp_begin(). Each function here that writes a
 * description uses up a version of local. */
int media_offer_audio(struct media_local *local, struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* A single image line (T.38 Annex D.2.3) in place of audio. */
int media_offer_t38(struct media_local *local, struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* Answers an offer: T.38 when it has that, else G.711, all other lines refused. *t38 tells which.
 * Returns 0; -ENOTSUP when it offers neither (488); another negative errno. */
int media_answer(struct media_local *local, const struct sdp_session *offer,
                 struct sdp_session *answer, bool *t38) __attribute__((warn_unused_result));

/* Whether a description of the peer's has T.38 (or audio) that we would take, as it is protected.
 */
bool media_has_t38(const struct media_local *local, const struct sdp_session *sdp);
bool media_has_audio(const struct media_local *local, const struct sdp_session *sdp);

/* Whether a description of the peer's wants nothing sent for now (RFC 3264 §8.4) on the line that
 * media_answer() takes: its address is 0.0.0.0, it is a=inactive or, of audio, a=sendonly. */
bool media_is_on_hold(const struct media_local *local, const struct sdp_session *sdp);

/* What holds once both have described audio: the first G.711 of the peer's first usable line, and
 * the keys when it is protected. Returns 0; -ENOTSUP when there is none, or no usable address. */
int media_agree_audio(const struct media_local *local, const struct sdp_session *sdp,
                      struct media_audio *out) __attribute__((warn_unused_result));

/* What holds once both have described T.38, our description coming first or answering: the lower
 * version, the smaller rate, the weaker recovery (T.38 §D.2.3), and where the peer's datagrams go.
 * A repeated agreement keeps the version of the first, with which an engine may run. Returns 0, or
 * as media_read_t38. */
int media_agree_t38(struct media_local *local, const struct sdp_session *theirs,
                    struct media_t38 *out) __attribute__((warn_unused_result));

/* Reads the peer's description alone: its unprotected T.38 line and where its datagrams go. Returns
 * 0; -ENOTSUP when there is no T.38 line that is not refused, or no usable address. */
int media_read_t38(const struct sdp_session *sdp, uint32_t our_max_bit_rate, struct media_t38 *out)
    __attribute__((warn_unused_result));

#endif
