/* t38_refusals.h: who does not take T.38: numbers of a trunk, and trunks on which several numbers
 * have refused it. The next call to them starts in audio at once. In memory only: after a restart
 * each is asked once more. Pure: times are given, in milliseconds of a clock that does not step. */
#ifndef GATEWAY_CONTROL_T38_REFUSALS_H
#define GATEWAY_CONTROL_T38_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/process/messages.h"

enum {
    T38_REFUSALS_MAX = 4096,     /* numbers; past that the one that expires first is forgotten */
    T38_REFUSALS_OF_A_TRUNK = 3, /* numbers that have refused, for the whole trunk to count so */
    T38_MUTE_MS = 10000,         /* without a packet, though the call ended otherwise */
    T38_MUTE_RTP = 150,          /* packets of audio instead, some three seconds */
};

struct t38_refusals;

/* Errors: -ENOMEM. */
int t38_refusals_new(struct t38_refusals **out) __attribute__((warn_unused_result));
void t38_refusals_free(struct t38_refusals *refusals);

/* Whether the peer of a call that ended so, and was on T.38 then, has sent none although it agreed
 * to it: nothing came until the line gave up, or for long enough; or audio went on to come. What
 * came as audio before T.38 took its place does not count, nor do packets that are no UDPTL. */
bool t38_refusals_is_mute(const struct msg_call_done *done);

/* Remembers until that time. Returns whether this is news; without memory it is forgotten. */
bool t38_refusals_note(struct t38_refusals *refusals, const char *trunk, const char *number,
                       uint64_t now_ms, uint64_t until_ms);

/* Whether T.38 need not be asked for: "number", "trunk", or NULL when it may be had. */
const char *t38_refusals_find(const struct t38_refusals *refusals, const char *trunk,
                              const char *number, uint64_t now_ms);

/* T.38 worked there, or an operator says so: the number, and the trunk as a whole, may have it.
 * number NULL: all of the trunk's. Returns how many refusals are forgotten. */
size_t t38_refusals_forget(struct t38_refusals *refusals, const char *trunk, const char *number);

#endif
