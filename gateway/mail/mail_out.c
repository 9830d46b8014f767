#include "gateway/mail/mail_out.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_out_private.h"
#include "gateway/process/log.h"
#include "policy/secret.h"

/* --- when what is done --- */

static void on_timer(uv_timer_t *timer)
{
    mail_out_run(timer->data);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Ends that could not be recorded are tried again. */
static int64_t run_unrecorded(struct mail_out *box, int64_t now_ms)
{
    int64_t next_ms = 0;
    for (struct mail_attempt *a = box->attempts, *next; a; a = next) {
        next = a->next;
        if (!a->unrecorded)
            continue;
        if (a->again_ms <= now_ms)
            mail_attempt_record(a);
        else
            next_ms = earlier(next_ms, a->again_ms);
    }
    return next_ms;
}

void mail_out_run(struct mail_out *box)
{
    int64_t now_ms = control_now_ms();
    if (!box->started || box->stopping || box->control->stopping)
        return;
    int64_t next_ms = earlier(mail_dues_run(box), run_unrecorded(box, now_ms));
    struct mail_entry entry;
    int64_t take_ms = 0;
    size_t most = box->relay ? (size_t)box->control->config->mail.out_connections : 0;
    while (mail_schedule_take(&box->schedule, box->attempt_count, most, now_ms, &entry, &take_ms))
        mail_attempt_begin(box, &entry);
    next_ms = earlier(next_ms, take_ms);
    if (next_ms > 0)
        uv_timer_start(&box->timer, on_timer, next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 1,
                       0);
}

void mail_out_put(struct mail_out *box, const struct mail_entry *entry)
{
    if (mail_schedule_put(&box->schedule, entry) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a mail waits for the next start");
}

void mail_out_soon(struct mail_out *box)
{
    if (box->started && !box->stopping)
        uv_timer_start(&box->timer, on_timer, 0, 0);
}

/* --- reports --- */

struct queueing {
    struct mail_out *box;
    struct mail_entry entry;
    mail_out_cb *cb;
    void *user;
};

static void on_queued(void *user, int status, uint64_t index)
{
    const struct queueing q = *(struct queueing *)user;
    (void)index;
    free(user);
    if (status == 0 && !q.box->stopping) {
        mail_out_put(q.box, &q.entry);
        mail_out_soon(q.box);
    }
    q.cb(q.user, status);
}

/* The same report has the same name, whenever it is asked for. */
static int name_report(const struct mail_report *report, struct fax_id *out)
{
    uint8_t octets[FAX_ID_OCTETS + 8], digest[EVP_MAX_MD_SIZE];
    memcpy(octets, report->mail.octets, FAX_ID_OCTETS);
    for (size_t i = 0; i < 4; i++)
        octets[FAX_ID_OCTETS + i] = (uint8_t)(report->recipient >> (8 * i));
    memset(octets + FAX_ID_OCTETS + 4, (int)report->action, 4);
    if (EVP_Digest(octets, sizeof octets, digest, NULL, EVP_sha256(), NULL) != 1)
        return -EIO;
    memcpy(out->octets, digest, FAX_ID_OCTETS);
    out->octets[6] = (uint8_t)(0x80 | (out->octets[6] & 0x0F)); /* UUID version 8 */
    out->octets[8] = (uint8_t)(0x80 | (out->octets[8] & 0x3F));
    return 0;
}

static const char *action_text(enum mail_report_action action)
{
    return action == MAIL_REPORT_DELIVERED ? "delivered"
           : action == MAIL_REPORT_DELAYED ? "delayed"
                                           : "failed";
}

static int record_report(const struct mail_report *report, struct queueing *q)
{
    struct event e;
    char out[FAX_ID_TEXT], mail[FAX_ID_TEXT], fax[FAX_ID_TEXT] = "";
    const struct control *c = q->box->control;
    fax_id_text(&q->entry.out, out);
    fax_id_text(&report->mail, mail);
    if (report->has_fax)
        fax_id_text(&report->fax, fax);
    event_begin(&e, "mail.queued", "system", &report->mail);
    event_text(&e, "out", out);
    event_text(&e, "kind", "report");
    event_text(&e, "mail", mail);
    event_integer(&e, "recipient", report->recipient);
    event_text(&e, "action", action_text(report->action));
    event_text(&e, "of_fax", fax);
    event_personal(&e, "to", report->to);
    event_personal(&e, "address", report->address);
    event_personal(&e, "orcpt", report->orcpt);
    event_personal(&e, "envid", report->envid);
    event_text(&e, "status", report->status);
    event_personal(&e, "verdict", report->verdict);
    event_personal(&e, "subject", report->head.subject);
    event_personal(&e, "message_id", report->head.message_id);
    event_personal(&e, "author", report->head.author);
    event_personal(&e, "author_name", report->head.author_name);
    event_text(&e, "date", report->head.date);
    event_integer(&e, "arrived_ms", report->arrived_ms);
    event_integer(&e, "pages", report->pages);
    event_integer(&e, "unreported", report->unreported);
    event_integer(&e, "expires", control_now_ms() / 1000 + c->config->mail.out_lifetime_s);
    return event_append(&e, c->audit, on_queued, q);
}

int mail_out_report(struct control *c, const struct mail_report *report, mail_out_cb *cb,
                    void *user)
{
    struct mail_out *box = c->mail_out;
    if (!box || !box->relay || !report->to[0])
        return -ENOTSUP;
    if (mail_out_waiting(c) >= (size_t)c->config->mail.out_queue_max)
        return -EBUSY;
    struct queueing *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->box = box;
    q->entry.about = report->mail;
    q->entry.next_ms = control_now_ms();
    q->entry.expires_ms = q->entry.next_ms + c->config->mail.out_lifetime_s * 1000;
    q->cb = cb;
    q->user = user;
    int rc = name_report(report, &q->entry.out);
    if (rc == 0)
        rc = record_report(report, q);
    if (rc < 0)
        free(q);
    return rc;
}

/* --- beginning and end --- */

static void fill_names(struct mail_out *box)
{
    const struct config *config = box->control->config;
    snprintf(box->host, sizeof box->host, "%s",
             config->mail.out_host[0] ? config->mail.out_host : config->mail.host);
    if (!box->host[0] && gethostname(box->host, sizeof box->host) < 0)
        box->host[0] = '\0';
    box->host[sizeof box->host - 1] = '\0';
    if (!box->host[0])
        snprintf(box->host, sizeof box->host, "localhost");
    if (config->mail.out_from[0])
        snprintf(box->from, sizeof box->from, "%s", config->mail.out_from);
    else
        snprintf(box->from, sizeof box->from, "fax@%s", box->host);
}

int mail_out_new(struct control *control, struct mail_out **out)
{
    struct mail_out *box = calloc(1, sizeof *box);
    if (!box)
        return -ENOMEM;
    box->control = control;
    box->schedule.first_ms = control->config->mail.out_retry_first_ms;
    box->schedule.most_ms = control->config->mail.out_retry_most_ms;
    fill_names(box);
    int rc = uv_timer_init(&control->loop, &box->timer);
    if (rc == 0 && control->config->mail.out_relay[0])
        rc = mail_relay_new(&control->loop, control->config, box->host, &box->relay);
    if (rc < 0) {
        free(box);
        return rc;
    }
    box->timer.data = box;
    *out = box;
    return 0;
}

void mail_out_start(struct control *c)
{
    c->mail_out->started = true;
    mail_out_load_return_key(c->mail_out);
    if (c->mail_out->schedule.waiting.count > 0)
        log_write(LOG_LEVEL_NOTICE, "%zu mails wait to be sent",
                  c->mail_out->schedule.waiting.count);
    mail_out_run(c->mail_out);
}

size_t mail_out_sending(const struct control *c)
{
    return c->mail_out ? c->mail_out->attempt_count : 0;
}

size_t mail_out_waiting(const struct control *c)
{
    return c->mail_out ? c->mail_out->schedule.waiting.count + c->mail_out->attempt_count : 0;
}

void mail_out_stop_further(struct mail_out *box)
{
    if (!box->stopped || box->works > 0 || !box->timer_closed || !box->relay_closed)
        return;
    void (*stopped)(void *user) = box->stopped;
    box->stopped = NULL;
    stopped(box->stopped_user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct mail_out *box = handle->data;
    box->timer_closed = true;
    mail_out_stop_further(box);
}

static void on_relay_closed(void *user)
{
    struct mail_out *box = user;
    box->relay_closed = true;
    mail_out_stop_further(box);
}

void mail_out_stop(struct control *c, void (*done)(void *user), void *user)
{
    struct mail_out *box = c->mail_out;
    if (!box) {
        done(user);
        return;
    }
    box->stopping = true;
    box->stopped = done;
    box->stopped_user = user;
    while (box->attempts)
        mail_attempt_drop(box->attempts);
    uv_close((uv_handle_t *)&box->timer, on_timer_closed);
    if (box->relay)
        mail_relay_close(box->relay, on_relay_closed, box);
    else
        box->relay_closed = true;
}

void mail_out_free(struct mail_out *box)
{
    if (!box)
        return;
    mail_dues_free(box);
    mail_schedule_clear(&box->schedule);
    secret_wipe(box->return_key, sizeof box->return_key);
    free(box);
}

/* --- changes by principals --- */

void mail_out_changed(struct control *c, const struct mail_out_change *change)
{
    struct mail_out *box = c->mail_out;
    (void)mail_schedule_remove(&box->schedule, &change->out);
    for (const struct mail_attempt *a = box->attempts; a; a = a->next)
        if (fax_id_equal(&a->entry.out, &change->out))
            return; /* it will see what the record says */
    if (change->next_ms == 0)
        return;
    mail_out_put(box, &(struct mail_entry){change->out, change->about, change->next_ms, 0, 0});
    box->schedule.hold_until_ms = 0; /* somebody says that it is worth it */
    mail_out_soon(box);
}
