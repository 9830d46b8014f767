/* A fax machine, mostly one with a fault, for a call that somebody else has set up.
 *
 *   gateway_trace_prog ADDRESS deaf|garbled|good [HOST PORT]
 *
 * Prints its media port. From the first datagram on, or at once when it is told where to send, it
 * receives T.38 as a called machine: deaf hears nothing and goes on asking; garbled hears every
 * training pattern damaged; good takes all pages and prints how many. Ends with the call, or after
 * a minute and a half. */
#include "t38/fax_engine.h"
#include "t38/udptl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 10, LIFE_MS = 90000, DATA_OF_FIRST_FIELD = 5, DATA = 0xC0, V21_DATA = 0xC0 };

struct machine {
    int fd;
    bool deaf, garbled;
    unsigned pages;
    struct sockaddr_in peer;
    struct fax_engine *engine;
    struct udptl_sender *out;
    struct udptl_receiver *in;
};

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_ifp(void *user, const uint8_t *ifp, size_t length, int copies)
{
    struct machine *m = user;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets;
    if (udptl_sender_produce(m->out, ifp, length, datagram, sizeof datagram, &octets) != 0)
        return;
    for (int i = 0; i < copies; i++)
        (void)!sendto(m->fd, datagram, octets, 0, (const struct sockaddr *)&m->peer,
                      sizeof m->peer);
}

static void on_event(void *user, const struct fax_engine_event *event)
{
    struct machine *m = user;
    if (event->kind != FAX_EVENT_PAGE_RECEIVED)
        return;
    fax_page_wipe(event->received);
    m->pages++;
    (void)fax_engine_page_durable(m->engine);
}

static void hear(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct machine *m = user;
    uint8_t ifp[UDPTL_DATAGRAM_MAX];
    if (length == 0 || length > sizeof ifp)
        return;
    memcpy(ifp, data, length);
    if (m->garbled && (ifp[0] & DATA) == DATA && ifp[0] != V21_DATA)
        for (size_t i = DATA_OF_FIRST_FIELD; i < length; i++)
            ifp[i] ^= 0x55;
    (void)fax_engine_receive_ifp(m->engine, sequence, ifp, length);
}

static void take_datagram(struct machine *m)
{
    uint8_t datagram[2048];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(m->fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length);
    if (n > 0 && m->peer.sin_family == AF_UNSPEC)
        m->peer = from;
    if (n <= 0 || m->deaf)
        return;
    (void)udptl_receiver_push(m->in, datagram, (size_t)n, now_ms(), hear, m);
}

int main(int argc, char **argv)
{
    const struct udptl_receiver_config receiver = {0};
    struct machine m = {.deaf = argc > 2 && strcmp(argv[2], "deaf") == 0,
                        .garbled = argc > 2 && strcmp(argv[2], "garbled") == 0};
    const struct fax_engine_config config = {
        .local_ident = "4930",
        .max_rate = 14400,
        .ecm = true,
        .callbacks = {.send_ifp = send_ifp, .event = on_event, .user = &m},
    };
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t length = sizeof own;
    if ((argc != 3 && argc != 5) || inet_pton(AF_INET, argv[1], &own.sin_addr) != 1)
        return 2;
    if (argc == 5 && inet_pton(AF_INET, argv[3], &m.peer.sin_addr) != 1)
        return 2;
    if (argc == 5) {
        m.peer.sin_family = AF_INET;
        m.peer.sin_port = htons((uint16_t)strtoul(argv[4], NULL, 10));
    }
    m.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (m.fd < 0 || bind(m.fd, (struct sockaddr *)&own, sizeof own) < 0 ||
        getsockname(m.fd, (struct sockaddr *)&own, &length) < 0)
        fail("socket");
    if (fax_engine_new(&m.engine, &config) != 0 || udptl_sender_new(&m.out, 3, 400) != 0 ||
        udptl_receiver_new(&m.in, &receiver) != 0)
        fail("engine");
    printf("%u\n", ntohs(own.sin_port));
    fflush(stdout);
    struct pollfd wait = {.fd = m.fd, .events = POLLIN};
    if (argc == 3 && poll(&wait, 1, LIFE_MS) <= 0)
        return 1;
    for (uint64_t end = now_ms() + LIFE_MS; now_ms() < end && !fax_engine_finished(m.engine);) {
        if (poll(&wait, 1, TICK_MS) > 0)
            take_datagram(&m);
        udptl_receiver_flush(m.in, now_ms(), hear, &m);
        fax_engine_tick(m.engine, now_ms());
    }
    printf("%u pages\n", m.pages);
    fax_engine_free(m.engine);
    udptl_sender_free(m.out);
    udptl_receiver_free(m.in);
    close(m.fd);
    return 0;
}
