#include "tests/doubles/spandsp_peer.h"

#include "tests/doubles/tiff_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <tiffio.h>
#include <unistd.h>

enum { PACKETS_IN_STEP = 200, PAGES = 16 };

static int on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
{
    struct spandsp_peer *peer = user;
    (void)core;
    if (++peer->sent_in_step > PACKETS_IN_STEP)
        return -1;
    lossy_link_send(peer->end, ifp, (size_t)length, copies);
    return 0;
}

static void on_frame(void *user, const uint8_t *frame, int length)
{
    struct spandsp_peer *peer = user;
    uint8_t altered[SPANDSP_PEER_FRAME];
    if (length >= 3 && peer->alter) {
        memcpy(altered, frame, (size_t)length);
        peer->alter(peer->user, altered, &length);
        if (length == 0) {
            length = 3;
            altered[0] = 0;
        }
        frame = altered;
    }
    peer->next(peer->terminal, frame, length);
}

static void on_end(t30_state_t *t, void *user, int result)
{
    struct spandsp_peer *peer = user;
    (void)t;
    peer->finished = true;
    peer->result = result;
}

static void tick(void *self, uint64_t now_ms)
{
    struct spandsp_peer *peer = self;
    for (; peer->clock_ms + SESSION_STEP_MS <= now_ms; peer->clock_ms += SESSION_STEP_MS) {
        peer->sent_in_step = 0;
        t38_terminal_send_timeout(peer->terminal, SESSION_STEP_SAMPLES);
    }
}

static void receive(void *self, uint16_t sequence, const uint8_t *ifp, size_t length)
{
    struct spandsp_peer *peer = self;
    t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(peer->terminal), ifp, (int)length,
                           sequence);
}

static bool finished(const void *self)
{
    return ((const struct spandsp_peer *)self)->finished;
}

static void set_up(struct spandsp_peer *peer, bool sender, bool ecm)
{
    t30_state_t *t = t38_terminal_get_t30_state(peer->terminal);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", peer->fd);
    t38_set_t38_version(t38_terminal_get_t38_core_state(peer->terminal),
                        peer->end->link->config.t38_version);
    t30_set_ecm_capability(t, ecm);
    t30_set_supported_compressions(t, T30_SUPPORT_T4_1D_COMPRESSION |
                                          T30_SUPPORT_T4_2D_COMPRESSION |
                                          T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION);
    t30_set_supported_image_sizes(t, T30_SUPPORT_UNLIMITED_LENGTH | T30_SUPPORT_215MM_WIDTH);
    t30_set_tx_ident(t, "0815");
    t30_set_phase_e_handler(t, on_end, peer);
    if (sender)
        t30_set_tx_file(t, path, -1, -1);
    else
        t30_set_rx_file(t, path, -1);
    peer->next = t->send_hdlc_handler;
    t->send_hdlc_handler = on_frame;
    t->send_hdlc_user_data = peer;
}

void spandsp_peer_begin(struct spandsp_peer *peer, struct lossy_end *end, bool sender, bool ecm,
                        const struct fax_page *pages, uint32_t page_count)
{
    struct fax_page_view views[PAGES] = {0};
    memset(peer, 0, sizeof *peer);
    peer->end = end;
    peer->clock_ms = end->link->now_ms;
    peer->terminal = t38_terminal_init(NULL, sender, on_packet, peer);
    if (!peer->terminal || page_count > PAGES)
        abort();
    for (uint32_t i = 0; i < page_count; i++)
        views[i] = pages[i].view;
    peer->fd = sender ? tiff_document_make(views, page_count) : memfd_create("peer", MFD_CLOEXEC);
    if (peer->fd < 0)
        abort();
    set_up(peer, sender, ecm);
    end->party = (struct lossy_party){peer, tick, receive, finished};
}

static bool same_rows(TIFF *a, TIFF *b)
{
    uint32_t rows_a = 0, rows_b = 0;
    TIFFGetField(a, TIFFTAG_IMAGELENGTH, &rows_a);
    TIFFGetField(b, TIFFTAG_IMAGELENGTH, &rows_b);
    if (rows_a != rows_b || TIFFScanlineSize(a) != TIFFScanlineSize(b))
        return false;
    uint8_t row_a[1024], row_b[1024];
    for (uint32_t y = 0; y < rows_a; y++)
        if (TIFFReadScanline(a, row_a, y, 0) != 1 || TIFFReadScanline(b, row_b, y, 0) != 1 ||
            memcmp(row_a, row_b, (size_t)TIFFScanlineSize(a)) != 0)
            return false;
    return true;
}

static TIFF *open_tiff(int fd)
{
    lseek(fd, 0, SEEK_SET);
    return TIFFFdOpen(dup(fd), "pages", "r");
}

uint32_t spandsp_peer_identical(struct spandsp_peer *peer, const struct fax_page *pages,
                                uint32_t page_count)
{
    struct fax_page_view views[PAGES] = {0};
    for (uint32_t i = 0; i < page_count; i++)
        views[i] = pages[i].view;
    int fd = tiff_document_make(views, page_count);
    TIFF *wanted = open_tiff(fd), *got = open_tiff(peer->fd);
    uint32_t same = 0;
    for (uint32_t i = 0; i < page_count && wanted && got; i++)
        if (TIFFSetDirectory(wanted, (uint16_t)i) && TIFFSetDirectory(got, (uint16_t)i))
            same += same_rows(wanted, got);
    if (wanted)
        TIFFClose(wanted);
    if (got)
        TIFFClose(got);
    close(fd);
    return same;
}

void spandsp_peer_end(struct spandsp_peer *peer)
{
    t38_terminal_free(peer->terminal);
    close(peer->fd);
}
