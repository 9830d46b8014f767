/* Hostile media for calls that somebody else has set up: for each attack a socket; what it does
 * there is what line_hostile_prog does to a line without a gateway around it.
 *
 *   gateway_hostile_prog ADDRESS
 *
 * Prints 'NAME PORT' for each attack, then reads lines 'NAME HOST PORT' with the address of the
 * gateway's media socket until 'end', and attacks each from then on for about 15 seconds. */
#include "t38/udptl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    V21 = 0,
    V17_14400 = 8,
    PREAMBLE = 3,
    V17_SHORT = 14,
    V17_LONG = 15,
    BOMB_FRAMES = 64,
    FRAMES_AT_ONCE = 12, /* each 100 ms, which a line takes of a call */
};

enum attack {
    SHORT_FCD,
    RESERVED_WIDTH,
    LONG_DCS,
    BAD_RATE,
    MANY_NSF,
    BOMB,
    GARBAGE,
    GARBAGE_TO_SENDER,
    ATTACKS
};

static const char *const names[ATTACKS] = {
    "short-fcd", "reserved-width", "long-dcs", "bad-rate",
    "many-nsf",  "bomb",           "garbage",  "garbage-to-sender",
};

struct attacker {
    enum attack attack;
    int fd;
    struct sockaddr_in target; /* sin_port 0: not attacked */
    struct udptl_sender *udptl;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void pass(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static void send_datagram(const struct attacker *a, const uint8_t *data, size_t length)
{
    if (a->target.sin_port)
        (void)!sendto(a->fd, data, length, 0, (const struct sockaddr *)&a->target,
                      sizeof a->target);
}

static void send_ifp(struct attacker *a, const uint8_t *ifp, size_t length)
{
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;
    if (udptl_sender_produce(a->udptl, ifp, length, datagram, sizeof datagram, &octets) == 0)
        send_datagram(a, datagram, octets);
}

static void send_indicator(struct attacker *a, unsigned indicator)
{
    const uint8_t ifp = (uint8_t)(indicator << 1);
    send_ifp(a, &ifp, 1);
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
static void send_frame(struct attacker *a, unsigned type, const uint8_t *frame, size_t length,
                       bool end)
{
    uint8_t ifp[400] = {(uint8_t)(0xc0 | type << 1), 2, 0x80, (uint8_t)((length - 1) >> 8),
                        (uint8_t)(length - 1)};
    for (size_t i = 0; i < length; i++)
        ifp[5 + i] = reversed(frame[i]);
    ifp[5 + length] = (uint8_t)((end ? 4 : 2) << 4);
    send_ifp(a, ifp, length + 6);
}

static void send_garbage(struct attacker *a, unsigned datagrams)
{
    static uint32_t random = 1;
    uint8_t data[1600];
    for (unsigned i = 0; i < datagrams; i++) {
        size_t length = 0;
        for (size_t k = 0; k < sizeof data; k++) {
            random = random * 1664525u + 1013904223u;
            data[k] = (uint8_t)(random >> 24);
            length = random >> 16;
        }
        data[0] = 0;
        data[1] = (uint8_t)i;
        send_datagram(a, data, length % sizeof data);
    }
}

static void send_dcs(struct attacker *a)
{
    uint8_t dcs[60] = {0xff, 0x13, 0x83, 0x00, 0x46, 0x10 | 0x80, 0x04 | 0x40};
    size_t length = 7;
    if (a->attack == RESERVED_WIDTH) {
        dcs[5] = 0x13;
        length = 6;
    } else if (a->attack == LONG_DCS) {
        memset(dcs + 5, 0x81, sizeof dcs - 5);
        length = sizeof dcs;
    } else if (a->attack == BAD_RATE) {
        dcs[4] = 0x7e;
    }
    send_frame(a, V21, dcs, length, true);
}

static void act_preamble(struct attacker *a)
{
    send_indicator(a, PREAMBLE);
}

static void act_dcs(struct attacker *a)
{
    uint8_t nsf[250] = {0xff, 0x03, 0x20};
    if (a->attack >= GARBAGE)
        send_garbage(a, 2000);
    memset(nsf + 3, 0x55, sizeof nsf - 3);
    for (int i = 0; a->attack == MANY_NSF && i < 5000; i++)
        send_frame(a, V21, nsf, sizeof nsf, false);
    send_dcs(a);
    send_indicator(a, V17_LONG);
}

static void act_training(struct attacker *a)
{
    const uint8_t piece[5 + 54] = {0xc0 | V17_14400 << 1, 1, 0x80 | 6 << 4, 0, 53};
    if (a->attack >= GARBAGE)
        send_garbage(a, 5);
    send_ifp(a, piece, sizeof piece);
}

static void act_end_training(struct attacker *a)
{
    const uint8_t end[] = {0xc0 | V17_14400 << 1, 1, 7 << 4};
    send_ifp(a, end, sizeof end);
    send_indicator(a, 0);
}

/* The bomb is a whole page: 131,072 rows in T.6, a bit each. */
static void act_image(struct attacker *a)
{
    const uint8_t pps[] = {0xff, 0x13, 0xbf, 0x2f, 0, 0, BOMB_FRAMES - 1};
    const uint8_t rcp[] = {0xff, 0x03, 0x86};
    uint8_t frame[260];
    memset(frame, 0xff, sizeof frame);
    frame[1] = 0x03;
    frame[2] = 0x06;
    send_indicator(a, V17_SHORT);
    if (a->attack != BOMB) {
        send_frame(a, V17_14400, frame, 3, false);
        return;
    }
    for (unsigned i = 0; i < BOMB_FRAMES; i++) {
        frame[3] = (uint8_t)i;
        send_frame(a, V17_14400, frame, sizeof frame, false);
        if (i % FRAMES_AT_ONCE == 0)
            pass(100);
    }
    send_frame(a, V17_14400, rcp, sizeof rcp, true);
    send_indicator(a, 0);
    pass(100);
    send_indicator(a, PREAMBLE);
    send_frame(a, V21, pps, sizeof pps, true);
}

static void open_all(struct attacker *attackers, const char *address)
{
    for (int i = 0; i < ATTACKS; i++) {
        struct sockaddr_in here = {.sin_family = AF_INET};
        socklen_t length = sizeof here;
        struct attacker *a = &attackers[i];
        a->attack = (enum attack)i;
        a->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (inet_pton(AF_INET, address, &here.sin_addr) != 1 ||
            bind(a->fd, (struct sockaddr *)&here, length) < 0 ||
            getsockname(a->fd, (struct sockaddr *)&here, &length) < 0 ||
            udptl_sender_new(&a->udptl, 0, 1400) != 0)
            fail(address);
        printf("%s %u\n", names[i], ntohs(here.sin_port));
    }
    fflush(stdout);
}

static void attack(struct attacker *a)
{
    pass(6000); /* the gateway identifies itself first */
    act_preamble(a);
    pass(1000);
    act_dcs(a);
    pass(200);
    for (int i = 0; i < 52; i++) {
        act_training(a);
        pass(30);
    }
    act_end_training(a);
    pass(4000);
    for (int i = 0; i < 4; i++) {
        act_image(a);
        pass(1000);
    }
}

/* A call that waited for the others would end before it is attacked. */
static void start_attack(struct attacker *a, const char *host, const char *port)
{
    a->target.sin_family = AF_INET;
    a->target.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    if (inet_pton(AF_INET, host, &a->target.sin_addr) != 1)
        fail(host);
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        attack(a);
        _exit(0);
    }
}

static void read_targets(struct attacker *attackers)
{
    char line[128];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "end", 3) != 0) {
        const char *name = strtok(line, " \n"), *host = strtok(NULL, " \n");
        const char *port = strtok(NULL, " \n");
        for (int i = 0; port && i < ATTACKS; i++)
            if (strcmp(name, names[i]) == 0)
                start_attack(&attackers[i], host, port);
    }
}

int main(int argc, char **argv)
{
    static struct attacker attackers[ATTACKS];
    int status, result = 0;
    if (argc != 2) {
        fprintf(stderr, "use: %s ADDRESS\n", argv[0]);
        return 2;
    }
    open_all(attackers, argv[1]);
    read_targets(attackers);
    while (wait(&status) > 0)
        if (status != 0)
            result = 1;
    return result;
}
