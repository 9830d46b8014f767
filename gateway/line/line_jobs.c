/* The work of a call that blocks: done on libuv's pool while the loop goes on. */
#include "gateway/line/line_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "t38/t30_result.h"

static struct line_call *call_of(uv_work_t *work)
{
    return work->data;
}

static void load_cb(uv_work_t *work)
{
    struct line_call *call = call_of(work);

    call->job.status = document_load(&call->document, call->vault_fd, &call->start,
                                     (int64_t)time(NULL), call->job.reason);
    OPENSSL_cleanse(call->start.data_key, sizeof call->start.data_key);
}

static void loaded_cb(uv_work_t *work, int status)
{
    struct line_call *call = call_of(work);

    call->job.running = false;
    if (status != 0 && call->job.status == 0)
        call->job.status = status;
    if (call->finished)
        line_call_settle(call);
    else
        line_call_report_ready(call, call->job.status, call->job.reason);
}

int line_call_load_document(struct line_call *call)
{
    int error;

    call->job.work.data = call;
    error = uv_queue_work(&call->line->loop, &call->job.work, load_cb, loaded_cb);
    call->job.running = error == 0;
    return error;
}

static void store_cb(uv_work_t *work)
{
    struct line_call *call = call_of(work);

    /* The status is in job.sealed; page numbers were set before the job was queued. */
    call->job.copy = received_page_store(&call->vault, &call->job.page, call->job.sealed.page,
                                         &call->job.sealed);
    fax_page_wipe(&call->job.page);
}

static void adapt_cb(uv_work_t *work)
{
    struct line_call *call = call_of(work);

    call->job.status = document_adapt(&call->job.adapted, &call->document, &call->job.form);
}

/* What the engine does not take it does not look at again, and the other way round: *pages is what
 * is left over. The engine may want others while it takes them. */
static void change_pages(struct line_call *call, struct loaded_document *pages)
{
    struct loaded_document before = call->adapted;

    call->adapted = *pages;
    fax_engine_tick(call->engine, line_now_ms());
    if (fax_engine_pages_changed(call->engine) == 0) {
        *pages = before;
        return;
    }
    *pages = call->adapted;
    call->adapted = before;
}

static void adapted_cb(uv_work_t *work, int status);

static void adapt(struct line_call *call, const struct document_form *form)
{
    struct line_job *job = &call->job;

    job->form = *form;
    job->outdated = job->again = false;
    job->work.data = call;
    /* Without a thread for it the session ends by T1, as with a peer that does not answer. */
    job->running = uv_queue_work(&call->line->loop, &job->work, adapt_cb, adapted_cb) == 0;
}

static void adapted_cb(uv_work_t *work, int status)
{
    struct line_call *call = call_of(work);
    struct line_job *job = &call->job;
    struct loaded_document pages = job->adapted;
    bool wanted = !call->finished && !job->outdated;
    int error = status != 0 ? status : job->status;

    memset(&job->adapted, 0, sizeof job->adapted);
    job->running = false;
    if (wanted && error == 0)
        change_pages(call, &pages);
    document_wipe(&pages);
    if (wanted && error != 0) {
        line_call_abort(call, T30_RESULT_SOURCE, "the pages cannot be made as the peer takes them");
        return;
    }
    if (!call->finished && !job->running && job->again)
        adapt(call, &job->next);
    line_call_settle(call);
}

void line_call_adapt_document(struct line_call *call, const struct document_form *form)
{
    struct line_job *job = &call->job;

    if (!job->running) {
        adapt(call, form);
        return;
    }
    job->next = *form;
    job->outdated = job->again = true;
}

void line_call_forget_adapted(struct line_call *call)
{
    document_wipe(&call->adapted);
    call->job.outdated = true;
    call->job.again = false;
}

static int refusal_of(int status)
{
    return status == -EBADMSG ? T30_RESULT_PAGE_INVALID : T30_RESULT_STORE_FAILED;
}

static void stored_cb(uv_work_t *work, int status)
{
    struct line_call *call = call_of(work);
    struct msg_page_sealed *sealed = &call->job.sealed;

    call->job.running = false;
    fax_page_wipe(&call->job.page);
    if (status != 0) {
        sealed->status = status;
        snprintf(sealed->reason, sizeof sealed->reason, "page %u was not stored: %s", sealed->page,
                 uv_strerror(status));
    }
    sealed->call = call->start.call;
    if (sealed->status == 0 && call->job.copy == FAX_COPY_BAD) { /* nothing was kept of it */
        (void)fax_engine_page_judged(call->engine, FAX_COPY_BAD);
        line_call_settle(call);
        return;
    }
    if (line_send(call->line, MSG_PAGE_SEALED, sealed, sizeof *sealed) != 0 && sealed->status == 0)
        sealed->status = -EPIPE;
    if (!call->finished && sealed->status == 0)
        call->page_asked = sealed->page;
    call->page_copy = call->job.copy;
    if (!call->finished && sealed->status != 0) {
        snprintf(call->text, sizeof call->text, "%s", sealed->reason);
        (void)fax_engine_page_refused(call->engine, refusal_of(sealed->status));
    }
    line_call_settle(call);
}

void line_call_store_page(struct line_call *call, struct fax_page *page, uint32_t number)
{
    struct line_job *job = &call->job;
    int error;

    if (job->running) { /* the engine holds a page back until the one before is answered */
        (void)fax_engine_page_refused(call->engine, T30_RESULT_GUARD);
        return;
    }
    job->page = *page;
    memset(page, 0, sizeof *page);
    memset(&job->sealed, 0, sizeof job->sealed);
    job->sealed.page = number;
    job->work.data = call;
    error = uv_queue_work(&call->line->loop, &job->work, store_cb, stored_cb);
    job->running = error == 0;
    if (error != 0) {
        fax_page_wipe(&job->page);
        (void)fax_engine_page_refused(call->engine, T30_RESULT_STORE_FAILED);
    }
}
