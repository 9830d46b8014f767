#include "tests/doubles/line_here.h"

#include "gateway/line/line_bridges.h"
#include "gateway/process/ipc.h"
#include "t38/dtls_media.h"
#include "t38/t30_result.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *message)
{
    struct line_here *here = user;
    (void)channel;
    if (message->header.type == MSG_CALL_START)
        line_call_start(&here->line, message);
    else
        line_call_media(line_here_call(here),
                        ipc_message_body(message, MSG_CALL_MEDIA, sizeof(struct msg_call_media)));
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    (void)user;
    (void)channel;
    (void)status;
}

struct line_call *line_here_call(struct line_here *here)
{
    return line_find_call(&here->line, here->call.number);
}

bool line_here_is_done(void *user)
{
    struct line_here *here = user;
    uv_run(&here->line.loop, UV_RUN_NOWAIT);
    return here->call.is_done;
}

bool line_here_is_ready(void *user)
{
    struct line_here *here = user;
    (void)line_here_is_done(here);
    return here->call.is_ready;
}

bool line_here_is_running(void *user)
{
    struct line_here *here = user;
    (void)line_here_is_done(here);
    const struct line_call *call = line_here_call(here);
    return call && call->state == LINE_CALL_RUNNING;
}

struct line_here *line_here_open(bool sender)
{
    struct line_here *here = calloc(1, sizeof *here);
    require(here != NULL, "memory");
    const struct ipc_handlers handlers = {.message = on_message, .gone = on_gone, .user = here};
    struct line *line = &here->line;
    int pair[2];
    line_driver_init(&here->driver, "/tmp");
    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    here->process = (struct line_process){.channel = pair[0], .log_fd = -1};
    here->driver.lines[here->driver.line_count++] = &here->process;
    require(uv_loop_init(&line->loop) == 0 && uv_timer_init(&line->loop, &line->tick) == 0 &&
                uv_idle_init(&line->loop, &line->rest) == 0,
            "loop");
    line->tick.data = line->rest.data = line;
    require(line_bridges_new(line, &line->bridges) == 0, "bridges");
    require(dtls_identity_new(&line->identity) == 0, "identity");
    line->call_limit = 10;
    line->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    call_wheel_init(&line->wheel, line_now_ms());
    require(ipc_channel_open(&line->loop, pair[1], &handlers, &line->channel) == 0, "channel");
    driver_call_prepare(&here->driver, &here->call, &here->process, sender);
    return here;
}

void line_here_close(struct line_here *here)
{
    struct line_call *call = line_here_call(here);
    if (call)
        line_call_abort(call, T30_RESULT_ABORTED, NULL);
    close(here->process.channel);
    ipc_channel_close(here->line.channel);
    uv_close((uv_handle_t *)&here->line.tick, NULL);
    uv_close((uv_handle_t *)&here->line.rest, NULL);
    uv_run(&here->line.loop, UV_RUN_DEFAULT);
    require(uv_loop_close(&here->line.loop) == 0, "loop");
    close(here->line.epoll_fd);
    dtls_identity_free(here->line.identity);
    line_bridges_free(here->line.bridges);
    driver_call_free(&here->call);
    free(here);
}
