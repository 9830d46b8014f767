/* fax_call.h: one attempt to send or receive a fax: its SIP session, its T.38 negotiation, its call
 * on a line, and its records. Each call is independent; it frees itself when its end is recorded.
 */
#ifndef GATEWAY_CONTROL_FAX_CALL_H
#define GATEWAY_CONTROL_FAX_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/control/control.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/fax_id.h"
#include "policy/decision.h"
#include "policy/kek_id.h"
#include "policy/number.h"

/* Which faxes go before others; the numbers stand in the log. */
enum fax_priority { FAX_PRIORITY_USUAL = 0, FAX_PRIORITY_LOW, FAX_PRIORITY_HIGH };

/* A fax to send. source_attempt is 0, or its pages are those that the fax `source` received in that
 * attempt. */
struct outbound_fax {
    struct fax_id fax, source;
    uint16_t source_attempt;
    char from[NUMBER_TEXT], to[NUMBER_TEXT];
    char principal[POLICY_NAME_TEXT]; /* who submitted it */
    char mailbox[POLICY_NAME_TEXT];
    char class_name[KEK_CLASS_TEXT]; /* its own: a mail may ask for another than the mailbox's */
    uint32_t pages;
    uint32_t first_page;   /* from 1: earlier ones were confirmed in earlier attempts */
    uint16_t attempt;      /* from 1 */
    uint32_t max_rate;     /* bit/s; 0: as configured */
    bool no_ecm;           /* not even offered */
    int64_t not_before_ms; /* wall clock; 0: at once */
    uint8_t priority;      /* enum fax_priority */
    char
        avoid[POLICY_NAME_TEXT]; /* the trunk that the last attempt failed on: goes last; "" none */
};

/* The attempt is over and recorded. again: NULL, or the fax as it is to be tried again, recorded as
 * queued (fax.requeued). The call is gone after this. */
typedef void fax_call_done_cb(void *user, const struct outbound_fax *again);

/* Starts an attempt over the first of these trunks, or those behind it when it does not work. done
 * follows, never before this returns. Returns 0 or a negative errno, then nothing has happened and
 * nothing is recorded. */
int fax_call_out(struct control *control, const struct outbound_fax *fax,
                 const struct trunk_routes *routes, fax_call_done_cb *done, void *user)
    __attribute__((warn_unused_result));

/* sip_incoming_cb: judges an inbound call and takes or refuses it. user is the struct control. */
void fax_call_incoming(void *user, struct sip_session *session,
                       const struct sip_request_info *info);

/* Cancels the call of a fax if there is one. */
bool fax_call_cancel(struct control *control, const struct fax_id *fax);

/* Says whether there is a call with this trunk, or "device:NAME". */
bool fax_call_with(const struct control *control, const char *trunk);

/* Says whether there is a call of this fax that has not recorded its end. */
bool fax_call_exists(const struct control *control, const struct fax_id *fax);

/* How far the call of a fax is, as a kind of fax_watchers.h; "queued" when there is none. */
const char *fax_call_step(const struct control *control, const struct fax_id *fax);

/* Ends every call (stop of the gateway); they still record their end. */
void fax_calls_end(struct control *control, const char *reason);

/* Calls not freed yet. */
size_t fax_calls_count(const struct control *control);

#endif
