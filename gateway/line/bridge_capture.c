#include "gateway/line/bridge_capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "gateway/line/line_bridge.h"

int bridge_capture_open(struct bridge_capture *capture, struct line_bridge *bridge, int vault_fd,
                        const struct msg_bridge_start *start)
{
    struct msg_call_start like = {.attempt = 1};
    int error;

    capture->bridge = bridge;
    capture->vault_fd = vault_fd;
    if (vault_fd < 0)
        return -EBADF;
    memcpy(like.fax_id, start->fax_id, sizeof like.fax_id);
    memcpy(like.data_key, start->data_key, sizeof like.data_key);
    error = received_pages_open(&capture->vault, vault_fd, &like);
    OPENSSL_cleanse(&like, sizeof like);
    capture->on = error == 0;
    return error;
}

void bridge_capture_missed(void *user, uint32_t number, const char *why)
{
    struct bridge_capture *capture = user;

    capture->missed++;
    if (capture->text[0] == '\0')
        snprintf(capture->text, sizeof capture->text, "page %u: %s", number, why);
}

static void store_cb(uv_work_t *work)
{
    struct bridge_capture *capture = work->data;

    capture->copy = received_page_store(&capture->vault, &capture->page, capture->sealed.page,
                                        &capture->sealed);
    fax_page_wipe(&capture->page);
}

static void begin_next(struct bridge_capture *capture);

static void stored_cb(uv_work_t *work, int status)
{
    struct bridge_capture *capture = work->data;
    struct msg_page_sealed *sealed = &capture->sealed;

    capture->running = false;
    fax_page_wipe(&capture->page);
    sealed->call = capture->bridge->start.call; /* the store has filled in all the rest */
    if (status != 0 || sealed->status != 0)
        bridge_capture_missed(capture, sealed->page,
                              sealed->reason[0] != '\0' ? sealed->reason : "it was not stored");
    else if (capture->copy == FAX_COPY_BAD)
        bridge_capture_missed(capture, sealed->page, "it came too badly to be kept");
    else if (line_send(capture->bridge->line, MSG_PAGE_SEALED, sealed, sizeof *sealed) != 0)
        bridge_capture_missed(capture, sealed->page, "control does not take messages");
    else
        capture->pages++;
    begin_next(capture);
    line_bridge_settle(capture->bridge);
}

static void begin_next(struct bridge_capture *capture)
{
    if (capture->running || capture->waiting_count == 0)
        return;
    capture->page = capture->waiting[0];
    capture->waiting_count--;
    memmove(&capture->waiting[0], &capture->waiting[1],
            capture->waiting_count * sizeof capture->waiting[0]);
    memset(&capture->sealed, 0, sizeof capture->sealed);
    capture->sealed.page = capture->pages + 1;
    capture->work.data = capture;
    capture->running =
        uv_queue_work(&capture->bridge->line->loop, &capture->work, store_cb, stored_cb) == 0;
    if (!capture->running) {
        fax_page_wipe(&capture->page);
        bridge_capture_missed(capture, capture->sealed.page, "no thread takes it");
    }
}

void bridge_capture_page(void *user, uint32_t number, struct fax_page *page)
{
    struct bridge_capture *capture = user;
    uint32_t most = capture->bridge->start.max_pages;

    if (!capture->on) {
        bridge_capture_missed(capture, number, "the vault file cannot be used");
        return;
    }
    if (most != 0 && capture->pages + capture->waiting_count + capture->running >= most) {
        bridge_capture_missed(capture, number, "the call has more pages than may be kept");
        return;
    }
    if (capture->waiting_count == BRIDGE_CAPTURE_WAITING) {
        bridge_capture_missed(capture, number, "pages came faster than they can be sealed");
        return;
    }
    capture->waiting[capture->waiting_count++] = *page;
    memset(page, 0, sizeof *page);
    begin_next(capture);
}

bool bridge_capture_busy(const struct bridge_capture *capture)
{
    return capture->running || capture->waiting_count > 0;
}

void bridge_capture_close(struct bridge_capture *capture)
{
    fax_page_wipe(&capture->page);
    for (unsigned i = 0; i < capture->waiting_count; i++)
        fax_page_wipe(&capture->waiting[i]);
    capture->waiting_count = 0;
    received_pages_close(&capture->vault);
    if (capture->vault_fd >= 0)
        close(capture->vault_fd);
    capture->vault_fd = -1;
    capture->on = false;
}
