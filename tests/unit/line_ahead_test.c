/* line_ahead_test.c: a sender's packets that are made ahead of their time: a whole line sends a
 * page to an engine here, in virtual time, and what leaves is looked at packet by packet.
 */
#include "codecs/raster.h"
#include "t38/t30_result.h"
#include "tests/doubles/line_here.h"
#include "tests/doubles/t6_page.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    LIMIT_MS = 10000,
    STEP_MS = 5,
    ROWS = 300,
    CALL_STEPS = 120000 / STEP_MS,
    PACKETS_MAX = 4000,
};

struct peer {
    int fd;
    struct sockaddr_storage address;
    const struct sockaddr_storage *to;
    struct fax_engine *engine;
    struct udptl_sender *out;
    struct udptl_receiver *in;
    uint64_t now_ms;
    bool any;
    uint16_t latest; /* number of the latest packet */
    unsigned packets, gaps;
    uint64_t left_ms[PACKETS_MAX]; /* when each was seen */
    bool ahead[PACKETS_MAX];       /* another was waiting then */
    struct line_here *here;
    bool in_page, arrived; /* the page, as it was sent */
};

struct scene {
    struct line_here *here;
    struct peer peer;
    uint64_t now_ms;
};

static void say(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct peer *peer = user;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;
    assert_int_equal(
        udptl_sender_produce(peer->out, ifp, length, datagram, sizeof datagram, &octets), 0);
    for (int i = 0; i < copies; i++)
        (void)!sendto(peer->fd, datagram, octets, 0, (const struct sockaddr *)peer->to,
                      sizeof(struct sockaddr_in));
}

static void note(void *user, const struct fax_engine_event *event)
{
    struct peer *peer = user;
    peer->in_page |= event->kind == FAX_EVENT_PAGE_BEGIN;
    if (event->kind != FAX_EVENT_PAGE_RECEIVED)
        return;
    const struct coded_page *sent = &line_here_call(peer->here)->document.pages[0];
    peer->arrived = t6_page_arrived(&(struct fax_page_view){.coding = FAX_PAGE_T6,
                                                            .lsb_first = sent->format.lsb_first,
                                                            .width = sent->format.width,
                                                            .rows = sent->format.height,
                                                            .y_dpi = sent->format.y_dpi,
                                                            .data = sent->data,
                                                            .length = sent->length},
                                    &event->received->view);
    assert_int_equal(fax_engine_page_durable(peer->engine), 0);
}

static void hear(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct peer *peer = user;
    (void)fax_engine_receive_at(peer->engine, peer->now_ms, sequence, data, length);
}

static int open_peer(struct peer *peer, const struct sockaddr_storage *to)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof peer->address;
    const struct fax_engine_config config = {
        .local_ident = "2222",
        .max_rate = 14400,
        .ecm = true,
        .callbacks = {.send_ifp = say, .event = note, .user = peer},
    };
    peer->to = to;
    peer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return bind(peer->fd, (struct sockaddr *)&any, sizeof any) ||
           getsockname(peer->fd, (struct sockaddr *)&peer->address, &length) ||
           udptl_sender_new(&peer->out, 3, 400) || udptl_receiver_new(&peer->in, NULL) ||
           fax_engine_new(&peer->engine, &config);
}

static int open_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct raster page;
    if (!scene)
        return -1;
    scene->here = scene->peer.here = line_here_open(true);
    vault_file_draw_page(&page, ROWS, 7);
    driver_call_add_page(&scene->here->call, 1, &page);
    raster_free(&page);
    *state = scene;
    return open_peer(&scene->peer, &scene->here->call.address);
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    close(scene->peer.fd);
    fax_engine_free(scene->peer.engine);
    udptl_sender_free(scene->peer.out);
    udptl_receiver_free(scene->peer.in);
    line_here_close(scene->here);
    free(scene);
    return 0;
}

/* From here on nobody but the test lets the time of the call pass. */
static struct line_call *begin(struct scene *scene, const struct msg_call_media *with)
{
    struct line_here *here = scene->here;
    struct msg_call_media media = *with;
    media.call = here->call.number;
    media.peer = scene->peer.address;
    media.max_rate = 14400;
    driver_call_start(&here->call);
    assert_true(line_driver_run(&here->driver, line_here_is_ready, here, LIMIT_MS));
    assert_int_equal(here->call.ready.status, 0);
    assert_int_equal(
        ipc_send(here->process.channel, MSG_CALL_MEDIA, 0, &media, sizeof media, NULL, 0), 0);
    assert_true(line_driver_run(&here->driver, line_here_is_running, here, LIMIT_MS));
    scene->now_ms = line_now_ms() / LINE_PACE_MS * LINE_PACE_MS;
    return line_here_call(here);
}

static void look(struct scene *scene, const struct line_call *call)
{
    struct peer *peer = &scene->peer;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    ssize_t n;
    while ((n = recv(peer->fd, datagram, sizeof datagram, MSG_DONTWAIT)) > 0) {
        uint16_t number = (uint16_t)(datagram[0] << 8 | datagram[1]);
        if (!peer->any || number != peer->latest) { /* no repetition */
            peer->gaps += peer->any && number != (uint16_t)(peer->latest + 1);
            assert_in_range(peer->packets, 0, PACKETS_MAX - 1);
            peer->left_ms[peer->packets] = scene->now_ms;
            peer->ahead[peer->packets++] = peer->in_page && call->ahead_next != NULL;
        }
        peer->any = true;
        peer->latest = number;
        (void)udptl_receiver_push(peer->in, datagram, (size_t)n, scene->now_ms, hear, peer);
    }
}

/* A step of the time: the line's tick at first, then the peer's. Returns false when the call is
 * over. */
static bool step(struct scene *scene)
{
    struct line_call *call = line_here_call(scene->here);
    if (!call || call->state != LINE_CALL_RUNNING)
        return false;
    scene->peer.now_ms = scene->now_ms += STEP_MS;
    scene->here->line.stall.ticks++;
    if (!call->resting)
        (void)line_call_drain(call, LINE_CALL_DATAGRAMS_PER_TICK, scene->now_ms);
    line_call_visit(call, scene->now_ms);
    call = line_here_call(scene->here);
    if (call && call->state == LINE_CALL_RUNNING)
        look(scene, call);
    fax_engine_tick(scene->peer.engine, scene->now_ms);
    return true;
}

static bool run_until_some_wait(struct scene *scene)
{
    for (unsigned i = 0; i < CALL_STEPS && step(scene); i++)
        if (scene->peer.in_page && line_here_call(scene->here)->ahead_next)
            return true;
    return false;
}

static const struct msg_call_media with_redundancy = {.redundancy = 3, .max_datagram = 400};
static const struct msg_call_media with_parity = {
    .fec_packets = 3, .fec_fields = 3, .max_datagram = 1400};
static const struct msg_call_media alone = {.max_datagram = 200};

/* Sends the page to its end. Of the packets in it that were made ahead returns how many left just
 * 30 ms after the one before; *with_another: in the same step, *other: neither. */
static unsigned send_page(struct scene *scene, const struct msg_call_media *media,
                          unsigned *with_another, unsigned *other)
{
    struct peer *peer = &scene->peer;
    unsigned paced = 0;
    *with_another = *other = 0;
    (void)begin(scene, media);
    for (unsigned i = 0; i < CALL_STEPS && step(scene); i++)
        ;
    assert_int_equal(peer->gaps, 0);
    for (unsigned i = 1; i < peer->packets; i++)
        if (peer->ahead[i] && peer->ahead[i - 1]) {
            uint64_t after_ms = peer->left_ms[i] - peer->left_ms[i - 1];
            assert_in_range(after_ms, 0, 2 * LINE_PACE_MS);
            paced += after_ms == LINE_PACE_MS;
            *with_another += after_ms == 0;
            *other += after_ms != 0 && after_ms != LINE_PACE_MS;
        }
    assert_true(peer->arrived);
    assert_true(line_driver_run(&scene->here->driver, line_here_is_done, scene->here, LIMIT_MS));
    assert_int_equal(scene->here->call.done.result, T30_RESULT_OK);
    assert_in_range(scene->here->line.ahead, paced, PACKETS_MAX);
    return paced;
}

/* The octets of a frame come each 30 ms, and so they leave; its end follows its last octets within
 * that time, and so leaves with what comes next. */
static void keeps_its_pace(struct scene *scene, const struct msg_call_media *media)
{
    unsigned with_another, other, paced = send_page(scene, media, &with_another, &other);
    assert_in_range(paced, 150, PACKETS_MAX);
    assert_in_range(with_another, 1, paced / 6);
    assert_in_range(other, 0, 3); /* when it begins, or the socket was looked at */
}

static void redundancy_keeps_its_pace(void **state)
{
    keeps_its_pace(*state, &with_redundancy);
}

static void parity_keeps_its_pace(void **state)
{
    keeps_its_pace(*state, &with_parity);
}

static void single_packets_keep_their_pace(void **state)
{
    keeps_its_pace(*state, &alone);
}

/* With more calls than may leave together each has its own moment. */
static void apart_they_keep_their_pace(void **state)
{
    struct scene *scene = *state;
    unsigned with_another, other;
    scene->here->line.pacing = LINE_PACE_TOGETHER_MAX;
    assert_in_range(send_page(scene, &with_redundancy, &with_another, &other), 100, PACKETS_MAX);
    assert_in_range(with_another, 0, 10);
    assert_in_range(other, 30, 100);
    assert_int_equal(scene->here->line.pacing, LINE_PACE_TOGETHER_MAX);
}

/* Nothing overtakes what waits. */
static void what_is_sent_at_once_comes_behind(void **state)
{
    struct scene *scene = *state;
    static const uint8_t no_signal[] = {0x00};
    (void)begin(scene, &with_redundancy);
    assert_true(run_until_some_wait(scene));
    struct line_call *call = line_here_call(scene->here);
    unsigned before = scene->peer.packets;
    line_call_send_ifp(call, no_signal, sizeof no_signal, 1);
    assert_null(call->ahead_next);
    look(scene, call);
    assert_in_range(scene->peer.packets, before + 2, before + 20);
    assert_int_equal(scene->peer.gaps, 0);
}

static void when_the_call_ends_nothing_follows(void **state)
{
    struct scene *scene = *state;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    (void)begin(scene, &with_redundancy);
    assert_true(run_until_some_wait(scene));
    line_call_abort(line_here_call(scene->here), T30_RESULT_HANGUP, "enough");
    assert_true(line_driver_run(&scene->here->driver, line_here_is_done, scene->here, LIMIT_MS));
    assert_int_equal(recv(scene->peer.fd, datagram, sizeof datagram, MSG_DONTWAIT), -1);
}

/* A line that was late sends what is due, and no more. */
static void a_late_line_catches_up(void **state)
{
    struct scene *scene = *state;
    (void)begin(scene, &with_redundancy);
    assert_true(run_until_some_wait(scene));
    struct line_call *call = line_here_call(scene->here);
    unsigned before = scene->peer.packets;
    scene->now_ms += 3 * LINE_PACE_MS - STEP_MS;
    assert_true(step(scene));
    assert_non_null(call->ahead_next);
    assert_in_range(scene->peer.packets - before, 2, 3);
    assert_int_equal(scene->peer.gaps, 0);
}

int main(void)
{
#define AHEAD_TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        AHEAD_TEST(redundancy_keeps_its_pace),
        AHEAD_TEST(parity_keeps_its_pace),
        AHEAD_TEST(single_packets_keep_their_pace),
        AHEAD_TEST(apart_they_keep_their_pace),
        AHEAD_TEST(what_is_sent_at_once_comes_behind),
        AHEAD_TEST(when_the_call_ends_nothing_follows),
        AHEAD_TEST(a_late_line_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
