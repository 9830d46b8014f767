#include "gateway/audit/journal_history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/audit/journal_writer.h"

enum { PAUSE_MAX_MS = 10000 };

struct journal_history {
    uv_timer_t timer;
    uv_work_t work;
    char *directory;
    char node[RECORD_NODE_TEXT];
    uint64_t end;
    unsigned pause_factor;
    journal_history_cb *cb;
    void *user;
    bool working, closing;
    journal_history_closed_cb *closed_cb;
    void *closed_user;
    /* Only the work touches these while it runs. */
    bool begun;
    uint64_t records;
    struct merkle_tree tree;
    struct journal_recovery found;
    int status;
    uint64_t took_ns;
};

static int damage(struct journal_history *history, const char *what, uint64_t index)
{
    snprintf(history->found.message, sizeof(history->found.message), "record %" PRIu64 ": %s",
             index, what);
    return -EBADMSG;
}

/* Old segments may be removed at any time: then the oldest that is left is what there is. */
static int find_segment(struct journal_history *history, int directory, uint64_t *first)
{
    struct journal_list list;
    int error = journal_list_read(directory, &list);
    if (error)
        return error;
    *first = history->tree.size;
    bool found = false;
    for (size_t i = 0; i < list.count && !found; i++)
        found = list.first[i] == history->tree.size;
    bool older = list.count > 0 && list.first[0] < history->tree.size;
    if (!found && list.count > 0 && !older)
        *first = list.first[0];
    else if (!found)
        error = damage(history, "the segment that should begin with it is missing", *first);
    journal_list_free(&list);
    if (!error && (!found || !history->begun)) {
        error = journal_tree_read(directory, *first, &history->tree);
        if (error)
            error = damage(history, "the .tree file of the segment is missing or damaged", *first);
    }
    history->begun = true;
    return error;
}

static int compare_end(struct journal_history *history, int directory)
{
    struct merkle_tree begun;
    struct merkle_hash left, right;
    if (history->tree.size > history->end)
        return damage(history, "two segments hold it", history->end);
    int error = journal_tree_read(directory, history->end, &begun);
    if (error)
        return error;
    if (merkle_tree_root(&history->tree, &left) != 0 || merkle_tree_root(&begun, &right) != 0)
        return -EIO;
    return memcmp(left.octets, right.octets, sizeof(left.octets)) == 0
               ? 0
               : damage(history, "the records before it are not those of the last checkpoint",
                        history->end);
}

static int read_one(struct journal_history *history)
{
    uint64_t first = 0;
    int directory = open(history->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -errno;
    int error = find_segment(history, directory, &first);
    bool removed = !error && first > history->end;
    if (!error && history->tree.size < history->end) {
        error =
            journal_segment_check(directory, history->node, first, &history->tree, &history->found);
        history->records += history->tree.size - first;
    }
    if (!error && !removed && history->tree.size >= history->end)
        error = compare_end(history, directory);
    close(directory);
    return error;
}

static void run_work(uv_work_t *work)
{
    struct journal_history *history = work->data;
    uint64_t begun = uv_hrtime();
    history->status = read_one(history);
    history->took_ns = uv_hrtime() - begun;
}

static void on_closed(uv_handle_t *handle)
{
    struct journal_history *history = handle->data;
    journal_history_closed_cb *closed_cb = history->closed_cb;
    void *user = history->closed_user;
    free(history->directory);
    free(history);
    if (closed_cb)
        closed_cb(user);
}

static void on_timer(uv_timer_t *timer);

static void work_done(uv_work_t *work, int status)
{
    struct journal_history *history = work->data;
    (void)status;
    history->working = false;
    if (history->closing) {
        uv_close((uv_handle_t *)&history->timer, on_closed);
        return;
    }
    if (history->status || history->tree.size >= history->end) {
        history->cb(history->user, history->status, history->records,
                    history->status && !history->found.message[0] ? strerror(-history->status)
                                                                  : history->found.message);
        return;
    }
    uint64_t pause_ms = history->took_ns / 1000000 * history->pause_factor;
    uv_timer_start(&history->timer, on_timer, pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct journal_history *history = timer->data;
    history->working = uv_queue_work(timer->loop, &history->work, run_work, work_done) == 0;
}

int journal_history_start(uv_loop_t *loop, const struct journal_history_config *config,
                          journal_history_cb *cb, void *user, struct journal_history **out)
{
    struct journal_history *history = calloc(1, sizeof(*history));
    char *directory = strdup(config->directory);
    if (!history || !directory) {
        free(history);
        free(directory);
        return -ENOMEM;
    }
    history->directory = directory;
    snprintf(history->node, sizeof(history->node), "%s", config->node);
    history->end = config->end;
    history->pause_factor = config->pause_factor;
    history->cb = cb;
    history->user = user;
    merkle_tree_init(&history->tree);
    uv_timer_init(loop, &history->timer);
    history->timer.data = history->work.data = history;
    uv_timer_start(&history->timer, on_timer, config->delay_ms, 0);
    *out = history;
    return 0;
}

void journal_history_close(struct journal_history *history, journal_history_closed_cb *done,
                           void *user)
{
    if (!history) {
        if (done)
            done(user);
        return;
    }
    history->closing = true;
    history->closed_cb = done;
    history->closed_user = user;
    uv_timer_stop(&history->timer);
    if (!history->working)
        uv_close((uv_handle_t *)&history->timer, on_closed);
}
