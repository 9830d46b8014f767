#include "gateway/line/line.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/line/line_bridges.h"
#include "gateway/line/line_call.h"
#include "gateway/line/line_warm.h"
#include "gateway/process/log.h"
#include "gateway/process/roles.h"
#include "t38/t30_result.h"

enum {
    LINE_CALLS_DEFAULT = 4000,
    TRIM_PEAK_MIN = 64, /* calls */
    TRIM_FRACTION = 16,
};

struct line_call *line_find_call(struct line *line, uint32_t number)
{
    struct line_call *call = line->calls[number % LINE_BUCKETS];

    while (call != NULL && call->start.call != number)
        call = call->chain;
    return call;
}

void line_insert_call(struct line *line, struct line_call *call)
{
    struct line_call **bucket = &line->calls[call->start.call % LINE_BUCKETS];

    call->chain = *bucket;
    *bucket = call;
    if (++line->call_count > line->calls_peak)
        line->calls_peak = line->call_count;
}

static void close_handles(struct line *line)
{
    if (!uv_is_closing((uv_handle_t *)&line->tick))
        uv_close((uv_handle_t *)&line->tick, NULL);
    if (!uv_is_closing((uv_handle_t *)&line->rest))
        uv_close((uv_handle_t *)&line->rest, NULL);
}

void line_ended(struct line *line)
{
    if (line->closing && line->call_count == 0 && line_bridges_count(line->bridges) == 0)
        close_handles(line);
}

static void trim_cb(uv_work_t *work)
{
    (void)work;
    (void)malloc_trim(0);
}

static void trimmed_cb(uv_work_t *work, int status)
{
    struct line *line = work->data;

    (void)status;
    line->trimming = false;
}

/* What thousands of calls took is the system's again when few are left. */
static void return_memory(struct line *line)
{
    if (line->trimming || line->calls_peak < TRIM_PEAK_MIN ||
        line->call_count > line->calls_peak / TRIM_FRACTION)
        return;
    line->calls_peak = line->call_count;
    line->trim.data = line;
    line->trimming = uv_queue_work(&line->loop, &line->trim, trim_cb, trimmed_cb) == 0;
}

void line_remove_call(struct line *line, struct line_call *call)
{
    struct line_call **at = &line->calls[call->start.call % LINE_BUCKETS];

    while (*at != NULL && *at != call)
        at = &(*at)->chain;
    if (*at == NULL)
        return;
    *at = call->chain;
    line->call_count--;
    return_memory(line);
    line_ended(line);
}

int line_send(struct line *line, uint16_t type, const void *body, size_t length)
{
    if (line->channel == NULL)
        return -EPIPE;
    return ipc_channel_send(line->channel, type, 0, body, length, NULL, 0);
}

static void dispatch_media(struct line *line, const struct ipc_message *message)
{
    const struct msg_call_media *media = ipc_message_body(message, MSG_CALL_MEDIA, sizeof *media);
    const struct msg_page_journaled *answer =
        ipc_message_body(message, MSG_PAGE_JOURNALED, sizeof *answer);
    const struct msg_call_stop *stop = ipc_message_body(message, MSG_CALL_STOP, sizeof *stop);
    struct line_call *call = NULL;

    /* A call may have ended while control's message was under way: then nothing is to be done. */
    if (media != NULL && (call = line_find_call(line, media->call)) != NULL)
        line_call_media(call, media);
    else if (answer != NULL && (call = line_find_call(line, answer->call)) != NULL)
        line_call_journaled(call, answer);
    else if (stop != NULL && (call = line_find_call(line, stop->call)) != NULL)
        line_call_stop(call, stop);
    else if (media == NULL && answer == NULL && stop == NULL)
        log_write(LOG_LEVEL_ERROR, "control sent a message of type %u, which no line knows",
                  message->header.type);
}

static void message_cb(void *user, struct ipc_channel *channel, struct ipc_message *message)
{
    struct line *line = user;

    (void)channel;
    if (ipc_message_body(message, MSG_CALL_START, sizeof(struct msg_call_start)) != NULL)
        line_call_start(line, message);
    else if (!line_bridges_message(line->bridges, message))
        dispatch_media(line, message);
}

/* Nobody is left to report to or to confirm a page for: the calls end and the loop runs out. */
static void gone_cb(void *user, struct ipc_channel *channel, int status)
{
    struct line *line = user;

    if (status != 0)
        log_write(LOG_LEVEL_ERROR, "the channel to control broke: %s", uv_strerror(status));
    ipc_channel_close(channel);
    line->channel = NULL;
    line->closing = true;
    for (unsigned i = 0; i < LINE_BUCKETS; i++) {
        struct line_call *call = line->calls[i];

        while (call != NULL) {
            struct line_call *next = call->chain;

            line_call_abort(call, T30_RESULT_ABORTED, NULL);
            call = next;
        }
    }
    line_bridges_end(line->bridges);
    line_ended(line);
}

/* Control decides when a line ends; a signal to the whole group must not cut its calls. */
static void ignore_signals(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* A call takes a socket, a vault file and what the engine holds; the usual 1,024 end early. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int line_open(struct line *line, int fd, const struct role_context *context)
{
    const struct ipc_handlers handlers = {message_cb, gone_cb, line};
    int error;

    line->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (line->epoll_fd < 0)
        return -errno;
    line->call_limit = context->config->lines.max_calls > 0
                           ? (unsigned)context->config->lines.max_calls
                           : LINE_CALLS_DEFAULT;
    line->hold_rnr_ms = (uint64_t)context->config->fax.page_hold_ms;
    line->hold_without_ecm_ms = (uint64_t)context->config->fax.page_hold_without_ecm_ms;
    call_wheel_init(&line->wheel, line_now_ms());
    error = line_bridges_new(line, &line->bridges);
    if (error == 0)
        error = uv_timer_init(&line->loop, &line->tick);
    if (error == 0)
        error = uv_idle_init(&line->loop, &line->rest);
    line->tick.data = line->rest.data = line;
    if (error == 0)
        error = line_warm(&line->loop, context, &line->identity, &line->srtp);
    if (error == 0)
        error = ipc_channel_open(&line->loop, fd, &handlers, &line->channel);
    else
        close(fd);
    return error;
}

static void line_report(const struct line *line)
{
    log_write(LOG_LEVEL_NOTICE,
              "line ends: ticks=%llu turns=%llu longest_stall_us=%llu longest_busy_us=%llu "
              "busy_turns=%llu rests=%llu ahead=%llu progress_dropped=%llu pages_confirmed=%u "
              "confirm_p50_us=%llu confirm_p99_us=%llu confirm_longest_us=%llu",
              (unsigned long long)line->stall.ticks, (unsigned long long)line->stall.turns,
              (unsigned long long)line->stall.longest_wall_us,
              (unsigned long long)line->stall.longest_cpu_us,
              (unsigned long long)line->stall.busy_turns, (unsigned long long)line->rests,
              (unsigned long long)line->ahead, (unsigned long long)line->progress_dropped,
              line->confirmed.total,
              (unsigned long long)delay_counts_within_us(&line->confirmed, 500),
              (unsigned long long)delay_counts_within_us(&line->confirmed, 990),
              (unsigned long long)line->confirmed.longest_us);
}

int line_main(int fd, const struct role_context *context)
{
    struct line *line = calloc(1, sizeof *line);
    int error;

    if (line == NULL || uv_loop_init(&line->loop) != 0) {
        free(line);
        return ROLE_EXIT_FAILED;
    }
    ignore_signals();
    raise_descriptor_limit();
    error = line_open(line, fd, context);
    if (error == 0)
        error = line_send(line, MSG_LINE_HELLO, NULL, 0);
    if (error != 0) {
        log_write(LOG_LEVEL_ERROR, "the line cannot start: %s", uv_strerror(error));
        ipc_channel_close(line->channel);
        close_handles(line);
    }
    uv_run(&line->loop, UV_RUN_DEFAULT);
    line_report(line);
    dtls_identity_free(line->identity);
    line_bridges_free(line->bridges);
    srtp_media_free(line->srtp);
    if (line->epoll_fd >= 0)
        close(line->epoll_fd);
    (void)uv_loop_close(&line->loop);
    free(line);
    /* Nothing that went wrong at the start gets better by starting again. */
    return error == 0 ? ROLE_EXIT_OK : ROLE_EXIT_PERMANENT;
}
