/* session.h: the inside of a struct sip_session, and the verbs that work on it: one file each. */
#ifndef GATEWAY_SIP_SESSION_H
#define GATEWAY_SIP_SESSION_H

#include "gateway/sip/dialog.h"
#include "gateway/sip/transaction.h"

enum { SIP_FIRST_CSEQ = 1 }; /* of the INVITE that makes a dialog */

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
    bool offered; /* it carries our offer, the ACK is to bring the answer */
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

/* A re-INVITE that the application wants. offer NULL: none. */
struct sip_proposal {
    char *offer;
    size_t length;
    unsigned refusals; /* with 491 */
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
    bool bye_wanted;     /* BYE waits for the ACK (§15) */
    uint32_t first_cseq; /* of our INVITE that made the dialog, as last sent */
    sip_event_cb *cb;
    void *user;
    struct sip_transaction *invite_client, *invite_server, *bye;
    bool invite_offered; /* invite_server's request carried an offer */
    struct sip_accepted accepted;
    struct sip_acknowledged acknowledged;
    struct sip_proposal proposal;
    struct sip_timer ring;
    char *reason; /* value of the Reason header of CANCEL and BYE; NULL: none */
    struct {
        enum sip_party who;
        int code;
        char text[160];
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

/* invite_server.c: a new call; takes event. device: who signed in for it, or NULL. */
void sip_invite_server_receive(struct sip_stack *stack, osip_event_t *event, const char *key,
                               const struct sip_hop *source, const char *device);

/* Sends a final refusal to the INVITE or re-INVITE that waits, if one does. */
void sip_invite_server_refuse(struct sip_session *s, int code, const char *reason);

/* Sends 200 with sdp to the one that waits. Errors: -ENOMEM, those of sdp_write(). */
int sip_invite_server_accept(struct sip_session *s, const struct sdp_session *sdp)
    __attribute__((warn_unused_result));

/* accept.c: sends the 2xx in tx and repeats it until sip_accept_stop(). */
int sip_accept_start(struct sip_session *s, struct sip_transaction *tx, osip_message_t *response,
                     bool offered) __attribute__((warn_unused_result));
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

/* reinvite_client.c: sends the proposal as soon as nothing stands in its way. Errors: -ENOMEM. */
int sip_reinvite_client_go_on(struct sip_session *s);
/* Gives the proposal up, without telling. */
void sip_reinvite_client_drop(struct sip_session *s);

/* reinvite_server.c: a re-INVITE of the peer. */
void sip_reinvite_server_receive(struct sip_session *s, struct sip_transaction *tx);

#endif
