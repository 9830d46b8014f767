/* transaction.h: RFC 3261 §17 by libosip2's machines, found by our table and driven by our timers.
 * A server transaction of an INVITE that got a 2xx stays for 64*T1 to absorb its retransmissions
 * (RFC 6026 §7.1). */
#ifndef GATEWAY_SIP_TRANSACTION_H
#define GATEWAY_SIP_TRANSACTION_H

#include "gateway/sip/stack.h"

/* A client transaction got response; or, when response is NULL, it is over without a final one
 * and failure tells why. session is what sip_transaction_request() was given, or NULL when that
 * session is gone. */
typedef void sip_response_cb(struct sip_transaction *tx, struct sip_session *session,
                             const osip_message_t *response, enum sip_party failure);

struct sip_transaction {
    struct sip_node node; /* "c:METHOD:branch" or "s:METHOD:branch:sent-by" */
    struct sip_stack *stack;
    struct sip_transaction *next, *previous; /* of all; when dead, next of the dead */
    /* NULL when only repetitions are to come: after a 2xx to INVITE (RFC 6026), and after the final
     * response to another request. The library's structure takes 15 kB and these stay for 64*T1. */
    osip_transaction_t *osip;
    char *kept; /* that final response to a request other than INVITE */
    size_t kept_length;
    osip_fsm_type_t type;
    state_t state; /* the machine's, as the timers were last set for */
    struct sip_timer timer;
    uint64_t retransmit_at_ms, give_up_at_ms, expire_at_ms; /* uv_now() time, 0: not armed */
    uint32_t interval_ms;
    struct sip_hop peer;
    char *failure; /* why it is unreachable, for people; NULL: nothing is known */
    struct sip_session *session;
    sip_response_cb *on_response;
    void *user;                     /* of on_response, of requests without session */
    const osip_message_t *response; /* noted by the machine's callback, told after it returns */
    bool timed_out, unreachable, terminated, accepted, dead;
    bool may_resend; /* on another connection: the one that was lost had worked before */
    bool resent;
    uint8_t auth_answers[SIP_AUTH_CHALLENGES], auth_retries; /* authenticate.c */
    char key[];                                              /* of node */
};

/* Writes the key that a message belongs to; method is that of the request or of CSeq. Returns
 * false when it would be too long. */
bool sip_transaction_client_key(char key[SIP_KEY_TEXT], const char *method, const char *branch);
bool sip_transaction_server_key(char key[SIP_KEY_TEXT], const char *method,
                                const osip_message_t *request);

/* The transaction of this key, NULL when there is none (RFC 3261 §17.1.3, §17.2.3). */
struct sip_transaction *sip_transaction_find(struct sip_stack *stack, const char *key);

/* Starts a client transaction with the request of length octets at text, whose top Via has that
 * branch. Returns NULL when the text cannot be parsed, memory or transactions run out; on_response
 * is never called before this returns. */
struct sip_transaction *sip_transaction_request(struct sip_stack *stack, const char *text,
                                                size_t length, const char *branch,
                                                const struct sip_hop *to);

/* Starts a server transaction for the request in event, which it takes (also when it returns
 * NULL: out of memory). */
struct sip_transaction *sip_transaction_serve(struct sip_stack *stack, osip_event_t *event,
                                              const char *key, const struct sip_hop *source);

/* Gives a retransmission, ACK or response to its transaction; takes event. */
void sip_transaction_receive(struct sip_transaction *tx, osip_event_t *event);

/* Sends response through a server transaction; takes response, NULL does nothing. */
void sip_transaction_respond(struct sip_transaction *tx, osip_message_t *response);

/* The request of the transaction; NULL once a 2xx was sent to an INVITE. */
osip_message_t *sip_transaction_message(const struct sip_transaction *tx);

/* Lets a client transaction fail with a timeout if it has no final response in delay_ms. */
void sip_transaction_expire(struct sip_transaction *tx, uint64_t delay_ms);

/* The network said that the datagram starting with those octets did not reach that address. */
void sip_transaction_unreachable(struct sip_stack *stack, const char *bytes, size_t length,
                                 const struct sockaddr *to);

/* A connection is gone: requests on it that have no response yet fail, with text as the reason, or
 * are sent once more on another one when may_resend. Runs no callback. */
void sip_transaction_connection_lost(struct sip_stack *stack, uint32_t connection, bool may_resend,
                                     const char *text);

/* Tells whether the transaction still has something to say (for a close that waits). */
bool sip_transaction_is_busy(const struct sip_transaction *tx);

/* Takes it out of the table and puts it with the dead. */
void sip_transaction_kill(struct sip_transaction *tx);

/* Frees a dead one. */
void sip_transaction_free(struct sip_transaction *tx);

/* Registers the callbacks of the machines. */
void sip_transaction_register(osip_t *osip);

#endif
