/* mail_out_private.h: the outbox and one attempt to send (private to mail_out*.c, mail_attempt*.c).
 */
#ifndef GATEWAY_MAIL_MAIL_OUT_PRIVATE_H
#define GATEWAY_MAIL_MAIL_OUT_PRIVATE_H

#include <uv.h>

#include "gateway/control/control.h"
#include "gateway/control/handover.h"
#include "gateway/control/render_queue.h"
#include "gateway/db/mail_out_queries.h"
#include "gateway/mail/mail_compose.h"
#include "gateway/mail/mail_content.h"
#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_relay.h"
#include "gateway/mail/mail_return.h"
#include "gateway/mail/mail_schedule.h"
#include "gateway/mail/mail_smime.h"
#include "gateway/trace/call_trace.h"

enum { MAIL_NOT_APPLIED_MS = 300, MAIL_LOCAL_AGAIN_MS = 5000, MAIL_NOTE_TEXT = 400 };

/* --- the outbox --- */

struct mail_due;
struct mail_attempt;
struct mail_bounce;

struct mail_out {
    struct control *control;
    struct mail_relay *relay;
    uv_timer_t timer;
    struct mail_schedule schedule;
    struct mail_attempt *attempts;
    size_t attempt_count;
    struct mail_due *dues;
    struct mail_bounce *bounces;
    char host[256], from[330];
    bool started, stopping, timer_closed, relay_closed;
    size_t works; /* on the pool */
    uint8_t return_key[MAIL_RETURN_KEY_OCTETS];
    bool has_return_key;
    void (*stopped)(void *user);
    void *stopped_user;
};

/* Starts what is due and sets the timer for what is not. */
void mail_out_run(struct mail_out *box);

/* Does so from the loop: never in the middle of what asks for it. */
void mail_out_soon(struct mail_out *box);

/* Puts a mail (back) into the queue. Out of memory: it waits for the next start. */
void mail_out_put(struct mail_out *box, const struct mail_entry *entry);

/* Goes on with stopping when nothing is on the pool any more. */
void mail_out_stop_further(struct mail_out *box);

/* mail_out_return.c: reads the key of reverse paths, or makes it. */
void mail_out_load_return_key(struct mail_out *box);

/* --- mail_out_due.c --- */

/* Tries again what could not be recorded. Returns when to come again, 0: never. */
int64_t mail_dues_run(struct mail_out *box);
void mail_dues_free(struct mail_out *box);

/* --- mail_attempt*.c --- */

struct mail_attempt {
    struct mail_attempt *next;
    struct mail_out *box;
    struct mail_entry entry;
    bool waiting; /* a callback of database, keeper or log will come */
    bool dropped; /* the outbox stops: freed by that callback */
    bool unrecorded;
    int64_t again_ms;

    bool is_report;
    struct mail_report report;
    char to[MAIL_ADDRESS_TEXT];
    int64_t queued_ms, expires_ms;
    enum mail_form form; /* the most that may be shown, then what is */
    char note[MAIL_NOTE_TEXT];

    struct fax_id fax;
    bool partial;
    uint32_t pages;
    int64_t received_ms;
    char mailbox[POLICY_NAME_TEXT], class_name[MAIL_CLASS_TEXT];
    char from_number[NUMBER_TEXT], to_number[NUMBER_TEXT];
    char masked_from[TRACE_TEXT], masked_to[TRACE_TEXT];
    char certificate[MAIL_CERTIFICATE_TEXT];
    struct msg_export request;
    int vault;
    struct render_task *task;

    bool working; /* on the pool */
    struct mail_content content;
    struct mail_transfer *transfer;
    struct mail_result result;
};

void mail_attempt_begin(struct mail_out *box, const struct mail_entry *entry);

/* A callback came: false when the attempt has been dropped, then it is gone. */
bool mail_attempt_resume(struct mail_attempt *a);

/* Ends it without a word; its mail is put back, to be tried after so long. */
void mail_attempt_put_back(struct mail_attempt *a, int64_t delay_ms);
/* Ends it; its mail is not in the queue any more. */
void mail_attempt_forget(struct mail_attempt *a);
/* Ends it in whatever it is doing. */
void mail_attempt_drop(struct mail_attempt *a);

/* mail_attempt_fax.c: from the fax's row to the content. */
void mail_attempt_load_fax(struct mail_attempt *a);
/* mail_attempt_encrypt.c: the document in a->content is encrypted on the pool; then
 * mail_attempt_encrypted(). */
void mail_attempt_encrypt(struct mail_attempt *a);
void mail_attempt_encrypted(struct mail_attempt *a, int status, const char *why);
void mail_attempt_facts(const struct mail_attempt *a, struct mail_fax_facts *facts);
void mail_attempt_origin(const struct mail_attempt *a, struct mail_origin *origin);

/* The content is there. */
void mail_attempt_send(struct mail_attempt *a);

/* mail_attempt_record.c: a->result is what came of it. */
void mail_attempt_record(struct mail_attempt *a);
/* It could not even be tried. */
void mail_attempt_fail_here(struct mail_attempt *a, const char *what, int error);

#endif
