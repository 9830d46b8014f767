#include "gateway/control/control_stop.h"

#include "gateway/control/bridge_call.h"
#include "gateway/control/call_recorder.h"
#include "gateway/control/credential_register.h"
#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/handover.h"
#include "gateway/control/password_check.h"
#include "gateway/control/render_queue.h"
#include "gateway/control/t38_refusals.h"
#include "gateway/control/trunk_registrar.h"
#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_work.h"
#include "gateway/process/log.h"
#include "gateway/smtp/smtp_server.h"

enum { TICK_MS = 100, LAST_WORDS_MS = 5000, HTTP_DRAIN_MS = 1000 };

/* Each step starts the next when it is done; NULL-safe closers call back in any case. */
static void on_db_closed(void *user)
{
    struct control *c = user;
    /* Questions under way end now, and with them calls that look at all the rest. */
    password_check_close(c->passwords);
    keeper_client_free(c->keeper);
    c->keeper = NULL;
    mail_out_free(c->mail_out);
    c->mail_out = NULL;
    policy_cache_free(c->policy);
    rate_limit_free(c->rates);
    fax_watchers_free(c->watchers);
    t38_refusals_free(c->t38_refusals);
    device_register_free(c->devices);
    credential_register_free(c->credentials);
    trunk_registrar_free(c);
    supervisor_client_free(c->supervisor);
    uv_close((uv_handle_t *)&c->disposal_timer, NULL);
    uv_close((uv_handle_t *)&c->stop_timer, NULL);
    uv_close((uv_handle_t *)&c->stranger_timer, NULL);
    uv_close((uv_handle_t *)&c->registrar_timer, NULL);
    log_write(LOG_LEVEL_NOTICE, "control has stopped");
}

static void on_audit_closed(void *user)
{
    struct control *c = user;
    /* What ends later finds no log, and is told so. */
    c->audit = c->strangers.audit = c->strange_accounts.audit = c->limited.audit =
        c->strange_devices.audit = NULL;
    c->refused_mail.audit = c->sign_ins.audit = c->wrong_sign_ins.audit = NULL;
    c->unreported.audit = c->bounced_again.audit = c->repeated.audit = NULL;
    db_close(c->db, on_db_closed, c);
}

static void on_queue_closed(void *user)
{
    struct control *c = user;
    audit_close(c->audit, on_audit_closed, c);
}

static void on_renders_closed(void *user)
{
    struct control *c = user;
    fax_queue_close(c->queue, on_queue_closed, c);
}

static void on_mails_stopped(void *user)
{
    struct control *c = user;
    render_queue_close(c->renders, on_renders_closed, c);
}

static void on_lines_closed(void *user)
{
    mail_out_stop(user, on_mails_stopped, user);
}

static void on_sources_closed(void *user)
{
    struct control *c = user;
    line_pool_close(c->lines, on_lines_closed, c);
}

static void on_dns_closed(void *user)
{
    struct control *c = user;
    struct trunk_sources *sources = c->sources;
    c->sources = NULL;
    trunk_sources_close(sources, on_sources_closed, c);
}

static void on_sip_closed(void *user)
{
    struct control *c = user;
    struct dns_resolver *dns = c->dns;
    c->sip = NULL;
    c->dns = NULL;
    peer_health_free(c);
    dns_resolver_close(dns, on_dns_closed, c);
}

static void on_http_closed(void *user)
{
    struct control *c = user;
    trunk_registrar_stop(c);
    if (c->sip)
        sip_stack_close(c->sip, on_sip_closed, c);
    else
        on_sip_closed(c);
}

static void on_smtp_closed(void *user)
{
    struct control *c = user;
    http_server_close(c->http, HTTP_DRAIN_MS, on_http_closed, c);
}

static void close_all(struct control *c)
{
    struct event e;
    uv_timer_stop(&c->stop_timer);
    uv_timer_stop(&c->disposal_timer);
    uv_timer_stop(&c->stranger_timer);
    handovers_stop(c);
    mail_work_stop(c->mail_work);
    /* What was counted since the last minute. */
    struct stranger_log *const logs[] = {
        &c->strangers,       &c->strange_accounts, &c->failed_connections, &c->limited,
        &c->strange_devices, &c->refused_mail,     &c->sign_ins,           &c->wrong_sign_ins,
        &c->unreported,      &c->bounced_again,    &c->repeated,           NULL};
    for (size_t i = 0; logs[i]; i++)
        stranger_log_flush(logs[i], uv_now(&c->loop) + STRANGER_PERIOD_MS);
    event_begin(&e, "gateway.stopped", "system", NULL);
    event_note(&e, c->audit);
    struct smtp_server *smtp = c->smtp;
    c->smtp = NULL;
    smtp_server_close(smtp, on_smtp_closed, c);
}

static void on_tick(uv_timer_t *timer)
{
    struct control *c = timer->data;
    uint64_t now = uv_now(&c->loop);
    size_t calls = fax_calls_count(c) + bridge_calls_count(c);
    size_t mails = mail_out_sending(c) + mail_work_busy(c->mail_work) + (c->mail_intakes != NULL) +
                   smtp_server_sessions(c->smtp);
    if (calls == 0 && !c->submissions && c->keys_dropping == 0 && call_recorders_hurry(c) == 0 &&
        (mails == 0 || now >= c->stop_deadline)) {
        close_all(c);
    } else if (now >= c->stop_deadline + LAST_WORDS_MS) {
        log_write(LOG_LEVEL_WARNING, "%zu calls could not be ended in time", calls);
        close_all(c);
    } else if (now >= c->stop_deadline) {
        fax_calls_end(c, "the gateway stops");
        bridge_calls_end(c, "the gateway stops");
    }
}

void control_stop(struct control *c)
{
    uv_update_time(&c->loop);
    if (c->stopping) {
        c->stop_deadline = uv_now(&c->loop);
        return;
    }
    c->stopping = true;
    c->stop_deadline = uv_now(&c->loop) + (uint64_t)c->config->stop.drain_timeout_ms;
    log_write(LOG_LEVEL_NOTICE, "stopping: %zu calls may finish",
              fax_calls_count(c) + bridge_calls_count(c));
    smtp_server_drain(c->smtp);
    uv_timer_start(&c->stop_timer, on_tick, 0, TICK_MS);
}
