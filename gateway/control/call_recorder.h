/* call_recorder.h: keeps the trace of one attempt (gateway/trace/call_trace.h) and seals it into
 * the fax's vault file when the attempt is over, on the pool, some time after its end was recorded:
 * no call and no page waits for it. What cannot be sealed is logged and lost; nothing else depends
 * on it. Every function takes NULL for a recorder that could not be made. */
#ifndef GATEWAY_CONTROL_CALL_RECORDER_H
#define GATEWAY_CONTROL_CALL_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/control/control.h"
#include "gateway/fax_id.h"
#include "gateway/trace/call_trace.h"
#include "gateway/trace/verdict.h"

struct call_recorder;

enum {
    CALL_RECORDER_LINGER_MS = 1000, /* after the end: the last messages of a dialog still come */
    CALL_RECORDER_BATCH = 64,       /* traces sealed in one turn of the pool */
};

/* Begins a trace; NULL when there is no memory. */
struct call_recorder *call_recorder_new(struct control *control, bool outbound);

/* The moment from which its times count, of the steady clock in ms. */
uint64_t call_recorder_begun_ms(const struct call_recorder *recorder);

/* What the trace is sealed with: of the data key only the subkey of this attempt's trace is kept.
 * Without it nothing is sealed. */
void call_recorder_key(struct call_recorder *recorder, const uint8_t *data_key,
                       const struct fax_id *fax, uint16_t attempt);

/* Follows the messages of a Call-ID, of at most eight in an attempt. */
void call_recorder_follow(struct call_recorder *recorder, const char *call_id);

/* Likewise, for a leg of a bridged call: TRACE_CALLER or TRACE_CALLED. */
void call_recorder_follow_leg(struct call_recorder *recorder, const char *call_id,
                              enum trace_direction leg);

/* Notes an entry at this moment. direction may have the leg of a bridged call. */
void call_recorder_note(struct call_recorder *recorder, enum trace_kind kind, unsigned direction,
                        unsigned code, uint32_t value, uint32_t detail);

/* Takes the line's own trace, as it came: it is not trusted. */
void call_recorder_take(struct call_recorder *recorder, const struct call_trace *line);

/* Adds what the traces tell. */
void call_recorder_facts(const struct call_recorder *recorder, struct verdict_facts *facts);

struct call_recorder_end {
    const char *principal; /* actor of the event */
    const char *from, *to; /* whole numbers; masked here */
    const char *trunk, *state;
    const struct verdict *verdict;
    bool may_cut; /* nobody else writes to the vault file: an unfinished frame at its end may go */
};

/* The attempt is over and recorded: seals the trace later. Takes the recorder. */
void call_recorder_seal(struct call_recorder *recorder, const struct call_recorder_end *end);

/* Gives a trace up. */
void call_recorder_free(struct call_recorder *recorder);

/* When the gateway stops: seals at once what waits. Returns how many are not sealed yet. */
size_t call_recorders_hurry(struct control *control);

#endif
