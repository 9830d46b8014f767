/* dialog.h: RFC 3261 §12: what requests within a call are made of. */
#ifndef GATEWAY_SIP_DIALOG_H
#define GATEWAY_SIP_DIALOG_H

#include "gateway/sip/authenticate.h"
#include "gateway/sip/stack.h"

struct sip_dialog {
    struct sip_node node; /* key: Call-ID, newline, local tag: a call to ourselves has two dialogs
                             of one Call-ID in the same table */
    bool in_table;
    char *key;
    char *call_id;
    char local_tag[SIP_ID_TEXT];
    char *remote_tag; /* NULL until the peer's is known */
    char *local;      /* our From or To with tag, as a header value */
    char *remote;     /* the peer's, with its tag once known */
    char *target;     /* remote target URI */
    char *routes;     /* value of the Route header, NULL: none */
    bool is_strict;   /* the first route is a strict router (§12.2.1.1) */
    uint32_t local_cseq, remote_cseq;
    bool has_remote_cseq;
    struct sip_hop peer;   /* where requests go */
    bool long_by_tcp;      /* those too long for UDP go by TCP */
    uint8_t hops_made;     /* of SIP_HOPS_MAX, before our first request */
    struct sip_auth *auth; /* owned; NULL: no credentials */
};

/* Sets it up from the INVITE of a peer (§12.1.1) and enters it in the table. Errors: -ENOMEM,
 * -EBADMSG; the dialog can then only be closed. */
int sip_dialog_open_server(struct sip_stack *stack, struct sip_dialog *dialog,
                           const osip_message_t *invite, const struct sip_hop *source)
    __attribute__((warn_unused_result));

/* Sets it up for a request of ours, without entering it in the table: an INVITE whose dialog is not
 * to be found, or a request outside of dialogs. Errors: -ENOMEM, -EINVAL. */
int sip_dialog_prepare(struct sip_stack *stack, struct sip_dialog *dialog,
                       const struct sip_call *call) __attribute__((warn_unused_result));

/* Sets it up for an INVITE of ours. Errors: -ENOMEM, -EINVAL. */
int sip_dialog_open_client(struct sip_stack *stack, struct sip_dialog *dialog,
                           const struct sip_call *call) __attribute__((warn_unused_result));

/* Takes tag, target and routes from the 2xx to our INVITE (§12.1.2). Errors: as above. */
int sip_dialog_confirm(struct sip_stack *stack, struct sip_dialog *dialog,
                       const osip_message_t *response) __attribute__((warn_unused_result));

/* Makes the dialog of another branch of a forked INVITE; not in the table. To be closed. */
int sip_dialog_fork(struct sip_stack *stack, struct sip_dialog *fork,
                    const struct sip_dialog *dialog, const osip_message_t *response)
    __attribute__((warn_unused_result));

/* Takes a new remote target from a re-INVITE or its 2xx (§12.2). */
void sip_dialog_refresh(struct sip_stack *stack, struct sip_dialog *dialog,
                        const osip_message_t *message);

/* Takes it out of the table and frees what it holds. */
void sip_dialog_close(struct sip_stack *stack, struct sip_dialog *dialog);

/* Finds the session of a message in whose dialog our tag is local_tag; NULL: none. The peer's tag
 * is not compared. */
struct sip_session *sip_dialog_find(struct sip_stack *stack, const osip_message_t *message,
                                    const char *local_tag);

#endif
