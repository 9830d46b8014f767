#include "gateway/control/bridge_call_private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/utf8.h"

static void on_timer(uv_timer_t *timer)
{
    struct bridge_call *call = timer->data;
    call->on_timeout(call);
}

struct bridge_call *bridge_call_new(struct control *control)
{
    struct bridge_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->control = control;
    call->started_ms = control_now_ms();
    call->copy.vault_fd = -1;
    call->recorder = call_recorder_new(control, false);
    uv_timer_init(&control->loop, &call->timer);
    call->timer.data = call;
    call->handles = 1 + BRIDGE_LEGS;
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct bridge_side *side = &call->side[i];
        side->call = call;
        side->index = i;
        side->fd = -1;
        uv_timer_init(&control->loop, &side->timer);
        side->timer.data = side;
    }
    call->next = control->bridges;
    control->bridges = call;
    return call;
}

static void free_call(struct bridge_call *call)
{
    struct bridge_call **at = &call->control->bridges;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        media_strays_close(&call->side[i].strays);
        if (call->side[i].fd >= 0)
            close(call->side[i].fd);
    }
    if (call->copy.vault_fd >= 0)
        close(call->copy.vault_fd);
    OPENSSL_cleanse(call, sizeof *call);
    free(call);
}

static void on_call_timer_closed(uv_handle_t *handle)
{
    struct bridge_call *call = handle->data;
    if (--call->handles == 0)
        free_call(call);
}

static void on_side_timer_closed(uv_handle_t *handle)
{
    struct bridge_side *side = handle->data;
    if (--side->call->handles == 0)
        free_call(side->call);
}

void bridge_call_discard(struct bridge_call *call)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct bridge_side *side = &call->side[i];
        if (side->session)
            sip_session_set_event_cb(side->session, NULL, NULL);
        side->session = NULL;
        uv_close((uv_handle_t *)&side->timer, on_side_timer_closed);
    }
    line_pool_detach(call->line, call->line_call);
    call->line_call = 0;
    call_recorder_free(call->recorder);
    call->recorder = NULL;
    uv_close((uv_handle_t *)&call->timer, on_call_timer_closed);
}

void bridge_call_timer(struct bridge_call *call, uint64_t ms,
                       void (*on_timeout)(struct bridge_call *call))
{
    call->on_timeout = on_timeout;
    uv_timer_start(&call->timer, on_timer, ms, 0);
}

/* Both legs end as they stand: a call that is not answered is refused or cancelled. */
static void end_legs(struct bridge_call *call)
{
    call->legs_ended = true;
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        struct bridge_side *side = &call->side[i];
        struct sip_session *session = side->session;
        uv_timer_stop(&side->timer);
        if (!session)
            continue;
        side->session = NULL;
        sip_session_set_event_cb(session, NULL, NULL);
        if (i == BRIDGE_CALLED || side->answered)
            sip_session_hangup(session, 0, NULL);
        else
            sip_session_reject(session, call->refuse_code ? call->refuse_code : 500, NULL);
    }
}

void bridge_call_line_over(struct bridge_call *call)
{
    line_pool_detach(call->line, call->line_call);
    call->line_call = 0;
    uv_timer_stop(&call->timer);
    if (!call->legs_ended)
        end_legs(call);
    bridge_call_record_end(call);
}

/* The line did not say what became of the call: as if it were lost. */
static void on_line_mute(struct bridge_call *call)
{
    call->line_lost = true;
    bridge_call_line_over(call);
}

void bridge_call_end(struct bridge_call *call, const char *format, ...)
{
    if (call->ending)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call->reason, sizeof call->reason, format, arguments);
    va_end(arguments);
    (void)utf8_clean(call->reason); /* it may quote a peer, and is cut */
    call->ending = true;
    uv_timer_stop(&call->timer);
    if (call->line_call && !call->line_done) {
        struct msg_call_stop stop = {.call = call->line_call};
        snprintf(stop.reason, sizeof stop.reason, "%s", call->reason);
        if (line_pool_send(call->line, MSG_CALL_STOP, &stop, sizeof stop, NULL, 0) == 0 &&
            call->media_told) {
            /* The goodbye of a machine travels apart from the BYE, and is slower in audio: the
             * other leg stands until the line has passed it on. */
            bridge_call_timer(call, BRIDGE_LINE_GRACE_MS, on_line_mute);
            return;
        }
    }
    bridge_call_line_over(call);
}

void bridge_call_release(struct bridge_call *call)
{
    call->pending--;
    if (call->ending)
        bridge_call_record_end(call);
}

void bridge_calls_end(struct control *control, const char *reason)
{
    for (struct bridge_call *call = control->bridges, *next; call; call = next) {
        next = call->next;
        call->refuse_code = 503;
        bridge_call_end(call, "%s", reason);
    }
}

size_t bridge_calls_count(const struct control *control)
{
    size_t count = 0;
    for (const struct bridge_call *call = control->bridges; call; call = call->next)
        count++;
    return count;
}

size_t bridge_calls_over(const struct control *control, const char *trunk)
{
    size_t count = 0;
    for (const struct bridge_call *call = control->bridges; call; call = call->next) {
        if (call->ending)
            continue;
        count += strcmp(call->side[BRIDGE_CALLER].target.name, trunk) == 0;
        count += call->has_place && strcmp(call->via, trunk) == 0;
    }
    return count;
}
