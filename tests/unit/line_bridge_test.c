/* line_bridge_test.c: bridged calls in a whole line that runs here: audio that passes, legs that
 * fall silent when their media change, keys that change while modems run.
 */
#include "codecs/fax_error.h"
#include "gateway/line/line.h"
#include "gateway/line/line_bridge.h"
#include "gateway/line/line_bridges.h"
#include "gateway/process/ipc.h"
#include "t38/companding.h"
#include "t38/dtls_media.h"
#include "t38/srtp_media.h"
#include "t38/t30_result.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    CALL = 7,
    HEADER = 12, /* of RTP */
    SAMPLES = 160,
    PACKET = HEADER + SAMPLES,
    LIMIT_MS = 10000,
    SILENCE_MS = 400,
    STEP_MS = 20,
};

struct peer {
    int fd;
    struct sockaddr_in here, line; /* its address, and that of the leg */
    struct srtp_media *srtp;
    uint16_t sequence;
    unsigned heard;
};

struct scene {
    struct line line;
    int control; /* control's end of the channel */
    struct peer peer[BRIDGE_LEGS];
    struct msg_bridge_start start;
    bool is_ready, is_done, is_traced;
    unsigned seen[BRIDGE_LEGS], tones;
    struct msg_bridge_done done;
};

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *message)
{
    struct scene *s = user;
    (void)channel;
    assert_true(line_bridges_message(s->line.bridges, message));
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    (void)user;
    (void)channel;
    (void)status;
}

static int bound_socket(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static int open_line(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    const struct ipc_handlers handlers = {.message = on_message, .gone = on_gone, .user = s};
    int pair[2];
    assert_non_null(s);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s->control = pair[0];
    assert_int_equal(uv_loop_init(&s->line.loop), 0);
    assert_int_equal(uv_timer_init(&s->line.loop, &s->line.tick), 0);
    assert_int_equal(uv_idle_init(&s->line.loop, &s->line.rest), 0);
    s->line.tick.data = s->line.rest.data = &s->line;
    assert_int_equal(line_bridges_new(&s->line, &s->line.bridges), 0);
    assert_int_equal(dtls_identity_new(&s->line.identity), 0);
    s->line.call_limit = 10;
    s->line.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    call_wheel_init(&s->line.wheel, line_now_ms());
    assert_int_equal(ipc_channel_open(&s->line.loop, pair[1], &handlers, &s->line.channel), 0);
    s->start = (struct msg_bridge_start){
        .call = CALL, .ecm = 1, .max_rate = 14400, .no_media_timeout_ms = LIMIT_MS};
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        s->peer[i].fd = bound_socket(&s->peer[i].here);
    *state = s;
    return 0;
}

static int close_line(void **state)
{
    struct scene *s = *state;
    line_bridges_end(s->line.bridges);
    close(s->control);
    ipc_channel_close(s->line.channel);
    uv_close((uv_handle_t *)&s->line.tick, NULL);
    uv_close((uv_handle_t *)&s->line.rest, NULL);
    uv_run(&s->line.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->line.loop), 0);
    close(s->line.epoll_fd);
    dtls_identity_free(s->line.identity);
    line_bridges_free(s->line.bridges);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        srtp_media_free(s->peer[i].srtp);
        close(s->peer[i].fd);
    }
    free(s);
    return 0;
}

static void take_message(struct scene *s, struct ipc_message *m)
{
    const struct msg_bridge_progress *progress =
        ipc_message_body(m, MSG_BRIDGE_PROGRESS, sizeof *progress);
    const struct msg_call_ready *ready = ipc_message_body(m, MSG_CALL_READY, sizeof *ready);
    const struct msg_bridge_done *done = ipc_message_body(m, MSG_BRIDGE_DONE, sizeof *done);
    const struct msg_call_trace *trace = ipc_message_body(m, MSG_CALL_TRACE, sizeof *trace);
    if (ready) {
        assert_int_equal(ready->status, 0);
        s->is_ready = true;
    } else if (progress) {
        s->seen[progress->leg] += progress->kind == BRIDGE_MEDIA_SEEN;
        s->tones += progress->kind == BRIDGE_FAX_TONES;
    } else if (trace) {
        assert_false(s->is_done);
        assert_true(trace->trace.count > 0);
        s->is_traced = true;
    } else if (done) {
        s->done = *done;
        s->is_done = true;
    }
}

/* Lets the line run so long, or until the flag is set. */
static bool run(struct scene *s, const bool *until, uint64_t ms)
{
    uint64_t end_ms = line_now_ms() + ms;
    do {
        struct pollfd channel = {.fd = s->control, .events = POLLIN};
        struct ipc_message message;
        uv_run(&s->line.loop, UV_RUN_NOWAIT);
        if (poll(&channel, 1, 1) > 0 && ipc_receive(s->control, &message) == 1) {
            take_message(s, &message);
            ipc_message_drop(&message);
        }
    } while (line_now_ms() < end_ms && !(until && *until));
    return until && *until;
}

static struct line_bridge *bridge_of(const struct scene *s)
{
    return s->line.bridges->first;
}

static void send_to_line(struct scene *s, uint16_t type, const void *body, size_t length,
                         const int *fds, int count)
{
    assert_int_equal(ipc_send(s->control, type, 0, body, length, fds, count), 0);
}

static void begin(struct scene *s)
{
    int legs[BRIDGE_LEGS];
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        legs[i] = bound_socket(&s->peer[i].line);
    send_to_line(s, MSG_BRIDGE_START, &s->start, sizeof s->start, legs, BRIDGE_LEGS);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        close(legs[i]);
    assert_true(run(s, &s->is_ready, LIMIT_MS));
}

static void say_media(struct scene *s, unsigned leg, struct msg_call_media media)
{
    struct msg_bridge_media m = {.call = CALL, .leg = leg, .media = media};
    memcpy(&m.media.peer, &s->peer[leg].here, sizeof s->peer[leg].here);
    m.media.max_datagram = 400;
    m.media.max_rate = 14400;
    m.media.redundancy = 3;
    send_to_line(s, MSG_BRIDGE_MEDIA, &m, sizeof m, NULL, 0);
    (void)run(s, NULL, STEP_MS);
}

static const struct msg_call_media t38, audio = {.transport = MEDIA_TRANSPORT_RTP,
                                                 .audio_payload = 8,
                                                 .audio_flags = MEDIA_AUDIO_A_LAW};

static struct msg_call_media srtp(int ours, int theirs)
{
    struct msg_call_media media = audio;
    media.transport = MEDIA_TRANSPORT_SRTP;
    media.srtp_suite = SRTP_MEDIA_AEAD_AES_256_GCM;
    memset(media.srtp_send_key, ours, sizeof media.srtp_send_key);
    memset(media.srtp_receive_key, theirs, sizeof media.srtp_receive_key);
    return media;
}

/* The peer's side of it. */
static void use_keys(struct peer *p, int ours, int theirs)
{
    uint8_t ours_key[SRTP_MEDIA_KEY_MAX], theirs_key[SRTP_MEDIA_KEY_MAX];
    memset(ours_key, ours, sizeof ours_key);
    memset(theirs_key, theirs, sizeof theirs_key);
    srtp_media_free(p->srtp);
    assert_int_equal(srtp_media_new(SRTP_MEDIA_AEAD_AES_256_GCM, theirs_key, ours_key, &p->srtp),
                     0);
}

static void say_packet(struct peer *p, const uint8_t octets[SAMPLES])
{
    uint16_t n = p->sequence++;
    uint32_t at = n * (uint32_t)SAMPLES;
    uint8_t packet[PACKET + SRTP_MEDIA_OVERHEAD_MAX] = {0x80,
                                                        8,
                                                        (uint8_t)(n >> 8),
                                                        (uint8_t)n,
                                                        (uint8_t)(at >> 24),
                                                        (uint8_t)(at >> 16),
                                                        (uint8_t)(at >> 8),
                                                        (uint8_t)at,
                                                        1,
                                                        2,
                                                        3,
                                                        4};
    size_t length = PACKET;
    memcpy(packet + HEADER, octets, SAMPLES);
    if (p->srtp)
        assert_int_equal(srtp_media_protect(p->srtp, packet, &length, sizeof packet), 0);
    (void)!sendto(p->fd, packet, length, 0, (struct sockaddr *)&p->line, sizeof p->line);
}

static void say_level(struct peer *p, uint8_t octet)
{
    uint8_t octets[SAMPLES];
    memset(octets, octet, sizeof octets);
    say_packet(p, octets);
}

/* What has come for a peer that is G.711 of one octet throughout: of all, and of that octet. */
static void listen_to(struct peer *p, uint8_t octet, unsigned *all, unsigned *same)
{
    uint8_t packet[PACKET + SRTP_MEDIA_OVERHEAD_MAX + 1];
    ssize_t n;
    while ((n = recv(p->fd, packet, sizeof packet, 0)) > 0) {
        size_t length = (size_t)n, i = HEADER;
        if (p->srtp && srtp_media_unprotect(p->srtp, packet, &length) != FAX_OK)
            continue;
        if (length != PACKET || packet[1] % 128 != 8)
            continue;
        while (i < PACKET && packet[i] == octet)
            i++;
        (*all)++;
        *same += i == PACKET;
    }
}

/* Both legs say a level of their own for some time. */
static void talk(struct scene *s, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        say_level(&s->peer[0], 0x55);
        say_level(&s->peer[1], 0x2A);
        (void)run(s, &s->is_done, STEP_MS);
    }
}

/* Each leg gets what the other one says, in packets of its own stream. */
static void audio_passes_both_ways(void **state)
{
    struct scene *s = *state;
    unsigned all[BRIDGE_LEGS] = {0}, same[BRIDGE_LEGS] = {0};
    begin(s);
    say_media(s, 0, audio);
    assert_int_equal(bridge_of(s)->mode, LINE_BRIDGE_HELD);
    say_media(s, 1, audio);
    assert_int_equal(bridge_of(s)->mode, LINE_BRIDGE_AUDIO);
    talk(s, 60);
    listen_to(&s->peer[0], 0x2A, &all[0], &same[0]);
    listen_to(&s->peer[1], 0x55, &all[1], &same[1]);
    for (unsigned i = 0; i < BRIDGE_LEGS; i++) {
        assert_true(all[i] > 10);
        assert_true(same[i] > 5);
        assert_int_equal(s->seen[i], 1);
    }
    assert_false(s->is_done);
}

/* As long as no machine answers it may be a talk, and ends; a fax goes on though nothing of its
 * phases can be seen. */
static void audio_of_a_fax_may_last(void **state)
{
    struct scene *s = *state;
    uint8_t octets[SAMPLES];
    s->start.phase_limit_ms[CALL_PHASE_BEFORE] = 60000;
    for (int i = 1; i < CALL_PHASES; i++)
        s->start.phase_limit_ms[i] = 100;
    begin(s);
    say_media(s, 0, audio);
    say_media(s, 1, audio);
    for (unsigned k = 0, n = 0; k < 1500 && s->tones == 0; k++) { /* CED */
        for (int i = 0; i < SAMPLES; i++, n++) {
            int16_t sample = (int16_t)(8000 * sin(n * 2 * M_PI * 2100 / 8000));
            companding_encode(COMPANDING_ALAW, &sample, 1, &octets[i]);
        }
        say_packet(&s->peer[1], octets);
        say_level(&s->peer[0], 0x55);
        assert_false(run(s, &s->is_done, STEP_MS));
    }
    assert_int_equal(s->tones, 1);
    assert_true(bridge_of(s)->blind);
    assert_true(call_watch_due_ms(&bridge_of(s)->watch) == UINT64_MAX);
    talk(s, 10);
    assert_false(s->is_done);
    /* With T.38 on a leg they are seen again. */
    say_media(s, 0, t38);
    assert_int_equal(bridge_of(s)->mode, LINE_BRIDGE_CONVERT);
    assert_false(bridge_of(s)->blind);
    assert_true(call_watch_due_ms(&bridge_of(s)->watch) < line_now_ms() + 61000);
}

static void audio_that_is_no_fax_ends(void **state)
{
    struct scene *s = *state;
    s->start.phase_limit_ms[CALL_PHASE_BEFORE] = 300;
    begin(s);
    say_media(s, 0, audio);
    say_media(s, 1, audio);
    for (unsigned i = 0; i < LIMIT_MS / STEP_MS && !s->is_done; i++)
        talk(s, 1);
    assert_true(s->is_done && s->is_traced);
    assert_int_equal(s->done.result, T30_RESULT_PHASE_TIME);
}

/* Whoever finds an expensive way through the converter takes no time from the others. */
static void a_call_that_computes_too_much_ends(void **state)
{
    struct scene *s = *state;
    struct timespec t;
    s->start.cpu_limit_us_per_s = 1000;
    begin(s);
    say_media(s, 0, t38);
    say_media(s, 1, audio);
    assert_non_null(bridge_of(s));
    assert_int_equal(bridge_of(s)->mode, LINE_BRIDGE_CONVERT);
    talk(s, 10);
    assert_false(s->is_done);
    assert_non_null(bridge_of(s));
    /* As if the loop's thread had computed for five seconds. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    s->line.stall.last_cpu_us =
        (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u - 5000000u;
    s->line.clock_ns = uv_hrtime() - UINT64_C(5000000000);
    line_bridge_visit(bridge_of(s), line_now_ms());
    assert_true(run(s, &s->is_done, LIMIT_MS));
    assert_true(s->is_traced);
    assert_int_equal(s->done.result, T30_RESULT_CPU_TIME);
}

/* However much a leg is sent, a tick takes so much of it that others get their turn. */
static void a_flood_gets_its_share_of_a_tick(void **state)
{
    struct scene *s = *state;
    enum { DATAGRAMS = 200, TICKS = 10 };
    begin(s);
    say_media(s, 0, t38);
    say_media(s, 1, audio);
    struct line_bridge *b = bridge_of(s);
    assert_non_null(b);
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        const uint8_t datagram[] = {(uint8_t)(i >> 8), (uint8_t)i, 1, 3 << 1, 0, 0};
        (void)!sendto(s->peer[0].fd, datagram, sizeof datagram, 0,
                      (struct sockaddr *)&s->peer[0].line, sizeof s->peer[0].line);
    }
    uint32_t taken = 0;
    for (uint64_t tick = 1000; tick < 1000 + TICKS; tick++) {
        uint32_t before = b->leg[0].media_seen;
        line_bridge_hear(&b->leg[0], tick, line_now_ms());
        assert_in_range(b->leg[0].media_seen - before, 1, BRIDGE_LEG_DATAGRAMS_PER_TICK);
        taken += b->leg[0].media_seen - before;
    }
    assert_in_range(taken, TICKS, 1 + (TICKS - 1) * BRIDGE_LEG_DATAGRAMS_PER_TICK);
    assert_false(s->is_done);
}

/* It was heard over audio, agreed on T.38, and sent none: that the other leg speaks is no reason to
 * wait. */
static void a_leg_whose_t38_never_comes_ends(void **state)
{
    struct scene *s = *state;
    s->start.no_media_timeout_ms = SILENCE_MS;
    begin(s);
    say_media(s, 0, audio);
    say_media(s, 1, audio);
    talk(s, 10);
    assert_true(bridge_of(s)->leg[0].media_seen > 0);
    say_media(s, 0, t38);
    for (unsigned i = 0; i < LIMIT_MS / STEP_MS && !s->is_done; i++)
        talk(s, 1); /* the audio of leg 0 goes on, too */
    assert_true(s->is_done);
    assert_int_equal(s->done.result, T30_RESULT_MEDIA_SILENT);
    assert_int_equal(s->done.legs[0].media_seen, 0);
    assert_true(s->done.legs[1].media_seen > 0);
    assert_int_equal(s->seen[0], 1);
}

/* Either side's key changes in mid call (RFC 4568 §7.1.4): what is said with the new one is heard,
 * and the modems between the legs go on. */
static void keys_change_and_modems_go_on(void **state)
{
    struct scene *s = *state;
    static const int keys[][2] = {{1, 2}, {1, 3}, {4, 3}, {5, 6}}; /* ours, the peer's */
    struct peer *p = &s->peer[1];
    begin(s);
    say_media(s, 0, t38);
    const struct fax_bridge *converter = NULL;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        unsigned all = 0, same = 0;
        say_media(s, 1, srtp(keys[k][0], keys[k][1]));
        assert_non_null(bridge_of(s));
        assert_int_equal(bridge_of(s)->mode, LINE_BRIDGE_CONVERT);
        if (converter)
            assert_ptr_equal(bridge_of(s)->converter, converter);
        converter = bridge_of(s)->converter;
        while (recv(p->fd, &(uint8_t){0}, 1, 0) >= 0)
            ; /* what was said with the keys before */
        use_keys(p, keys[k][0], keys[k][1]);
        uint32_t before = bridge_of(s)->leg[1].media_seen;
        for (int i = 0; i < 12; i++) {
            say_level(p, 0xD5);
            assert_false(run(s, &s->is_done, STEP_MS));
        }
        listen_to(p, 0xD5, &all, &same);
        assert_true(bridge_of(s)->leg[1].media_seen >= before + 8);
        assert_true(all > 3); /* opened with the new key */
    }
    /* What the old key protects is not heard any more. */
    use_keys(p, 5, 2);
    uint32_t before = bridge_of(s)->leg[1].media_seen;
    say_level(p, 0xD5);
    assert_false(run(s, &s->is_done, 3 * STEP_MS));
    assert_int_equal(bridge_of(s)->leg[1].media_seen, before);
    /* Protection itself does not change. */
    say_media(s, 1, audio);
    assert_true(run(s, &s->is_done, LIMIT_MS));
    assert_int_equal(s->done.result, T30_RESULT_ABORTED);
}

int main(void)
{
#define BRIDGE_TEST(name) cmocka_unit_test_setup_teardown(name, open_line, close_line)
    const struct CMUnitTest tests[] = {
        BRIDGE_TEST(audio_passes_both_ways),
        BRIDGE_TEST(audio_of_a_fax_may_last),
        BRIDGE_TEST(audio_that_is_no_fax_ends),
        BRIDGE_TEST(a_leg_whose_t38_never_comes_ends),
        BRIDGE_TEST(keys_change_and_modems_go_on),
        BRIDGE_TEST(a_call_that_computes_too_much_ends),
        BRIDGE_TEST(a_flood_gets_its_share_of_a_tick),
    };
    struct srtp_media *keeper;
    if (srtp_media_load(&keeper) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    srtp_media_free(keeper);
    return failed;
}
