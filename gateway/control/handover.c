#include "gateway/control/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/event.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_report.h"
#include "gateway/db/fax_queries.h"
#include "gateway/mail/mail_work.h"
#include "gateway/process/log.h"

enum { AGAIN_MS = 5000, INBOUND_ATTEMPT = 1 };

struct handover {
    struct handover *next;
    struct control *control;
    uv_timer_t timer; /* until it can be tried again */
    char plan[12];
    struct fax_report report; /* the fax that ended, as a report needs it */
    struct fax_id made;
    char mailbox[POLICY_NAME_TEXT], trunk[POLICY_NAME_TEXT], principal[POLICY_NAME_TEXT];
    char from[NUMBER_TEXT];
    bool busy; /* a callback is due */
    bool closing;
};

/* --- planning --- */

/* What a machine sent and what it is to be told of. */
static const char *plan_of_machine(const struct fax_end *end)
{
    if (strcmp(end->state, "received") == 0)
        return "number";
    return strcmp(end->state, "partial") == 0 || end->had_media ? "report" : "";
}

const char *handover_plan(const struct control *c, const struct fax_end *end)
{
    if (end->outbound)
        return device_name_of(end->principal) && strcmp(end->state, "delivered") != 0 ? "report"
                                                                                      : "";
    if (device_name_of(end->trunk))
        return plan_of_machine(end);
    bool received = strcmp(end->state, "received") == 0;
    return received && policy_cache_mailbox_device(c->policy, end->mailbox)[0] ? "device" : "";
}

/* --- one handover --- */

static void run(struct handover *h);

static void on_closed(uv_handle_t *handle)
{
    struct handover *h = handle->data, **at = &h->control->handovers;
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    free(h);
}

static void close_handover(struct handover *h)
{
    if (!h->closing)
        uv_close((uv_handle_t *)&h->timer, on_closed);
    h->closing = true;
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void try_again(struct handover *h, const char *what, int status)
{
    if (h->control->stopping || status == -ESHUTDOWN) {
        close_handover(h);
        return;
    }
    log_write(LOG_LEVEL_WARNING, "%s: %s; it is tried again", what, strerror(-status));
    uv_timer_start(&h->timer, on_timer, AGAIN_MS, 0);
}

static void on_given_up(void *user, int status, uint64_t index)
{
    struct handover *h = user;
    (void)index;
    h->busy = false;
    if (status < 0)
        try_again(h, "it could not be recorded that nothing comes of a fax", status);
    else
        close_handover(h);
}

/* Records that nothing (more) comes of the fax. */
static void finish(struct handover *h, const char *outcome, const char *reason)
{
    struct event e;
    event_begin(&e, "fax.reported", "system", &h->report.fax);
    event_outcome(&e, outcome);
    event_text(&e, "plan", h->plan);
    event_text(&e, "reason", reason);
    h->busy = true;
    int rc = event_append(&e, h->control->audit, on_given_up, h);
    if (rc < 0)
        on_given_up(h, rc, 0);
}

/* --- the pages go on --- */

static const char *class_of(const struct handover *h)
{
    const struct policy_mailbox *mailbox =
        policy_find_mailbox(policy_cache_set(h->control->policy), h->mailbox);
    return mailbox ? mailbox->class_name : "";
}

static void on_forwarded(void *user, int status, uint64_t index)
{
    struct handover *h = user;
    struct control *c = h->control;
    struct outbound_fax fax;
    (void)index;
    h->busy = false;
    if (status < 0) {
        try_again(h, "a fax could not be sent on", status);
        return;
    }
    memset(&fax, 0, sizeof fax);
    fax.fax = h->made;
    fax.source = h->report.fax;
    fax.source_attempt = INBOUND_ATTEMPT;
    fax.pages = h->report.pages;
    fax.attempt = 1;
    memcpy(fax.from, h->from, sizeof fax.from);
    memcpy(fax.to, h->report.to, sizeof fax.to);
    memcpy(fax.principal, h->principal, sizeof fax.principal);
    memcpy(fax.mailbox, h->mailbox, sizeof fax.mailbox);
    snprintf(fax.class_name, sizeof fax.class_name, "%s", class_of(h));
    if (c->stopping) /* the next start finds it */
        status = -ESHUTDOWN;
    else if (fax_queue_add(c->queue, &fax) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a queued fax waits for the next start");
    close_handover(h);
    if (status == 0)
        fax_queue_run(c->queue);
}

/* h->principal sends it from h->from to h->report.to. */
static void forward(struct handover *h)
{
    struct event e;
    char source[FAX_ID_TEXT];
    int rc = fax_id_make(&h->made, (uint64_t)control_now_ms());
    if (rc < 0) {
        try_again(h, "a fax could not be sent on", rc);
        return;
    }
    fax_id_text(&h->report.fax, source);
    event_begin(&e, "fax.forwarded", h->principal, &h->made);
    event_text(&e, "direction", "out");
    event_personal(&e, "from", h->from);
    event_personal(&e, "to", h->report.to);
    event_text(&e, "mailbox", h->mailbox);
    event_text(&e, "class", class_of(h));
    event_integer(&e, "pages", h->report.pages);
    event_text(&e, "principal", h->principal);
    event_text(&e, "source", source);
    event_integer(&e, "source_attempt", INBOUND_ATTEMPT);
    h->busy = true;
    rc = event_append(&e, h->control->audit, on_forwarded, h);
    if (rc < 0)
        on_forwarded(h, rc, 0);
}

static void forward_to_device(struct handover *h)
{
    const struct policy_cache *policy = h->control->policy;
    const struct device_info *device =
        policy_cache_device(policy, policy_cache_mailbox_device(policy, h->mailbox));
    if (!device) {
        finish(h, "failed", "the device is gone");
        return;
    }
    snprintf(h->report.to, sizeof h->report.to, "%s", device->extension);
    snprintf(h->principal, sizeof h->principal, "system");
    forward(h);
}

/* --- the machine is told --- */

static void on_reported(void *user, int status, const char *detail)
{
    struct handover *h = user;
    h->busy = false;
    if (status == 0)
        finish(h, "ok", "");
    else if (status == -EINVAL)
        finish(h, "failed", detail);
    else
        try_again(h, "a report for a machine could not be made", status);
}

static void report(struct handover *h)
{
    const char *name = device_name_of(h->trunk);
    if (!name)
        name = device_name_of(h->principal);
    const struct device_info *device = name ? policy_cache_device(h->control->policy, name) : NULL;
    if (!device) {
        finish(h, "failed", "the device is gone");
        return;
    }
    snprintf(h->report.device_number, sizeof h->report.device_number, "%s", device->extension);
    snprintf(h->report.mailbox, sizeof h->report.mailbox, "%s", h->mailbox);
    h->busy = true;
    int rc = fax_report_send(h->control, &h->report, on_reported, h);
    if (rc < 0)
        on_reported(h, rc, "");
}

static void run(struct handover *h)
{
    if (h->control->stopping)
        close_handover(h);
    else if (strcmp(h->plan, "number") == 0)
        forward(h);
    else if (strcmp(h->plan, "device") == 0)
        forward_to_device(h);
    else
        report(h);
}

/* --- beginning --- */

void handover_begin(struct control *c, const struct fax_end *end, const char *plan)
{
    mail_work_fax_ended(c->mail_work, end);
    struct handover *h = plan[0] && !c->stopping ? calloc(1, sizeof *h) : NULL;
    if (!h) {
        if (plan[0])
            log_write(LOG_LEVEL_NOTICE, "a fax is sent on at the next start");
        return;
    }
    h->control = c;
    snprintf(h->plan, sizeof h->plan, "%s", plan);
    h->report.fax = end->fax;
    h->report.outbound = end->outbound;
    h->report.pages = end->pages;
    snprintf(h->report.to, sizeof h->report.to, "%s", end->to);
    snprintf(h->report.state, sizeof h->report.state, "%s", end->state);
    snprintf(h->report.reason, sizeof h->report.reason, "%s", end->reason);
    snprintf(h->from, sizeof h->from, "%s", end->from);
    snprintf(h->mailbox, sizeof h->mailbox, "%s", end->mailbox);
    snprintf(h->trunk, sizeof h->trunk, "%s", end->outbound ? "" : end->trunk);
    /* The fax of a machine is sent in its name. */
    snprintf(h->principal, sizeof h->principal, "%s", end->outbound ? end->principal : end->trunk);
    uv_timer_init(&c->loop, &h->timer);
    h->timer.data = h;
    h->next = c->handovers;
    c->handovers = h;
    if (c->ready)
        run(h);
}

struct reading {
    struct control *control;
    handover_read_cb *cb;
    void *user;
};

static void take_row(struct control *c, const struct fax_row *row)
{
    struct fax_end end = {
        .outbound = strcmp(row->direction, "out") == 0,
        .trunk = row->trunk,
        .principal = row->principal,
        .mailbox = row->mailbox,
        .from = row->from_number,
        .to = row->to_number,
        .state = row->state,
        .reason = row->reason,
        .pages = (uint32_t)row->pages,
    };
    if (fax_id_parse(&end.fax, row->fax) == 0)
        handover_begin(c, &end, row->forward);
}

static void on_rows(void *user, int status, const struct db_result *result)
{
    const struct reading r = *(struct reading *)user;
    free(user);
    for (int i = 0; status == 0 && i < db_result_rows(result); i++) {
        struct fax_row row;
        fax_row_read(result, i, &row);
        take_row(r.control, &row);
    }
    r.cb(r.user, status);
}

int handovers_read(struct control *c, handover_read_cb *cb, void *user)
{
    struct reading *r = malloc(sizeof *r);
    if (!r)
        return -ENOMEM;
    /* Those of an earlier try of the start are read again. */
    for (struct handover *h = c->handovers; h; h = h->next)
        close_handover(h);
    *r = (struct reading){c, cb, user};
    int rc = fax_query_forwards(c->db, on_rows, r);
    if (rc < 0)
        free(r);
    return rc;
}

void handovers_start(struct control *c)
{
    for (struct handover *h = c->handovers, *next; h; h = next) {
        next = h->next;
        if (!h->closing && !h->busy)
            run(h);
    }
}

void handovers_stop(struct control *c)
{
    for (struct handover *h = c->handovers; h; h = h->next)
        if (!h->busy)
            close_handover(h);
}
