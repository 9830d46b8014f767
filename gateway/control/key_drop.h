/* key_drop.h: keys of what never came into the log (a caller who did not wait, a submission that
 * was refused). Nothing would ever dispose of them, so they are destroyed at once. */
#ifndef GATEWAY_CONTROL_KEY_DROP_H
#define GATEWAY_CONTROL_KEY_DROP_H

#include <stdbool.h>

#include "gateway/control/control.h"

/* Has the keeper destroy the key of fax. The event key.destroyed is noted when the key is gone, not
 * before. A keeper that dies on the way leaves open whether it is: then the next one is asked, a
 * few times. What stays is told in the log of the process, as "the key of WHAT is left"; what must
 * live for ever. A stop of the gateway waits for the answers (control->keys_dropping).
 *
 * made: key.created was noted. If not, the keeper died while it was asked for a key and there may
 * be one: if there is, both events are noted. */
void key_drop(struct control *control, const struct fax_id *fax, bool made, const char *what);

#endif
