/* disposal.h: destroys the keys and files of faxes that are due: the event first, then the key,
 * then the file. A disposal that was recorded and then interrupted is finished at the next start.
 */
#ifndef GATEWAY_CONTROL_DISPOSAL_H
#define GATEWAY_CONTROL_DISPOSAL_H

#include <jansson.h>

#include "gateway/control/control.h"

enum { DISPOSAL_BATCH = 200 };

/* Both arrays are the callee's: disposed [{id, mailbox, due}], failed [{id, reason}]. more: others
 * are due still. status: 0, or why the run could not be made. */
typedef void disposal_done_cb(void *user, int status, json_t *disposed, json_t *failed, bool more);

/* Disposes of at most DISPOSAL_BATCH faxes that are due and in mailboxes that actor may dispose of
 * (NULL: the gateway itself, all). dry_run: only says which. done follows, never before this
 * returns. */
int disposal_run(struct control *control, const char *actor, bool dry_run, disposal_done_cb *done,
                 void *user) __attribute__((warn_unused_result));

/* Finishes a disposal that is recorded already; done as above with that fax. */
int disposal_finish(struct control *control, const struct fax_id *fax, disposal_done_cb *done,
                    void *user) __attribute__((warn_unused_result));

/* Finishes what an earlier run has recorded as disposed of and not finished: of the last 30 days,
 * what still has a file. A few at a time, while the gateway serves. done runs once, at the end or
 * when the gateway stops, never before this returns. */
typedef void disposal_resumed_cb(void *user);
int disposal_resume(struct control *control, disposal_resumed_cb *done, void *user)
    __attribute__((warn_unused_result));

#endif
