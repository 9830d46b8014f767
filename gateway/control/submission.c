#include "gateway/control/submission.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/event.h"
#include "gateway/control/fax_queue.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/fax_watchers.h"
#include "gateway/control/key_drop.h"
#include "gateway/control/render_queue.h"
#include "gateway/control/submission_end.h"
#include "gateway/control/submission_seal.h"
#include "gateway/db/fax_queries.h"
#include "gateway/process/log.h"
#include "policy/retention.h"
#include "policy/text_code.h"

static const size_t octets_max = (size_t)1 << 30; /* of the documents under way */

struct submission {
    struct submission *next; /* of all that are under way */
    struct control *control;
    struct submission_request request;
    struct fax_id fax;
    char document[65 + 128 + MSG_PAGES_MAX]; /* as in submission.h */
    struct seal_request seal;
    struct sealed_page *pages;
    uint32_t page_count;
    bool key_made, file_made;
    bool key_may_be;  /* the keeper died when it was asked */
    bool begun;       /* fax.submitted is durable */
    int record_error; /* of a record after it */
    int work_status;
    uv_work_t work;
    submission_done_cb *done;
    void *user;
    uint64_t index; /* of the last record */
};

static void start_render(struct submission *s);

static void finish(struct submission *s, const struct submission_result *result)
{
    struct submission **at = &s->control->submissions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    http_body_close(s->request.document);
    if (s->seal.page_set >= 0)
        close(s->seal.page_set);
    OPENSSL_cleanse(&s->seal, sizeof s->seal);
    free(s->pages);
    if (s->done)
        s->done(s->user, result);
    free(s);
}

static void accept_result(struct submission *s, int status, const struct fax_id *fax)
{
    struct submission_result result = {.http_status = status, .fax = *fax};
    finish(s, &result);
}

/* Nothing was recorded: what was made is taken back. */
static void refuse(struct submission *s, int status, const char *slug, const char *title,
                   const char *detail)
{
    struct event e;
    struct submission_result result = {.http_status = status, .slug = slug, .title = title};
    snprintf(result.detail, sizeof result.detail, "%s", detail);
    if (s->file_made && fax_store_remove(s->control->context->paths->vault, &s->fax, true) < 0)
        log_write(LOG_LEVEL_WARNING, "the file of a refused submission is left in incoming/");
    if (s->key_made || s->key_may_be)
        key_drop(s->control, &s->fax, s->key_made, "a refused submission");
    if (s->begun && submission_end(s->control, &s->fax, s->request.principal, detail) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a refused fax ends at the next start");
    event_begin(&e, "fax.refused", s->request.principal, NULL);
    event_outcome(&e, "failed");
    event_personal(&e, "from", s->request.from);
    event_personal(&e, "to", s->request.to);
    event_text(&e, "reason", detail);
    event_note(&e, s->control->audit);
    finish(s, &result);
}

static void fail(struct submission *s, int error, const char *what)
{
    char detail[200];
    snprintf(detail, sizeof detail, "%s: %s", what, strerror(-error));
    refuse(s, 503, "unavailable", "The fax cannot be taken now", detail);
}

/* --- recorded: into the queue --- */

static void on_applied(void *user, int status, uint64_t index)
{
    struct submission *s = user;
    struct outbound_fax fax;
    (void)index;
    (void)status; /* it is recorded, so it is sent; the tables may follow later */
    memset(&fax, 0, sizeof fax);
    fax.fax = s->fax;
    fax.pages = s->page_count;
    fax.attempt = 1;
    fax.priority = s->request.priority;
    fax.not_before_ms = s->request.not_before_ms;
    memcpy(fax.from, s->request.from, sizeof fax.from);
    memcpy(fax.to, s->request.to, sizeof fax.to);
    memcpy(fax.principal, s->request.principal, sizeof fax.principal);
    memcpy(fax.mailbox, s->request.mailbox, sizeof fax.mailbox);
    memcpy(fax.class_name, s->request.class_name, sizeof fax.class_name);
    if (fax_queue_add(s->control->queue, &fax) < 0)
        log_write(LOG_LEVEL_ERROR, "out of memory: a queued fax waits for the next start");
    struct fax_queue *queue = s->control->queue;
    accept_result(s, 201, &s->fax);
    fax_queue_run(queue);
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct submission *s = user;
    if (status < 0) {
        fail(s, status, "the submission could not be recorded");
        return;
    }
    int rc = fax_store_admit(s->control->context->paths->vault, &s->fax);
    if (rc < 0)
        log_write(LOG_LEVEL_ERROR, "a sealed file could not be moved into the vault: %s",
                  strerror(-rc));
    if (audit_when_applied(s->control->audit, index, on_applied, s) < 0)
        on_applied(s, -ENOBUFS, index);
}

static void on_begun(void *user, int status, uint64_t index)
{
    struct submission *s = user;
    (void)index;
    s->begun = status == 0;
    if (s->record_error)
        fail(s, s->record_error, "the submission could not be recorded");
    /* Else the last record's callback follows, also when this one failed. */
}

static int record_page(struct submission *s, uint32_t number, audit_done_cb *done)
{
    const struct sealed_page *page = &s->pages[number - 1];
    struct event e;
    char digest[65];
    hex_encode(page->digest, sizeof page->digest, digest);
    event_begin(&e, "page.submitted", s->request.principal, &s->fax);
    event_integer(&e, "page", number);
    event_integer(&e, "width", page->width);
    event_integer(&e, "rows", page->rows);
    event_integer(&e, "x_dpi", page->x_dpi);
    event_integer(&e, "y_dpi", page->y_dpi);
    event_integer(&e, "coding", page->coding);
    event_integer(&e, "octets", page->octets);
    event_integer(&e, "offset", (int64_t)page->offset);
    event_integer(&e, "length", page->length);
    event_text(&e, "digest", digest);
    return event_append(&e, s->control->audit, done, s);
}

static void record(struct submission *s)
{
    struct event e;
    char mail[FAX_ID_TEXT];
    event_begin(&e, "fax.submitted", s->request.principal, &s->fax);
    event_text(&e, "direction", "out");
    event_personal(&e, "from", s->request.from);
    event_personal(&e, "to", s->request.to);
    event_text(&e, "mailbox", s->request.mailbox);
    event_text(&e, "class", s->request.class_name);
    event_integer(&e, "pages", s->page_count);
    event_text(&e, "document", s->document);
    event_text(&e, "idempotency_key", s->request.idempotency_key);
    event_text(&e, "principal", s->request.principal);
    event_text(&e, "kek", s->seal.kek_id);
    event_integer(&e, "priority", s->request.priority);
    event_integer(&e, "not_before", (s->request.not_before_ms + 999) / 1000);
    if (s->request.mail_recipient) {
        fax_id_text(&s->request.mail, mail);
        event_text(&e, "mail", mail);
        event_integer(&e, "mail_recipient", s->request.mail_recipient);
    }
    int rc = event_append(&e, s->control->audit, on_begun, s);
    if (rc < 0) {
        fail(s, rc, "the submission could not be recorded");
        return;
    }
    /* Records become durable in their order: the last one's callback stands for all. */
    for (uint32_t i = 1; s->record_error == 0 && i <= s->page_count; i++)
        s->record_error = record_page(s, i, i == s->page_count ? on_recorded : NULL);
}

/* --- sealing --- */

static void seal_work(uv_work_t *work)
{
    struct submission *s = work->data;
    s->work_status = submission_seal(&s->seal, &s->pages, &s->page_count);
}

static void on_sealed(uv_work_t *work, int cancelled)
{
    struct submission *s = work->data;
    int rc = cancelled < 0 ? cancelled : s->work_status;
    OPENSSL_cleanse(s->seal.data_key, sizeof s->seal.data_key);
    s->file_made = rc == 0;
    if (rc < 0)
        fail(s, rc, "the pages could not be sealed");
    else
        record(s);
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct submission *s = user;
    struct event e;
    if (status < 0) {
        s->key_may_be = status == -ECONNRESET;
        fail(s, status, "the keeper gave no key");
        return;
    }
    s->key_made = true;
    memcpy(s->seal.data_key, result->data_key, sizeof s->seal.data_key);
    snprintf(s->seal.kek_id, sizeof s->seal.kek_id, "%s", result->kek_id);
    event_begin(&e, "key.created", "system", &s->fax);
    event_text(&e, "kek", s->seal.kek_id);
    event_note(&e, s->control->audit);
    s->work.data = s;
    int rc = uv_queue_work(&s->control->loop, &s->work, seal_work, on_sealed);
    if (rc < 0)
        fail(s, rc, "the pages could not be sealed");
}

/* --- rendering --- */

/* The pages are there: now the key for them. */
static void ask_key(struct submission *s)
{
    char month[KEK_MONTH_TEXT];
    int64_t disposal_us;
    int rc =
        retention_disposal_time(control_now_ms() * 1000, s->request.retention_days, &disposal_us);
    if (rc == 0)
        rc = kek_month_for(disposal_us, month);
    if (rc < 0) {
        fail(s, -EINVAL, "the retention of the mailbox is out of range");
        return;
    }
    rc = keeper_create_key(s->control->keeper, &s->fax, s->request.class_name, month, on_key, s);
    if (rc < 0)
        fail(s, rc, "the keeper takes no questions");
}

static void on_rendered(void *user, struct render_result *result)
{
    struct submission *s = user;
    if (result->status == -EBADMSG) {
        refuse(s, 422, "document", "The document cannot be faxed", result->reason);
        return;
    }
    if (result->status < 0) {
        bool late = result->status == -ETIMEDOUT || result->status == -EPIPE;
        refuse(s, late ? 422 : 503, late ? "document" : "unavailable",
               late ? "The document cannot be faxed" : "The fax cannot be taken now",
               result->reason);
        return;
    }
    s->seal.page_set = result->descriptor;
    s->seal.octets = result->octets;
    result->descriptor = -1;
    ask_key(s);
}

static void start_render(struct submission *s)
{
    const struct render_handlers handlers = {NULL, on_rendered, s};
    struct render_task *task;
    if (s->request.rendered) {
        s->seal.page_set = s->request.document;
        s->seal.octets = s->request.octets;
        s->request.document = -1;
        ask_key(s);
        return;
    }
    int rc = render_document(s->control->renders, s->request.document, s->request.octets,
                             &s->request.options, &handlers, &task);
    if (rc < 0)
        fail(s, rc, "too many documents wait to be rendered");
}

/* --- idempotency --- */

static void on_earlier(void *user, int status, const struct db_result *result)
{
    struct submission *s = user;
    struct fax_row row;
    struct fax_id fax;
    if (status < 0) {
        fail(s, status, "the idempotency key could not be looked up");
        return;
    }
    if (db_result_rows(result) == 0) {
        start_render(s);
        return;
    }
    fax_row_read(result, 0, &row);
    bool same = strcmp(row.document, s->document) == 0 &&
                strcmp(row.from_number, s->request.from) == 0 &&
                strcmp(row.to_number, s->request.to) == 0;
    if (!same)
        refuse(s, 422, "idempotency", "The idempotency key was used before",
               "the key belongs to another document, other numbers or other options");
    else if (fax_id_parse(&fax, row.fax) < 0)
        fail(s, -EIO, "the earlier fax could not be read");
    else
        accept_result(s, 200, &fax);
}

static bool same_key_under_way(const struct submission *s)
{
    for (const struct submission *o = s->control->submissions; o; o = o->next)
        if (o != s && strcmp(o->request.principal, s->request.principal) == 0 &&
            strcmp(o->request.idempotency_key, s->request.idempotency_key) == 0)
            return true;
    return false;
}

static void add_options(struct submission *s)
{
    const struct render_options *options = &s->request.options;
    const char *resolution = options->x_dpi == 408   ? " resolution=400"
                             : options->y_dpi == 98  ? " resolution=standard"
                             : options->y_dpi == 391 ? " resolution=superfine"
                                                     : "";
    const char *priority = s->request.priority == FAX_PRIORITY_LOW    ? " priority=low"
                           : s->request.priority == FAX_PRIORITY_HIGH ? " priority=high"
                                                                      : "";
    bool a4 = !options->paper || strcmp(options->paper, "a4") == 0;
    size_t used = strlen(s->document);
    snprintf(s->document + used, sizeof s->document - used, "%s%s%s%s%s%s%s", resolution,
             a4 ? "" : " paper=", a4 ? "" : options->paper, options->pages[0] ? " pages=" : "",
             options->pages, options->rotate == RENDER_ROTATE_NONE ? " rotate=none" : "", priority);
    used = strlen(s->document);
    if (s->request.not_before_ms)
        snprintf(s->document + used, sizeof s->document - used, " at=%lld",
                 (long long)(s->request.not_before_ms / 1000));
}

static void digest_work(uv_work_t *work)
{
    struct submission *s = work->data;
    s->work_status = submission_digest(s->request.document, s->request.octets, s->document);
}

static void on_digest(uv_work_t *work, int cancelled)
{
    struct submission *s = work->data;
    int rc = cancelled < 0 ? cancelled : s->work_status;
    if (rc < 0) {
        fail(s, rc, "the document could not be read");
        return;
    }
    add_options(s);
    if (!s->request.idempotency_key[0]) {
        start_render(s);
        return;
    }
    if (same_key_under_way(s)) {
        refuse(s, 409, "idempotency", "The idempotency key is in use",
               "a submission with this key is being taken just now; ask again in a moment");
        return;
    }
    rc = fax_query_idempotency(s->control->db, s->request.principal, s->request.idempotency_key,
                               on_earlier, s);
    if (rc < 0)
        fail(s, rc, "the database takes no questions");
}

/* Documents stay in memory until their pages are sealed, also when nobody waits for them. */
static bool has_room(const struct control *control, const struct submission_request *request)
{
    size_t all = request->octets, own = request->octets;
    for (const struct submission *s = control->submissions; s; s = s->next) {
        all += s->request.octets;
        own += strcmp(s->request.principal, request->principal) == 0 ? s->request.octets : 0;
    }
    return all <= octets_max && own <= octets_max / 2;
}

int submission_start(struct control *control, const struct submission_request *request,
                     submission_done_cb *done, void *user, struct submission **out)
{
    struct submission *s = has_room(control, request) ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return has_room(control, request) ? -ENOMEM : -EBUSY;
    s->control = control;
    s->request = *request;
    s->done = done;
    s->user = user;
    s->seal.page_set = -1;
    s->work.data = s;
    int rc = fax_id_make(&s->fax, (uint64_t)control_now_ms());
    if (rc == 0)
        rc = uv_queue_work(&control->loop, &s->work, digest_work, on_digest);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->seal.vault = control->context->paths->vault;
    s->seal.fax = s->fax;
    s->seal.max_pages = (uint32_t)control->config->render.max_pages;
    memcpy(s->seal.class_name, request->class_name, sizeof s->seal.class_name);
    s->next = control->submissions;
    control->submissions = s;
    *out = s;
    return 0;
}

void submission_forget(struct submission *s)
{
    s->done = NULL;
}
