/* session.h: the inside of a struct sip_session, and the verbs that work on it: one file each. */
#ifndef GATEWAY_SIP_SESSION_H
#define GATEWAY_SIP_SESSION_H

#include "gateway/sip/description.h"
#include "gateway/sip/dialog.h"
#include "gateway/sip/transaction.h"

struct sip_text;

enum {
    SIP_FIRST_CSEQ = 1, /* of the INVITE that makes a dialog */
    /* Reliable responses to an INVITE of ours before its final one, over all branches of a fork.
     * RFC 3261 §13.3.1.1 wants one a minute; what comes above that ends the call. */
    SIP_RELIABLE_MAX = 64,
};

enum sip_session_state {
    SIP_SESSION_INCOMING,    /* INVITE received, no final response yet */
    SIP_SESSION_OUTGOING,    /* INVITE sent, no final response yet */
    SIP_SESSION_ESTABLISHED, /* 2xx sent or received */
};

/* Our 2xx to an INVITE until its ACK (§13.3.1.4). text NULL: none is out. */
struct sip_accepted {
    char *text;
    size_t length;
    uint32_t cseq;
    bool offered;    /* it carries our offer, the ACK is to bring the answer */
    bool is_refresh; /* of which the application does not know */
    char *offer;     /* then that offer, for sip_description_agree() */
    size_t offer_length;
    uint32_t interval_ms;
    uint64_t give_up_at_ms;
    struct sip_hop to;
    struct sip_timer timer;
};

/* The last ACK we sent for a 2xx, for when that comes again (§13.2.2.4). */
struct sip_acknowledged {
    char *text;
    size_t length;
    uint32_t cseq;
    uint64_t sent_at_ms;
    struct sip_hop to;
};

/* The offer of an INVITE of ours until its answer: the first one, or a re-INVITE that the
 * application wants or that refreshes the session. offer NULL: none. */
struct sip_proposal {
    char *offer;
    size_t length;
    bool is_refresh;   /* the application does not know of it */
    unsigned refusals; /* with 491 */
    struct sip_timer timer;
};

/* A dialog that a provisional response to our INVITE has made (§12.1.2). */
struct sip_early {
    struct sip_early *next;
    char *tag;     /* the peer's */
    uint32_t rseq; /* of its last reliable response (RFC 3262); 0: none */
    char *answer;  /* description that such a response carried; NULL: none */
    size_t length;
};

/* Our reliable provisional response until its PRACK. text NULL: none is out. */
struct sip_reliable {
    bool required; /* the INVITE demands it */
    uint32_t rseq; /* of the last one; 0: none was sent */
    char *text;
    size_t length;
    uint32_t interval_ms;
    uint64_t give_up_at_ms;
    struct sip_hop to;
    struct sip_timer timer;
};

/* The session timer (RFC 4028). */
struct sip_refresh {
    uint32_t interval_s; /* 0: the session does not expire */
    uint32_t min_s;      /* the longest Min-SE that was demanded of us */
    bool ours;           /* we refresh, else the peer does */
    bool by_update;      /* the peer takes UPDATE */
    bool update_was_refused;
    struct sip_timer timer;
};

struct sip_session {
    struct sip_stack *stack;
    struct sip_session *next, *previous; /* of all; when dead, next of the dead */
    struct sip_dialog dialog;
    enum sip_session_state state;
    bool outgoing;  /* our INVITE made it, so the Call-ID is ours (§14.1) */
    bool confirmed; /* its first ACK was sent or received */
    bool over;      /* for the application: ENDED was told or is about to be */
    bool told;      /* ENDED was told */
    bool dead;
    bool rang;          /* a response to the INVITE was sent or received */
    bool cancel_wanted; /* CANCEL waits for a provisional response (§9.1) */
    bool cancel_sent;
    bool bye_wanted; /* BYE waits for the ACK (§15) */
    sip_event_cb *cb;
    void *user;
    struct sip_transaction *invite_client, *invite_server, *bye;
    struct sip_transaction *update_client, *update_server; /* update_server: with an offer */
    uint32_t invite_cseq;       /* of the first INVITE of ours, as last sent */
    unsigned refused_intervals; /* 422 that it got */
    bool invite_offered;        /* invite_server's request carried an offer */
    struct sip_accepted accepted;
    struct sip_acknowledged acknowledged;
    struct sip_proposal proposal;
    struct sip_description description;
    struct sip_early *early;
    unsigned reliable_count; /* reliable responses that came in their turn */
    struct sip_reliable reliable;
    struct sip_refresh refresh;
    struct sip_timer ring, ring_again;
    char *identity; /* header lines of the first INVITE: who calls; NULL: none */
    char *reason;   /* value of the Reason header of CANCEL and BYE; NULL: none */
    struct {
        enum sip_party who;
        int code;
        char text[160];
        uint32_t retry_after_s;
        int q850_cause;
        const struct sip_redirection *redirection; /* only while it is told */
    } end;
};

/* session.c */

/* Makes one in the stack's list, without dialog. NULL: out of memory. */
struct sip_session *sip_session_create(struct sip_stack *stack, bool outgoing);

/* Tells the application, unless the session is over for it. */
void sip_session_emit(struct sip_session *s, enum sip_event_kind kind, int code, const char *reason,
                      const struct sdp_session *sdp);

/* Ends it for the application, which is told before this returns. Only from the loop. */
void sip_session_end(struct sip_session *s, enum sip_party who, int code, const char *reason);

/* The same, told from the loop later: for calls by the application. */
void sip_session_end_later(struct sip_session *s, enum sip_party who, int code, const char *reason);

/* Sends what ends the call at the peer: reject with code, CANCEL or BYE. */
void sip_session_leave(struct sip_session *s, int code);

/* A transaction of it is over. */
void sip_session_forget(struct sip_session *s, const struct sip_transaction *tx);

/* Answers the challenge to a request of it; false: there is no answer, the response stands. */
bool sip_session_authenticate(struct sip_transaction *tx, const osip_message_t *response);

/* Buries it when it is over and the protocol needs it no more. */
void sip_session_settle(struct sip_session *s);

/* Tells those that ended later. */
void sip_session_tell_ended(struct sip_stack *stack);

/* Frees a session at once: only where nothing up the stack can still hold it (stack.c). */
void sip_session_free(struct sip_session *s);

/* invite_client.c: sends the first INVITE, again too with new terms. Errors: -EINVAL. */
int sip_invite_client_send(struct sip_session *s) __attribute__((warn_unused_result));

/* invite_server.c: a new call; takes event. device: who signed in for it, or NULL. */
void sip_invite_server_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                               const struct sip_hop *source, const char *device);

/* Sends a final refusal to the INVITE or re-INVITE that waits, if one does. */
void sip_invite_server_refuse(struct sip_session *s, int code, const char *reason);

/* Sends 200 with sdp (NULL: the agreed description as it is) to the one that waits. Errors:
 * -ENOMEM, -EINVAL when none is agreed, those of sdp_write(). */
int sip_invite_server_accept(struct sip_session *s, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* accept.c: sends the 2xx in tx and repeats it until sip_accept_stop(). */
int sip_accept_start(struct sip_session *s, struct sip_transaction *tx, osip_message_t *response)
    __attribute__((warn_unused_result));
void sip_accept_stop(struct sip_session *s);

/* ack.c */
void sip_ack_receive(struct sip_session *s, const osip_message_t *ack);
void sip_ack_send(struct sip_session *s, uint32_t cseq);
/* A 2xx to INVITE that fits no transaction: a retransmission, or another branch of a fork, which
 * gets ACK and BYE. Returns false when it is neither. */
bool sip_ack_repeat(struct sip_stack *stack, const osip_message_t *response);

/* bye.c; receive takes over the answering of tx. */
void sip_bye_receive(struct sip_session *s, struct sip_transaction *tx);
void sip_bye_send(struct sip_session *s);

/* cancel.c; takes event. One that fits no INVITE is refused without making state. */
void sip_cancel_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                        const struct sip_hop *source);
void sip_cancel_send(struct sip_session *s);

/* options.c */
void sip_options_receive(struct sip_stack *stack, const osip_message_t *request,
                         const struct sip_hop *source);

/* options_client.c: frees what was not answered, without telling. */
void sip_options_drop(struct sip_stack *stack);

/* session_timer.c (RFC 4028) */

/* Appends the header lines that a request of ours says it with; offer: INVITE or UPDATE. */
void sip_session_timer_propose(const struct sip_session *s, struct sip_text *headers);
/* Takes what a 2xx to such a request says, and (re)starts the timer. */
void sip_session_timer_take(struct sip_session *s, const osip_message_t *response);
/* Whether a 422 names an interval that we can propose instead; the next proposal then does. */
bool sip_session_timer_adapt(struct sip_session *s, const osip_message_t *response);
/* The Min-SE to refuse a request with (422) because its interval is too short; 0: it is not. */
uint32_t sip_session_timer_demand(const struct sip_stack *stack, const osip_message_t *request);
/* Adds to the 2xx for a request of the peer what it says of the timer, and (re)starts it. */
void sip_session_timer_answer(struct sip_session *s, const osip_message_t *request,
                              osip_message_t *response);
/* Starts the interval anew: the peer has shown that it lives. */
void sip_session_timer_restart(struct sip_session *s);
/* A refresh of ours failed for good: tries another way, or ends the session. */
void sip_session_timer_refused(struct sip_session *s, int code);

/* update.c (RFC 3311): a request of the peer; one of ours, without description. */
void sip_update_receive(struct sip_session *s, struct sip_transaction *tx);
int sip_update_send(struct sip_session *s) __attribute__((warn_unused_result));
/* Answers the one that waits, with 200 and sdp (NULL: the agreed one) or a refusal. */
int sip_update_accept(struct sip_session *s, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));
void sip_update_refuse(struct sip_session *s, int code);

/* prack.c (RFC 3262) */

/* Notes the dialog of a provisional response to our INVITE and, when that is reliable, sends
 * PRACK. Returns false for a repeated one, one that came before its turn, and, with reliable_count
 * above SIP_RELIABLE_MAX, one too many. */
bool sip_prack_take(struct sip_session *s, const osip_message_t *response);
/* The early dialog with that tag of the peer, or NULL. */
const struct sip_early *sip_prack_early(const struct sip_session *s, const char *tag);
void sip_prack_receive(struct sip_session *s, struct sip_transaction *tx);
/* Makes a provisional response of ours reliable when it has to be, and repeats it until its PRACK.
 * Returns -EBUSY when the one before is not acknowledged yet, -ENOMEM; response is then unchanged.
 */
int sip_prack_demand(struct sip_session *s, osip_message_t *response, const struct sip_hop *to)
    __attribute__((warn_unused_result));
/* No more repetitions: the final response is out. */
void sip_prack_stop(struct sip_session *s);
void sip_prack_free(struct sip_session *s);

/* reinvite_client.c: sends the proposal as soon as nothing stands in its way. Errors: -ENOMEM. */
int sip_reinvite_client_go_on(struct sip_session *s);
/* Gives the proposal up, without telling. */
void sip_reinvite_client_drop(struct sip_session *s);
/* Refreshes the session with the agreed description. Errors: -EBUSY, -ENOMEM, -EAGAIN. */
int sip_reinvite_client_refresh(struct sip_session *s) __attribute__((warn_unused_result));
/* A time to wait after a glare (§14.1), scaled with T1. */
uint64_t sip_reinvite_client_glare_ms(const struct sip_session *s);

/* reinvite_server.c: a re-INVITE of the peer. */
void sip_reinvite_server_receive(struct sip_session *s, struct sip_transaction *tx);

#endif
