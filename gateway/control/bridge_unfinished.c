#include "gateway/control/bridge_unfinished.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/control/event.h"
#include "gateway/db/bridge_queries.h"
#include "gateway/process/log.h"

struct settling {
    struct control *control;
    bridge_unfinished_done_cb *done;
    void *user;
    size_t pending; /* records that are not durable yet, and the reading of the list */
    int status;
};

static void on_recorded(void *user, int status, uint64_t index)
{
    struct settling *s = user;
    (void)index;
    if (status < 0 && s->status == 0)
        s->status = status;
    if (--s->pending > 0)
        return;
    s->done(s->user, s->status);
    free(s);
}

static void settle(struct settling *s, const char *bridge)
{
    struct event e;
    struct fax_id id;
    if (fax_id_parse(&id, bridge) < 0)
        return;
    event_begin(&e, "bridge.ended", "system", &id);
    event_outcome(&e, "failed");
    event_text(&e, "state", "uncertain");
    event_text(&e, "reason", "the gateway stopped during the call");
    s->pending++;
    int rc = event_append(&e, s->control->audit, on_recorded, s);
    if (rc < 0)
        on_recorded(s, rc, 0);
}

static void on_open(void *user, int status, const struct db_result *result)
{
    struct settling *s = user;
    int rows = status < 0 ? 0 : db_result_rows(result);
    for (int i = 0; i < rows; i++)
        settle(s, bridge_row_id(result, i));
    if (rows > 0)
        log_write(LOG_LEVEL_NOTICE, "%d bridged calls had no end", rows);
    on_recorded(s, status, 0);
}

int bridge_unfinished_settle(struct control *control, bridge_unfinished_done_cb *done, void *user)
{
    struct settling *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct settling){.control = control, .done = done, .user = user, .pending = 1};
    int rc = bridge_query_open(control->db, control->config->node, on_open, s);
    if (rc < 0)
        free(s);
    return rc;
}
