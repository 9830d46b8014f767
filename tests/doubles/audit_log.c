#include "tests/doubles/audit_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const uint64_t limit_ns = UINT64_C(60000000000);

static void on_state(void *user, enum db_state state, const char *reason)
{
    struct audit_log *log = user;
    (void)reason;
    if (log->audit)
        audit_db_state(log->audit, state);
}

static int sign(void *user, uint64_t size, const uint8_t root[32], int64_t time_ms)
{
    struct audit_log *log = user;
    struct checkpoint checkpoint = {.size = size, .time_us = time_ms * 1000};
    char text[CHECKPOINT_TEXT];
    char note[CHECKPOINT_TEXT];
    uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS];
    snprintf(checkpoint.origin, sizeof(checkpoint.origin), "%s", log->key.name);
    memcpy(checkpoint.root.octets, root, MERKLE_HASH_OCTETS);
    if (checkpoint_write(&checkpoint, text) != 0 ||
        checkpoint_sign(text, strlen(text), log->private_key, signature) != 0 ||
        checkpoint_attach(text, &log->key, signature, note) != 0)
        return -EIO;
    log->checkpoints++;
    return audit_checkpoint_signed(log->audit, size, note);
}

static int make_key(struct audit_log *log)
{
    uint8_t public_key[CHECKPOINT_KEY_OCTETS];
    memset(log->private_key, 7, sizeof(log->private_key));
    return checkpoint_public_key(log->private_key, public_key) ||
                   checkpoint_key_make("sealfax/test", public_key, &log->key) ||
                   checkpoint_key_write(&log->key, log->verifier_key)
               ? -EIO
               : 0;
}

int audit_log_open(struct audit_log *log, const char *directory, const char *conninfo,
                   uint64_t segment_bytes)
{
    *log = (struct audit_log){0};
    uv_loop_init(&log->loop);
    int error = make_key(log);
    struct db_config config = {.conninfo = conninfo, .role = "sealfax_app"};
    if (!error && conninfo)
        error = db_open(&log->loop, &config, on_state, log, &log->db);
    struct audit_config audit = {.directory = directory,
                                 .node = "test",
                                 .db = log->db,
                                 .sign = sign,
                                 .sign_user = log,
                                 .history_delay_ms = 1,
                                 .segment_bytes = segment_bytes,
                                 .reserve_bytes = segment_bytes};
    if (!error)
        error = audit_open(&log->loop, &audit, &log->recovery, &log->audit);
    if (error)
        audit_log_close(log);
    return error;
}

static void on_done(void *user, int status, uint64_t index)
{
    struct audit_log *log = user;
    (void)index;
    log->last_status = status;
    if (status)
        log->failed++;
    else
        log->durable++;
}

int audit_log_event(struct audit_log *log, const char *type, const struct fax_id *fax,
                    const struct audit_field *fields, size_t count)
{
    struct audit_event event = {
        .type = type, .actor = "person:alice", .fax = fax, .fields = fields, .count = count};
    int error = audit_append(log->audit, &event, on_done, log);
    log->appended += !error;
    return error;
}

int audit_log_fax(struct audit_log *log, unsigned number)
{
    struct fax_id fax = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80}};
    for (int i = 0; i < 4; i++)
        fax.octets[15 - i] = (uint8_t)(number >> 8 * i);
    char key[32];
    snprintf(key, sizeof(key), "order-%u", number);
    const struct audit_field submitted[] = {
        {.key = "direction", .text = "out"},
        {.key = "from", .kind = AUDIT_PERSONAL, .text = "+493012345"},
        {.key = "to", .kind = AUDIT_PERSONAL, .text = "+4989\"7654\\3"},
        {.key = "mailbox", .text = "ordination"},
        {.key = "class", .text = "patient"},
        {.key = "pages", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "document",
         .text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00"},
        {.key = "idempotency_key", .text = key},
        {.key = "principal", .text = "person:alice"},
        {.key = "kek", .text = "patient/2027-03/1"},
    };
    const struct audit_field page[] = {
        {.key = "attempt", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "page", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "width", .kind = AUDIT_INTEGER, .integer = 1728},
        {.key = "rows", .kind = AUDIT_INTEGER, .integer = 2292},
        {.key = "x_dpi", .kind = AUDIT_INTEGER, .integer = 204},
        {.key = "y_dpi", .kind = AUDIT_INTEGER, .integer = 196},
        {.key = "digest",
         .text = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
    };
    const struct audit_field attempt[] = {
        {.key = "attempt", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "trunk", .text = "carrier"},
        {.key = "call_id", .text = "a84b4c76e66710@gateway"},
    };
    const struct audit_field ended[] = {
        {.key = "attempt", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "rate", .kind = AUDIT_INTEGER, .integer = 14400},
        {.key = "peer_ident", .kind = AUDIT_PERSONAL, .text = "+49 89 76543"},
        {.key = "text", .text = "OK"},
        {.key = "pages", .kind = AUDIT_INTEGER, .integer = 1},
    };
    const struct audit_field completed[] = {
        {.key = "state", .text = "delivered"},
        {.key = "pages", .kind = AUDIT_INTEGER, .integer = 1},
        {.key = "disposal", .kind = AUDIT_INTEGER, .integer = 1900000000},
    };
    int error = audit_log_event(log, "fax.submitted", &fax, submitted, 10);
    if (!error)
        error = audit_log_event(log, "page.submitted", &fax, page, 7);
    if (!error)
        error = audit_log_event(log, "attempt.started", &fax, attempt, 3);
    if (!error)
        error = audit_log_event(log, "page.sent", &fax, page, 2);
    if (!error)
        error = audit_log_event(log, "attempt.ended", &fax, ended, 5);
    if (!error)
        error = audit_log_event(log, "fax.completed", &fax, completed, 3);
    return error;
}

int audit_log_flush(struct audit_log *log)
{
    uint64_t end = uv_hrtime() + limit_ns;
    while (log->durable + log->failed < log->appended) {
        if (uv_hrtime() > end)
            return -ETIMEDOUT;
        uv_run(&log->loop, UV_RUN_ONCE);
    }
    return 0;
}

int audit_log_apply(struct audit_log *log)
{
    int error = audit_log_flush(log);
    if (error)
        return error;
    uint64_t end = uv_hrtime() + limit_ns;
    struct audit_state state;
    for (;;) {
        audit_state_get(log->audit, &state);
        if (state.lag == 0)
            return 0;
        if (uv_hrtime() > end)
            return -ETIMEDOUT;
        uv_run(&log->loop, UV_RUN_ONCE);
    }
}

static void on_checkpoint(void *user, int status, uint64_t index)
{
    (void)index;
    *(int *)user = status;
}

int audit_log_checkpoint(struct audit_log *log)
{
    uint64_t end = uv_hrtime() + limit_ns;
    int status = 1;
    int error = audit_checkpoint_now(log->audit, on_checkpoint, &status);
    while (!error && status == 1 && uv_hrtime() < end)
        uv_run(&log->loop, UV_RUN_ONCE);
    return error ? error : status;
}

static void on_audit_closed(void *user)
{
    struct audit_log *log = user;
    log->audit = NULL;
    log->closed = 1;
}

void audit_log_close(struct audit_log *log)
{
    if (log->audit) {
        audit_close(log->audit, on_audit_closed, log);
        while (!log->closed)
            uv_run(&log->loop, UV_RUN_ONCE);
    }
    db_close(log->db, NULL, NULL);
    uv_run(&log->loop, UV_RUN_DEFAULT);
    uv_loop_close(&log->loop);
    log->db = NULL;
}
