/* mail_again.h: which messages of this node may be brought again (mail_repeat.h), across restarts:
 * a mark stands in the record of its message (mail.accepted, key mark), and the latest are read
 * from the tables at the start. Process: control. */
#ifndef GATEWAY_MAIL_MAIL_AGAIN_H
#define GATEWAY_MAIL_MAIL_AGAIN_H

#include "gateway/mail/mail_repeat.h"

struct control;
struct mail_again;

/* *out is NULL when mail.repeat_window_s is 0, which all of these take. Returns 0 or -ENOMEM. */
int mail_again_new(struct control *control, struct mail_again **out)
    __attribute__((warn_unused_result));

/* NULL is allowed. */
void mail_again_free(struct mail_again *again);

/* Reads the marks of earlier runs, whose records are in the tables. */
void mail_again_start(struct control *control);

/* The key of marks is there, or it is known that there is none. */
void mail_again_key_settled(struct control *control);

/* Whether marks can be compared already; if not, mail_intake_resume() is called once they can. */
bool mail_again_is_ready(const struct control *control);

/* The mark of a message. False: it has none, and is taken as a new one. */
bool mail_again_mark(const struct control *control, const struct mail_envelope *envelope,
                     const struct mail_digest *digest, struct mail_mark *mark)
    __attribute__((warn_unused_result));

/* Whether a message with that mark was taken; *mail is the first. */
bool mail_again_find(const struct control *control, const struct mail_mark *mark,
                     struct fax_id *mail) __attribute__((warn_unused_result));

/* One was taken, durably. */
void mail_again_take(struct control *control, const struct mail_mark *mark,
                     const struct fax_id *mail);

/* A message has ended and reached nobody: brought again, it is a new one. */
void mail_again_forget(struct control *control, const struct fax_id *mail);

#endif
