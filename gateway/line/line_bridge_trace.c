/* What the line notes of a bridged call for its trace. */
#include <errno.h>
#include <string.h>

#include "gateway/line/audio_reports.h"
#include "gateway/line/line_bridge.h"

static uint32_t at_ms(const struct line_bridge *b)
{
    uint64_t now_ms = line_now_ms();

    return now_ms > b->start.begun_ms ? (uint32_t)(now_ms - b->start.begun_ms) : 0;
}

static unsigned leg_of(unsigned leg)
{
    return leg == 0 ? TRACE_CALLER : TRACE_CALLED;
}

static void note(struct line_bridge *b, enum trace_kind kind, unsigned direction, unsigned code,
                 uint32_t value, uint32_t detail)
{
    const struct trace_entry entry = {.at_ms = at_ms(b),
                                      .kind = (uint8_t)kind,
                                      .direction = (uint8_t)direction,
                                      .code = (uint16_t)code,
                                      .value = value,
                                      .detail = detail};

    call_trace_note(&b->trace, &entry);
}

void line_bridge_trace_note(struct line_bridge *b, enum trace_kind kind, unsigned direction,
                            unsigned leg, uint32_t value)
{
    note(b, kind, leg < BRIDGE_LEGS ? direction | leg_of(leg) : direction, 0, value, 0);
}

void line_bridge_trace_media(struct line_bridge *b, unsigned leg,
                             const struct msg_call_media *media)
{
    bool audio = audio_is_wanted(media);

    note(b, TRACE_MEDIA_BEGIN, leg_of(leg), audio ? TRACE_MEDIA_AUDIO : TRACE_MEDIA_T38,
         audio ? b->start.max_rate : media->max_rate, 0);
}

void line_bridge_trace_frame(void *user, unsigned side, const uint8_t *octets, size_t length)
{
    struct line_bridge *b = user;

    call_trace_note_frame(&b->trace, at_ms(b), TRACE_RECEIVED | leg_of(side), octets, length);
}

static void note_counts(struct line_bridge *b, const struct msg_bridge_done *done)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        const struct msg_bridge_leg *leg = &done->legs[i];

        if (leg->packets_lost > 0 || leg->packets_recovered > 0)
            note(b, TRACE_LOSS, TRACE_RECEIVED | leg_of(i), 0, leg->packets_lost,
                 leg->packets_recovered);
        if (leg->packets_bad > 0 || leg->packets_foreign > 0)
            note(b, TRACE_BAD, TRACE_RECEIVED | leg_of(i), 0, leg->packets_bad,
                 leg->packets_foreign);
    }
    if (done->retransmissions > 0)
        note(b, TRACE_REPEATED, TRACE_HERE, 0, done->retransmissions, 0);
    note(b, TRACE_RESULT, TRACE_HERE, (unsigned)done->result, 0, 0);
}

int line_bridge_trace_send(struct line_bridge *b, const struct msg_bridge_done *done)
{
    struct msg_call_trace message = {.call = b->start.call};
    int error;

    if (b->trace_told || b->started_ms == 0)
        return 0;
    if (!b->trace_counted)
        note_counts(b, done);
    b->trace_counted = true;
    message.trace = b->trace;
    error = line_send(b->line, MSG_CALL_TRACE, &message, sizeof message);
    b->trace_told = error != -ENOBUFS;
    return error;
}
