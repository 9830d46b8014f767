/* A line sends to a plain spandsp terminal in this program, over UDP on 127.0.0.1. The terminal
 * takes 98 rows an inch only, has no error correction and speaks version 2 of T.38; the document
 * has 391 and 196. use: line_plain_prog DIRECTORY (of the vault files). Exit status 0 when all is
 * as it must be. */
#include "gateway/line/document_adapt.h"
#include "t38/t30_result.h"
#include "tests/doubles/line_driver.h"
#include "tests/doubles/spandsp_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 301, PAGES = 2, CALL_MS = 100000, STEP_MS = 20, T38_VERSION = 2 };

/* One end of the link is the terminal, the other hands on to the socket. */
struct plain {
    struct line_driver driver;
    struct driver_call call;
    struct lossy_link link;
    struct spandsp_peer peer;
    struct udptl_sender *sender;
    struct udptl_receiver *receiver;
    struct sockaddr_storage address;
    int fd;
    uint64_t started_ms;
    unsigned failures;
};

static void check(struct plain *plain, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    plain->failures++;
}

static void hand_out(void *self, uint16_t sequence, const uint8_t *ifp, size_t length)
{
    struct plain *plain = self;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;

    (void)sequence;
    if (udptl_sender_produce(plain->sender, ifp, length, datagram, sizeof datagram, &octets) == 0)
        (void)!sendto(plain->fd, datagram, octets, 0, (struct sockaddr *)&plain->call.address,
                      sizeof(struct sockaddr_in));
}

static void hand_in(void *user, uint16_t sequence, const uint8_t *ifp, size_t length)
{
    struct plain *plain = user;

    (void)sequence;
    lossy_link_send(&plain->link.end[LOSSY_SENDER], ifp, length, 1);
}

static void read_socket(void *self, uint64_t now_ms)
{
    struct plain *plain = self;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    ssize_t n;

    while ((n = recv(plain->fd, datagram, sizeof datagram, MSG_DONTWAIT)) > 0)
        (void)udptl_receiver_push(plain->receiver, datagram, (size_t)n, now_ms, hand_in, plain);
    udptl_receiver_flush(plain->receiver, now_ms, hand_in, plain);
}

static bool never(const void *self)
{
    (void)self;
    return false;
}

static void open_socket(struct plain *plain)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t length = sizeof plain->address;

    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    plain->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (plain->fd < 0 || bind(plain->fd, (struct sockaddr *)&any, sizeof any) < 0 ||
        getsockname(plain->fd, (struct sockaddr *)&plain->address, &length) < 0)
        abort();
}

static void open_terminal(struct plain *plain)
{
    const struct lossy_link_config lossless = {.t38_version = T38_VERSION};

    lossy_link_init(&plain->link, &lossless);
    plain->link.end[LOSSY_SENDER].party = (struct lossy_party){plain, read_socket, hand_out, never};
    spandsp_peer_begin(&plain->peer, &plain->link.end[LOSSY_RECEIVER], false, false, NULL, 0);
    t30_set_supported_resolutions(t38_terminal_get_t30_state(plain->peer.terminal),
                                  T30_SUPPORT_STANDARD_RESOLUTION);
    if (udptl_sender_new(&plain->sender, 3, 400) || udptl_receiver_new(&plain->receiver, NULL))
        abort();
}

static void add_pages(struct plain *plain)
{
    static const uint16_t y_dpis[PAGES] = {391, 196};

    for (uint32_t i = 0; i < PAGES; i++) {
        struct raster page;

        vault_file_draw_page(&page, ROWS, i + 1);
        plain->call.y_dpi = y_dpis[i];
        driver_call_add_page(&plain->call, i + 1, &page);
        raster_free(&page);
    }
}

static bool both_done(void *user)
{
    struct plain *plain = user;

    while (plain->started_ms + plain->link.now_ms + STEP_MS <= driver_now_ms())
        lossy_link_step(&plain->link);
    return plain->call.is_done && plain->peer.finished;
}

static bool is_ready(void *user)
{
    const struct plain *plain = user;

    return plain->call.is_ready;
}

/* What must have come: the line's own reduction, which a unit test compares row by row. */
static uint32_t count_identical(struct plain *plain)
{
    struct loaded_document fine, reduced;
    struct fax_page pages[PAGES] = {0};
    char reason[MSG_REASON_MAX];

    if (document_load(&fine, plain->call.vault_fd, &plain->call.start, 0, reason) != 0 ||
        document_adapt(&reduced, &fine, &(struct document_form){1728, 204, 98, PAGE_CODING_T6}) !=
            0)
        abort();
    for (uint32_t i = 0; i < PAGES; i++)
        pages[i].view = (struct fax_page_view){FAX_PAGE_T6,
                                               true,
                                               1728,
                                               reduced.pages[i].format.height,
                                               204,
                                               98,
                                               reduced.pages[i].data,
                                               reduced.pages[i].length};
    uint32_t same = spandsp_peer_identical(&plain->peer, pages, PAGES);
    document_wipe(&fine);
    document_wipe(&reduced);
    return same;
}

static void run(struct plain *plain, struct line_process *line)
{
    driver_call_prepare(&plain->driver, &plain->call, line, true);
    plain->call.t38_version = T38_VERSION; /* the wrong one would not be understood */
    add_pages(plain);
    open_socket(plain);
    open_terminal(plain);
    driver_call_start(&plain->call);
    check(plain, line_driver_run(&plain->driver, is_ready, plain, 5000), "the line is ready");
    plain->started_ms = driver_now_ms();
    driver_call_media(&plain->call, &plain->address);
    check(plain, line_driver_run(&plain->driver, both_done, plain, CALL_MS), "it ends");
    check(plain, plain->call.done.result == T30_RESULT_OK, plain->call.done.text);
    check(plain, plain->peer.result == T30_ERR_OK, "the terminal is content");
    check(plain, plain->call.done.pages == PAGES, "all pages are confirmed");
    check(plain, plain->call.done.y_dpi == 98, "at the terminal's resolution");
    check(plain, !plain->call.done.ecm, "without error correction");
    check(plain, count_identical(plain) == PAGES, "the pages are those sent, reduced");
}

int main(int argc, char **argv)
{
    static struct plain plain;
    struct line_process line;
    int status = line_driver_child(argc, argv);

    if (status >= 0)
        return status;
    if (argc != 2)
        return 2;
    line_driver_init(&plain.driver, argv[1]);
    line_driver_start_line(&plain.driver, &line);
    run(&plain, &line);
    check(&plain, line_process_stop(&line) == 0, "the line ends cleanly");
    close(line.log_fd);
    driver_call_free(&plain.call);
    spandsp_peer_end(&plain.peer);
    lossy_link_free(&plain.link);
    udptl_sender_free(plain.sender);
    udptl_receiver_free(plain.receiver);
    close(plain.fd);
    printf("plain: %s\n", plain.failures == 0 ? "as it must be" : "FAILED");
    return plain.failures == 0 ? 0 : 1;
}
