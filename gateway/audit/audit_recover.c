#include "gateway/audit/audit_recover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/audit/audit_private.h"
#include "gateway/audit/checkpoint_file.h"

enum { SEGMENT_BYTES = 16 << 20, RESERVE_BYTES = 1 << 20 };

struct reading {
    struct audit *audit;
    struct audit_recovery *recovery;
    struct checkpoint_list list;
    size_t next; /* first checkpoint not yet compared */
};

/* Looking for the event's text spares parsing every record at each start. */
static bool is_checkpoint(const struct journal_frame *frame)
{
    static const char mark[] = "\"event\":\"audit.checkpoint\"";
    return memmem(frame->bytes, frame->length, mark, sizeof(mark) - 1) != NULL;
}

static int compare_root(struct reading *reading, const struct merkle_tree *tree)
{
    const struct checkpoint *checkpoint = &reading->list.notes[reading->next].checkpoint;
    struct merkle_hash root;
    if (merkle_tree_root(tree, &root) != 0)
        return -EIO;
    if (memcmp(root.octets, checkpoint->root.octets, sizeof(root.octets)) != 0) {
        snprintf(reading->recovery->message, sizeof(reading->recovery->message),
                 "the records below %" PRIu64 " are not those of the checkpoint over them",
                 checkpoint->size);
        return -EBADMSG;
    }
    reading->next++;
    return 0;
}

static int on_seen(void *user, const struct journal_frame *frame, const struct merkle_tree *tree)
{
    struct reading *reading = user;
    if (!is_checkpoint(frame))
        reading->audit->checkpoints.last_other = frame->sequence + 1;
    int error = 0;
    while (!error && reading->next < reading->list.count &&
           reading->list.notes[reading->next].checkpoint.size <= tree->size) {
        if (reading->list.notes[reading->next].checkpoint.size == tree->size)
            error = compare_root(reading, tree);
        else
            reading->next++; /* of records that are no longer in the journal */
    }
    return error;
}

static int open_journal(struct reading *reading, const struct audit_config *config)
{
    struct journal_config journal = {
        .directory = config->directory,
        .node = config->node,
        .segment_bytes = config->segment_bytes ? config->segment_bytes : SEGMENT_BYTES,
        .reserve_bytes = config->reserve_bytes ? config->reserve_bytes : RESERVE_BYTES,
    };
    if (reading->list.count > 0)
        journal.covered = reading->list.notes[reading->list.count - 1].checkpoint.size;
    struct journal_recovery found;
    struct audit_recovery *recovery = reading->recovery;
    int error = journal_open(reading->audit->loop, &journal, on_seen, reading, &found,
                             &reading->audit->journal);
    recovery->size = found.size;
    recovery->first_index = found.first_index;
    recovery->begun = found.begun;
    recovery->torn_bytes = found.torn_bytes;
    if (error && !recovery->message[0])
        snprintf(recovery->message, sizeof(recovery->message), "%s", found.message);
    return error;
}

static void drop_journal(struct audit *audit)
{
    journal_close(audit->journal, NULL, NULL);
    audit->journal = NULL;
}

static int take_checkpoints(struct reading *reading)
{
    struct audit *audit = reading->audit;
    if (reading->list.count == 0)
        return 0;
    const struct checkpoint *last = &reading->list.notes[reading->list.count - 1].checkpoint;
    audit->checkpoints.covered = last->size;
    audit->checkpoints.time_ms = last->time_us / 1000;
    if (last->size <= reading->recovery->size)
        return 0;
    snprintf(reading->recovery->message, sizeof(reading->recovery->message),
             "the journal ends at record %" PRIu64 ", but a checkpoint covers %" PRIu64,
             reading->recovery->size, last->size);
    return -EBADMSG;
}

int audit_recover(struct audit *audit, const struct audit_config *config,
                  struct audit_recovery *recovery)
{
    struct reading reading = {.audit = audit, .recovery = recovery};
    int error = checkpoint_file_read_end(config->directory, &reading.list);
    if (error == -EBADMSG)
        snprintf(recovery->message, sizeof(recovery->message),
                 "checkpoints: the note at octet %zu cannot be read", reading.list.whole_bytes);
    if (!error)
        error = checkpoint_file_cut(config->directory, &reading.list);
    if (!error)
        error = open_journal(&reading, config);
    if (!error) {
        error = take_checkpoints(&reading);
        if (error)
            drop_journal(audit);
    }
    if (error && !recovery->message[0])
        snprintf(recovery->message, sizeof(recovery->message), "%s: %s", config->directory,
                 strerror(-error));
    checkpoint_list_free(&reading.list);
    return error;
}
