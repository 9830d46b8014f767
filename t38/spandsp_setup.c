/* spandsp_setup.c: makes and frees a session. */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HOLD_RNR_MS = 2000, /* below the 3 s of the sender's T4 */
    HOLD_WITHOUT_ECM_MS = 2500,
    RATE_MIN = 2400,
};

/* A DIS names kinds of modems, so a receiver must leave out what could be too fast. */
static int fast_modems_for(uint32_t max_rate, bool sender)
{
    if (max_rate >= (sender ? 12000 : 14400))
        return T30_SUPPORT_V27TER | T30_SUPPORT_V29 | T30_SUPPORT_V17;
    if (max_rate >= (sender ? 7200 : 9600))
        return T30_SUPPORT_V27TER | T30_SUPPORT_V29;
    return T30_SUPPORT_V27TER;
}

static int modems_for(const struct fax_engine_config *c)
{
    return fast_modems_for(c->max_rate, c->sender) | (c->audio ? 0 : T30_SUPPORT_IAF);
}

static bool ident_is_valid(const char *ident)
{
    return !ident || (strlen(ident) <= FAX_IDENT_MAX && !ident[strspn(ident, "0123456789+*# ")]);
}

static int check_config(const struct fax_engine_config *c)
{
    if (!ident_is_valid(c->local_ident) || c->t38_version < 0 || c->t38_version > 3 ||
        c->max_rate < RATE_MIN || !c->callbacks.event)
        return FAX_EINVAL;
    if (c->audio ? !c->callbacks.hear || !c->callbacks.say : !c->callbacks.send_ifp)
        return FAX_EINVAL;
    if (!c->sender)
        return 0;
    if (!c->source.get || c->source.page_count < 1 || c->source.page_count > FAX_ENGINE_PAGES_MAX)
        return FAX_EINVAL;
    return 0;
}

static int prepare_source(struct fax_engine *e, const struct fax_page_source *source)
{
    e->out.pages = calloc(source->page_count, sizeof *e->out.pages);
    e->out.t85_pages = calloc(source->page_count, sizeof *e->out.t85_pages);
    if (!e->out.pages || !e->out.t85_pages)
        return FAX_ENOMEM;
    e->out.page_count = source->page_count;
    e->out.source = *source;
    return spandsp_send_load(e);
}

static void set_up_terminal(struct fax_engine *e, const struct fax_engine_config *c)
{
    t30_state_t *t = &e->terminal.t30;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", e->document_fd);
    if (e->audio)
        fax_set_transmit_on_idle(&e->fax, TRUE);
    else
        t38_set_t38_version(&e->terminal.t38_fe.t38, c->t38_version);
    t30_set_supported_modems(t, modems_for(c));
    t30_set_tx_ident(t, c->local_ident ? c->local_ident : "");
    t30_set_ecm_capability(t, c->ecm);
    t30_set_supported_compressions(t, T30_SUPPORT_T4_1D_COMPRESSION |
                                          T30_SUPPORT_T4_2D_COMPRESSION |
                                          T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION |
                                         T30_SUPPORT_SUPERFINE_RESOLUTION |
                                         T30_SUPPORT_R8_RESOLUTION);
    t30_set_supported_image_sizes(t, T30_SUPPORT_UNLIMITED_LENGTH | T30_SUPPORT_215MM_WIDTH);
    if (c->sender) {
        t30_set_tx_file(t, path, -1, -1);
    } else {
        t30_set_rx_file(t, path, -1);
        t30_set_rx_encoding(t, T4_COMPRESSION_ITU_T6);
    }
}

static bool init_session(struct fax_engine *e)
{
    if (e->audio)
        return fax_init(&e->fax, e->sender) != NULL;
    return t38_terminal_init(&e->terminal, e->sender, spandsp_on_packet, e) != NULL;
}

/* spandsp has written zeros all over its frame buffer, of which a receiver uses the first frame and
 * a sender nothing for a while. */
static void drop_frame_buffer(struct fax_engine *e)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)e->terminal.t30.ecm_data + page - 1) / page * page;
    uintptr_t to = (uintptr_t)(e->terminal.t30.ecm_data + GUARD_BLOCK_FRAMES) / page * page;
    if (to > from) /* without it there is more memory in use, no more */
        (void)!madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Writing on what was never used would make it memory in use again. */
static void wipe(struct fax_engine *e)
{
    size_t from = offsetof(struct fax_engine, terminal.t30.ecm_data[1]);
    size_t to = offsetof(struct fax_engine, terminal.t30.ecm_len);
    if (e->out.buffer_used) {
        explicit_bzero(e, sizeof *e);
    } else {
        explicit_bzero(e, from);
        explicit_bzero((uint8_t *)e + to, sizeof *e - to);
    }
}

int fax_engine_new(struct fax_engine **out, const struct fax_engine_config *config)
{
    *out = NULL;
    int error = check_config(config);
    if (error)
        return error;
    struct fax_engine *e = calloc(1, sizeof *e);
    if (!e)
        return FAX_ENOMEM;
    e->callbacks = config->callbacks;
    e->tell_frame = config->frame;
    e->sender = config->sender;
    e->hold_back = config->sender && config->hold_back;
    e->t38_version = config->t38_version;
    e->ecm = config->ecm;
    e->t85 = config->ecm && config->t85;
    e->wide = config->wide;
    e->max_rate = config->max_rate;
    e->hold_without_ecm_ms =
        config->hold_without_ecm_ms ? config->hold_without_ecm_ms : HOLD_WITHOUT_ECM_MS;
    e->hold_rnr_ms = config->hold_rnr_ms ? config->hold_rnr_ms : HOLD_RNR_MS;
    e->document_fd = memfd_create("fax", MFD_CLOEXEC);
    e->audio = config->audio;
    if (!init_session(e) || e->document_fd < 0) {
        error = FAX_EENGINE;
        goto fail;
    }
    if (e->sender && (error = prepare_source(e, &config->source)))
        goto fail;
    set_up_terminal(e, config);
    spandsp_handlers_install(e);
    spandsp_receive_install(e);
    spandsp_send_install(e);
    drop_frame_buffer(e);
    *out = e;
    return 0;
fail:
    fax_engine_free(e);
    return error;
}

void fax_engine_free(struct fax_engine *e)
{
    if (!e)
        return;
    spandsp_stream_wipe(e);
    if (e->audio)
        fax_release(&e->fax);
    else
        t38_terminal_release(&e->terminal);
    guard_page_wipe(&e->in.page);
    if (e->document_fd >= 0)
        close(e->document_fd);
    free(e->out.pages);
    free(e->out.t85_pages);
    wipe(e);
    free(e);
}
