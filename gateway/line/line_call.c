#include "gateway/line/line_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "gateway/line/audio_reports.h"
#include "gateway/line/media_udptl.h"
#include "gateway/process/log.h"
#include "t38/t30_result.h"

static void free_call(struct line_call *call)
{
    call_wheel_remove(&call->line->wheel, &call->wheel);
    line_remove_call(call->line, call);
    fax_engine_free(call->engine);
    udptl_sender_free(call->udptl_out);
    udptl_receiver_free(call->udptl_in);
    line_audio_close(call);
    fax_page_wipe(&call->job.page);
    document_wipe(&call->document);
    document_wipe(&call->adapted);
    document_wipe(&call->job.adapted);
    received_pages_close(&call->vault);
    media_transport_close(&call->media);
    if (call->vault_fd >= 0)
        close(call->vault_fd);
    OPENSSL_cleanse(call, sizeof *call);
    free(call);
}

static int take_descriptor(struct ipc_message *message, int index)
{
    int fd = index < message->descriptor_count ? message->descriptors[index] : -1;

    if (fd >= 0)
        message->descriptors[index] = -1;
    return fd;
}

void line_call_report_ready(struct line_call *call, int status, const char *reason)
{
    struct msg_call_ready ready = {
        .call = call->start.call,
        .status = status,
        .pages = call->document.total,
    };

    snprintf(ready.reason, sizeof ready.reason, "%s", reason);
    memcpy(ready.fingerprint, dtls_identity_fingerprint(call->line->identity),
           sizeof ready.fingerprint);
    if (line_send(call->line, MSG_CALL_READY, &ready, sizeof ready) != 0 && status == 0)
        line_call_abort(call, T30_RESULT_ABORTED, "control does not take messages");
    else if (status != 0)
        line_call_abort(call, call->start.sender ? T30_RESULT_SOURCE : T30_RESULT_STORE_FAILED,
                        reason);
    else
        call->state = LINE_CALL_READY;
}

/* Why the call cannot start, or NULL. */
static const char *open_call(struct line_call *call, int media_fd, int *status)
{
    *status = media_transport_open(&call->media, media_fd);
    if (*status != 0)
        return "the media socket is of no use";
    if (call->vault_fd < 0) {
        *status = -EBADF;
        return "no vault file came with the call";
    }
    if (call->line->call_count > call->line->call_limit) {
        *status = -EUSERS;
        return "the line carries as many calls as it may";
    }
    if (call->start.sender) {
        *status = line_call_load_document(call);
        return *status != 0 ? "the pages cannot be loaded" : NULL;
    }
    *status = received_pages_open(&call->vault, call->vault_fd, &call->start);
    return *status != 0 ? "the vault file's header is damaged or of another fax" : NULL;
}

static void end_texts(struct msg_call_start *start)
{
    start->local_ident[sizeof start->local_ident - 1] = '\0';
    start->header_left[sizeof start->header_left - 1] = '\0';
    start->header_to[sizeof start->header_to - 1] = '\0';
}

/* There is no memory for a call, but there are others on this line. */
static void turn_away(struct line *line, uint32_t number)
{
    struct msg_call_ready ready = {.call = number, .status = -ENOMEM};
    struct msg_call_done done = {.call = number, .result = T30_RESULT_ABORTED};

    snprintf(ready.reason, sizeof ready.reason, "no memory");
    snprintf(done.text, sizeof done.text, "no memory");
    if (line_send(line, MSG_CALL_READY, &ready, sizeof ready) != 0 ||
        line_send(line, MSG_CALL_DONE, &done, sizeof done) != 0)
        abort(); /* control sees the line die and fails its calls: it has no other answer */
}

void line_call_start(struct line *line, struct ipc_message *message)
{
    const struct msg_call_start *start =
        ipc_message_body(message, MSG_CALL_START, sizeof(struct msg_call_start));
    struct line_call *call;
    const char *why;
    int status;

    if (line_find_call(line, start->call) != NULL) {
        log_write(LOG_LEVEL_ERROR, "call %u is started twice", start->call);
        return;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL) {
        turn_away(line, start->call);
        return;
    }
    call->line = line;
    call->start = *start;
    call->sender = start->sender != 0;
    end_texts(&call->start);
    if (line->call_count >= LINE_CALL_T85_MAX)
        call->start.t85 = 0;
    call->vault_fd = take_descriptor(message, 1);
    line_insert_call(line, call);
    why = open_call(call, take_descriptor(message, 0), &status);
    if (!call->start.sender)
        OPENSSL_cleanse(call->start.data_key, sizeof call->start.data_key);
    if (why != NULL)
        line_call_report_ready(call, status, why);
    else if (!call->start.sender)
        line_call_report_ready(call, 0, "");
}

static uint32_t negotiated_rate(uint32_t ours, uint32_t theirs)
{
    return theirs != 0 && theirs < ours ? theirs : ours;
}

static const struct loaded_document *document_in_use(const struct line_call *call)
{
    return call->adapted.page_count > 0 ? &call->adapted : &call->document;
}

static enum fax_page_coding fax_coding(enum page_coding coding)
{
    switch (coding) {
    case PAGE_CODING_T4_1D:
        return FAX_PAGE_T4_1D;
    case PAGE_CODING_T4_2D:
        return FAX_PAGE_T4_2D;
    case PAGE_CODING_T6:
        return FAX_PAGE_T6;
    case PAGE_CODING_T85:
        break;
    }
    return FAX_PAGE_T85;
}

static struct fax_page_view view_of(const struct coded_page *coded)
{
    return (struct fax_page_view){
        .coding = fax_coding(coded->format.coding),
        .lsb_first = coded->format.lsb_first,
        .width = coded->format.width,
        .rows = coded->format.height,
        .x_dpi = coded->format.x_dpi,
        .y_dpi = coded->format.y_dpi,
        .data = coded->data,
        .length = coded->length,
    };
}

static int get_page(void *user, uint32_t page, struct fax_page_view *out)
{
    *out = view_of(&document_in_use(user)->pages[page]);
    return 0;
}

static int get_t85_page(void *user, uint32_t page, struct fax_page_view *out)
{
    const struct loaded_document *document = document_in_use(user);

    if (document->t85_pages != NULL)
        *out = view_of(&document->t85_pages[page]);
    return 0;
}

static int open_session(struct line_call *call, const struct msg_call_media *media)
{
    bool audio = audio_is_wanted(media);
    struct fax_engine_config config = {
        .sender = call->start.sender != 0,
        .local_ident = call->start.local_ident,
        .audio = audio,
        .hold_back = (media->audio_flags & MEDIA_AUDIO_HOLD_BACK) != 0,
        .t38_version = media->t38_version,
        .max_rate = negotiated_rate(call->start.max_rate, media->max_rate),
        .ecm = call->start.ecm != 0,
        .wide = call->start.wide != 0,
        .hold_rnr_ms = call->line->hold_rnr_ms,
        .hold_without_ecm_ms = call->line->hold_without_ecm_ms,
        .source = {.page_count = call->document.page_count, .get = get_page, .user = call},
        .callbacks = {.send_ifp = line_call_send_ifp,
                      .event = line_call_event,
                      .user = call,
                      .hear = line_audio_hear,
                      .say = line_audio_say},
        .frame = line_trace_frame,
    };
    int error = media_udptl_open(media, &call->udptl_out, &call->udptl_in);

    /* Ahead of the clock the wire costs nothing and the CPU everything. */
    if (call->start.t85 && !media->express) {
        config.t85 = true;
        config.source.get_t85 = call->document.t85_pages != NULL ? get_t85_page : NULL;
    }
    if (error == 0)
        error = fax_engine_new(&call->engine, &config);
    if (error == 0 && audio)
        error = line_audio_open(call, media);
    else if (error == 0)
        media_transport_on_datagram(&call->media, line_call_udptl_cb, call);
    return error;
}

/* Whether the call needs the line's tick at each step. */
static void be_hasty(struct line_call *call, bool hasty)
{
    if (hasty && !call->hasty)
        call->line->hasty++;
    else if (!hasty && call->hasty)
        call->line->hasty--;
    call->hasty = hasty;
}

/* Media of a running call changes. Returns whether a new session is to begin; the old one is gone
 * then. The call may have been freed otherwise. */
static bool make_way(struct line_call *call, const struct msg_call_media *media)
{
    switch (line_audio_update(call, media)) {
    case LINE_AUDIO_KEEP:
        if (!line_call_move(call, media))
            line_call_abort(call, T30_RESULT_ABORTED,
                            "the peer changed the protection of running media");
        return false;
    case LINE_AUDIO_TOO_LATE:
        line_call_abort(call, T30_RESULT_ABORTED, "T.38 came in the middle of a page over audio");
        return false;
    case LINE_AUDIO_REPLACE:
        break;
    }
    media_transport_on_datagram(&call->media, NULL, NULL);
    fax_engine_free(call->engine);
    line_call_forget_adapted(call); /* another session, perhaps with other needs */
    line_ahead_drop(call);
    udptl_sender_free(call->udptl_out);
    udptl_receiver_free(call->udptl_in);
    call->engine = NULL;
    call->udptl_out = NULL;
    call->udptl_in = NULL;
    line_audio_close(call);
    call->media_seen = 0; /* what came as audio does not show that T.38 comes */
    call_wheel_remove(&call->line->wheel, &call->wheel);
    return true;
}

void line_call_media(struct line_call *call, const struct msg_call_media *media)
{
    char text[MSG_REASON_MAX];
    int error;

    if (call->state != LINE_CALL_READY && call->state != LINE_CALL_RUNNING) {
        log_write(LOG_LEVEL_WARNING, "call %u gets media before it is ready or after its end",
                  call->start.call);
        return;
    }
    if (call->state == LINE_CALL_RUNNING && !call->finished)
        line_call_wake(call, line_now_ms()); /* what came from the peer's old address is its */
    if (call->finished) {
        line_call_settle(call);
        return;
    }
    error = media_transport_reach(&call->media, media);
    if (error != 0) {
        snprintf(text, sizeof text, "the media address cannot be used: %s", strerror(-error));
        line_call_abort(call, T30_RESULT_ABORTED, text);
        return;
    }
    if (call->state == LINE_CALL_RUNNING && !make_way(call, media))
        return;
    error = open_session(call, media);
    if (error == 0)
        error = line_call_protect(call, media);
    if (error == 0)
        error = line_call_watch(call);
    if (error != 0) {
        snprintf(text, sizeof text, "the fax session cannot be started (%d)", error);
        line_call_abort(call, T30_RESULT_ABORTED, text);
        return;
    }
    line_trace_media(call, media, negotiated_rate(call->start.max_rate, media->max_rate));
    call->express = media->express != 0;
    be_hasty(call, call->express);
    if (call->express)
        express_flow_begin(&call->flow, 0); /* as udptl_sender_new() numbers */
    call->state = LINE_CALL_RUNNING;
    call->started_ms = call->heard_ms = line_now_ms();
    line_watch_begin(call, call->heard_ms);
    line_call_limit_silence(call);
    line_tick_start(call->line);
    if (!call->shield.shaking)
        fax_engine_tick(call->engine, line_now_ms());
    line_call_settle(call);
}

void line_call_journaled(struct line_call *call, const struct msg_page_journaled *answer)
{
    if (call->page_asked == 0 || answer->page != call->page_asked) {
        log_write(LOG_LEVEL_WARNING, "call %u: an answer for page %u, which nobody asked for",
                  call->start.call, answer->page);
        return;
    }
    call->page_asked = 0;
    fax_engine_tick(call->engine, line_now_ms()); /* its time may be behind */
    /* FAX_ESTATE: the session ended while control was asked; there is nothing to confirm. */
    if (answer->status == 0) {
        line_trace_note(call, TRACE_PAGE_SAFE, TRACE_HERE, 0, answer->page,
                        (uint32_t)(line_now_ms() - call->held_since_ms));
        (void)fax_engine_page_judged(call->engine, call->page_copy);
        delay_counts_add(&call->line->confirmed, uv_hrtime() / 1000u - call->page_since_us);
    } else
        (void)fax_engine_page_refused(call->engine, T30_RESULT_STORE_FAILED);
    line_call_run_ahead(call, line_now_ms());
    line_call_settle(call);
}

void line_call_stop(struct line_call *call, const struct msg_call_stop *stop)
{
    char text[MSG_REASON_MAX];
    uint64_t now = line_now_ms();

    snprintf(text, sizeof text, "%.*s", (int)sizeof stop->reason - 1, stop->reason);
    if (call->state == LINE_CALL_RUNNING && !call->finished && !call->shield.shaking) {
        line_call_wake(call, now);
        (void)line_call_drain(call, LINE_CALL_DATAGRAMS_AT_STOP, now);
        fax_engine_tick(call->engine, now);
    }
    line_call_abort(call, T30_RESULT_HANGUP, text[0] != '\0' ? text : NULL);
}

void line_call_abort(struct line_call *call, int result, const char *text)
{
    if (!call->finished) {
        /* The engine may know better: a whole document that misses only the farewell is one. */
        call->result = result;
        if (call->engine != NULL)
            fax_engine_abort(call->engine, result);
        if (call->result == result)
            snprintf(call->text, sizeof call->text, "%s",
                     text != NULL ? text : t30_result_text(result));
        call->finished = true;
    }
    line_call_settle(call);
}

uint32_t line_call_page(const struct line_call *call, uint32_t page)
{
    return call->start.sender && call->start.first_page > 1 ? page + call->start.first_page - 1
                                                            : page;
}

static int send_done(struct line_call *call)
{
    const struct fax_statistics *statistics = &call->statistics;
    struct msg_call_done done = {
        .call = call->start.call,
        .result = call->result,
        .pages = line_call_page(call, statistics->pages),
        .page_pending = call->page_pending,
        .rate = statistics->bit_rate,
        .ecm = statistics->ecm,
        .ecm_retransmissions = statistics->ecm_retransmissions,
        .x_dpi = statistics->x_dpi,
        .y_dpi = statistics->y_dpi,
        .media_seen = call->media_seen,
        .packets_foreign = (uint32_t)call->media.socket.foreign,
        .express = call->express && call->flow.on && call->flow.reports_taken > 0,
        .media_ms = call->started_ms == 0 ? 0 : (uint32_t)(call->ended_ms - call->started_ms),
    };

    if (statistics->width != 0)
        done.coding = received_page_coding(statistics->coding);
    if (call->audio != NULL) {
        line_audio_count(call, &done);
    } else if (call->udptl_in != NULL) {
        const struct udptl_counters *counters = udptl_receiver_counters(call->udptl_in);

        done.packets_lost = (uint32_t)counters->lost;
        done.packets_recovered = (uint32_t)counters->recovered;
        done.packets_rtp = (uint32_t)counters->rtp;
        done.packets_bad =
            (uint32_t)(counters->malformed + counters->ignored + statistics->ifps_refused);
    }
    snprintf(done.peer_ident, sizeof done.peer_ident, "%s", statistics->remote_ident);
    if (statistics->modem != FAX_MODEM_UNTRAINED)
        snprintf(done.modem, sizeof done.modem, "%s", fax_modem_name(statistics->modem));
    snprintf(done.text, sizeof done.text, "%s", call->text);
    snprintf(done.protection, sizeof done.protection, "%s", call->shield.text);
    return line_trace_send(call, &done) == -ENOBUFS
               ? -ENOBUFS
               : line_send(call->line, MSG_CALL_DONE, &done, sizeof done);
}

/* The socket closes at once, so that the port is free again; what is left waits on the wheel. */
static void begin_ending(struct line_call *call)
{
    call->state = LINE_CALL_ENDING;
    be_hasty(call, false);
    call->ended_ms = line_now_ms();
    if (call->engine != NULL)
        fax_engine_statistics(call->engine, &call->statistics);
    fax_engine_free(call->engine);
    call->engine = NULL;
    line_ahead_drop(call);
    call->page_asked = 0;
    line_call_unwatch(call);
    line_audio_bye(call);
    media_transport_close(&call->media);
    call->shield.dtls = NULL;
    line_tick_start(call->line);
}

void line_call_settle(struct line_call *call)
{
    if (!call->finished) {
        if (call->state == LINE_CALL_RUNNING)
            line_call_plan(call);
        return;
    }
    if (call->state != LINE_CALL_ENDING)
        begin_ending(call);
    if (call->job.running)
        return;
    if (!call->line->closing && send_done(call) == -ENOBUFS) {
        /* The next visit tries again: this message may not be lost. */
        call_wheel_want(&call->line->wheel, &call->wheel, line_now_ms() + LINE_CALL_RETRY_MS);
        line_tick_start(call->line);
        return;
    }
    free_call(call);
}
