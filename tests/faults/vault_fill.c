/* Gives the state directory of a gateway of node "test" that was made and has not run yet a long
 * past:
 *   vault_fill STATE FAXES
 * With the gateway's own modules it makes for each fax a data key under a key-encryption key, a
 * sealed file with a page, and the events from its submission to its delivery; and checkpoints,
 * signed by the keeper's key. The tables are left to the gateway's drain. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "codecs/page.h"
#include "codecs/t4_encode.h"
#include "gateway/audit/audit.h"
#include "gateway/control/fax_store.h"
#include "gateway/file_octets.h"
#include "gateway/keeper/key_store.h"
#include "policy/checkpoint.h"
#include "policy/key_master.h"
#include "policy/text_code.h"
#include "policy/vault.h"
#include "tests/doubles/vault_file.h"

enum { FLUSH_EVERY = 500, PAGE_ROWS = 2292, X_DPI = 204, Y_DPI = 196, PATH_OCTETS = 1000 };

static const char node[] = "test";

/* Instead of a few syncs for each of many files there is one at the end. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

struct fill {
    char vault[PATH_OCTETS];
    struct key_store *keys;
    uv_loop_t loop;
    struct audit *audit;
    uint64_t appended, answered;
    int failed;
    bool closed;
    struct coded_page page;
    struct vault_page_meta meta;
    char digest[2 * VAULT_DIGEST_OCTETS + 1];
    uint64_t first_ms; /* when the oldest fax was submitted */
};

static int sign(void *user, uint64_t size, const uint8_t root[32], int64_t time_ms)
{
    struct fill *fill = user;
    struct checkpoint checkpoint = {.size = size, .time_us = time_ms * 1000};
    char note[CHECKPOINT_TEXT];
    memcpy(checkpoint.root.octets, root, sizeof checkpoint.root.octets);
    if (checkpoint_origin_make(node, checkpoint.origin) != 0)
        return -EINVAL;
    int rc = key_store_sign(fill->keys, &checkpoint, note);
    return rc < 0 ? rc : audit_checkpoint_signed(fill->audit, size, note);
}

static int make_page(struct fill *fill)
{
    const struct page_format format = {.x_dpi = X_DPI, .y_dpi = Y_DPI, .coding = PAGE_CODING_T6};
    struct raster page;
    vault_file_draw_page(&page, PAGE_ROWS, 1);
    fill->meta = (struct vault_page_meta){.coding = PAGE_CODING_T6,
                                          .width = page.width,
                                          .rows = page.height,
                                          .x_dpi = X_DPI,
                                          .y_dpi = Y_DPI};
    int rc = raster_digest(&page, fill->meta.digest);
    if (rc == 0)
        rc = t4_encode_page(&page, &format, &fill->page);
    hex_encode(fill->meta.digest, VAULT_DIGEST_OCTETS, fill->digest);
    raster_free(&page);
    return rc == 0 ? 0 : -EIO;
}

static int seal_page(const struct fill *fill, int fd, const struct fax_id *fax,
                     const uint8_t *data_key, struct stat *about)
{
    uint8_t meta[VAULT_PAGE_META_OCTETS];
    const struct vault_piece pieces[] = {{meta, sizeof meta}, {fill->page.data, fill->page.length}};
    size_t capacity = vault_frame_sealed_length(sizeof meta + fill->page.length), length = 0;
    struct vault_sealer *sealer = NULL;
    uint8_t *frame = malloc(capacity);
    vault_page_meta_encode(&fill->meta, meta);
    int rc = -EIO;
    if (frame && fstat(fd, about) == 0 &&
        vault_sealer_new(data_key, fax->octets, VAULT_STREAM_RENDITION, 0, &sealer) == 0 &&
        vault_seal_frame(sealer, 1, pieces, 2, frame, capacity, &length) == 0)
        rc = file_write_all_at(fd, frame, length, (uint64_t)about->st_size);
    vault_sealer_free(sealer);
    free(frame);
    return rc;
}

static void on_done(void *user, int status, uint64_t index)
{
    struct fill *fill = user;
    (void)index;
    fill->answered++;
    if (status < 0)
        fill->failed = status;
}

static void record(struct fill *fill, const char *type, const struct fax_id *fax,
                   const struct audit_field *fields, size_t count)
{
    struct audit_event event = {
        .type = type, .actor = "admin", .fax = fax, .fields = fields, .count = count};
    int rc = audit_append(fill->audit, &event, on_done, fill);
    if (rc < 0)
        fill->failed = rc;
    else
        fill->appended++;
}

#define NUMBER(name, value)                                                                        \
    {                                                                                              \
        .key = name, .kind = AUDIT_INTEGER, .integer = (int64_t)(value)                            \
    }

static void record_submission(struct fill *fill, const struct fax_id *fax, const char *kek,
                              uint64_t offset)
{
    char key[FAX_ID_TEXT];
    fax_id_text(fax, key);
    const struct audit_field submitted[] = {
        {.key = "direction", .text = "out"},
        {.key = "from", .kind = AUDIT_PERSONAL, .text = "+493055100"},
        {.key = "to", .kind = AUDIT_PERSONAL, .text = "+493055200"},
        {.key = "mailbox", .text = "office"},
        {.key = "class", .text = "default"},
        NUMBER("pages", 1),
        {.key = "document", .text = fill->digest},
        {.key = "idempotency_key", .text = key},
        {.key = "principal", .text = "admin"},
        {.key = "kek", .text = kek},
    };
    const struct audit_field page[] = {
        NUMBER("page", 1),
        NUMBER("width", fill->meta.width),
        NUMBER("rows", fill->meta.rows),
        NUMBER("x_dpi", X_DPI),
        NUMBER("y_dpi", Y_DPI),
        NUMBER("coding", PAGE_CODING_T6),
        NUMBER("octets", fill->page.length),
        NUMBER("offset", offset),
        NUMBER("length", vault_frame_sealed_length(VAULT_PAGE_META_OCTETS + fill->page.length)),
        {.key = "digest", .text = fill->digest},
    };
    record(fill, "fax.submitted", fax, submitted, sizeof submitted / sizeof *submitted);
    record(fill, "page.submitted", fax, page, sizeof page / sizeof *page);
}

static void record_call(struct fill *fill, const struct fax_id *fax)
{
    const struct audit_field started[] = {NUMBER("attempt", 1),
                                          {.key = "trunk", .text = "carrier"},
                                          {.key = "call_id", .text = "a84b4c76e66710@gateway"}};
    const struct audit_field sent[] = {NUMBER("attempt", 1), NUMBER("page", 1)};
    const struct audit_field ended[] = {
        NUMBER("attempt", 1),
        NUMBER("sip_code", 200),
        NUMBER("rate", 14400),
        {.key = "modem", .text = "V.17"},
        NUMBER("ecm", 1),
        {.key = "peer_ident", .kind = AUDIT_PERSONAL, .text = "+49"},
        {.key = "text", .text = "OK"},
        NUMBER("pages", 1),
        NUMBER("seconds", 31),
    };
    const struct audit_field completed[] = {{.key = "state", .text = "delivered"},
                                            NUMBER("pages", 1),
                                            NUMBER("disposal", time(NULL) + 90 * 86400)};
    record(fill, "attempt.started", fax, started, 3);
    record(fill, "media.started", fax, started, 1);
    record(fill, "page.sent", fax, sent, 2);
    record(fill, "attempt.ended", fax, ended, sizeof ended / sizeof *ended);
    record(fill, "fax.completed", fax, completed, 3);
}

static int add_fax(struct fill *fill, unsigned long number)
{
    struct fax_id fax;
    struct key_store_key key;
    struct stat about;
    int fd = -1;
    uint64_t now_ms = fill->first_ms + number * 10;
    int rc = fax_id_make(&fax, now_ms);
    if (rc == 0)
        rc = key_store_create(fill->keys, fax.octets, "default", "undated", (int64_t)now_ms * 1000,
                              &key);
    if (rc == 0)
        rc = fax_store_create(fill->vault, &fax, "default", key.kek_id, false, &fd);
    if (rc == 0)
        rc = seal_page(fill, fd, &fax, key.data_key, &about);
    if (fd >= 0)
        close(fd);
    if (rc == 0) {
        record_submission(fill, &fax, key.kek_id, (uint64_t)about.st_size);
        record_call(fill, &fax);
    }
    explicit_bzero(&key, sizeof key);
    return rc;
}

static int flush(struct fill *fill)
{
    while (fill->answered < fill->appended)
        uv_run(&fill->loop, UV_RUN_ONCE);
    return fill->failed;
}

static int open_all(struct fill *fill, const char *state, char reason[KEY_MASTER_REASON])
{
    char keeper[PATH_OCTETS], master_path[PATH_OCTETS], journal[PATH_OCTETS];
    char text[2 * KEY_MASTER_TEXT];
    uint8_t master[KEY_OCTETS];
    snprintf(keeper, sizeof keeper, "%s/keeper", state);
    snprintf(master_path, sizeof master_path, "%s/keeper/master.key", state);
    snprintf(journal, sizeof journal, "%s/journal", state);
    snprintf(fill->vault, sizeof fill->vault, "%s/vault", state);
    FILE *file = fopen(master_path, "re");
    size_t length = file ? fread(text, 1, sizeof text, file) : 0;
    if (file)
        fclose(file);
    int rc = key_master_parse(text, length, master, reason);
    if (rc == 0)
        rc = key_store_open(keeper, node, master, &fill->keys, reason, KEY_MASTER_REASON);
    explicit_bzero(text, sizeof text);
    explicit_bzero(master, sizeof master);
    if (rc == 0)
        rc = fax_store_prepare(fill->vault);
    if (rc == 0)
        rc = make_page(fill);
    struct audit_config audit = {
        .directory = journal, .node = node, .sign = sign, .sign_user = fill};
    uv_loop_init(&fill->loop);
    return rc < 0 ? rc : audit_open(&fill->loop, &audit, NULL, &fill->audit);
}

static void on_closed(void *user)
{
    struct fill *fill = user;
    fill->closed = true;
}

static void close_all(struct fill *fill)
{
    if (fill->audit)
        audit_close(fill->audit, on_closed, fill);
    while (fill->audit && !fill->closed)
        uv_run(&fill->loop, UV_RUN_ONCE);
    uv_run(&fill->loop, UV_RUN_DEFAULT);
    uv_loop_close(&fill->loop);
    key_store_close(fill->keys);
    coded_page_free(&fill->page);
}

int main(int argc, char **argv)
{
    static struct fill fill;
    char reason[KEY_MASTER_REASON] = "";
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > 10000000) {
        fprintf(stderr, "use: vault_fill STATE FAXES\n");
        return 2;
    }
    fill.first_ms = (uint64_t)time(NULL) * 1000 - count * 10;
    int rc = open_all(&fill, argv[1], reason);
    for (unsigned long i = 0; i < count && rc == 0; i++) {
        rc = add_fax(&fill, i);
        if (rc == 0 && i % FLUSH_EVERY == FLUSH_EVERY - 1)
            rc = flush(&fill);
    }
    if (rc == 0)
        rc = flush(&fill);
    close_all(&fill);
    sync();
    if (rc < 0)
        fprintf(stderr, "vault_fill: %s %s\n", strerror(-rc), reason);
    return rc < 0 ? 1 : 0;
}
