/* mail_work.h: what becomes of messages that were taken in: they are scanned, inspected, their
 * sender identified; each recipient gets a fax, and its end is told to the sender; then the message
 * is destroyed. All state is in the tables (db/mail_queries.h): what is kept here is which messages
 * are to be looked at and which faxes are waited for. So a start goes on where the last one was.
 *
 * At most mail.messages_at_once messages are worked off at the same time, the oldest first. One
 * with many recipients has at most mail.faxes_of_message faxes under way and comes again, behind
 * the others, when some of them have ended. */
#ifndef GATEWAY_MAIL_MAIL_WORK_H
#define GATEWAY_MAIL_MAIL_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"

struct control;
struct fax_end;
struct mail_work;

/* Returns 0 or -ENOMEM. */
int mail_work_new(struct control *control, struct mail_work **out)
    __attribute__((warn_unused_result));

/* The gateway serves: what an earlier run left is read once the log is applied, and messages whose
 * record never became durable are removed. */
void mail_work_start(struct mail_work *work);

/* A message was recorded. index: of that record. */
void mail_work_take(struct mail_work *work, const struct fax_id *mail, uint64_t index);

/* A fax ended, durably; nothing happens when it was not made of a message. NULL is allowed. */
void mail_work_fax_ended(struct mail_work *work, const struct fax_end *end);

/* Messages that are being worked off. */
size_t mail_work_busy(const struct mail_work *work);

/* The gateway stops: nothing more is begun. What is under way ends with the queues that it waits
 * for. */
void mail_work_stop(struct mail_work *work);

/* When all that it waits for is closed (queues, keeper, log, database). NULL is allowed. */
void mail_work_free(struct mail_work *work);

#endif
