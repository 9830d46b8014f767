#include "gateway/line/line_bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "gateway/line/line_bridges.h"
#include "gateway/process/log.h"
#include "t38/dtls_identity.h"
#include "t38/t30_result.h"

enum { RETRY_MS = 20 };

int line_bridge_epoll(const struct line_bridge *b)
{
    return b->line->bridges->epoll_fd;
}

struct dtls_identity *line_bridge_identity(const struct line_bridge *b)
{
    return b->line->identity;
}

uint8_t *line_bridge_scratch(const struct line_bridge *b)
{
    return b->line->datagram;
}

uint8_t *line_bridge_leaving(const struct line_bridge *b)
{
    return b->line->leaving;
}

void line_bridge_progress(struct line_bridge *b, enum bridge_progress kind, unsigned leg,
                          uint32_t value)
{
    const struct msg_bridge_progress progress = {
        .call = b->start.call, .kind = kind, .leg = leg, .value = value};

    if (line_send(b->line, MSG_BRIDGE_PROGRESS, &progress, sizeof progress) != 0)
        b->line->progress_dropped++;
}

static void free_bridge(struct line_bridge *b)
{
    b->line->hasty -= b->running;
    line_bridge_part(b);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        bridge_leg_close(&b->leg[i]);
    fax_observer_free(b->observer);
    bridge_capture_close(&b->capture);
    line_bridges_remove(b->line->bridges, b);
    OPENSSL_cleanse(b, sizeof *b);
    free(b);
}

/* ---- the end ---- */

static int send_done(struct line_bridge *b)
{
    struct msg_bridge_done done;
    int error;

    memset(&done, 0, sizeof done);
    done.call = b->start.call;
    done.result = b->result;
    done.media_ms = b->started_ms == 0 ? 0 : (uint32_t)(b->ended_ms - b->started_ms);
    line_bridge_count(b, &done);
    snprintf(done.text, sizeof done.text, "%s", b->text);
    error = line_bridge_trace_send(b, &done);
    if (error == -ENOBUFS)
        return error;
    return line_send(b->line, MSG_BRIDGE_DONE, &done, sizeof done);
}

static void finish(struct line_bridge *b, int result, const char *text)
{
    if (b->finished)
        return;
    b->finished = true;
    b->ended_ms = line_now_ms();
    b->result = result;
    snprintf(b->text, sizeof b->text, "%s", text != NULL ? text : t30_result_text(result));
    line_bridge_part(b);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        bridge_leg_close(&b->leg[i]);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A T.38 leg may receive a long page in silence, but not both may be silent. */
static uint64_t silent_ms(const struct line_bridge *b)
{
    uint64_t due_ms = UINT64_MAX, heard_ms = 0;

    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        due_ms = earlier(due_ms, bridge_leg_silent_ms(&b->leg[i], b->start.no_media_timeout_ms));
        if (b->leg[i].heard_ms > heard_ms)
            heard_ms = b->leg[i].heard_ms;
    }
    if (b->mode != LINE_BRIDGE_HELD && b->start.no_media_timeout_ms != 0)
        due_ms = earlier(due_ms, heard_ms + b->start.no_media_timeout_ms);
    return due_ms;
}

static uint64_t over_ms(const struct line_bridge *b)
{
    uint64_t due_ms = b->dcn_ms != 0 ? b->dcn_ms + LINE_BRIDGE_AFTER_DCN_MS : UINT64_MAX;

    return b->leaving ? earlier(due_ms, b->leave_ms) : due_ms;
}

static uint64_t due_ms(const struct line_bridge *b)
{
    uint64_t due = earlier(line_bridge_run_due_ms(b), silent_ms(b));

    due = earlier(due, over_ms(b));
    due = earlier(due, call_watch_due_ms(&b->watch));
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        due = earlier(due, bridge_leg_due_ms(&b->leg[i]));
    return due;
}

void line_bridge_settle(struct line_bridge *b)
{
    struct call_wheel *wheel = &b->line->bridges->wheel;

    if (!b->finished) {
        if (b->running)
            call_wheel_want(wheel, &b->wheel, due_ms(b));
        return;
    }
    if (bridge_capture_busy(&b->capture))
        return;
    if (!b->line->closing && send_done(b) == -ENOBUFS) {
        call_wheel_want(wheel, &b->wheel, line_now_ms() + RETRY_MS);
        line_tick_start(b->line);
        return;
    }
    free_bridge(b);
}

/* ---- visits ---- */

static void report_foreign(struct bridge_leg *leg, uint64_t now_ms)
{
    enum { PERIOD_MS = 60000 };
    uint64_t more = leg->media.socket.foreign - leg->foreign_reported;

    if (more == 0 || (leg->foreign_reported != 0 && now_ms - leg->foreign_since_ms < PERIOD_MS))
        return;
    line_bridge_progress(leg->bridge, BRIDGE_FOREIGN, leg->index,
                         more > UINT32_MAX ? UINT32_MAX : (uint32_t)more);
    leg->foreign_reported = leg->media.socket.foreign;
    leg->foreign_since_ms = now_ms;
}

static void judge(struct line_bridge *b, uint64_t now_ms)
{
    int result = call_watch_judge(&b->watch, now_ms);

    if (over_ms(b) <= now_ms)
        finish(b, b->dcn_ms != 0 ? T30_RESULT_OK : T30_RESULT_HANGUP, b->text[0] ? b->text : NULL);
    else if (silent_ms(b) <= now_ms)
        finish(b, T30_RESULT_MEDIA_SILENT, NULL);
    else if (result != 0)
        finish(b, result, NULL);
}

static void charge(struct line_bridge *b)
{
    call_watch_charge(&b->watch, line_watch_us(b->line));
}

void line_bridge_visit(struct line_bridge *b, uint64_t now_ms)
{

    for (unsigned i = 0; i < BRIDGE_LEGS && !b->finished; i++) {
        const char *failure = bridge_leg_tick(&b->leg[i], now_ms);

        report_foreign(&b->leg[i], now_ms);
        if (failure != NULL)
            finish(b, T30_RESULT_ABORTED, failure);
    }
    if (!b->finished) {
        line_bridge_run(b, now_ms);
        line_bridge_note(b, now_ms);
        charge(b);
        judge(b, now_ms);
    }
    line_bridge_settle(b);
}

void line_bridge_hear(struct bridge_leg *leg, uint64_t tick, uint64_t now_ms)
{
    struct line_bridge *b = leg->bridge;
    bool again = tick == leg->heard_tick + 1;

    leg->heard_tick = tick;
    bridge_leg_drain(leg, again ? BRIDGE_LEG_DATAGRAMS_PER_TICK : 1, now_ms);
    charge(b);
    line_bridge_settle(b);
}

/* ---- control's messages ---- */

static void report_ready(struct line_bridge *b, int status, const char *reason)
{
    struct msg_call_ready ready = {.call = b->start.call, .status = status};

    snprintf(ready.reason, sizeof ready.reason, "%s", reason);
    memcpy(ready.fingerprint, dtls_identity_fingerprint(b->line->identity),
           sizeof ready.fingerprint);
    if (line_send(b->line, MSG_CALL_READY, &ready, sizeof ready) != 0 && status == 0)
        finish(b, T30_RESULT_ABORTED, "control does not take messages");
    else if (status != 0)
        finish(b, T30_RESULT_ABORTED, reason);
    line_bridge_settle(b);
}

static int take_descriptor(struct ipc_message *message, int index)
{
    int fd = index < message->descriptor_count ? message->descriptors[index] : -1;

    if (fd >= 0)
        message->descriptors[index] = -1;
    return fd;
}

static void page_cb(void *user, uint32_t number, struct fax_page *page)
{
    struct line_bridge *b = user;

    bridge_capture_page(&b->capture, number, page);
}

static void missed_cb(void *user, uint32_t number, const char *why)
{
    struct line_bridge *b = user;

    bridge_capture_missed(&b->capture, number, why);
}

/* Why the call cannot start, or NULL. */
static const char *open_bridge(struct line_bridge *b, const struct msg_bridge_start *start,
                               struct ipc_message *message, int *status)
{
    struct fax_observer_callbacks callbacks = {.frame = line_bridge_trace_frame, .user = b};

    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        int error = bridge_leg_open(&b->leg[i], b, i, take_descriptor(message, (int)i));

        *status = error != 0 ? error : *status;
    }
    b->capture.vault_fd = -1;
    if (*status != 0)
        return "a media socket is of no use";
    if (b->line->call_count + line_bridges_count(b->line->bridges) > b->line->call_limit) {
        *status = -EUSERS;
        return "the line carries as many calls as it may";
    }
    if (start->capture) {
        /* A call is not worse for a copy that cannot be made: each page is counted as missed. */
        if (bridge_capture_open(&b->capture, b, take_descriptor(message, BRIDGE_LEGS), start) != 0)
            log_write(LOG_LEVEL_ERROR, "call %u: the vault file cannot be used", start->call);
        callbacks.page = page_cb;
        callbacks.missed = missed_cb;
    }
    *status = fax_observer_new(&b->observer, &callbacks) == 0 ? 0 : -ENOMEM;
    return *status != 0 ? "out of memory" : NULL;
}

void line_bridge_start(struct line *line, struct ipc_message *message)
{
    const struct msg_bridge_start *start =
        ipc_message_body(message, MSG_BRIDGE_START, sizeof(struct msg_bridge_start));
    struct line_bridge *b = calloc(1, sizeof *b);
    int status = 0;
    const char *why;

    if (b == NULL)
        abort(); /* as line_call_start() */
    b->line = line;
    b->start = *start;
    OPENSSL_cleanse(b->start.data_key, sizeof b->start.data_key);
    line_bridges_add(line->bridges, b);
    why = open_bridge(b, start, message, &status);
    report_ready(b, status, why != NULL ? why : "");
}

static void begin_running(struct line_bridge *b, uint64_t now_ms)
{
    struct call_watch_limits limits = call_watch_default;

    if (b->running)
        return;
    b->running = true;
    b->line->hasty++; /* audio goes out more evenly */
    b->started_ms = now_ms;
    for (int i = 0; i < CALL_PHASES; i++)
        limits.phase_ms[i] = b->start.phase_limit_ms[i];
    limits.cpu_us_per_s = b->start.cpu_limit_us_per_s;
    call_watch_begin(&b->watch, &limits, now_ms);
    line_tick_start(b->line);
}

void line_bridge_media(struct line_bridge *b, const struct msg_bridge_media *media)
{
    char text[MSG_REASON_MAX];
    bool fresh = false;
    int error;

    if (b->finished || media->leg >= BRIDGE_LEGS || b->observer == NULL)
        return;
    error = bridge_leg_media(&b->leg[media->leg], &media->media, &fresh);
    if (error != 0) {
        snprintf(text, sizeof text, "the media of a leg cannot be used: %s", strerror(-error));
        finish(b, T30_RESULT_ABORTED, text);
        line_bridge_settle(b);
        return;
    }
    begin_running(b, line_now_ms());
    if (fresh) { /* else the modems, if any, are in the middle of something */
        line_bridge_trace_media(b, media->leg, &media->media);
        line_bridge_join(b);
    }
    line_bridge_settle(b);
}

void line_bridge_stop(struct line_bridge *b, const struct msg_call_stop *stop)
{
    uint64_t now_ms = line_now_ms();
    bool talks = b->running && b->mode != LINE_BRIDGE_HELD && !b->finished;

    for (unsigned i = 0; i < BRIDGE_LEGS && talks; i++)
        bridge_leg_drain(&b->leg[i], BRIDGE_LEG_DATAGRAMS_AT_STOP, now_ms);
    if (talks)
        line_bridge_note(b, now_ms);
    snprintf(b->text, sizeof b->text, "%.*s", (int)sizeof stop->reason - 1, stop->reason);
    b->leaving = true;
    b->leave_ms = now_ms;
    /* The goodbye that has come is still to be said in audio. */
    if (talks && b->dcn_ms != 0 && b->mode == LINE_BRIDGE_CONVERT)
        b->leave_ms = now_ms + LINE_BRIDGE_FAREWELL_MS;
    else
        finish(b, b->dcn_ms != 0 ? T30_RESULT_OK : T30_RESULT_HANGUP,
               b->text[0] != '\0' ? b->text : NULL);
    line_bridge_settle(b);
}

void line_bridge_abort(struct line_bridge *b)
{
    finish(b, T30_RESULT_ABORTED, NULL);
    line_bridge_settle(b);
}
