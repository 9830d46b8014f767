#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/disposal.h"
#include "gateway/control/fax_store.h"
#include "gateway/process/log.h"

enum { OPENS_A_TURN = 100, PAUSE_MS = 10 };

static const struct db_statement recently_disposed = {
    "disposal_recent",
    "SELECT fax FROM faxes WHERE disposed_at > now() - interval '30 days' AND disposed_at IS NOT "
    "NULL",
    0};

struct resumption {
    struct control *control;
    uv_timer_t timer;
    struct fax_id *ids;
    size_t count, at;
    disposal_resumed_cb *done;
    void *user;
};

static void on_closed(uv_handle_t *handle)
{
    struct resumption *r = handle->data;
    r->done(r->user);
    free(r->ids);
    free(r);
}

static void finish(struct resumption *r)
{
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void on_turn(uv_timer_t *timer);

static void on_finished(void *user, int status, json_t *disposed, json_t *failed, bool more)
{
    struct resumption *r = user;
    (void)status;
    (void)more;
    json_decref(disposed);
    json_decref(failed);
    uv_timer_start(&r->timer, on_turn, 0, 0);
}

static void on_turn(uv_timer_t *timer)
{
    struct resumption *r = timer->data;
    size_t end = r->at + OPENS_A_TURN < r->count ? r->at + OPENS_A_TURN : r->count;
    while (r->at < end && !r->control->stopping) {
        const struct fax_id *fax = &r->ids[r->at++];
        int fd;
        if (fax_store_open(r->control->context->paths->vault, fax, false, &fd) < 0)
            continue;
        close(fd);
        if (disposal_finish(r->control, fax, on_finished, r) == 0)
            return;
    }
    if (r->at < r->count && !r->control->stopping)
        uv_timer_start(&r->timer, on_turn, PAUSE_MS, 0);
    else
        finish(r);
}

static void on_disposed(void *user, int status, const struct db_result *result)
{
    struct resumption *r = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    r->ids = calloc((size_t)rows + 1, sizeof *r->ids);
    if (status < 0 || !r->ids) {
        log_write(LOG_LEVEL_WARNING, "disposals that were interrupted wait for the next start: %s",
                  strerror(status < 0 ? -status : ENOMEM));
        finish(r);
        return;
    }
    for (int i = 0; i < rows; i++)
        if (fax_id_parse(&r->ids[r->count], db_result_text(result, i, 0)) == 0)
            r->count++;
    on_turn(&r->timer);
}

int disposal_resume(struct control *control, disposal_resumed_cb *done, void *user)
{
    struct resumption *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->control = control;
    r->done = done;
    r->user = user;
    int rc = db_query(control->db, &recently_disposed, NULL, on_disposed, r);
    if (rc < 0) {
        free(r);
        return rc;
    }
    uv_timer_init(&control->loop, &r->timer);
    r->timer.data = r;
    return 0;
}
