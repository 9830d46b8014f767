#include "gateway/control/control.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/api/api.h"
#include "gateway/control/control_stop.h"
#include "gateway/control/credential_register.h"
#include "gateway/control/device_register.h"
#include "gateway/control/disposal.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/handover.h"
#include "gateway/control/password_check.h"
#include "gateway/control/recovery.h"
#include "gateway/control/render_queue.h"
#include "gateway/control/sip_start.h"
#include "gateway/control/smtp_start.h"
#include "gateway/control/t38_refusals.h"
#include "gateway/control/trunk_registrar.h"
#include "gateway/mail/mail_again.h"
#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_work.h"
#include "gateway/process/log.h"
#include "gateway/socket_address.h"
#include "gateway/wall_clock.h"
#include "policy/text_code.h"

int64_t control_now_ms(void)
{
    return wall_clock_ms();
}

void control_abandon(const char *why)
{
    log_write(LOG_LEVEL_ERROR, "control stops at once: %s", why);
    _exit(ROLE_EXIT_FAILED);
}

/* --- supervisor --- */

static void on_keeper_up(void *user, int descriptor)
{
    struct control *c = user;
    int rc = keeper_client_up(c->keeper, descriptor);
    if (rc < 0)
        log_write(LOG_LEVEL_ERROR, "the keeper's channel cannot be used: %s", strerror(-rc));
}

static void on_stop(void *user)
{
    control_stop(user);
}

static void on_supervisor_gone(void *user)
{
    (void)user;
    control_abandon("the supervisor is gone");
}

/* --- keeper --- */

static void on_keeper_hello(void *user, const struct msg_keeper_hello *hello)
{
    struct control *c = user;
    struct event e;
    snprintf(c->master_key_id, sizeof c->master_key_id, "%s", hello->master_key_id);
    snprintf(c->verifier_key, sizeof c->verifier_key, "%s", hello->verifier_key);
    event_begin(&e, "master.loaded", "system", NULL);
    event_text(&e, "master_key_id", c->master_key_id);
    event_note(&e, c->audit);
    device_register_refresh(c->devices);
    credential_register_refresh(c->credentials);
    if (c->ready)
        fax_queue_run(c->queue);
}

enum { RATE_KEYS = 4096 };

struct signing {
    struct control *control;
    uint64_t size;
};

static void on_signed(void *user, int status, const struct msg_signed *note)
{
    struct signing *s = user;
    if (!s->control->audit) {
        free(s);
        return;
    }
    if (status == 0 && audit_checkpoint_signed(s->control->audit, s->size, note->note) == 0) {
        free(s);
        return;
    }
    log_write(LOG_LEVEL_WARNING, "a checkpoint could not be signed: %s", strerror(-status));
    audit_checkpoint_failed(s->control->audit, s->size);
    free(s);
}

static int sign_checkpoint(void *user, uint64_t size, const uint8_t root[32], int64_t time_ms)
{
    struct control *c = user;
    struct msg_sign_checkpoint request = {.size = size, .time_ms = time_ms};
    if (!keeper_client_ready(c->keeper))
        return -EAGAIN;
    struct signing *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->control = c;
    s->size = size;
    snprintf(request.origin, sizeof request.origin, "sealfax/%s", c->config->node);
    memcpy(request.root, root, sizeof request.root);
    int rc = keeper_sign_checkpoint(c->keeper, &request, on_signed, s);
    if (rc < 0)
        free(s);
    return rc;
}

/* --- database --- */

static void on_policy_read(void *user, int status)
{
    struct control *c = user;
    if (status == 0 && c->ready)
        fax_queue_run(c->queue);
}

static void on_db_state(void *user, enum db_state state, const char *reason)
{
    struct control *c = user;
    struct event e;
    if (!c->audit)
        return;
    audit_db_state(c->audit, state);
    if (state == DB_UP && !c->database_up) {
        log_write(LOG_LEVEL_NOTICE, "the database is connected");
        event_begin(&e, "db.connected", "system", NULL);
        event_note(&e, c->audit);
        if (c->ready && policy_cache_reload(c->policy, on_policy_read, c) < 0)
            log_write(LOG_LEVEL_WARNING, "the policy is not read again");
    } else if (state == DB_DOWN && c->database_up) {
        log_write(LOG_LEVEL_WARNING, "the database is away: %s", reason ? reason : "");
        event_begin(&e, "db.lost", "system", NULL);
        event_outcome(&e, "failed");
        event_note(&e, c->audit);
    }
    c->database_up = state == DB_UP;
}

/* --- lines --- */

static void on_line_died(void *user, int pid, int wait_status, uint32_t calls)
{
    struct control *c = user;
    struct event e;
    char how[64];
    if (WIFSIGNALED(wait_status))
        snprintf(how, sizeof how, "signal %d", WTERMSIG(wait_status));
    else
        snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(wait_status));
    log_write(LOG_LEVEL_ERROR, "line %d died (%s) with %u calls", pid, how, calls);
    event_begin(&e, "process.died", "system", NULL);
    event_outcome(&e, "failed");
    event_text(&e, "process", "line");
    event_text(&e, "how", how);
    event_integer(&e, "pid", pid);
    event_integer(&e, "calls", calls);
    event_note(&e, c->audit);
}

static void on_line_ready(void *user)
{
    struct control *c = user;
    if (c->ready)
        fax_queue_run(c->queue);
}

/* --- disposal by time --- */

static void on_disposal_timer(uv_timer_t *timer);

static void on_disposed(void *user, int status, json_t *disposed, json_t *failed, bool more)
{
    struct control *c = user;
    if (status < 0)
        log_write(LOG_LEVEL_WARNING, "disposal could not run: %s", strerror(-status));
    else if (json_array_size(disposed) > 0)
        log_write(LOG_LEVEL_NOTICE, "disposed of %zu faxes", json_array_size(disposed));
    json_decref(disposed);
    json_decref(failed);
    if (!c->stopping)
        uv_timer_start(&c->disposal_timer, on_disposal_timer,
                       more && status == 0 ? 1000 : (uint64_t)c->config->retention.timer_ms, 0);
}

static void on_disposals_resumed(void *user)
{
    struct control *c = user;
    if (!c->stopping)
        uv_timer_start(&c->disposal_timer, on_disposal_timer, 1000, 0);
}

static void on_disposal_timer(uv_timer_t *timer)
{
    struct control *c = timer->data;
    if (disposal_run(c, NULL, false, on_disposed, c) < 0)
        uv_timer_start(timer, on_disposal_timer, (uint64_t)c->config->retention.timer_ms, 0);
}

/* --- serving --- */

static void note_start(struct control *c)
{
    struct event e;
    char *text = NULL, digest[65] = "";
    size_t length = 0;
    uint8_t hash[EVP_MAX_MD_SIZE];
    FILE *out = open_memstream(&text, &length);
    if (out) {
        config_print(c->config, out);
        fclose(out);
    }
    if (text && EVP_Digest(text, length, hash, NULL, EVP_sha256(), NULL) == 1)
        hex_encode(hash, 32, digest);
    free(text);
    event_begin(&e, "gateway.started", "system", NULL);
    event_text(&e, "version", SEALFAX_VERSION);
    event_text(&e, "sip", c->sip_address);
    event_note(&e, c->audit);
    event_begin(&e, "config.loaded", "system", NULL);
    event_text(&e, "digest", digest);
    event_note(&e, c->audit);
}

static void on_recovered(void *user, int status)
{
    struct control *c = user;
    if (status == -ECANCELED)
        return;
    int rc = status < 0 ? status : sip_start(c);
    if (rc == 0)
        rc = trunk_registrar_start(c);
    if (rc == 0)
        rc = smtp_start(c);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "control stops at once: it cannot serve");
        /* What a restart would not cure. */
        _exit(rc == -EADDRINUSE || rc == -EBADMSG ? ROLE_EXIT_PERMANENT : ROLE_EXIT_FAILED);
    }
    note_start(c);
    c->ready = true;
    if (supervisor_say_ready(c->supervisor) < 0)
        control_abandon("the supervisor takes no messages");
    log_write(LOG_LEVEL_NOTICE, "ready: SIP on %s, API on %s", c->sip_address,
              c->context->paths->api_socket);
    if (disposal_resume(c, on_disposals_resumed, c) < 0)
        on_disposals_resumed(c);
    sip_start_logs(c);
    handovers_start(c);
    mail_again_start(c);
    mail_out_start(c);
    mail_work_start(c->mail_work);
    fax_queue_run(c->queue);
}

static int open_records(struct control *c)
{
    const struct db_config db = {.conninfo = c->context->conninfo,
                                 .application_name = "sealfax control"};
    struct audit_config audit = {
        .directory = c->context->paths->journal,
        .node = c->config->node,
        .sign = sign_checkpoint,
        .sign_user = c,
        .checkpoint_interval_ms = (unsigned)c->config->audit.checkpoint_interval_ms,
        .segment_bytes = (uint64_t)c->config->journal.segment_bytes,
    };
    struct audit_recovery recovery;
    int rc = db_open(&c->loop, &db, on_db_state, c, &c->db);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "the database cannot be used: %s", strerror(-rc));
        return rc;
    }
    audit.db = c->db;
    memset(&recovery, 0, sizeof recovery);
    rc = audit_open(&c->loop, &audit, &recovery, &c->audit);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "the journal cannot be used: %s",
                  recovery.message[0] ? recovery.message : strerror(-rc));
        return rc;
    }
    if (recovery.torn_bytes > 0)
        log_write(LOG_LEVEL_NOTICE, "%llu octets of an unfinished write were dropped",
                  (unsigned long long)recovery.torn_bytes);
    rc = policy_cache_new(c->db, &c->policy);
    if (rc == 0)
        rc = device_register_new(c, &c->devices);
    return rc < 0 ? rc : credential_register_new(c, &c->credentials);
}

static int open_routing(struct control *c)
{
    const struct dns_config dns = {.servers = c->config->sip.dns_server};
    c->breaker.failures_allowed = (uint32_t)c->config->sip.breaker_failures;
    c->breaker.hold_ms = (uint32_t)c->config->sip.breaker_hold_ms;
    c->breaker.hold_most_ms = (uint32_t)c->config->sip.breaker_hold_most_ms;
    int rc = dns_resolver_open(&c->loop, &dns, &c->dns);
    if (rc < 0)
        log_write(LOG_LEVEL_ERROR, "the name servers '%s' cannot be used: %s",
                  c->config->sip.dns_server, strerror(-rc));
    if (rc == 0)
        rc = trunk_sources_new(c, &c->sources);
    if (rc == 0)
        rc = rate_limit_new(RATE_KEYS, &c->rates);
    return rc;
}

static int open_workers(struct control *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct line_pool_config lines = {
        .count = (uint32_t)(c->config->lines.count > 0 ? c->config->lines.count
                                                       : (cores > 0 ? cores : 1)),
        .max_calls = (uint32_t)c->config->lines.max_calls,
        .died = on_line_died,
        .ready = on_line_ready,
        .user = c,
    };
    const char *public = c->config->media.public_address;
    snprintf(c->media_address, sizeof c->media_address, "%s",
             public[0] ? public : c->config->media.address);
    int rc = media_ports_init(&c->ports, c->config->media.address, c->config->media.port_first,
                              c->config->media.port_last);
    if (rc == 0)
        rc = fax_store_prepare(c->context->paths->vault);
    if (rc == 0)
        rc = fax_watchers_new(&c->watchers);
    if (rc == 0)
        rc = t38_refusals_new(&c->t38_refusals);
    if (rc == 0)
        rc = fax_queue_new(c, &c->queue);
    if (rc == 0)
        rc = render_queue_new(&c->loop, c->supervisor, c->config, &c->renders);
    if (rc == 0)
        rc = mail_out_new(c, &c->mail_out);
    if (rc == 0)
        rc = mail_again_new(c, &c->mail_again);
    if (rc == 0)
        rc = mail_store_new(c, &c->mail_store);
    if (rc == 0)
        rc = mail_work_new(c, &c->mail_work);
    if (rc == 0)
        rc = line_pool_new(&c->loop, c->supervisor, &lines, &c->lines);
    return rc;
}

static int open_api(struct control *c)
{
    const struct http_server_config http = {
        .socket_path = c->context->paths->api_socket,
        .routes = api_routes(),
        .admit = api_admit_body,
        .user = c,
    };
    int rc = http_server_open(&c->loop, &http, &c->http);
    if (rc < 0)
        log_write(LOG_LEVEL_ERROR, "the API cannot listen on %s: %s", http.socket_path,
                  strerror(-rc));
    return rc;
}

static int open_all(struct control *c, int fd)
{
    const struct supervisor_handlers supervisor = {on_keeper_up, on_stop, on_supervisor_gone, c};
    int rc = keeper_client_new(&c->loop, on_keeper_hello, c, &c->keeper);
    if (rc == 0)
        rc = open_records(c);
    if (rc == 0)
        rc = supervisor_client_new(&c->loop, fd, &supervisor, &c->supervisor);
    if (rc == 0)
        rc = open_routing(c);
    if (rc == 0)
        rc = open_workers(c);
    if (rc == 0)
        rc = open_api(c);
    if (rc == 0)
        rc = recovery_start(c, on_recovered, c);
    return rc;
}

static void no_work(uv_work_t *work)
{
    (void)work;
}

static void after_no_work(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

/* Landlock covers threads started after it, seccomp all: so the pool, and the thread for passwords,
 * start in between. */
static int enter_sandbox(struct control *c)
{
    uv_work_t work;
    int rc = role_enter_sandbox(c->context, ROLE_SANDBOX_BEFORE_THREADS);
    if (rc == 0)
        rc = uv_queue_work(&c->loop, &work, no_work, after_no_work);
    if (rc == 0) {
        uv_run(&c->loop, UV_RUN_DEFAULT);
        rc = password_check_new(&c->loop, &c->passwords);
    }
    if (rc == 0)
        rc = role_enter_sandbox(c->context, ROLE_SANDBOX_AFTER_THREADS);
    return rc;
}

int control_main(int fd, const struct role_context *context)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c || setenv("UV_THREADPOOL_SIZE", "8", 0) < 0 || uv_loop_init(&c->loop) < 0) {
        free(c);
        return ROLE_EXIT_FAILED;
    }
    c->context = context;
    c->config = context->config;
    c->started_ms = (uint64_t)control_now_ms();
    if (c->config->fax.time_zone[0])
        setenv("TZ", c->config->fax.time_zone, 1);
    tzset();
    if (enter_sandbox(c) < 0) {
        free(c);
        return ROLE_EXIT_PERMANENT;
    }
    uv_timer_init(&c->loop, &c->disposal_timer);
    uv_timer_init(&c->loop, &c->stop_timer);
    uv_timer_init(&c->loop, &c->stranger_timer);
    uv_timer_init(&c->loop, &c->registrar_timer);
    c->strange_accounts.accounts = true;
    c->failed_connections.connections = true;
    c->strange_devices.devices = true;
    c->limited.limits = true;
    c->refused_mail.mail = c->sign_ins.right = c->wrong_sign_ins.wrong = true;
    c->unreported.again = "mail.unreported";
    c->bounced_again.again = "mail.bounced_again";
    c->repeated.again = "mail.repeated";
    c->disposal_timer.data = c->stop_timer.data = c->stranger_timer.data = c;
    int rc = open_all(c, fd);
    if (rc < 0) {
        log_write(LOG_LEVEL_ERROR, "control cannot start: %s", strerror(-rc));
        /* What a restart would not cure. */
        return rc == -EBADMSG || rc == -EADDRINUSE || rc == -EINVAL ? ROLE_EXIT_PERMANENT
                                                                    : ROLE_EXIT_FAILED;
    }
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
    /* What was on the pool to the last has told them. */
    mail_work_free(c->mail_work);
    mail_store_free(c->mail_store);
    mail_again_free(c->mail_again);
    int status = c->exit_status;
    free(c);
    return status;
}
