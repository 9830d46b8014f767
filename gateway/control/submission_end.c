#include "gateway/control/submission_end.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/control/event.h"
#include "policy/decision.h"

enum { AGAIN_MS = 1000 };

struct ending {
    struct control *control;
    uv_timer_t timer;
    struct fax_id fax;
    char principal[POLICY_NAME_TEXT], reason[200];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void record(uv_timer_t *timer);

static void on_recorded(void *user, int status, uint64_t index)
{
    struct ending *e = user;
    (void)index;
    if (status < 0 && !e->control->stopping)
        uv_timer_start(&e->timer, record, AGAIN_MS, 0);
    else
        uv_close((uv_handle_t *)&e->timer, on_closed);
}

static void record(uv_timer_t *timer)
{
    struct ending *ending = timer->data;
    struct event e;
    event_begin(&e, "fax.completed", ending->principal, &ending->fax);
    event_outcome(&e, "failed");
    event_text(&e, "state", "failed");
    event_integer(&e, "pages", 0);
    event_text(&e, "reason", ending->reason);
    event_integer(&e, "disposal", 0);
    int rc = event_append(&e, ending->control->audit, on_recorded, ending);
    if (rc < 0)
        on_recorded(ending, rc, 0);
}

int submission_end(struct control *control, const struct fax_id *fax, const char *principal,
                   const char *reason)
{
    struct ending *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->control = control;
    e->fax = *fax;
    snprintf(e->principal, sizeof e->principal, "%s", principal);
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    uv_timer_init(&control->loop, &e->timer);
    e->timer.data = e;
    record(&e->timer);
    return 0;
}
