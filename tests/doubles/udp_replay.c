#include "tests/doubles/udp_replay.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TICK_US = 5000, DATAGRAM_MAX = 2048, READY_MAX = 256, TAIL_MS = 200, TAIL_US = 200000 };

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

uint64_t udp_replay_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void *shared_memory(size_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    require(map != MAP_FAILED, "mmap");
    return map;
}

static int bound_socket(struct sockaddr_storage *address)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    require(fd >= 0, "socket");
    require(bind(fd, (struct sockaddr *)&any, sizeof any) == 0, "bind");
    memset(address, 0, sizeof *address);
    require(getsockname(fd, (struct sockaddr *)address, &length) == 0, "getsockname");
    return fd;
}

static void connect_to(int fd, const struct sockaddr_storage *peer)
{
    require(connect(fd, (const struct sockaddr *)peer, sizeof(struct sockaddr_in)) == 0, "connect");
}

static void pass_on(struct udp_trace *trace, const int *sockets, unsigned side)
{
    uint8_t datagram[DATAGRAM_MAX];
    ssize_t n = recv(sockets[side], datagram, sizeof datagram, MSG_DONTWAIT);
    uint64_t now_ms = udp_replay_now_us() / 1000;

    if (n < 0)
        return;
    (void)!send(sockets[1 - side], datagram, (size_t)n, MSG_DONTWAIT);
    if (trace->count == UDP_TRACE_MAX)
        return;
    if (trace->count == 0)
        trace->started_ms = now_ms;
    trace->entries[trace->count++] = (struct udp_trace_entry){
        (uint32_t)(now_ms - trace->started_ms), (uint16_t)n, (uint8_t)side};
}

void udp_relay_start(struct udp_relay *relay, const struct sockaddr_storage *first,
                     const struct sockaddr_storage *second)
{
    int sockets[2] = {bound_socket(&relay->address[0]), bound_socket(&relay->address[1])};

    connect_to(sockets[0], first);
    connect_to(sockets[1], second);
    relay->trace = shared_memory(sizeof *relay->trace);
    relay->pid = fork();
    require(relay->pid >= 0, "fork");
    if (relay->pid == 0) {
        struct pollfd polled[2] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)!poll(polled, 2, -1);
            for (unsigned side = 0; side < 2; side++)
                if (polled[side].revents != 0)
                    pass_on(relay->trace, sockets, side);
        }
    }
    close(sockets[0]);
    close(sockets[1]);
}

void udp_relay_stop(struct udp_relay *relay)
{
    kill(relay->pid, SIGKILL);
    waitpid(relay->pid, NULL, 0);
}

long udp_replay_memory_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(file);
    return kb;
}

/* One side of the replay, in a process of its own. */
struct player {
    const struct udp_trace *trace;
    unsigned side, calls;
    uint32_t stagger_ms;
    const int *sockets; /* one a call */
    uint32_t *next;     /* entry of the trace that each call comes to next */
    int epoll_fd;
    struct udp_replay_side *result;
};

static void drain(struct player *player)
{
    struct epoll_event ready[READY_MAX];
    uint8_t datagram[DATAGRAM_MAX];
    int n;

    do {
        n = epoll_wait(player->epoll_fd, ready, READY_MAX, 0);
        for (int i = 0; i < n; i++)
            while (recv(ready[i].data.fd, datagram, sizeof datagram, MSG_DONTWAIT) >= 0)
                player->result->received++;
    } while (n == READY_MAX);
}

static void send_due(struct player *player, unsigned call, uint64_t elapsed_ms)
{
    static const uint8_t datagram[DATAGRAM_MAX];
    const struct udp_trace *trace = player->trace;
    uint32_t *next = &player->next[call];

    while (*next < trace->count &&
           trace->entries[*next].at_ms + (uint64_t)call * player->stagger_ms <= elapsed_ms) {
        if (trace->entries[*next].side == player->side &&
            send(player->sockets[call], datagram, trace->entries[*next].length, MSG_DONTWAIT) >= 0)
            player->result->sent++;
        (*next)++;
    }
}

void udp_replay_sleep_until(uint64_t due_us)
{
    struct timespec until = {.tv_sec = (time_t)(due_us / 1000000),
                             .tv_nsec = (long)(due_us % 1000000 * 1000)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static uint64_t thread_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void play(struct player *player, uint64_t start_us, uint64_t length_ms)
{
    uint64_t due_us = start_us, last_us = 0, last_cpu_us = 0;

    while (udp_replay_now_us() < start_us + length_ms * 1000) {
        uint64_t tick_us, cpu_us;

        due_us += TICK_US;
        udp_replay_sleep_until(due_us);
        tick_us = udp_replay_now_us();
        cpu_us = thread_cpu_us();
        if (last_cpu_us != 0 && cpu_us - last_cpu_us > player->result->longest_busy_us)
            player->result->longest_busy_us = cpu_us - last_cpu_us;
        last_cpu_us = cpu_us;
        if (last_us != 0 && tick_us - last_us > TICK_US + player->result->longest_stall_us)
            player->result->longest_stall_us = tick_us - last_us - TICK_US;
        last_us = tick_us;
        drain(player);
        for (unsigned call = 0; call < player->calls; call++)
            send_due(player, call, (tick_us - start_us) / 1000);
    }
}

double udp_replay_cpu_us(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void run_player(struct player *player, uint64_t start_us, uint64_t length_ms)
{
    long memory_kb = udp_replay_memory_kb(getpid());
    double cpu_us;

    player->next = calloc(player->calls, sizeof *player->next);
    player->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    require(player->next != NULL && player->epoll_fd >= 0, "player");
    for (unsigned call = 0; call < player->calls; call++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = player->sockets[call]};

        require(epoll_ctl(player->epoll_fd, EPOLL_CTL_ADD, player->sockets[call], &event) == 0,
                "epoll_ctl");
    }
    cpu_us = udp_replay_cpu_us();
    play(player, start_us, length_ms);
    player->result->cpu_us = udp_replay_cpu_us() - cpu_us;
    player->result->memory_kb = udp_replay_memory_kb(getpid()) - memory_kb;
    _exit(0);
}

void udp_replay_open_pairs(int *sockets[2], unsigned calls)
{
    for (unsigned side = 0; side < 2; side++) {
        sockets[side] = calloc(calls, sizeof *sockets[side]);
        require(sockets[side] != NULL, "calloc");
    }
    for (unsigned call = 0; call < calls; call++) {
        struct sockaddr_storage address[2];

        for (unsigned side = 0; side < 2; side++)
            sockets[side][call] = bound_socket(&address[side]);
        connect_to(sockets[0][call], &address[1]);
        connect_to(sockets[1][call], &address[0]);
    }
}

void udp_replay_close_pairs(int *sockets[2], unsigned calls)
{
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned call = 0; call < calls; call++)
            close(sockets[side][call]);
        free(sockets[side]);
    }
}

void udp_replay_run(struct udp_replay *replay, const struct udp_trace *trace, unsigned calls,
                    uint32_t stagger_ms)
{
    struct udp_replay_side *results = shared_memory(2 * sizeof *results);
    uint32_t call_ms = trace->count == 0 ? 0 : trace->entries[trace->count - 1].at_ms;
    uint64_t start_us = udp_replay_now_us() + TAIL_US;
    uint64_t length_ms = call_ms + (uint64_t)calls * stagger_ms + TAIL_MS;
    int *sockets[2];
    pid_t pids[2];

    udp_replay_open_pairs(sockets, calls);
    for (unsigned side = 0; side < 2; side++) {
        pids[side] = fork();
        require(pids[side] >= 0, "fork");
        if (pids[side] == 0) {
            struct player player = {.trace = trace,
                                    .side = side,
                                    .calls = calls,
                                    .stagger_ms = stagger_ms,
                                    .sockets = sockets[side],
                                    .result = &results[side]};

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            run_player(&player, start_us, length_ms);
        }
    }
    for (unsigned side = 0; side < 2; side++) {
        waitpid(pids[side], NULL, 0);
        replay->sides[side] = results[side];
    }
    udp_replay_close_pairs(sockets, calls);
    replay->call_seconds = (double)call_ms / 1000.0 * calls;
    munmap(results, 2 * sizeof *results);
}
