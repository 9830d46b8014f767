#include "gateway/line/line_warm.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codecs/raster.h"
#include "gateway/process/log.h"
#include "policy/vault.h"
#include "t38/fax_engine.h"
#include "t38/srtp_media.h"

enum { ARENAS_MAX = 2, KEPT_OCTETS = 4 << 20 };

/* Sealing, opening and digesting something loads every algorithm that a call will need. */
static int warm_openssl(void)
{
    static const uint8_t key[VAULT_KEY_OCTETS], fax_id[VAULT_FAX_ID_OCTETS];
    const struct vault_piece piece = {"warm", 4};
    uint8_t frame[VAULT_FRAME_OVERHEAD + 4], plain[4], digest[RASTER_DIGEST_OCTETS];
    struct vault_sealer *sealer = NULL;
    struct vault_opener *opener = NULL;
    struct raster raster;
    size_t length, plain_length;
    int error = raster_init(&raster, 8, 1);

    if (error == 0)
        error = raster_digest(&raster, digest);
    raster_free(&raster);
    if (error == 0)
        error = vault_sealer_new(key, fax_id, VAULT_STREAM_TRACE, 0, &sealer);
    if (error == 0)
        error = vault_seal_frame(sealer, 1, &piece, 1, frame, sizeof frame, &length);
    if (error == 0)
        error = vault_opener_new(key, fax_id, &opener);
    if (error == 0)
        error = vault_open_frame(opener, frame, length, plain, sizeof plain, &plain_length);
    vault_sealer_free(sealer);
    vault_opener_free(opener);
    return error == 0 ? 0 : -EIO;
}

/* Two associations in memory: flights of one are read by the other. */
struct dtls_end {
    struct dtls_media *media;
    struct dtls_end *other;
    size_t count;
    struct {
        size_t length;
        uint8_t octets[DTLS_MEDIA_DATAGRAM_MAX];
    } flights[16];
};

static void keep_flight_cb(void *user, const uint8_t *data, size_t length)
{
    struct dtls_end *end = user;

    if (end->count == sizeof end->flights / sizeof *end->flights ||
        length > sizeof end->flights->octets)
        return;
    end->flights[end->count].length = length;
    memcpy(end->flights[end->count++].octets, data, length);
}

static void drop_packet_cb(void *user, uint8_t *data, size_t length)
{
    (void)user;
    (void)data;
    (void)length;
}

static void pass_flights(struct dtls_end *end)
{
    size_t count = end->count;

    for (size_t i = 0; i < count; i++)
        (void)dtls_media_receive(end->other->media, end->flights[i].octets, end->flights[i].length);
    end->count = 0;
}

/* A whole handshake with ourselves loads what a call's will need. */
static int warm_dtls(struct dtls_identity *identity)
{
    struct dtls_end *ends = calloc(2, sizeof *ends);
    bool open;

    if (ends == NULL)
        return -ENOMEM;
    for (int i = 0; i < 2; i++) {
        const struct dtls_media_callbacks callbacks = {keep_flight_cb, drop_packet_cb, &ends[i]};

        ends[i].other = &ends[1 - i];
        if (dtls_media_new(identity, i == 0, dtls_identity_fingerprint(identity), &callbacks, 0,
                           &ends[i].media) != 0)
            break;
    }
    open = ends[1].media != NULL;
    if (open) {
        (void)dtls_media_start(ends[0].media);
        for (int round = 0; round < 8; round++) {
            pass_flights(&ends[0]);
            pass_flights(&ends[1]);
        }
        open = dtls_media_send(ends[0].media, (const uint8_t *)"warm", 4) == 0;
        pass_flights(&ends[0]);
    }
    dtls_media_free(ends[0].media);
    dtls_media_free(ends[1].media);
    free(ends);
    return open ? 0 : -EIO;
}

static void send_nothing(void *user, const uint8_t *ifp, size_t length, int copies)
{
    (void)user;
    (void)ifp;
    (void)length;
    (void)copies;
}

static void hear_nothing(void *user, const struct fax_engine_event *event)
{
    (void)user;
    (void)event;
}

static int blank_page(void *user, uint32_t page, struct fax_page_view *out)
{
    static const uint8_t end[] = {0x00, 0x10, 0x01};

    (void)user;
    (void)page;
    *out = (struct fax_page_view){.coding = FAX_PAGE_T6,
                                  .width = 1728,
                                  .rows = 1,
                                  .x_dpi = 204,
                                  .y_dpi = 196,
                                  .data = end,
                                  .length = sizeof end};
    return 0;
}

/* The first session builds the modems' tables and binds the libraries; it also shows, inside
 * Landlock, that memfds can still be reopened. */
static int warm_engine(bool sender)
{
    const struct fax_engine_config config = {
        .sender = sender,
        .source = {.page_count = 1, .get = blank_page},
        .local_ident = "0",
        .max_rate = 14400,
        .ecm = true,
        .callbacks = {.send_ifp = send_nothing, .event = hear_nothing},
    };
    struct fax_engine *engine;
    int error = fax_engine_new(&engine, &config);

    if (error != 0)
        return -EIO;
    fax_engine_tick(engine, 1);
    fax_engine_tick(engine, 21);
    fax_engine_free(engine);
    return 0;
}

static void pool_work_cb(uv_work_t *work)
{
    /* Memory of its own: the thread's arena exists before the filter does. */
    work->data = malloc(1);
}

static void pool_done_cb(uv_work_t *work, int status)
{
    (void)status;
    free(work->data);
}

/* libuv starts all threads of its pool with the first job. */
static int warm_pool(uv_loop_t *loop)
{
    uv_work_t work;
    int error = uv_queue_work(loop, &work, pool_work_cb, pool_done_cb);

    if (error == 0)
        uv_run(loop, UV_RUN_DEFAULT);
    return error;
}

static int complain(int error, const char *what)
{
    if (error != 0)
        log_write(LOG_LEVEL_ERROR, "%s: %s", what, strerror(-error));
    return error;
}

int line_warm(uv_loop_t *loop, const struct role_context *context, struct dtls_identity **identity,
              struct srtp_media **srtp)
{
    char found[128];
    int error;

    if (fax_engine_library_check(found, sizeof found) != 0) {
        log_write(LOG_LEVEL_ERROR, "this program cannot use the T.30 library: %s", found);
        return -ENOTSUP;
    }
    /* Pages are large and short-lived: an arena for each thread would keep their peak each. */
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    /* The next page takes the memory of the last one, which the processor has at hand. What many
     * calls took is given back when they are gone (line.c). */
    mallopt(M_MMAP_THRESHOLD, KEPT_OCTETS);
    mallopt(M_TRIM_THRESHOLD, KEPT_OCTETS);
    tzset();
    error = complain(warm_openssl(), "OpenSSL cannot seal");
    if (error == 0)
        error = complain(dtls_identity_new(identity) == 0 ? warm_dtls(*identity) : -ENOMEM,
                         "OpenSSL cannot speak DTLS");
    if (error == 0)
        error = complain(srtp_media_load(srtp) == 0 ? 0 : -ENOTSUP, "SRTP cannot be used");
    if (error == 0)
        error = role_enter_sandbox(context, ROLE_SANDBOX_BEFORE_THREADS);
    if (error == 0)
        error = complain(warm_pool(loop), "the thread pool cannot be started");
    if (error == 0)
        error = complain(warm_engine(false), "a fax session cannot be made");
    if (error == 0)
        error = complain(warm_engine(true), "a session that sends cannot be made");
    if (error == 0)
        error = role_enter_sandbox(context, ROLE_SANDBOX_AFTER_THREADS);
    return error;
}
