#include <errno.h>
#include <string.h>

#include "gateway/audit/audit_private.h"
#include "gateway/audit/checkpoint_file.h"
#include "gateway/wall_clock.h"
#include "policy/text_code.h"

#define CHECKPOINT_EVENT "audit.checkpoint"

/* A checkpoint is a record itself: it alone needs no further one. */
bool audit_checkpoint_needed(const struct audit *audit)
{
    return audit->checkpoints.sign && audit->checkpoints.last_other > audit->checkpoints.covered;
}

void audit_checkpoint_note_durable(struct audit *audit, const char *type, uint64_t index)
{
    struct audit_checkpoints *state = &audit->checkpoints;
    if (strcmp(type, CHECKPOINT_EVENT) != 0)
        state->last_other = index + 1;
    if (!state->asked && index + 1 - state->covered >= state->every_records &&
        audit_checkpoint_needed(audit))
        audit_checkpoint_ask(audit);
}

/* Those who asked for a checkpoint are told that there is none; the interval tries again. */
static void give_up(struct audit *audit, int status)
{
    audit->checkpoints.asked = audit->checkpoints.storing = false;
    audit_waiters_call(&audit->checkpoints.waiters, UINT64_MAX, status);
    audit_close_step(audit);
}

void audit_checkpoint_ask(struct audit *audit)
{
    struct audit_checkpoints *state = &audit->checkpoints;
    const struct merkle_tree *tree = journal_tree(audit->journal);
    if (!state->sign || state->storing || tree->size == 0)
        return;
    if (merkle_tree_root(tree, &state->root) != 0)
        return;
    state->asked = true;
    state->size = tree->size;
    state->time_ms = wall_clock_ms();
    state->asked_at_ms = uv_now(audit->loop);
    int error = state->sign(state->sign_user, state->size, state->root.octets, state->time_ms);
    if (error)
        state->asked = false;
}

static void on_recorded(void *user, int status, uint64_t index)
{
    struct audit *audit = user;
    struct audit_checkpoints *state = &audit->checkpoints;
    (void)index;
    if (status) {
        give_up(audit, status);
        return;
    }
    state->covered = state->size;
    state->asked = state->storing = false;
    audit_waiters_call(&state->waiters, state->covered, 0);
    if (state->waiters.first)
        audit_checkpoint_ask(audit);
    audit_close_step(audit);
}

static void run_append(uv_work_t *work)
{
    struct audit *audit = work->data;
    audit->checkpoints.work_status =
        checkpoint_file_append(audit->directory, audit->checkpoints.note);
}

static void append_done(uv_work_t *work, int status)
{
    struct audit *audit = work->data;
    struct audit_checkpoints *state = &audit->checkpoints;
    (void)status;
    char root[2 * MERKLE_HASH_OCTETS + 1];
    hex_encode(state->root.octets, MERKLE_HASH_OCTETS, root);
    const struct audit_field fields[] = {
        {.key = "size", .kind = AUDIT_INTEGER, .integer = (int64_t)state->size},
        {.key = "root", .kind = AUDIT_TEXT, .text = root},
        {.key = "note", .kind = AUDIT_TEXT, .text = state->note},
    };
    const struct audit_event event = {
        .type = CHECKPOINT_EVENT, .actor = "system:audit", .fields = fields, .count = 3};
    int error = state->work_status;
    if (!error)
        error = audit_append_now(audit, &event, on_recorded, audit);
    if (error)
        give_up(audit, error);
}

int audit_checkpoint_signed(struct audit *audit, uint64_t size, const char *note)
{
    struct audit_checkpoints *state = &audit->checkpoints;
    struct checkpoint checkpoint;
    char origin[CHECKPOINT_ORIGIN_TEXT];
    if (!state->asked || state->storing || size != state->size || !note ||
        checkpoint_origin_make(audit->node, origin) != 0)
        return -EINVAL;
    size_t length = strlen(note);
    if (length >= sizeof(state->note) || checkpoint_parse(note, length, &checkpoint) != 0 ||
        checkpoint.size != size || strcmp(checkpoint.origin, origin) != 0 ||
        memcmp(checkpoint.root.octets, state->root.octets, MERKLE_HASH_OCTETS) != 0)
        return -EINVAL;
    memcpy(state->note, note, length + 1);
    state->storing = true;
    state->work.data = audit;
    int error = uv_queue_work(audit->loop, &state->work, run_append, append_done);
    if (error)
        state->storing = false;
    return error;
}

void audit_checkpoint_failed(struct audit *audit, uint64_t size)
{
    if (audit->checkpoints.asked && !audit->checkpoints.storing && size == audit->checkpoints.size)
        give_up(audit, -EIO);
}

int audit_checkpoint_now(struct audit *audit, audit_done_cb *cb, void *user)
{
    struct audit_checkpoints *state = &audit->checkpoints;
    uint64_t size = journal_size(audit->journal);
    if (audit->closing)
        return -ESHUTDOWN;
    if (!state->sign)
        return -EOPNOTSUPP;
    uint64_t wanted = audit_checkpoint_needed(audit) ? state->last_other : state->covered;
    int error = 0;
    if (cb && size > 0)
        error = audit_waiters_add(&state->waiters, wanted ? wanted - 1 : 0, cb, user);
    else if (cb)
        error = -ENODATA;
    if (error)
        return error;
    if (audit_checkpoint_needed(audit) && !state->asked)
        audit_checkpoint_ask(audit);
    if (!state->asked)
        uv_timer_start(&audit->soon, audit->soon.timer_cb, 0, 0);
    return 0;
}
