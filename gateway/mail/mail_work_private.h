/* mail_work_private.h: shared by mail_work, mail_job and mail_end only. */
#ifndef GATEWAY_MAIL_MAIL_WORK_PRIVATE_H
#define GATEWAY_MAIL_MAIL_WORK_PRIVATE_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/control/control.h"
#include "gateway/control/submission.h"
#include "gateway/db/mail_queries.h"
#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_patience.h"
#include "gateway/mail/mail_report_limit.h"
#include "gateway/mail/mail_work.h"
#include "gateway/mail/malware_scan.h"
#include "gateway/mail/message_child.h"

enum {
    MAIL_AGAIN_MS = 2000,
    MAIL_REFUSALS_MS = 100, /* until refusals are in the tables */
    MAIL_FAX_SLOTS = 1024,
    MAIL_ENDINGS_AT_ONCE = 32,
    MAIL_REASON_TEXT = 320
};

/* What messages may have to wait for. */
enum mail_hold { MAIL_HOLD_SCANNER, MAIL_HOLD_DNS, MAIL_HOLD_CAUSES };

/* A message that is to be looked at. */
struct mail_waiting {
    struct mail_waiting *next;
    struct fax_id mail;
    uint64_t index;  /* of a record that must be in the tables first */
    uint64_t due_ms; /* of the loop's clock */
};

/* A fax that is waited for. */
struct mail_awaited {
    struct mail_awaited *next;
    struct fax_id fax, mail;
    uint32_t recipient;
};

struct mail_job;
struct mail_ending;
struct mail_removal;

struct mail_work {
    struct control *control;
    uv_timer_t timer;
    uv_timer_cb tick;                  /* of it: mail_work_run() */
    struct mail_waiting *first, **end; /* in the order in which they came */
    struct mail_job *jobs;             /* that are being worked off */
    size_t job_count, waiting_count;
    uint64_t started_ms;          /* the latest of them, by the loop's clock */
    uint64_t second;              /* of that clock */
    uint32_t taken, taken_before; /* messages in it, in the one before */
    uint64_t crowded_second;      /* the latest in which many waited for their 250 */
    struct mail_awaited *awaited[MAIL_FAX_SLOTS];
    struct mail_ending *endings, **endings_end;
    size_t endings_active;
    struct mail_removal *removals;
    struct mail_report_limit *reports;
    struct fax_id newest; /* messages of this run are behind it */
    bool started, stopping, waits_for_tables;
    struct mail_outage outages[MAIL_HOLD_CAUSES];
};

/* Puts a message into the queue, not before delay_ms; nothing happens when it is there already. */
void mail_work_again(struct mail_work *work, const struct fax_id *mail, uint64_t delay_ms);

/* Whether a message is being worked off or is to be. */
bool mail_work_holds(const struct mail_work *work, const struct fax_id *mail);

/* Starts what can be started. */
void mail_work_run(struct mail_work *work);

/* Waits for the end of a fax. */
void mail_work_await(struct mail_work *work, const struct fax_id *fax, const struct fax_id *mail,
                     uint32_t recipient);

/* cb runs once all that is durable by now is in the tables, with the status of
 * audit_when_applied(). Returns as that. */
int mail_work_when_applied(struct mail_work *work, audit_done_cb *cb, void *user)
    __attribute__((warn_unused_result));

/* --- holds (mail_hold.c) --- */

/* A message cannot go on because of that, and why: puts it off, for longer the longer it has
 * waited. The job is over. An outage is recorded with its first message (mail.held), at most every
 * ten minutes; a message that has waited for four hours is refused with that reason. */
void mail_hold_message(struct mail_job *job, enum mail_hold cause, const char *why,
                       const char *refusal);

/* It works: recorded when it did not (mail.released). */
void mail_hold_end(struct mail_work *work, enum mail_hold cause);

/* --- a message (mail_job.c and its parts) --- */

/* A message as its row has it. */
struct mail_message {
    char login[POLICY_NAME_TEXT], principal[POLICY_NAME_TEXT];
    char from_address[MAIL_ADDRESS_TEXT];
    char author_name[128], subject[200], date[64];
    char refusal[MAIL_REASON_TEXT];
    struct mail_fax_options options;
    bool relay, identified, automatic, signed_by_somebody;
    int64_t accepted_ms;
};

/* A recipient that has no fax yet. */
struct mail_target {
    uint32_t recipient;
    char number[NUMBER_TEXT], name[MAIL_NAME_TEXT];
    struct mail_fax_options options;
};

struct mail_job {
    struct mail_job *next;
    struct mail_work *work;
    struct control *control;
    struct fax_id mail;
    struct mail_message row;
    struct mail_target *targets;
    size_t target_count, at;
    size_t faxes; /* of the message that are under way */
    int message;  /* memfd; -1: not opened yet */
    uint64_t octets;
    struct malware_scan *scan;
    struct render_task *task;
    /* While the sender is identified. */
    struct message_facts *facts;
    struct mail_addressed addressed;
    struct msg_verify *keys;
    uint32_t signature_at;
    bool dns_failed;
    /* Pages without a cover page are the same for every recipient of one resolution. */
    int pages;
    uint64_t pages_octets;
    uint16_t pages_y_dpi;
    struct submission_request request; /* of the recipient at hand */
};

/* Begins with a message that is in the queue's first place. Returns 0 or -ENOMEM. */
int mail_job_start(struct mail_work *work, const struct fax_id *mail)
    __attribute__((warn_unused_result));

/* Ends it. delay_ms: when it is looked at again; -1: not by itself. */
void mail_job_end(struct mail_job *job, int64_t delay_ms);

/* For now it cannot go on: says why and comes back later. True when the job is over, because of
 * that or because the gateway stops. */
bool mail_job_failed(struct mail_job *job, int status, const char *what);

/* Reads the row again and goes on from what stands there. */
void mail_job_load(struct mail_job *job);

/* Not yet identified: scan, inspection, identification; records it and loads again. */
void mail_job_read(struct mail_job *job);

/* From the facts: who sends. Records it. mail_job_dkim.c comes in between when signatures are to be
 * checked. */
void mail_job_identify(struct mail_job *job);
void mail_job_dkim(struct mail_job *job);

/* What came of the signatures: the number of a good one, or -1 and the reason for the sender. */
void mail_job_signed(struct mail_job *job, int signature, const char *reason);

/* Nothing of it is sent, for that reason: records it. */
void mail_job_refuse(struct mail_job *job, const char *reason);

/* Identified: makes the faxes. */
void mail_job_faxes(struct mail_job *job);
void mail_job_free(struct mail_job *job);

/* --- ends (mail_end.c) --- */

/* A recipient gets no fax: status (RFC 3463) and one sentence. */
void mail_end_refused(struct mail_work *work, const struct fax_id *mail, uint32_t recipient,
                      const char *status, const char *reason);

/* The same for a message whose sender is not recorded yet: its report has from the facts what the
 * row does not say. */
void mail_end_refused_early(struct mail_work *work, const struct fax_id *mail, uint32_t recipient,
                            const char *reason, const struct message_facts *facts);

/* Whether a recipient of the message is refused and the tables do not say so yet: who reads its
 * recipients now would take that one for one without a verdict. */
bool mail_end_refuses(const struct mail_work *work, const struct fax_id *mail);

/* The fax of a recipient may have ended: its row says. */
void mail_end_settle(struct mail_work *work, const struct fax_id *mail, uint32_t recipient);

/* A report that was due before the start. */
void mail_end_report(struct mail_work *work, const struct fax_id *mail, uint32_t recipient);

/* Goes on with those that wait. */
void mail_end_run(struct mail_work *work);

/* All that is left of a message, when nothing is: it is destroyed. With recipients that have no fax
 * yet, and room for some, it is put into the queue. */
void mail_end_check(struct mail_work *work, const struct fax_id *mail);

/* Destroys a message whose end is recorded, or that never was recorded at all. */
void mail_end_remove(struct mail_work *work, const struct fax_id *mail, bool recorded);
void mail_end_free(struct mail_work *work);
void mail_removals_free(struct mail_work *work);

#endif
