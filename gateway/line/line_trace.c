/* What the line notes of a call for its trace. Rare against the packets: a frame or an event. */
#include <errno.h>

#include "gateway/line/audio_reports.h"
#include "gateway/line/line_call.h"

static uint32_t at_ms(const struct line_call *call)
{
    uint64_t now_ms = line_now_ms();

    return now_ms > call->start.begun_ms ? (uint32_t)(now_ms - call->start.begun_ms) : 0;
}

void line_trace_note(struct line_call *call, enum trace_kind kind, enum trace_direction direction,
                     unsigned code, uint32_t value, uint32_t detail)
{
    const struct trace_entry entry = {.at_ms = at_ms(call),
                                      .kind = (uint8_t)kind,
                                      .direction = (uint8_t)direction,
                                      .code = (uint16_t)code,
                                      .value = value,
                                      .detail = detail};

    call_trace_note(&call->trace, &entry);
}

void line_trace_media(struct line_call *call, const struct msg_call_media *media, uint32_t rate)
{
    line_trace_note(call, TRACE_MEDIA_BEGIN, TRACE_HERE,
                    audio_is_wanted(media) ? TRACE_MEDIA_AUDIO : TRACE_MEDIA_T38, rate, 0);
    call->noted_sent = call->noted_heard = false;
}

void line_trace_first(struct line_call *call, enum trace_direction direction)
{
    bool *noted = direction == TRACE_SENT ? &call->noted_sent : &call->noted_heard;

    *noted = true;
    line_trace_note(call, TRACE_MEDIA_FIRST, direction, 0, 0, 0);
}

void line_trace_frame(void *user, bool sent, const uint8_t *octets, size_t length)
{
    struct line_call *call = user;

    call_trace_note_frame(&call->trace, at_ms(call), sent ? TRACE_SENT : TRACE_RECEIVED, octets,
                          length);
}

static void note_page(struct line_call *call, enum trace_kind kind, uint32_t page)
{
    line_trace_note(call, kind, TRACE_HERE, 0, line_call_page(call, page + 1), 0);
}

void line_trace_event(struct line_call *call, const struct fax_engine_event *event)
{
    switch (event->kind) {
    case FAX_EVENT_TRAINED:
        line_trace_note(call, TRACE_TRAINED, TRACE_HERE, event->statistics->modem,
                        event->statistics->bit_rate, 0);
        break;
    case FAX_EVENT_PAGE_BEGIN:
        note_page(call, TRACE_PAGE_BEGIN, event->page);
        break;
    case FAX_EVENT_PAGE_RECEIVED:
        call->held_since_ms = line_now_ms();
        note_page(call, TRACE_PAGE_HELD, event->page);
        break;
    case FAX_EVENT_PAGE_PPS_SENT:
        note_page(call, TRACE_PAGE_PENDING, event->page);
        break;
    case FAX_EVENT_PAGE_CONFIRMED:
        note_page(call, TRACE_PAGE_CONFIRMED, event->page);
        break;
    case FAX_EVENT_PAGE_REJECTED:
        note_page(call, TRACE_PAGE_REJECTED, event->page);
        break;
    case FAX_EVENT_PEER_IDENT:
    case FAX_EVENT_DOCUMENT_BEGIN:
    case FAX_EVENT_PAGES_WANTED:
    case FAX_EVENT_FINISHED:
        break;
    }
}

static void note_counts(struct line_call *call, const struct msg_call_done *done)
{
    if (done->packets_lost > 0 || done->packets_recovered > 0)
        line_trace_note(call, TRACE_LOSS, TRACE_RECEIVED, 0, done->packets_lost,
                        done->packets_recovered);
    if (done->packets_bad > 0 || done->packets_foreign > 0)
        line_trace_note(call, TRACE_BAD, TRACE_RECEIVED, 0, done->packets_bad,
                        done->packets_foreign);
    if (done->ecm_retransmissions > 0)
        line_trace_note(call, TRACE_ECM, TRACE_HERE, 0, done->ecm_retransmissions, 0);
    line_trace_note(call, TRACE_RESULT, TRACE_HERE, (unsigned)done->result, 0, 0);
}

int line_trace_send(struct line_call *call, const struct msg_call_done *done)
{
    struct msg_call_trace message = {.call = call->start.call};
    int error;

    if (call->trace_told || call->started_ms == 0)
        return 0;
    if (!call->trace_counted)
        note_counts(call, done);
    call->trace_counted = true;
    message.trace = call->trace;
    error = line_send(call->line, MSG_CALL_TRACE, &message, sizeof message);
    call->trace_told = error != -ENOBUFS;
    return error;
}
