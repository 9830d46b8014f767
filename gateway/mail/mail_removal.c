#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/mail/mail_again.h"
#include "gateway/mail/mail_store.h"
#include "gateway/mail/mail_work_private.h"
#include "gateway/process/log.h"

/* A message of which it is asked what is left, or that is being destroyed: one of them at a time.
 */
struct mail_removal {
    struct mail_removal *next;
    struct mail_work *work;
    struct fax_id mail;
    bool recorded, again;
};

static bool asks_again(struct mail_work *w, const struct fax_id *mail)
{
    for (struct mail_removal *r = w->removals; r; r = r->next)
        if (fax_id_equal(&r->mail, mail)) {
            r->again = true;
            return true;
        }
    return false;
}

static struct mail_removal *add(struct mail_work *w, const struct fax_id *mail)
{
    struct mail_removal *r = w->stopping || asks_again(w, mail) ? NULL : calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct mail_removal){w->removals, w, *mail, false, false};
    w->removals = r;
    return r;
}

static void drop(struct mail_removal *r)
{
    struct mail_removal **at = &r->work->removals;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r);
}

void mail_removals_free(struct mail_work *w)
{
    while (w->removals)
        drop(w->removals);
}

/* --- destroying --- */

static void on_removed(void *user, int status)
{
    struct mail_removal *r = user;
    struct event e;
    struct audit *audit = r->work->control->audit;
    if (status < 0) {
        log_write(LOG_LEVEL_WARNING, "a message is destroyed at the next start: %s",
                  strerror(-status));
    } else if (r->recorded && audit) {
        event_begin(&e, "key.destroyed", "system", &r->mail);
        event_note(&e, audit);
        event_begin(&e, "mail.destroyed", "system", &r->mail);
        event_note(&e, audit);
    }
    drop(r);
}

static void destroy(struct mail_removal *r)
{
    int rc = mail_store_remove(r->work->control->mail_store, &r->mail, on_removed, r);
    if (rc < 0)
        on_removed(r, rc);
}

void mail_end_remove(struct mail_work *w, const struct fax_id *mail, bool recorded)
{
    struct mail_removal *r = add(w, mail);
    if (!r)
        return;
    r->recorded = recorded;
    destroy(r);
}

/* --- is it over? --- */

static void on_ended(void *user, int status, uint64_t index)
{
    struct mail_removal *r = user;
    (void)index;
    if (status == 0) {
        r->recorded = true;
        destroy(r);
        return;
    }
    if (status != -ESHUTDOWN && status != -ENOTCONN)
        mail_work_again(r->work, &r->mail, MAIL_AGAIN_MS);
    drop(r);
}

static void end(struct mail_removal *r)
{
    struct event e;
    event_begin(&e, "mail.ended", "system", &r->mail);
    int rc = event_append(&e, r->work->control->audit, on_ended, r);
    if (rc < 0)
        on_ended(r, rc, 0);
}

static void on_left(void *user, int status, const struct db_result *result)
{
    struct mail_removal *r = user;
    struct mail_work *w = r->work;
    struct mail_left_row left;
    const struct fax_id mail = r->mail;
    bool again = r->again;
    if (status < 0) {
        drop(r);
        if (status != -ECANCELED)
            mail_work_again(w, &mail, MAIL_AGAIN_MS);
        return;
    }
    mail_left_row_read(result, &left);
    if (left.open == 0 && left.reports == 0 && !mail_work_holds(w, &mail)) {
        if (left.reached == 0)
            mail_again_forget(w->control, &mail);
        end(r);
        return;
    }
    drop(r);
    if (left.without_fax > 0 &&
        left.open - left.without_fax <= w->control->config->mail.faxes_of_message / 2)
        mail_work_again(w, &mail, 0);
    if (again)
        mail_end_check(w, &mail);
}

static void on_tables(void *user, int status, uint64_t index)
{
    struct mail_removal *r = user;
    (void)index;
    int rc = status == -ECANCELED || status == -ESHUTDOWN
                 ? status
                 : mail_query_left(r->work->control->db, &r->mail, on_left, r);
    if (rc < 0)
        drop(r); /* the queue is full or the gateway stops: the next end, or start, asks again */
}

void mail_end_check(struct mail_work *w, const struct fax_id *mail)
{
    struct mail_removal *r = add(w, mail);
    if (r && mail_work_when_applied(w, on_tables, r) < 0)
        drop(r);
}
