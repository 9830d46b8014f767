/* sip.h: a SIP user agent over UDP, TCP and TLS (RFC 3261): calls in both directions, re-INVITE,
 * offer/answer.
 *
 * One struct sip_stack per loop, used from that loop's thread only (the control process). No
 * function here runs a callback before it returns, except sip_stack_close() never at all: events
 * come from the loop. Callbacks may call every function here, but not run the loop.
 *
 * A session is one call leg with its dialog. It belongs to the stack. The application may use the
 * pointer from sip_session_call() or `incoming` until the callback for SIP_EVENT_ENDED returns.
 * Every session that was handed out gets SIP_EVENT_ENDED exactly once, last. What the protocol
 * still needs afterwards (a BYE unanswered, a 2xx that crosses a CANCEL) the stack does alone.
 *
 * Errors are negative errno values. */
#ifndef GATEWAY_SIP_SIP_H
#define GATEWAY_SIP_SIP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "gateway/sip/digest_secret.h"
#include "gateway/sip/sdp.h"

struct sip_stack;
struct sip_session;

enum sip_event_kind {
    SIP_EVENT_RINGING,  /* outgoing: a 1xx beyond 100; sdp when it carried one (early media) */
    SIP_EVENT_ANSWERED, /* outgoing: 2xx with the answer in sdp, which is acknowledged already */
    /* The ACK for our 2xx, to the first INVITE or to a re-INVITE of the peer. sdp is the answer
     * when our 2xx carried the offer, else NULL. */
    SIP_EVENT_CONFIRMED,
    /* The peer's re-INVITE, or UPDATE with an offer (RFC 3311), sdp its offer or NULL when we are
     * to make the offer. To be answered with sip_session_answer_reinvite() or
     * sip_session_reject_reinvite(), now or later. */
    SIP_EVENT_REINVITE_OFFER,
    SIP_EVENT_REINVITE_CANCELLED, /* the peer took that re-INVITE back; nothing to answer */
    SIP_EVENT_REINVITE_ANSWERED,  /* 2xx to our re-INVITE, the answer in sdp */
    /* Our re-INVITE was refused with code, the session is as before. 491 is retried by the stack
     * (RFC 3261 §14.1); it is reported only when the peer's own re-INVITE comes first, which then
     * follows as SIP_EVENT_REINVITE_OFFER, or after SIP_GLARE_RETRIES. */
    SIP_EVENT_REINVITE_REFUSED,
    SIP_EVENT_ENDED, /* the session is over; see struct sip_event */
};

enum { SIP_GLARE_RETRIES = 6 };

enum sip_party {
    SIP_PARTY_PEER,      /* BYE, CANCEL or a final refusal of the peer */
    SIP_PARTY_LOCAL,     /* sip_session_hangup(), _reject(), sip_stack_close(), or a peer whose
                            answer could not be used */
    SIP_PARTY_TIMEOUT,   /* no response, no answer within ring_timeout_ms, no ACK */
    SIP_PARTY_TRANSPORT, /* the network refused: send error or ICMP unreachable */
};

enum sip_protocol { SIP_UDP, SIP_TCP, SIP_TLS };

struct sip_event {
    enum sip_event_kind kind;
    enum sip_party who; /* ENDED */
    /* ENDED: the final status code (486, 404, ...), 200 for BYE, 408 for timeouts, 487 for CANCEL,
     * 503 for the transport, reason then says what was wrong. RINGING, REINVITE_REFUSED: the
     * response's code. Else 0. */
    int code;
    const char *reason;            /* reason phrase or text of a Reason header; never NULL */
    const struct sdp_session *sdp; /* or NULL; valid during the callback */
    /* ENDED, REINVITE_REFUSED: of a refusal (RFC 3261 §20.33); 0: none. At most a day. */
    uint32_t retry_after_s;
    /* ENDED: the cause of a Q.850 Reason header (RFC 3326) in a response, BYE or CANCEL; 0: none */
    int q850_cause;
    const struct sip_redirection *redirection; /* ENDED with 3xx that has Contacts; else NULL */
};

enum { SIP_REDIRECTIONS_MAX = 8 };

/* Where a 3xx says that the called number is (RFC 3261 §8.1.3.4). The stack follows none: whether
 * to call one of them, and how often, is the application's decision. Best first. */
struct sip_redirection {
    uint32_t count;
    const char *uris[SIP_REDIRECTIONS_MAX]; /* sip, sips or tel; valid during the callback */
};

typedef void sip_event_cb(void *user, struct sip_session *session, const struct sip_event *event);

enum { SIP_HOPS_MAX = 70 }; /* of a new call (RFC 3261 §8.1.1.6) */

/* What a new call says about itself. All pointers are valid during the callback only. */
struct sip_request_info {
    const char *from_user; /* user part of From, "" when there is none; percent-decoded by osip */
    const char *from_host;
    const char *from_display;  /* without quotes; "" when there is none */
    const char *asserted_user; /* user part of P-Asserted-Identity; "" when there is none */
    const char *to_user;       /* user part of the request URI: the number called */
    const char *to_host;
    const char *call_id;
    const char *user_agent; /* "" when there is none */
    /* The number that the caller called first, when the call was diverted to us: the last Diversion
     * (RFC 5806), else the oldest entry of History-Info (RFC 7044) that was retargeted; "" when
     * there is none. reason as it stands there ("no-answer"), "" when it is not said. */
    const char *diverted_from, *diversion_reason;
    bool wants_privacy; /* Privacy names id, user, header, session or critical (RFC 3323, 3325) */
    const struct sockaddr *source;
    const char *device;              /* that signed in for this call; NULL: none */
    enum sip_protocol protocol;      /* that the request came by */
    const struct sdp_session *offer; /* NULL: the answer must be an offer of ours */
    unsigned max_forwards;           /* hops that the call may still make; at most SIP_HOPS_MAX */
};

/* A new call. The application calls sip_session_set_event_cb() and then sip_session_ring(),
 * _answer() or _reject(), inside the callback or later. info is gone when it returns. */
typedef void sip_incoming_cb(void *user, struct sip_session *session,
                             const struct sip_request_info *info);

/* Says whether requests from that address, by that protocol, may make calls. Asked before any state
 * is made; for TCP and TLS also before a connection is kept. */
typedef bool sip_source_cb(void *user, const struct sockaddr *source, enum sip_protocol protocol);

/* What a source asks for, and what it gets. */
enum sip_stage {
    SIP_STAGE_REQUEST, /* a request, before it is parsed, retransmissions included */
    SIP_STAGE_CALL,    /* an INVITE that would make a call */
};
enum sip_admission {
    SIP_ADMITTED,
    SIP_DROPPED, /* without an answer */
    SIP_BUSY,    /* 503 with Retry-After, without state; only for calls */
};
typedef enum sip_admission sip_admit_cb(void *user, const struct sockaddr *source,
                                        enum sip_protocol protocol, enum sip_stage stage);

/* What a TLS connection with a peer must show and is shown. Texts are valid until the callback runs
 * again; "" or NULL: what the brackets say. Files are PEM; they are read again when they change,
 * and a key file that others than owner and group may read is not used. */
struct sip_tls_terms {
    const char *ca_file; /* who may have signed the peer's certificate [the system's CAs] */
    const char *name;    /* DNS name, URI host or address that it must be for (RFC 5922 §7)
                            [the peer's address] */
    const char *certificate_file; /* ours, with its chain [sip_config.tls_certificate_file] */
    const char *key_file;         /* [sip_config.tls_key_file] */
    /* A peer that connects may be anybody, and signs in later. With ca_file it may show a
     * certificate of those, whatever its names, and is known by it (devices.h); one of others is
     * refused. */
    bool anybody;
    /* It may show a certificate, of anybody: see sip_tls_peer_name(). */
    bool optional;
};

/* Fills in the terms for a peer; false: no TLS with it. A peer that connects to us is known by its
 * address only, and must show a certificate as well. */
typedef bool sip_tls_terms_cb(void *user, const struct sockaddr *peer, bool incoming,
                              struct sip_tls_terms *terms);

/* A connection that failed, or was refused, for a reason worth telling: text is a sentence for
 * people, of the peer's words only such as are printable. */
struct sip_trouble {
    const struct sockaddr *peer;
    enum sip_protocol protocol;
    bool incoming;
    bool verification; /* a certificate was not accepted, by either side */
    const char *text;
};
typedef void sip_trouble_cb(void *user, const struct sip_trouble *trouble);

typedef void sip_closed_cb(void *user);

enum sip_unknown_source { SIP_UNKNOWN_403, SIP_UNKNOWN_SILENT };

/* Everything is copied. Zero means the default in brackets. */
struct sip_config {
    struct sockaddr_storage listen; /* UDP address and port, port 0 takes any free one */
    struct sockaddr_storage listen_tcp, listen_tls; /* likewise; family 0: no listener */
    /* What Via, Contact and the like say (behind NAT, or when listen is a wildcard). Family 0: the
     * listen address; of a wildcard, the local address that routes to the peer. Port 0: the
     * bound one; else the port of UDP. */
    struct sockaddr_storage advertised;
    const char *user_agent;                          /* User-Agent and Server; NULL: none sent */
    uint32_t max_sessions;                           /* calls at a time; then 503 [1000] */
    uint32_t max_transactions;                       /* [16 * max_sessions] */
    uint32_t t1_ms;                                  /* RFC 3261 §17.1.1.1 [500] */
    uint32_t t2_ms;                                  /* [8 * t1] */
    uint32_t t4_ms;                                  /* [10 * t1] */
    uint32_t receive_buffer;                         /* octets asked of the kernel [4 MiB] */
    const char *tls_certificate_file, *tls_key_file; /* ours; needed for listen_tls */
    /* Session timers (RFC 4028): what we ask for in our calls [1800], UINT32_MAX: nothing; and the
     * shortest that we accept [90], at least 90. */
    uint32_t session_expires_s, min_session_expires_s;
    sip_tls_terms_cb *tls_terms;      /* NULL: no TLS */
    uint32_t max_connections;         /* accepted ones [1024] */
    uint32_t max_connections_of_peer; /* of one address [32] */
    uint32_t connect_timeout_ms;      /* and for the TLS handshake [5000] */
    uint32_t message_timeout_ms;      /* first to last octet of a message [8000] */
    uint32_t idle_timeout_ms;         /* a connection without messages is closed [300000] */
    uint32_t keep_alive_ms;           /* CRLF on connections that we made (RFC 5626) [90000] */
    sip_trouble_cb *trouble;          /* NULL: nobody is told */
    enum sip_unknown_source unknown_source;
    sip_source_cb *source_known; /* NULL: every source may call */
    sip_admit_cb *admit;         /* NULL: no limits */
    sip_incoming_cb *incoming;   /* NULL: every INVITE is refused with 403 */
    void *user;                  /* for all of them */
};

/* Opens the socket and starts receiving. On success *stack is the caller's until
 * sip_stack_close(). Errors: -EINVAL for a bad config, -ENOMEM, or the socket's. */
int sip_stack_open(uv_loop_t *loop, const struct sip_config *config, struct sip_stack **stack)
    __attribute__((warn_unused_result));

/* Ends all sessions (BYE, CANCEL, 503 to calls not yet answered; each gets its ENDED), refuses new
 * ones with 503, waits for the answers at most 4 * T2, then frees the stack and calls done from
 * the loop. The pointer must not be used after done. done may be NULL. NULL is safe. */
void sip_stack_close(struct sip_stack *stack, sip_closed_cb *done, void *user);

/* Copies the address listened on, with the port that was bound; family 0: there is no listener. */
void sip_stack_address(const struct sip_stack *stack, enum sip_protocol protocol,
                       struct sockaddr_storage *address);

struct sip_stack_counters {
    uint64_t datagrams_in, datagrams_out, send_errors, icmp_errors;
    uint64_t malformed;       /* dropped or answered 400 */
    uint64_t unknown_sources; /* refused or dropped */
    uint64_t limited;         /* not admitted */
    uint64_t overloaded;      /* 503 for max_sessions, max_transactions or closing */
    uint64_t strays;          /* responses and ACKs that fit nothing */
    uint64_t calls_in, calls_out, calls_answered;
    uint64_t retransmissions_in, retransmissions_out;
    uint64_t glares;                      /* 491 sent or received */
    uint64_t refreshes_in, refreshes_out; /* of sessions (RFC 4028), answered with 2xx */
    uint64_t sessions_expired;
    uint64_t connections_in, connections_out, connections_refused, connections_failed;
    uint64_t keep_alives_in;
    uint32_t sessions, transactions, connections;
};

/* Copies the counters as they are now. */
void sip_stack_read_counters(const struct sip_stack *stack, struct sip_stack_counters *counters);

/* Sets who gets the events of a session; also during a callback. NULL: nobody. */
void sip_session_set_event_cb(struct sip_session *session, sip_event_cb *cb, void *user);

enum { SIP_CREDENTIALS_MAX = 4 };

/* What answers the challenges of one realm (RFC 3261 §22). It is given before it is needed, so that
 * a challenge has its answer at once; the stack copies it and wipes it with the call. A realm that
 * is not among those given gets no answer, whoever asks. */
struct sip_credential {
    const char *realm, *user;
    const struct digest_secret *secret;
};

/* What answers challenges to our requests in this session from now on: for calls that came in,
 * whose re-INVITE and BYE of ours may be challenged. Up to SIP_CREDENTIALS_MAX. Errors: -EINVAL,
 * -ENOMEM; what was there then stays. */
int sip_session_set_credentials(struct sip_session *session,
                                const struct sip_credential *credentials, size_t count)
    __attribute__((warn_unused_result));

/* Incoming, not answered yet: 180. May be repeated. Errors: -EPROTO in another state. */
int sip_session_ring(struct sip_session *session);

/* Incoming: 200 with sdp, the answer, or the offer when the INVITE had none. Retransmitted until
 * the ACK (SIP_EVENT_CONFIRMED) or 64*T1, when a BYE follows and the session ends with 408.
 * Errors: -EPROTO in another state, those of sdp_write(); the call is then still unanswered. */
int sip_session_answer(struct sip_session *session, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* Incoming, not answered yet: a final response, code 300..699, reason NULL for the standard one.
 * SIP_EVENT_ENDED (local, code) follows. Errors: -EINVAL, -EPROTO in another state. */
int sip_session_reject(struct sip_session *session, int code, const char *reason);

struct sip_call {
    struct sockaddr_storage target; /* where the INVITE is sent to */
    enum sip_protocol protocol;
    /* UDP: a request of more than 1,300 octets goes by TCP to the same port (§18.1.1). */
    bool long_by_tcp;
    /* To a registered device (devices.h): target, protocol and connection are those of its binding,
     * and all requests of the call go there, whatever Contact it tells. */
    bool to_device;
    uint32_t connection;
    const char *request_uri; /* "sip:4969123456@192.0.2.1:5060", also sips: with TLS */
    const char *from_uri;    /* "sip:..." or "\"Name\" <sip:...>", no tag */
    const char *to_uri;      /* likewise */
    const struct sdp_session *offer;
    uint32_t ring_timeout_ms; /* from the INVITE to the answer; 0 is 180 s */
    const char *call_id;      /* NULL: a random one */
    const struct sip_credential *credentials;
    size_t credential_count; /* up to SIP_CREDENTIALS_MAX, of different realms */
    /* P-Asserted-Identity (RFC 3325 §9.1), "sip:..." or "tel:..."; NULL: none. Only for peers in
     * the same trust domain. */
    const char *asserted_uri;
    bool wants_privacy; /* Privacy: id */
    /* Hops that a call has made on its way here, when it is taken through (RFC 7332 §5): so many
     * fewer it may still make. */
    uint8_t hops_made;
};

/* Calls. On success *session is live and its events go to cb. Errors: -EINVAL (URIs that cannot be
 * parsed or hold control characters, target of another family, sdp_write()), -EAGAIN when
 * max_sessions or max_transactions is reached or the stack is closing, -ENOMEM. */
int sip_session_call(struct sip_stack *stack, const struct sip_call *call, sip_event_cb *cb,
                     void *user, struct sip_session **session) __attribute__((warn_unused_result));

/* Proposes new media (RFC 3261 §14.1). Ends in REINVITE_ANSWERED or _REFUSED (or ENDED). Waits by
 * itself for an ACK that is still due, and retries after 491. Errors: -EPROTO when the session is
 * not answered or is ending, -EBUSY while a re-INVITE of either side is unanswered, those of
 * sdp_write(), -ENOMEM, -EAGAIN. */
int sip_session_reinvite(struct sip_session *session, const struct sdp_session *offer)
    __attribute__((warn_unused_result));

/* Answers SIP_EVENT_REINVITE_OFFER: 200 with sdp, or with NULL what we said last (-EINVAL when that
 * was nothing). An UPDATE is reported by the same event, but has to be answered in its callback.
 * Errors: -EPROTO when none is waiting, those of sdp_write(). */
int sip_session_answer_reinvite(struct sip_session *session, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* Refuses it; the session stays as it was. code 300..699, 488 is usual. Errors as above. */
int sip_session_reject_reinvite(struct sip_session *session, int code);

/* Ends the session in whatever state: CANCEL or BYE as fits, 480 to a call not yet answered.
 * SIP_EVENT_ENDED (local) follows from the loop. cause and text go into a Reason header
 * (RFC 3326: `SIP;cause=...;text="..."`) when cause is not 0; text may be NULL. A second call does
 * nothing. */
void sip_session_hangup(struct sip_session *session, int cause, const char *text);

struct sip_options;

/* Whom to ask by OPTIONS, outside of any call. Nothing is kept of it. */
struct sip_options_target {
    struct sockaddr_storage address;
    enum sip_protocol protocol;
    const char *request_uri; /* "sip:192.0.2.1:5060" */
    const char *from_uri;    /* NULL: the address of ours that the peer sees */
    uint32_t timeout_ms;     /* [64 * T1] */
};

struct sip_options_result {
    enum sip_party who;     /* PEER: it answered, whatever with; TIMEOUT, TRANSPORT: no answer */
    int code;               /* of the final response; 408 for TIMEOUT, 503 for TRANSPORT */
    const char *reason;     /* its phrase, or what was wrong; never NULL */
    uint32_t retry_after_s; /* 0: none */
    uint32_t took_ms;
};

/* Comes once, from the loop, unless sip_options_cancel() or sip_stack_close() was called before.
 * The probe is gone when it returns. */
typedef void sip_options_cb(void *user, const struct sip_options_result *result);

/* Asks a peer whether it is there (RFC 3261 §11.1), to watch the health of trunks: each answer but
 * a 503 tells that it is. *probe (may be NULL) is the stack's, valid until cb runs. Errors: -EINVAL
 * (URI, or an address of another family), -EAGAIN when max_transactions is reached or the stack is
 * closing, -ENOMEM. */
int sip_options_send(struct sip_stack *stack, const struct sip_options_target *target,
                     sip_options_cb *cb, void *user, struct sip_options **probe)
    __attribute__((warn_unused_result));

/* Lets cb not be called any more. NULL is safe. */
void sip_options_cancel(struct sip_options *probe);

/* The protocol that the session's requests go by now. */
enum sip_protocol sip_session_protocol(const struct sip_session *session);

enum { SIP_SIGNALLING_TEXT = 64 };

/* Writes "udp", "tcp", or "tls TLSv1.3 TLS_AES_256_GCM_SHA384" ("tls" when the connection is gone).
 */
void sip_session_signalling(const struct sip_session *session, char text[SIP_SIGNALLING_TEXT]);

/* Outgoing: whether a provisional response to the INVITE has come, be it only 100. */
bool sip_session_heard(const struct sip_session *session);

/* The Call-ID, for logs; valid as long as the session. */
const char *sip_session_call_id(const struct sip_session *session);

#endif
