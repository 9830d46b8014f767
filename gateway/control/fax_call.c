#include "gateway/control/fax_call.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/fax_call_private.h"
#include "gateway/process/log.h"
#include "policy/utf8.h"

struct fax_call *fax_call_new(struct control *control, bool outbound)
{
    struct fax_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->control = control;
    call->outbound = outbound;
    call->media_fd = call->vault_fd = -1;
    call->started_ms = control_now_ms();
    call->attempt = 1;
    call->done.result = -1;
    uv_timer_init(&control->loop, &call->timer);
    call->timer.data = call;
    call->recorder = call_recorder_new(control, outbound);
    call->next = control->calls;
    control->calls = call;
    return call;
}

static void on_closed(uv_handle_t *handle)
{
    struct fax_call *call = handle->data;
    struct fax_call **at = &call->control->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    OPENSSL_cleanse(call->data_key, sizeof call->data_key);
    OPENSSL_cleanse(call->local.srtp_keys, sizeof call->local.srtp_keys);
    OPENSSL_cleanse(&call->audio, sizeof call->audio);
    OPENSSL_cleanse(&call->offer, sizeof call->offer);
    media_strays_close(&call->strays);
    if (call->media_fd >= 0)
        close(call->media_fd);
    if (call->vault_fd >= 0)
        close(call->vault_fd);
    free(call);
}

void fax_call_discard(struct fax_call *call)
{
    if (call->session)
        sip_session_set_event_cb(call->session, NULL, NULL);
    line_pool_detach(call->line, call->line_call);
    call_recorder_free(call->recorder);
    call->recorder = NULL;
    uv_close((uv_handle_t *)&call->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
    struct fax_call *call = timer->data;
    call->on_timeout(call);
}

void fax_call_timer(struct fax_call *call, uint64_t ms, void (*on_timeout)(struct fax_call *call))
{
    call->on_timeout = on_timeout;
    uv_timer_start(&call->timer, on_timer, ms, 0);
}

/* The line did not say what became of the call: as if it were lost. */
static void on_line_mute(struct fax_call *call)
{
    line_pool_detach(call->line, call->line_call);
    call->line_call = 0;
    call->line_lost = call->line_mute = true;
    fax_call_record_end(call);
}

static void stop_line(struct fax_call *call)
{
    if (!call->line_call || call->line_done)
        return;
    struct msg_call_stop stop = {.call = call->line_call};
    snprintf(stop.reason, sizeof stop.reason, "%s", call->reason);
    int rc = line_pool_send(call->line, MSG_CALL_STOP, &stop, sizeof stop, NULL, 0);
    if (call->media_started && rc == 0) {
        fax_call_timer(call, CALL_STOP_GRACE_MS, on_line_mute);
        return;
    }
    line_pool_detach(call->line, call->line_call);
    call->line_call = 0;
}

void fax_call_end(struct fax_call *call, const char *format, ...)
{
    if (call->ending)
        return;
    va_list arguments;
    va_start(arguments, format);
    if (!call->reason[0])
        vsnprintf(call->reason, sizeof call->reason, format, arguments);
    va_end(arguments);
    /* It may quote the peer, and is cut: what is no text could be shown to nobody. */
    (void)utf8_clean(call->reason);
    call->ending = true;
    uv_timer_stop(&call->timer);
    stop_line(call);
    if (call->session) {
        struct sip_session *session = call->session;
        call->session = NULL;
        sip_session_set_event_cb(session, NULL, NULL);
        if (call->outbound || call->answered)
            sip_session_hangup(session, 0, NULL);
        else
            sip_session_reject(session, call->sip_code ? call->sip_code : 500, NULL);
    }
    fax_call_record_end(call);
}

void fax_call_release(struct fax_call *call)
{
    call->pending--;
    if (call->ending)
        fax_call_record_end(call);
}

bool fax_call_cancel(struct control *control, const struct fax_id *fax)
{
    for (struct fax_call *call = control->calls; call; call = call->next) {
        if (!fax_id_equal(&call->fax, fax) || call->ending)
            continue;
        call->cancelled = true;
        fax_call_end(call, "cancelled");
        return true;
    }
    return false;
}

bool fax_call_with(const struct control *control, const char *trunk)
{
    for (const struct fax_call *call = control->calls; call; call = call->next)
        if (strcmp(call->trunk, trunk) == 0 && !uv_is_closing((const uv_handle_t *)&call->timer))
            return true;
    return false;
}

bool fax_call_exists(const struct control *control, const struct fax_id *fax)
{
    for (const struct fax_call *call = control->calls; call; call = call->next)
        if (fax_id_equal(&call->fax, fax) && !uv_is_closing((const uv_handle_t *)&call->timer))
            return true;
    return false;
}

const char *fax_call_step(const struct control *control, const struct fax_id *fax)
{
    for (const struct fax_call *call = control->calls; call; call = call->next) {
        if (!fax_id_equal(&call->fax, fax) || uv_is_closing((const uv_handle_t *)&call->timer))
            continue;
        if (call->media_started)
            return call->pages_confirmed > 0 ? "page" : "training";
        if (call->t38_agreed)
            return "t38";
        return call->answered ? "answered" : call->session ? "dialling" : "queued";
    }
    return "queued";
}

void fax_calls_end(struct control *control, const char *reason)
{
    for (struct fax_call *call = control->calls, *next; call; call = next) {
        next = call->next;
        call->local_fault = call->local_fault || !call->ending;
        fax_call_end(call, "%s", reason);
    }
}

size_t fax_calls_count(const struct control *control)
{
    size_t count = 0;
    for (const struct fax_call *call = control->calls; call; call = call->next)
        count++;
    return count;
}
