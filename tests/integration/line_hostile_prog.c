/* Hostile peers on the same lines as a good call: garbage, frames that crash an unguarded T.30
 * library, floods, and a stranger who knows the good call's port. The good fax must arrive, and
 * both lines must live on. use: line_hostile_prog DIRECTORY */
#include "t38/t30_result.h"
#include "t38/udptl.h"
#include "tests/doubles/line_driver.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROWS = 240,
    V21 = 0,
    V17_14400 = 8,
    PREAMBLE = 3,
    V17_SHORT = 14,
    V17_LONG = 15,
    PAGE_OCTETS = 65536, /* of a block */
    FRAME_OCTETS = 256,
    FRAMES_AT_ONCE = 32, /* what a line takes of a call in four ticks */
};

/* Those from BOMB to NO_ROWS get a whole page through, in T.6 or T.85. */
enum attack {
    SHORT_FCD,
    RESERVED_WIDTH,
    LONG_DCS,
    BAD_RATE,
    MANY_NSF,
    BOMB,
    MANY_ROWS,
    T85_BOMB,
    NO_ROWS,
    GARBAGE,
    ATTACKS
};

struct attacker {
    struct driver_call call;
    struct udptl_sender *udptl;
    int fd;
    struct sockaddr_storage address;
};

struct scene {
    struct line_driver driver;
    struct line_process sending, receiving;
    struct driver_call from, to;
    struct attacker attackers[ATTACKS];
    struct attacker late; /* garbage for a sending call */
    uint32_t random;
    unsigned failures;
};

static void check(struct scene *scene, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    scene->failures++;
}

static void draw(struct raster *page, uint32_t number, void *user)
{
    (void)user;
    vault_file_draw_page(page, ROWS, number);
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static void pass(struct scene *scene, uint32_t ms)
{
    (void)line_driver_run(&scene->driver, never, NULL, ms);
}

static void send_to_call(struct attacker *attacker, const uint8_t *data, size_t length)
{
    (void)!sendto(attacker->fd, data, length, 0, (const struct sockaddr *)&attacker->call.address,
                  sizeof(struct sockaddr_in));
}

static void send_ifp(struct attacker *attacker, const uint8_t *ifp, size_t length)
{
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;

    if (udptl_sender_produce(attacker->udptl, ifp, length, datagram, sizeof datagram, &octets) == 0)
        send_to_call(attacker, datagram, octets);
}

static void send_indicator(struct attacker *attacker, unsigned indicator)
{
    uint8_t ifp = (uint8_t)(indicator << 1);

    send_ifp(attacker, &ifp, 1);
}

static uint8_t reversed(uint8_t octet)
{
    uint8_t out = 0;

    for (int i = 0; i < 8; i++)
        if (octet & 1 << i)
            out |= (uint8_t)(0x80 >> i);
    return out;
}

/* An HDLC frame and FCS-OK in one packet of T.38 version 0; end: with the signal's end. */
static void send_frame(struct attacker *attacker, unsigned type, const uint8_t *frame,
                       size_t length, bool end)
{
    uint8_t ifp[400] = {(uint8_t)(0xc0 | type << 1), 2, 0x80, (uint8_t)((length - 1) >> 8),
                        (uint8_t)(length - 1)};

    for (size_t i = 0; i < length; i++)
        ifp[5 + i] = reversed(frame[i]);
    ifp[5 + length] = (uint8_t)((end ? 4 : 2) << 4);
    send_ifp(attacker, ifp, length + 6);
}

static void send_dcs(struct attacker *attacker, enum attack attack)
{
    uint8_t dcs[60] = {0xff, 0x13, 0x83, 0x00, 0x46, 0x10 | 0x80, 0x04 | 0x40};
    size_t length = 7;

    if (attack == RESERVED_WIDTH) {
        dcs[5] = 0x13;
        length = 6;
    } else if (attack == LONG_DCS) {
        memset(dcs + 5, 0x81, sizeof dcs - 5);
        length = sizeof dcs;
    } else if (attack == BAD_RATE) {
        dcs[4] = 0x7e;
    } else if (attack == T85_BOMB) {
        dcs[6] = 0x04 | 0x80;
        memset(dcs + 7, 0x80, 5);
        dcs[12] = 0x20;
        length = 13;
    }
    send_frame(attacker, V21, dcs, length, true);
}

static void send_training_piece(struct attacker *attacker)
{
    uint8_t ifp[5 + 54] = {0xc0 | V17_14400 << 1, 1, 0x80 | 6 << 4, 0, 53};

    send_ifp(attacker, ifp, sizeof ifp);
}

static bool is_page(enum attack attack)
{
    return attack >= BOMB && attack <= NO_ROWS;
}

/* Returns the octets of a page, as they are sent (T.6: the first bit is the lowest). */
static size_t make_page(enum attack attack, uint8_t page[PAGE_OCTETS])
{
    /* A T.85 image of 4,294,967,295 rows in one stripe. */
    static const uint8_t t85[] = {0,    0,    1,    0,    0,    0, 6, 0xc0, 0xff, 0xff, 0xff,
                                  0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0,    0x28, 0xff, 2};
    static const uint8_t eofb[] = {0x00, 0x08, 0x80};
    enum { MANY_ROWS_OCTETS = 100000 / 8 };
    size_t at = attack == MANY_ROWS ? MANY_ROWS_OCTETS : 0;

    memset(page, 0xff, PAGE_OCTETS); /* each bit is a row in T.6 */
    if (attack == BOMB)
        return PAGE_OCTETS;
    if (attack == T85_BOMB) {
        memcpy(page, t85, sizeof t85);
        return sizeof t85;
    }
    memcpy(page + at, eofb, sizeof eofb);
    return at + sizeof eofb;
}

/* No faster than the line takes it of one call. */
static void send_page(struct scene *scene, struct attacker *attacker, enum attack attack)
{
    static uint8_t page[PAGE_OCTETS];
    const uint8_t rcp[] = {0xff, 0x03, 0x86};
    uint8_t frame[4 + FRAME_OCTETS] = {0xff, 0x03, 0x06};
    size_t length = make_page(attack, page), frames = (length + FRAME_OCTETS - 1) / FRAME_OCTETS;
    uint8_t pps[] = {0xff, 0x13, 0xbf, 0x2f, 0, 0, (uint8_t)(frames - 1)};

    memset(page + length, 0, sizeof page - length);
    for (size_t i = 0; i < frames; i++) {
        frame[3] = (uint8_t)i;
        memcpy(frame + 4, page + i * FRAME_OCTETS, FRAME_OCTETS);
        send_frame(attacker, V17_14400, frame, sizeof frame, false);
        if (i % FRAMES_AT_ONCE == FRAMES_AT_ONCE - 1)
            pass(scene, 100);
    }
    send_frame(attacker, V17_14400, rcp, sizeof rcp, true);
    send_indicator(attacker, 0);
    pass(scene, 100);
    send_indicator(attacker, PREAMBLE);
    send_frame(attacker, V21, pps, sizeof pps, true);
}

static void send_image(struct scene *scene, struct attacker *attacker, enum attack attack)
{
    const uint8_t frame[] = {0xff, 0x03, 0x06};

    if (is_page(attack))
        send_page(scene, attacker, attack);
    else
        send_frame(attacker, V17_14400, frame, sizeof frame, false);
}

static void send_garbage(struct scene *scene, struct attacker *attacker, unsigned datagrams)
{
    uint8_t data[1600];

    for (unsigned i = 0; i < datagrams; i++) {
        size_t length = 0;

        for (size_t k = 0; k < sizeof data; k++) {
            scene->random = scene->random * 1664525u + 1013904223u;
            data[k] = (uint8_t)(scene->random >> 24);
            length = scene->random >> 16;
        }
        data[0] = 0;
        data[1] = (uint8_t)i;
        send_to_call(attacker, data, length % sizeof data);
    }
}

static void open_attacker(struct scene *scene, struct attacker *attacker, bool call_sends)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof attacker->address;
    struct raster page;

    driver_call_prepare(&scene->driver, &attacker->call,
                        call_sends ? &scene->sending : &scene->receiving, call_sends);
    if (call_sends) {
        draw(&page, 1, NULL);
        driver_call_add_page(&attacker->call, 1, &page);
        raster_free(&page);
    }
    attacker->call.start.no_media_timeout_ms = 20000;
    attacker->call.start.t85 = !call_sends;
    attacker->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(attacker->fd, (struct sockaddr *)&any, sizeof any) != 0 ||
        getsockname(attacker->fd, (struct sockaddr *)&attacker->address, &length) != 0 ||
        udptl_sender_new(&attacker->udptl, 0, 1400) != 0)
        abort();
}

static void each(struct scene *scene, void (*act)(struct scene *scene, struct attacker *, int))
{
    for (int i = 0; i < ATTACKS; i++)
        act(scene, &scene->attackers[i], i);
}

static void act_preamble(struct scene *scene, struct attacker *attacker, int attack)
{
    (void)attack;
    (void)scene;
    send_indicator(attacker, PREAMBLE);
}

static void act_dcs(struct scene *scene, struct attacker *attacker, int attack)
{
    uint8_t nsf[250];

    if (attack == GARBAGE)
        send_garbage(scene, attacker, 2000);
    if (attack == MANY_NSF) {
        memset(nsf, 0x55, sizeof nsf);
        nsf[0] = 0xff;
        nsf[1] = 0x03;
        nsf[2] = 0x20;
        for (int i = 0; i < 5000; i++)
            send_frame(attacker, V21, nsf, sizeof nsf, false);
    }
    send_dcs(attacker, (enum attack)attack);
    send_indicator(attacker, V17_LONG);
}

static void act_training(struct scene *scene, struct attacker *attacker, int attack)
{
    (void)attack;
    (void)scene;
    send_training_piece(attacker);
}

static void act_end_training(struct scene *scene, struct attacker *attacker, int attack)
{
    const uint8_t end[] = {0xc0 | V17_14400 << 1, 1, 7 << 4};

    (void)attack;
    (void)scene;
    send_ifp(attacker, end, sizeof end);
    send_indicator(attacker, 0);
}

static void act_image(struct scene *scene, struct attacker *attacker, int attack)
{
    if (attacker->call.is_done)
        return;
    send_indicator(attacker, V17_SHORT);
    send_image(scene, attacker, (enum attack)attack);
}

static void attack_all(struct scene *scene)
{
    struct attacker stranger = scene->late;

    pass(scene, 6000);
    each(scene, act_preamble);
    send_garbage(scene, &scene->late, 500);
    stranger.call.address = scene->to.address;
    send_garbage(scene, &stranger, 500);
    pass(scene, 1000);
    each(scene, act_dcs);
    pass(scene, 200);
    for (int i = 0; i < 52; i++) {
        each(scene, act_training);
        send_garbage(scene, &stranger, 5);
        pass(scene, 30);
    }
    each(scene, act_end_training);
    pass(scene, 4000);
    for (int i = 0; i < 4; i++) {
        each(scene, act_image);
        pass(scene, 1000);
    }
}

static bool good_call_over(void *user)
{
    const struct scene *scene = user;

    return scene->from.is_done && scene->to.is_done;
}

static void start(struct scene *scene)
{
    struct raster page;

    driver_call_prepare(&scene->driver, &scene->from, &scene->sending, true);
    driver_call_prepare(&scene->driver, &scene->to, &scene->receiving, false);
    draw(&page, 1, NULL);
    driver_call_add_page(&scene->from, 1, &page);
    raster_free(&page);
    for (int i = 0; i < ATTACKS; i++)
        open_attacker(scene, &scene->attackers[i], false);
    open_attacker(scene, &scene->late, true);
    for (unsigned i = 0; i < scene->driver.call_count; i++)
        driver_call_start(scene->driver.calls[i]);
    check(scene, line_driver_run(&scene->driver, driver_all_ready, &scene->driver, 5000),
          "all are ready");
    for (int i = 0; i < ATTACKS; i++)
        driver_call_media(&scene->attackers[i].call, &scene->attackers[i].address);
    driver_call_media(&scene->late.call, &scene->late.address);
    driver_connect(&scene->from, &scene->to);
}

/* They came whole, were looked at, and refused with the reason. */
static void check_pages(struct scene *scene)
{
    static const char *const why[ATTACKS] = {
        [BOMB] = "page 1 does not decode: a limit was reached",
        [MANY_ROWS] = "page 1 does not decode: a limit was reached",
        [T85_BOMB] = "page 1 does not decode: a limit was reached",
        [NO_ROWS] = "page 1 does not decode: empty document or page",
    };

    for (int i = 0; i < ATTACKS; i++) {
        const struct driver_call *call = &scene->attackers[i].call;

        if (why[i] == NULL)
            continue;
        check(scene, call->is_done, "a page that is none ends its call");
        check(scene, strstr(call->done.text, why[i]) != NULL, "and the call says why");
    }
}

static void finish(struct scene *scene)
{
    int status;

    check(scene, line_driver_run(&scene->driver, good_call_over, scene, 60000),
          "the good call ends");
    check(scene, scene->from.done.result == T30_RESULT_OK, scene->from.done.text);
    check(scene, scene->to.done.result == T30_RESULT_OK, scene->to.done.text);
    check(scene, driver_call_stored(&scene->to, draw, NULL, 1), "its page is what was sent");
    check(scene, scene->to.done.packets_bad == 0, "nothing of the stranger reached it");
    check_pages(scene);
    for (int i = 0; i < ATTACKS; i++)
        if (!scene->attackers[i].call.is_done)
            driver_call_stop(&scene->attackers[i].call, "enough");
    driver_call_stop(&scene->late.call, "enough");
    check(scene, line_driver_run(&scene->driver, driver_all_done, &scene->driver, 5000), "all end");
    for (int i = 0; i < ATTACKS; i++) {
        struct driver_call *call = &scene->attackers[i].call;

        fprintf(stderr, "attack %d: %u seen, %u bad, %s\n", i, call->done.media_seen,
                call->done.packets_bad, call->done.text);
        check(scene, call->dones == 1, "a hostile call has an end too");
        check(scene, call->done.pages == 0 && call->confirmed == 0, "and no page");
    }
    check(scene, scene->attackers[GARBAGE].call.done.packets_bad > 0, "garbage is counted");
    status = line_process_stop(&scene->sending);
    check(scene, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sending line lives");
    status = line_process_stop(&scene->receiving);
    check(scene, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the receiving line lives");
}

int main(int argc, char **argv)
{
    static struct scene scene;
    int status = line_driver_child(argc, argv);

    if (status >= 0)
        return status;
    if (argc != 2) {
        fprintf(stderr, "use: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    line_driver_init(&scene.driver, argv[1]);
    line_driver_start_line(&scene.driver, &scene.sending);
    line_driver_start_line(&scene.driver, &scene.receiving);
    start(&scene);
    attack_all(&scene);
    finish(&scene);
    printf("hostile: %s\n", scene.failures == 0 ? "as it must be" : "FAILED");
    return scene.failures == 0 ? 0 : 1;
}
