#include "tests/doubles/spandsp_sockets.h"

#include "t38/spandsp_session.h"
#include "t38/udptl.h"
#include "tests/doubles/tiff_document.h"
#include "tests/doubles/udp_replay.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_US = 5000,
    READY_MAX = 256,
    REDUNDANCY = 3,
    DATAGRAM_OCTETS = 400,
    CALL_MS_MAX = 90000,
    SAMPLE_TICKS = 50,
    LEAD_US = 500000,
};

struct plain_call {
    t38_terminal_state_t *terminal;
    struct udptl_sender *out;
    struct udptl_receiver *in;
    int socket, file;
    uint64_t begun_ms, clock_ms;
    bool ended, good;
};

struct plain_side {
    bool sender;
    unsigned calls, begun, ended;
    uint32_t stagger_ms;
    int document_fd, epoll_fd;
    struct plain_call *list;
    struct spandsp_sockets_side *result;
};

static void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

static int on_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
{
    struct plain_call *call = user;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    size_t octets = 0;

    (void)core;
    if (length <= 0 || udptl_sender_produce(call->out, ifp, (size_t)length, datagram,
                                            sizeof datagram, &octets) != 0)
        return 0;
    for (int i = 0; i < copies; i++)
        (void)!send(call->socket, datagram, octets, MSG_DONTWAIT);
    return 0;
}

static void on_ifp(void *user, uint16_t sequence, const uint8_t *data, size_t length)
{
    struct plain_call *call = user;

    if (length > 0 && !call->ended)
        t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(call->terminal), data, (int)length,
                               sequence);
}

static void on_end(t30_state_t *t, void *user, int result)
{
    struct plain_call *call = user;

    (void)t;
    call->ended = true;
    call->good = result == T30_ERR_OK;
}

static void begin_call(struct plain_side *side, struct plain_call *call, uint64_t now_ms)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = call};
    char path[40];
    t30_state_t *t;

    call->file = side->sender ? side->document_fd : memfd_create("plain", MFD_CLOEXEC);
    call->terminal = t38_terminal_init(NULL, side->sender, on_packet, call);
    require(call->file >= 0 && call->terminal != NULL &&
                udptl_sender_new(&call->out, REDUNDANCY, DATAGRAM_OCTETS) == 0 &&
                udptl_receiver_new(&call->in, NULL) == 0 &&
                epoll_ctl(side->epoll_fd, EPOLL_CTL_ADD, call->socket, &event) == 0,
            "plain call");
    call->begun_ms = call->clock_ms = now_ms;
    snprintf(path, sizeof path, "/proc/self/fd/%d", call->file);
    t = t38_terminal_get_t30_state(call->terminal);
    t38_set_t38_version(t38_terminal_get_t38_core_state(call->terminal), 0);
    t30_set_ecm_capability(t, TRUE);
    t30_set_supported_compressions(t, T30_SUPPORT_T4_1D_COMPRESSION |
                                          T30_SUPPORT_T4_2D_COMPRESSION |
                                          T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION);
    t30_set_supported_image_sizes(t, T30_SUPPORT_UNLIMITED_LENGTH | T30_SUPPORT_215MM_WIDTH);
    t30_set_phase_e_handler(t, on_end, call);
    if (side->sender) {
        t30_set_tx_file(t, path, -1, -1);
    } else {
        t30_set_rx_file(t, path, -1);
        t30_set_rx_encoding(t, T4_COMPRESSION_ITU_T6);
    }
}

static void end_call(struct plain_side *side, struct plain_call *call, uint64_t now_ms)
{
    side->ended++;
    side->result->good += call->good;
    side->result->call_seconds += (double)(now_ms - call->begun_ms) / 1000.0;
    (void)epoll_ctl(side->epoll_fd, EPOLL_CTL_DEL, call->socket, NULL);
    t38_terminal_free(call->terminal);
    udptl_sender_free(call->out);
    udptl_receiver_free(call->in);
    if (!side->sender)
        close(call->file);
    call->terminal = NULL;
}

static void drain(const struct plain_side *side, uint64_t now_ms)
{
    struct epoll_event ready[READY_MAX];
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    ssize_t octets;
    int n;

    do {
        n = epoll_wait(side->epoll_fd, ready, READY_MAX, 0);
        for (int i = 0; i < n; i++) {
            struct plain_call *call = ready[i].data.ptr;

            while ((octets = recv(call->socket, datagram, sizeof datagram, MSG_DONTWAIT)) >= 0)
                (void)udptl_receiver_push(call->in, datagram, (size_t)octets, now_ms, on_ifp, call);
        }
    } while (n == READY_MAX);
}

static void visit(struct plain_side *side, struct plain_call *call, uint64_t now_ms)
{
    if (call->terminal == NULL)
        return;
    if (now_ms > call->begun_ms + CALL_MS_MAX)
        call->ended = true;
    for (; !call->ended && call->clock_ms + SESSION_STEP_MS <= now_ms;
         call->clock_ms += SESSION_STEP_MS) {
        if (udptl_receiver_due_ms(call->in) <= now_ms)
            udptl_receiver_flush(call->in, now_ms, on_ifp, call);
        t38_terminal_send_timeout(call->terminal, SESSION_STEP_SAMPLES);
    }
    if (call->ended)
        end_call(side, call, now_ms);
}

static void note_stall(struct spandsp_sockets_side *result, uint64_t tick_us, uint64_t last_us)
{
    if (last_us != 0 && tick_us - last_us > TICK_US + result->longest_stall_us)
        result->longest_stall_us = tick_us - last_us - TICK_US;
}

/* Each call is looked at once in four ticks. */
static void play(struct plain_side *side, uint64_t start_us, long memory_kb)
{
    uint64_t due_us = start_us, last_us = 0;

    for (uint64_t tick = 0; side->ended < side->calls; tick++) {
        uint64_t tick_us, now_ms;

        due_us += TICK_US;
        udp_replay_sleep_until(due_us);
        tick_us = udp_replay_now_us();
        now_ms = tick_us / 1000;
        note_stall(side->result, tick_us, last_us);
        last_us = tick_us;
        drain(side, now_ms);
        while (side->begun < side->calls &&
               tick_us >= start_us + (uint64_t)side->begun * side->stagger_ms * 1000) {
            begin_call(side, &side->list[side->begun], now_ms);
            side->begun++;
        }
        for (unsigned i = tick % 4; i < side->begun; i += 4)
            visit(side, &side->list[i], now_ms);
        if (tick % SAMPLE_TICKS == 0) {
            long kb = udp_replay_memory_kb(getpid()) - memory_kb;

            if (kb > side->result->memory_kb)
                side->result->memory_kb = kb;
        }
    }
}

static void run_side(struct plain_side *side, const int *sockets, uint64_t start_us)
{
    long memory_kb = udp_replay_memory_kb(getpid());
    double cpu_us;

    side->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    side->list = calloc(side->calls, sizeof *side->list);
    require(side->epoll_fd >= 0 && side->list != NULL, "side");
    for (unsigned i = 0; i < side->calls; i++)
        side->list[i].socket = sockets[i];
    cpu_us = udp_replay_cpu_us();
    play(side, start_us, memory_kb);
    side->result->cpu_us = udp_replay_cpu_us() - cpu_us;
    _exit(0);
}

void spandsp_sockets_run(struct spandsp_sockets *out, const struct fax_page_view *page,
                         unsigned calls, uint32_t stagger_ms)
{
    struct spandsp_sockets *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int document_fd = tiff_document_make(page, 1), *sockets[2];
    uint64_t start_us = udp_replay_now_us() + LEAD_US;
    pid_t pids[2];

    require(shared != MAP_FAILED, "plain terminals");
    udp_replay_open_pairs(sockets, calls);
    for (unsigned i = 0; i < 2; i++) {
        pids[i] = fork();
        require(pids[i] >= 0, "fork");
        if (pids[i] == 0) {
            struct plain_side side = {.sender = i == 0,
                                      .calls = calls,
                                      .stagger_ms = stagger_ms,
                                      .document_fd = document_fd,
                                      .result = &shared->sides[i]};

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            run_side(&side, sockets[i], start_us);
        }
    }
    for (unsigned i = 0; i < 2; i++)
        waitpid(pids[i], NULL, 0);
    udp_replay_close_pairs(sockets, calls);
    close(document_fd);
    *out = *shared;
    munmap(shared, sizeof *shared);
}
