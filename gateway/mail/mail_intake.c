#include "gateway/mail/mail_intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/control.h"
#include "gateway/control/event.h"
#include "gateway/control/trunk_routes.h"
#include "gateway/mail/mail_again.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_work.h"
#include "gateway/process/log.h"

struct mail_intake {
    struct mail_intake *next; /* of all that are under way */
    struct control *control;
    struct mail_envelope envelope; /* with recipients of its own */
    int message;
    size_t octets;
    struct fax_id mail;
    char kek_id[KEK_ID_TEXT];
    struct mail_digest digest;
    struct mail_mark mark;
    bool marked;    /* it has one */
    bool recording; /* until its record is durable, or was refused */
    bool waits;     /* sealed: for the marks of earlier ones, or for the end of one with its mark */
    bool awake;     /* has waited */
    struct mail_verdict verdict;
    uv_work_t refusal;
    mail_intake_cb *done;
    void *user;
};

static void answer(struct mail_verdict *verdict, int code, const char *enhanced, const char *text)
{
    verdict->code = code;
    snprintf(verdict->enhanced, sizeof verdict->enhanced, "%s", enhanced);
    snprintf(verdict->text, sizeof verdict->text, "%s", text);
}

/* --- recipients --- */

static bool judge_route(const struct control *control, const struct mail_recipient *recipient,
                        struct mail_verdict *verdict)
{
    struct trunk_routes routes;
    char why[TRUNK_ROUTES_TEXT];
    if (policy_cache_device_of(control->policy, recipient->number))
        return true;
    enum trunk_routes_outcome outcome =
        trunk_routes_find(control, recipient->number, recipient->options.class_name, "",
                          control_now_ms(), &routes, why);
    /* Its class may still be said by the message, and is its mailbox's else. */
    if (outcome == TRUNK_ROUTES_NONE && !recipient->options.class_name[0] &&
        trunk_routes_of_a_class(control, recipient->number, control_now_ms()))
        return true;
    if (outcome == TRUNK_ROUTES_NONE)
        answer(verdict, 550, "5.4.4", "no trunk leads to the number");
    else if (outcome == TRUNK_ROUTES_DENIED)
        answer(verdict, 550, "5.7.1", "the number is denied");
    return outcome == TRUNK_ROUTES_FOUND || outcome == TRUNK_ROUTES_CLOSED;
}

/* What comes back for a mail of ours names no number (mail_out_owns()). */
static bool is_returned(const struct mail_recipient *recipient)
{
    return recipient->number[0] == '\0';
}

static void judge_returned(const struct mail_envelope *envelope, struct mail_verdict *verdict)
{
    if (envelope->from[0])
        answer(verdict, 550, "5.7.1", "this address takes reports only (MAIL FROM:<>)");
    else if (envelope->recipient_count > 0)
        answer(verdict, 452, "4.5.3", "this recipient needs a message of its own");
    else
        answer(verdict, 250, "2.1.5", "recipient ok");
}

void mail_intake_judge_recipient(struct control *control, const struct mail_envelope *envelope,
                                 const struct mail_recipient *recipient,
                                 struct mail_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    if (!control->ready || control->stopping || !policy_cache_set(control->policy)) {
        answer(verdict, 451, "4.3.2", "the gateway is not ready, try again later");
    } else if (is_returned(recipient)) {
        judge_returned(envelope, verdict);
    } else if (envelope->recipient_count > 0 && is_returned(&envelope->recipients[0])) {
        answer(verdict, 452, "4.5.3", "this recipient needs a message of its own");
    } else if (!envelope->from[0] && !control->config->mail.automatic) {
        /* RFC 5321 §4.5.5: what has it is a report, and a number never sent what it is about. */
        answer(verdict, 550, "5.7.1", "reports (MAIL FROM:<>) are not made into faxes");
    } else if (!envelope->principal[0] && !envelope->trusted_relay) {
        answer(verdict, 550, "5.7.1", "sign in first, or send through your mail server");
    } else if (envelope->principal[0] &&
               !mail_identity_may_send(control->policy, envelope->principal,
                                       recipient->options.from, recipient->number)) {
        answer(verdict, 550, "5.7.1", "you may not send faxes to this number");
    } else if (judge_route(control, recipient, verdict)) {
        answer(verdict, 250, "2.1.5", "recipient ok");
    }
}

/* --- messages --- */

static bool is_twin(const struct mail_intake *m, const struct mail_intake *other)
{
    return m != other && m->marked && other->marked &&
           memcmp(&m->mark, &other->mark, sizeof m->mark) == 0;
}

static void go_on(struct control *control);

static void finish(struct mail_intake *m)
{
    struct control *control = m->control;
    struct mail_intake **at = &control->mail_intakes;
    bool wakes = false;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    close(m->message);
    for (struct mail_intake *other = control->mail_intakes; other; other = other->next) {
        other->awake = other->awake || (other->waits && is_twin(m, other));
        wakes = wakes || other->awake;
    }
    if (m->done)
        m->done(m->user, &m->verdict);
    free(m->envelope.recipients);
    free(m);
    if (wakes)
        go_on(control);
}

static void on_removed(void *user, int status)
{
    struct mail_intake *m = user;
    if (status < 0)
        log_write(LOG_LEVEL_WARNING, "a message that was not taken is left until the next start");
    finish(m);
}

static void refuse(struct mail_intake *m, int status, bool sealed)
{
    bool full = status == -ENOSPC || status == -EDQUOT;
    answer(&m->verdict, full ? 452 : 451, full ? "4.3.1" : "4.3.0",
           full ? "no space for the message, try again later"
                : "the message cannot be taken now, try again later");
    log_write(LOG_LEVEL_WARNING, "a message cannot be taken: %s", strerror(-status));
    if (!sealed || mail_store_remove(m->control->mail_store, &m->mail, on_removed, m) < 0)
        finish(m);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct mail_intake *m = user;
    char id[FAX_ID_TEXT], text[100];
    if (status < 0) {
        refuse(m, status, true);
        return;
    }
    fax_id_text(&m->mail, id);
    snprintf(text, sizeof text, "accepted as %s", id);
    answer(&m->verdict, 250, "2.0.0", text);
    m->verdict.mail = m->mail;
    if (m->marked)
        mail_again_take(m->control, &m->mark, &m->mail);
    mail_work_take(m->control->mail_work, &m->mail, index);
    finish(m);
}

static int record_recipient(struct mail_intake *m, uint32_t number)
{
    const struct mail_recipient *r = &m->envelope.recipients[number - 1];
    const struct mail_fax_options *o = &r->options;
    struct event e;
    event_begin(&e, "mail.recipient", m->envelope.principal[0] ? m->envelope.principal : "system",
                &m->mail);
    event_integer(&e, "recipient", number);
    event_personal(&e, "address", r->address);
    event_personal(&e, "orcpt", r->orcpt);
    event_personal(&e, "number", r->number);
    event_personal(&e, "name", r->name);
    event_integer(&e, "notify", r->notify);
    event_text(&e, "class", o->class_name);
    event_personal(&e, "from_number", o->from);
    event_integer(&e, "y_dpi", o->y_dpi);
    event_integer(&e, "cover", o->cover);
    event_integer(&e, "priority", o->priority);
    event_integer(&e, "not_before", o->not_before);
    return event_append(&e, m->control->audit, NULL, NULL);
}

static int record_message(struct mail_intake *m)
{
    const struct mail_envelope *v = &m->envelope;
    char mark[MAIL_MARK_TEXT] = "";
    struct event e;
    if (m->marked)
        mail_mark_text(&m->mark, mark);
    event_begin(&e, "mail.accepted", v->principal[0] ? v->principal : "system", &m->mail);
    event_personal(&e, "from_address", v->from);
    event_personal(&e, "envid", v->envid);
    event_integer(&e, "return_full", v->return_full);
    event_text(&e, "login", v->principal);
    event_integer(&e, "relay", v->trusted_relay);
    event_integer(&e, "secured", v->secured);
    event_integer(&e, "lmtp", v->lmtp);
    event_personal(&e, "peer", v->peer);
    event_personal(&e, "host", v->host);
    event_integer(&e, "octets", (int64_t)m->octets);
    event_integer(&e, "recipients", v->recipient_count);
    event_text(&e, "kek", m->kek_id);
    event_text(&e, "mark", mark);
    return event_append(&e, m->control->audit, on_recorded, m);
}

/* Records become durable in their order: the last one's callback stands for all. Recipients without
 * their message count for nothing. */
static void record(struct mail_intake *m)
{
    int status = 0;
    m->recording = true;
    for (uint32_t i = 1; status == 0 && i <= m->envelope.recipient_count; i++)
        status = record_recipient(m, i);
    if (status == 0)
        status = record_message(m);
    if (status < 0)
        refuse(m, status, true);
}

/* --- brought again --- */

/* It was taken the first time, and the client is told what it was told then, or what it did not
 * hear. What was sealed just now was never recorded. */
static void take_again(struct mail_intake *m, const struct fax_id *first)
{
    char id[FAX_ID_TEXT], text[100];
    struct control *c = m->control;
    fax_id_text(first, id);
    snprintf(text, sizeof text, "accepted as %s", id);
    answer(&m->verdict, 250, "2.0.0", text);
    m->verdict.mail = *first;
    stranger_log_note_again(&c->repeated, id, uv_now(&c->loop));
    m->marked = false;
    if (mail_store_remove(c->mail_store, &m->mail, on_removed, m) < 0)
        finish(m);
}

static bool is_being_recorded(const struct mail_intake *m)
{
    const struct mail_intake *other = m->control->mail_intakes;
    while (other && !(other->recording && is_twin(m, other)))
        other = other->next;
    return other != NULL;
}

static void look(struct mail_intake *m)
{
    struct fax_id first;
    m->waits = !mail_again_is_ready(m->control);
    if (m->waits)
        return;
    m->marked = mail_again_mark(m->control, &m->envelope, &m->digest, &m->mark);
    if (m->marked && mail_again_find(m->control, &m->mark, &first)) {
        take_again(m, &first);
        return;
    }
    m->waits = is_being_recorded(m);
    if (!m->waits)
        record(m);
}

/* Each of them may end, wait again, or let others end. */
static void go_on(struct control *control)
{
    struct mail_intake *m = control->mail_intakes;
    while (m) {
        bool goes = m->awake;
        m->awake = false;
        if (goes)
            look(m);
        m = goes ? control->mail_intakes : m->next;
    }
}

void mail_intake_resume(struct control *control)
{
    for (struct mail_intake *m = control->mail_intakes; m; m = m->next)
        m->awake = m->waits;
    go_on(control);
}

static void on_sealed(void *user, int status, const struct mail_sealed *sealed)
{
    struct mail_intake *m = user;
    if (status < 0) {
        refuse(m, status, false);
        return;
    }
    m->mail = sealed->mail;
    m->digest = *sealed->digest;
    snprintf(m->kek_id, sizeof m->kek_id, "%s", sealed->kek_id);
    look(m);
}

/* Messages stay in memory until they are sealed. */
static bool has_room(const struct control *control, size_t octets)
{
    size_t all = octets;
    for (const struct mail_intake *m = control->mail_intakes; m; m = m->next)
        all += m->octets;
    return all <= (size_t)control->config->mail.max_memory_mib << 20;
}

static struct mail_intake *make(struct control *control, const struct mail_envelope *envelope)
{
    size_t octets = envelope->recipient_count * sizeof *envelope->recipients;
    struct mail_intake *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->control = control;
    m->envelope = *envelope;
    m->envelope.recipients = malloc(octets);
    if (!m->envelope.recipients) {
        free(m);
        return NULL;
    }
    memcpy(m->envelope.recipients, envelope->recipients, octets);
    return m;
}

static void no_work(uv_work_t *work)
{
    (void)work;
}

static void on_refusal(uv_work_t *work, int status)
{
    (void)status;
    finish(work->data);
}

/* The answer that is known already, given once the caller has returned. */
static int refuse_later(struct mail_intake *m)
{
    m->refusal.data = m;
    return uv_queue_work(&m->control->loop, &m->refusal, no_work, on_refusal);
}

/* Nothing of it is kept but that it came. */
static void on_bounced(void *user, int status)
{
    struct mail_intake *m = user;
    if (status == 0)
        answer(&m->verdict, 250, "2.0.0", "noted");
    else if (status == -ENOENT)
        answer(&m->verdict, 550, "5.1.1", "there is no such mail");
    else
        answer(&m->verdict, 451, "4.3.0", "it cannot be noted now, try again later");
    finish(m);
}

int mail_intake_start(struct control *control, const struct mail_envelope *envelope, int message,
                      size_t octets, mail_intake_cb *done, void *user, struct mail_intake **out)
{
    if (!control->ready || control->stopping || envelope->recipient_count == 0 ||
        envelope->recipient_count > MAIL_RECIPIENTS_MAX)
        return -EBUSY;
    struct mail_intake *m = make(control, envelope);
    if (!m)
        return -ENOMEM;
    m->message = message;
    m->octets = octets;
    m->done = done;
    m->user = user;
    int rc;
    if (octets > (size_t)control->config->mail.max_message_mib << 20) {
        answer(&m->verdict, 552, "5.3.4", "the message is too large");
        rc = refuse_later(m);
    } else if (!has_room(control, octets)) {
        answer(&m->verdict, 452, "4.3.1", "too many messages come in, try again later");
        rc = refuse_later(m);
    } else if (is_returned(&envelope->recipients[0])) {
        rc = mail_out_bounced(control, envelope->recipients[0].address, "", on_bounced, m);
    } else {
        rc = mail_store_seal(control->mail_store, message, octets, on_sealed, m);
    }
    if (rc < 0) {
        free(m->envelope.recipients);
        free(m);
        return rc;
    }
    m->next = control->mail_intakes;
    control->mail_intakes = m;
    *out = m;
    return 0;
}

const struct mail_intake *mail_intake_next(const struct mail_intake *intake)
{
    return intake->next;
}

void mail_intake_forget(struct mail_intake *intake)
{
    intake->done = NULL;
}
