/* What the T.30 engine says, told to control. */
#include "gateway/line/line_call.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/process/log.h"
#include "t38/t30_result.h"

static void report_progress(struct line_call *call, enum call_progress kind,
                            const struct fax_engine_event *event)
{
    struct msg_call_progress progress = {.call = call->start.call, .kind = kind};

    if (event != NULL) {
        progress.page = line_call_page(call, event->page + 1);
        progress.rate = event->statistics->bit_rate;
        if (event->statistics->modem != FAX_MODEM_UNTRAINED)
            snprintf(progress.modem, sizeof progress.modem, "%s",
                     fax_modem_name(event->statistics->modem));
        snprintf(progress.ident, sizeof progress.ident, "%s", event->statistics->remote_ident);
    }
    /* Progress is for the people who watch; what counts is in MSG_PAGE_SEALED and MSG_CALL_DONE. */
    if (line_send(call->line, MSG_CALL_PROGRESS, &progress, sizeof progress) != 0)
        call->line->progress_dropped++;
}

void line_call_progress(struct line_call *call, enum call_progress kind)
{
    if (kind == PROGRESS_FAX_TONES)
        line_trace_note(call, TRACE_TONES, TRACE_RECEIVED, 0, 0, 0);
    report_progress(call, kind, NULL);
}

static void finish(struct line_call *call, const struct fax_engine_event *event)
{
    call->result = event->result;
    call->statistics = *event->statistics;
    if (call->text[0] == '\0')
        snprintf(call->text, sizeof call->text, "%s", t30_result_text(event->result));
    call->finished = true;
}

static void take_page(struct line_call *call, const struct fax_engine_event *event)
{
    uint32_t number = event->page + 1;

    if (call->start.max_pages != 0 && number > call->start.max_pages) {
        snprintf(call->text, sizeof call->text, "the peer sends more than %u pages",
                 call->start.max_pages);
        (void)fax_engine_page_refused(call->engine, T30_RESULT_LIMIT);
        return;
    }
    call->page_since_us = call->line->stall.before_us;
    if (call->resting && call->read_ms * 1000 < call->page_since_us)
        call->page_since_us = call->read_ms * 1000;
    line_call_store_page(call, event->received, number);
}

void line_call_event(void *user, const struct fax_engine_event *event)
{
    struct line_call *call = user;

    call_watch_event(&call->watch, event->kind, line_now_ms());
    line_trace_event(call, event);
    switch (event->kind) {
    case FAX_EVENT_PEER_IDENT:
        report_progress(call, PROGRESS_PEER_IDENT, event);
        break;
    case FAX_EVENT_DOCUMENT_BEGIN:
        break;
    case FAX_EVENT_TRAINED:
        report_progress(call, PROGRESS_TRAINED, event);
        break;
    case FAX_EVENT_PAGE_BEGIN:
        report_progress(call, PROGRESS_PAGE_BEGIN, event);
        break;
    case FAX_EVENT_PAGE_RECEIVED:
        take_page(call, event);
        break;
    case FAX_EVENT_PAGE_PPS_SENT:
        call->page_pending = line_call_page(call, event->page + 1);
        report_progress(call, PROGRESS_PAGE_PENDING, event);
        break;
    case FAX_EVENT_PAGE_CONFIRMED:
        call->page_pending = 0;
        report_progress(call, PROGRESS_PAGE_CONFIRMED, event);
        break;
    case FAX_EVENT_PAGE_REJECTED:
        call->page_pending = 0;
        break;
    case FAX_EVENT_PAGES_WANTED:
        line_call_adapt_document(call,
                                 &(struct document_form){event->width, event->x_dpi, event->y_dpi,
                                                         received_page_coding(event->coding)});
        break;
    case FAX_EVENT_FINISHED:
        finish(call, event);
        break;
    }
}

void line_call_send_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct line_call *call = user;
    uint8_t *row = line_ahead_room(call), *datagram = row != NULL ? row : call->line->leaving;
    size_t octets = 0;

    if (udptl_sender_produce(call->udptl_out, ifp, length, datagram, MEDIA_DATAGRAM_MAX, &octets) !=
        0)
        return;
    if (row != NULL) {
        udptl_sender_sent(call->udptl_out, line_ahead_keep(call, octets, copies));
        return;
    }
    express_flow_sent(&call->flow);
    if (!call->noted_sent)
        line_trace_first(call, TRACE_SENT);
    for (int i = 0; i < copies; i++)
        media_transport_send(&call->media, datagram, octets);
    explicit_bzero(datagram, octets);
    if (!call->express)
        udptl_sender_sent(call->udptl_out, line_now_ms());
}

/* IFPs out of UDPTL, on their way to the engine; lives for one push or flush. */
struct delivery {
    struct line_call *call;
    uint64_t now_ms;
    bool octets; /* at least one, and all of them nothing but octets of a frame */
    bool more;
};

static void receive_ifp_cb(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct delivery *delivery = user;
    struct line_call *call = delivery->call;

    if (call->finished || length == 0 ||
        fax_engine_receive_at(call->engine, delivery->now_ms, sequence, data, length) !=
            FAX_ENGINE_OCTETS)
        delivery->more = true;
    else
        delivery->octets = true;
}

/* Nothing that is due has changed but by the octets of a frame. */
static bool is_undisturbed(const struct line_call *call, const struct delivery *delivery)
{
    return delivery->octets && !delivery->more && !call->express &&
           udptl_receiver_due_ms(call->udptl_in) == UINT64_MAX;
}

void line_call_udptl_cb(void *user, uint8_t *data, size_t length, uint64_t now_ms)
{
    struct line_call *call = user;
    struct delivery delivery = {.call = call, .now_ms = now_ms};

    if (call->media.shield_ops != NULL && call->shield.shaking &&
        !call->finished) /* the first packet may come before the next visit */
        line_call_begin_session(call, now_ms);
    if (call->finished || line_call_take_report(call, data, length))
        return;
    if (udptl_receiver_push(call->udptl_in, data, length, now_ms, receive_ifp_cb, &delivery) != 0)
        return;
    line_call_note_datagram(call, data);
    call->heard_ms = now_ms;
    if (!call->noted_heard)
        line_trace_first(call, TRACE_RECEIVED);
    if (call->media_seen++ == 0) {
        line_call_limit_silence(call);
        report_progress(call, PROGRESS_MEDIA_SEEN, NULL);
    }
    call->stirred = !is_undisturbed(call, &delivery);
}

unsigned line_call_drain(struct line_call *call, unsigned limit, uint64_t now_ms)
{
    unsigned count = 0;

    if (call->express && limit < LINE_CALL_DATAGRAMS_EXPRESS)
        limit = LINE_CALL_DATAGRAMS_EXPRESS;
    if (!call->finished)
        count = media_transport_receive(&call->media, call->line->datagram, limit, now_ms);
    if (!call->shield.shaking)
        line_call_run_ahead(call, now_ms);
    return count;
}

/* Most often one datagram waits: then the read that would find the queue empty is spared. The set
 * of sockets is level triggered, so what is left is met at the next tick. */
void line_call_hear(struct line_call *call, struct media_arrival *arrival, uint64_t tick,
                    uint64_t now_ms)
{
    bool again = tick == call->heard_tick + 1;
    unsigned more = 0;

    call->heard_tick = tick;
    call->stirred = true;
    if (arrival->length >= 0)
        media_transport_take(&call->media, arrival->octets, (size_t)arrival->length, now_ms);
    /* A frame's octets leave everything as it was planned. What they took is charged to the next
     * call: less than a look at the clock. */
    if (!call->stirred && !again)
        return;
    if (!call->finished && (again || call->express))
        more = line_call_drain(call, LINE_CALL_DATAGRAMS_PER_TICK - 1, now_ms);
    /* The end of a frame and the octets behind it come together; a third one is no fax's. */
    if (again && more > 1)
        call->crowded_tick = tick;
    line_watch_charge(call);
    line_call_settle(call);
}

/* T.30 ends a session by its own timers when a sender hears nothing after it asked; a receiver
 * hears something all the time, so silence means that the sender is gone. */
void line_call_limit_silence(struct line_call *call)
{
    call->silence_ms = call->start.sender && call->media_seen > 0 ? LINE_CALL_SENDER_SILENCE_MS
                                                                  : call->start.no_media_timeout_ms;
}

static uint64_t silent_from_ms(const struct line_call *call)
{
    return call->silence_ms == 0 ? UINT64_MAX : call->heard_ms + call->silence_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t line_call_due_ms(const struct line_call *call)
{
    uint64_t due_ms = earlier(silent_from_ms(call), fax_engine_next_due_ms(call->engine));

    if (call->express)
        return 0; /* at each step: reports and credit come and go */
    due_ms = earlier(due_ms, line_watch_due_ms(call));
    due_ms = earlier(due_ms, udptl_receiver_due_ms(call->udptl_in));
    due_ms = earlier(due_ms, udptl_sender_due_ms(call->udptl_out));
    return earlier(due_ms, media_transport_due_ms(&call->media));
}

enum { CACHE_LINE = 64, CALL_LINES = 5, WATCH_LINES = 3, UDPTL_LINES = 4, READ_LINES = 4 };

static void prefetch(const void *from, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        __builtin_prefetch((const char *)from + (size_t)i * CACHE_LINE);
}

void line_call_prefetch(const struct line_call *call)
{
    if (call->ahead_next != NULL) {
        prefetch(call, READ_LINES);
        line_ahead_prefetch(call);
        return;
    }
    prefetch(call, CALL_LINES);
    prefetch(&call->watch, WATCH_LINES);
    if (call->engine == NULL)
        return;
    prefetch(call->udptl_in, UDPTL_LINES);
    prefetch(call->udptl_out, UDPTL_LINES);
    fax_engine_prefetch(call->engine, call->sender);
}

void line_call_prefetch_read(const struct line_call *call)
{
    prefetch(call, READ_LINES);
}

/* A guess, from where UDPTL has the first octets of its newest IFP: one field of HDLC octets. */
static bool looks_like_octets(const struct media_arrival *arrival)
{
    enum { IFP_AT = 3, COUNT = IFP_AT + 1, FIELD = IFP_AT + 2, FIELD_OF_OCTETS = 0x80 };

    return arrival->length > FIELD && arrival->octets[COUNT] == 1 &&
           arrival->octets[FIELD] == FIELD_OF_OCTETS;
}

void line_call_prefetch_hear(const struct line_call *call, const struct media_arrival *arrival)
{
    if (call->engine == NULL || call->sender || !looks_like_octets(arrival)) {
        line_call_prefetch(call);
        return;
    }
    udptl_receiver_prefetch(call->udptl_in, arrival->octets, (size_t)arrival->length);
    fax_engine_prefetch_octets(call->engine);
}

static void repeat_latest(struct line_call *call, uint64_t now_ms)
{
    uint8_t *datagram = call->line->leaving;
    size_t octets = 0;

    if (!udptl_sender_repeat(call->udptl_out, now_ms, datagram, &octets))
        return;
    media_transport_send(&call->media, datagram, octets);
    explicit_bzero(datagram, octets);
}

void line_call_visit(struct line_call *call, uint64_t now_ms)
{
    if (line_ahead_visit(call, now_ms) || line_call_shake(call, now_ms) ||
        line_call_rest(call, now_ms))
        return;
    if (!call->finished) {
        media_transport_tick(&call->media, now_ms);
        line_audio_tick(call, now_ms);
        fax_engine_tick(call->engine, now_ms);
        repeat_latest(call, now_ms);
        if (udptl_receiver_due_ms(call->udptl_in) <= now_ms) {
            struct delivery delivery = {.call = call, .now_ms = now_ms};

            udptl_receiver_flush(call->udptl_in, now_ms, receive_ifp_cb, &delivery);
        }
        line_call_run_ahead(call, now_ms);
        line_ahead_make(call, now_ms);
        if (!call->finished && silent_from_ms(call) <= now_ms) {
            line_call_abort(call, T30_RESULT_MEDIA_SILENT, NULL);
            return;
        }
        line_watch_charge(call);
        if (!line_watch_visit(call, now_ms))
            return;
    }
    line_call_settle(call);
}
