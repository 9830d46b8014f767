#include "gateway/audit/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/audit/journal_writer.h"

enum { COMMIT_RECORDS_MAX = 4096, COMMIT_OCTETS_MAX = 1 << 20, RETRY_MS = 1000 };

struct journal {
    uv_loop_t *loop;
    uv_timer_t retry;
    uv_work_t work;
    bool working;
    /* Only the running work touches these. */
    struct journal_writer writer;
    struct journal_waiter *committing;
    size_t commit_count;
    int commit_status;
    /* Only the loop touches these. */
    struct journal_waiter *first, *last;
    size_t waiting;
    struct merkle_tree tree;
    bool low_space;
    int failed;
    bool closing;
    journal_closed_cb *closed_cb;
    void *closed_user;
};

static void start_work(struct journal *journal);

uint64_t journal_next_index(const struct journal *journal)
{
    return journal->tree.size + journal->commit_count + journal->waiting;
}

uint64_t journal_size(const struct journal *journal)
{
    return journal->tree.size;
}

const struct merkle_tree *journal_tree(const struct journal *journal)
{
    return &journal->tree;
}

int journal_failed(const struct journal *journal)
{
    return journal->failed;
}

bool journal_low_space(const struct journal *journal)
{
    return journal->low_space;
}

static void finish_waiters(struct journal_waiter *waiter, int status)
{
    while (waiter) {
        struct journal_waiter *next = waiter->next;
        if (waiter->done)
            waiter->done(waiter->user, status, waiter->index);
        free(waiter);
        waiter = next;
    }
}

static void on_retry(uv_timer_t *timer)
{
    start_work(timer->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct journal *journal = handle->data;
    journal_closed_cb *closed_cb = journal->closed_cb;
    void *user = journal->closed_user;
    free(journal);
    if (closed_cb)
        closed_cb(user);
}

static void close_if_idle(struct journal *journal)
{
    if (!journal->closing || journal->working || journal->first ||
        uv_is_closing((uv_handle_t *)&journal->retry))
        return;
    journal_writer_close(&journal->writer);
    uv_close((uv_handle_t *)&journal->retry, on_closed);
}

static void run_work(uv_work_t *work)
{
    struct journal *journal = work->data;
    if (journal->committing)
        journal->commit_status =
            journal_writer_commit(&journal->writer, journal->committing, journal->commit_count);
    else
        journal->commit_status = journal_writer_repair(&journal->writer);
}

/* What was queued behind a failed commit was made for indexes that will now be given to others. */
static void fail_all(struct journal *journal, struct journal_waiter *committed, int status)
{
    struct journal_waiter *waiting = journal->first;
    journal->first = journal->last = NULL;
    journal->waiting = 0;
    journal->failed = status;
    if (!journal->closing)
        uv_timer_start(&journal->retry, on_retry, RETRY_MS, 0);
    finish_waiters(committed, status);
    finish_waiters(waiting, status);
}

static void work_done(uv_work_t *work, int status)
{
    struct journal *journal = work->data;
    (void)status; /* work is never cancelled */
    struct journal_waiter *committed = journal->committing;
    journal->committing = NULL;
    journal->commit_count = 0;
    journal->working = false;
    journal->tree = journal->writer.tree;
    journal->low_space = journal->writer.low_space;
    if (journal->commit_status) {
        fail_all(journal, committed, journal->commit_status);
    } else {
        journal->failed = 0;
        start_work(journal);
        finish_waiters(committed, 0);
        start_work(journal);
    }
    close_if_idle(journal);
}

/* Takes as many waiters as one commit may hold. */
static void take_waiters(struct journal *journal)
{
    size_t octets = 0;
    struct journal_waiter *last = NULL;
    journal->committing = journal->first;
    uint64_t room =
        journal->low_space ? journal->writer.reserve_bytes / 4 : journal->writer.segment_bytes / 2;
    size_t limit = room < COMMIT_OCTETS_MAX ? (size_t)room : COMMIT_OCTETS_MAX;
    while (journal->first && journal->commit_count < COMMIT_RECORDS_MAX) {
        octets += journal_frame_length(journal->first->record_length);
        if (last && octets > limit)
            break;
        last = journal->first;
        journal->first = last->next;
        journal->commit_count++;
        journal->waiting--;
    }
    if (last)
        last->next = NULL;
    if (!journal->first)
        journal->last = NULL;
}

static void start_work(struct journal *journal)
{
    if (journal->working || (!journal->first && !journal->failed))
        return;
    take_waiters(journal);
    journal->working = true;
    int error = uv_queue_work(journal->loop, &journal->work, run_work, work_done);
    if (error) {
        struct journal_waiter *taken = journal->committing;
        journal->committing = NULL;
        journal->commit_count = 0;
        journal->working = false;
        fail_all(journal, taken, error);
    }
}

static int encode_sides(const struct journal_entry *entry, uint8_t *out, size_t capacity,
                        size_t *length)
{
    size_t used = 0;
    for (size_t i = 0; i < entry->side_count; i++) {
        size_t octets = 0;
        struct journal_side side = entry->sides[i];
        side.record_index = entry->index;
        if (capacity - used < sizeof(uint32_t) ||
            journal_side_encode(&side, out + used + sizeof(uint32_t),
                                capacity - used - sizeof(uint32_t), &octets) != 0)
            return -EINVAL;
        uint32_t prefix = (uint32_t)octets;
        memcpy(out + used, &prefix, sizeof(prefix));
        used += sizeof(prefix) + octets;
    }
    *length = used;
    return 0;
}

static struct journal_waiter *make_waiter(const struct journal_entry *entry)
{
    size_t sides = 0;
    for (size_t i = 0; i < entry->side_count; i++)
        sides += entry->sides[i].value_length + 128;
    struct journal_waiter *waiter = malloc(sizeof(*waiter) + entry->record_length + sides);
    if (!waiter)
        return NULL;
    *waiter = (struct journal_waiter){.index = entry->index,
                                      .record_length = (uint32_t)entry->record_length};
    memcpy(waiter->bytes, entry->record, entry->record_length);
    size_t length = 0;
    if (encode_sides(entry, waiter->bytes + entry->record_length, sides, &length) != 0) {
        free(waiter);
        return NULL;
    }
    waiter->sides_length = (uint32_t)length;
    return waiter;
}

int journal_append(struct journal *journal, const struct journal_entry *entry,
                   journal_done_cb *done, void *user)
{
    if (journal->closing)
        return -ESHUTDOWN;
    if (journal->failed)
        return journal->failed;
    if (journal->waiting >= JOURNAL_QUEUE_MAX)
        return -ENOBUFS;
    if (entry->index != journal_next_index(journal) || entry->record_length == 0 ||
        entry->record_length > RECORD_MAX || entry->side_count > JOURNAL_SIDES_MAX)
        return -EINVAL;
    struct journal_waiter *waiter = make_waiter(entry);
    if (!waiter)
        return -ENOMEM;
    waiter->done = done;
    waiter->user = user;
    if (journal->last)
        journal->last->next = waiter;
    else
        journal->first = waiter;
    journal->last = waiter;
    journal->waiting++;
    /* The timer gathers what this turn of the loop appends, and keeps a failure to start out of the
     * caller's call. */
    if (!journal->working && !uv_is_active((uv_handle_t *)&journal->retry))
        uv_timer_start(&journal->retry, on_retry, 0, 0);
    return 0;
}

int journal_open(uv_loop_t *loop, const struct journal_config *config, journal_seen_cb *seen,
                 void *user, struct journal_recovery *recovery, struct journal **out)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return -ENOMEM;
    *recovery = (struct journal_recovery){0};
    int error = journal_writer_open(&journal->writer, config, seen, user, recovery);
    if (error)
        goto fail;
    error = uv_timer_init(loop, &journal->retry);
    if (error) {
        journal_writer_close(&journal->writer);
        goto fail;
    }
    journal->loop = loop;
    journal->retry.data = journal;
    journal->work.data = journal;
    journal->tree = journal->writer.tree;
    journal->low_space = journal->writer.low_space;
    *out = journal;
    return 0;
fail:
    free(journal);
    return error;
}

int journal_remove_before(struct journal *journal, uint64_t index, int64_t time_s)
{
    int directory = journal->writer.directory;
    struct journal_list list;
    int error = journal_list_read(directory, &list);
    int removed = 0;
    for (size_t i = 0; !error && i + 1 < list.count && list.first[i + 1] <= index; i++) {
        char name[JOURNAL_NAME_TEXT];
        struct stat state;
        journal_name_make(list.first[i], ".journal", name);
        if (fstatat(directory, name, &state, 0) != 0)
            error = -errno;
        else if (state.st_mtim.tv_sec >= time_s)
            break;
        else
            error = journal_segment_remove(directory, list.first[i]);
        removed += !error;
    }
    journal_list_free(&list);
    return error ? error : removed;
}

void journal_close(struct journal *journal, journal_closed_cb *done, void *user)
{
    if (!journal) {
        if (done)
            done(user);
        return;
    }
    journal->closing = true;
    journal->closed_cb = done;
    journal->closed_user = user;
    start_work(journal);
    close_if_idle(journal);
}
