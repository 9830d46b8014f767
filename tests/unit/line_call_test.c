/* line_call_test.c: calls in a whole line that runs here, from control's first message to the last
 * one of the call: such as take too long or cost too much, and one that gets other keys.
 */
#include "gateway/line/line.h"
#include "gateway/line/line_call.h"
#include "gateway/process/ipc.h"
#include "t38/srtp_media.h"
#include "t38/t30_result.h"
#include "t38/udptl.h"
#include "tests/doubles/allocation_count.h"
#include "tests/doubles/line_here.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIMIT_MS = 10000, FREE_S = 2 };

static int open_line(void **state)
{
    *state = line_here_open(false);
    return 0;
}

static int close_line(void **state)
{
    line_here_close(*state);
    return 0;
}

/* A receiver whose peer says nothing yet. */
static struct line_call *begin(struct line_here *scene)
{
    driver_call_start(&scene->call);
    assert_true(line_driver_run(&scene->driver, line_here_is_ready, scene, LIMIT_MS));
    assert_int_equal(scene->call.ready.status, 0);
    driver_call_media(&scene->call, &scene->call.address);
    assert_true(line_driver_run(&scene->driver, line_here_is_running, scene, LIMIT_MS));
    return line_here_call(scene);
}

/* As if the loop's thread had computed that long since the tick. */
static void pretend_computing(struct line_here *scene, unsigned seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    scene->line.stall.last_cpu_us =
        (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u - (uint64_t)seconds * 1000000u;
}

/* By the clock that long has passed since the last charge. */
static void charge(struct line_here *scene, struct line_call *call, unsigned seconds)
{
    scene->line.clock_ns = uv_hrtime() - seconds * UINT64_C(1000000000);
    line_watch_charge(call);
}

static void what_computes_too_much_ends(void **state)
{
    struct line_here *scene = *state;
    scene->call.start.cpu_limit_us_per_s = 1000;
    struct line_call *call = begin(scene);
    pretend_computing(scene, FREE_S + 1);
    charge(scene, call, FREE_S + 1);
    line_call_settle(call);
    assert_true(line_driver_run(&scene->driver, line_here_is_done, scene, LIMIT_MS));
    assert_int_equal(scene->call.done.result, T30_RESULT_CPU_TIME);
    assert_non_null(strstr(scene->call.done.text, "before training"));
    assert_int_equal(scene->call.dones, 1);
}

/* The machine was busy with something else. */
static void time_of_others_is_not_charged(void **state)
{
    struct line_here *scene = *state;
    scene->call.start.cpu_limit_us_per_s = 1000;
    struct line_call *call = begin(scene);
    pretend_computing(scene, 0);
    charge(scene, call, 100);
    line_call_settle(call);
    assert_false(line_driver_run(&scene->driver, line_here_is_done, scene, 200));
    assert_true(call->watch.cpu_us < 1000000);
    line_call_abort(call, T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&scene->driver, line_here_is_done, scene, LIMIT_MS));
}

static void without_a_limit_it_may(void **state)
{
    struct line_here *scene = *state;
    struct line_call *call = begin(scene);
    pretend_computing(scene, 100);
    charge(scene, call, 100);
    line_call_settle(call);
    assert_false(line_driver_run(&scene->driver, line_here_is_done, scene, 200));
    assert_true(call->watch.cpu_us > 90000000);
    line_call_abort(call, T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&scene->driver, line_here_is_done, scene, LIMIT_MS));
    assert_int_equal(scene->call.done.result, T30_RESULT_ABORTED);
}

static void a_phase_that_takes_too_long_ends(void **state)
{
    struct line_here *scene = *state;
    scene->call.start.phase_limit_ms[CALL_PHASE_BEFORE] = 150;
    (void)begin(scene);
    assert_true(line_driver_run(&scene->driver, line_here_is_done, scene, LIMIT_MS));
    assert_int_equal(scene->call.done.result, T30_RESULT_PHASE_TIME);
    assert_non_null(strstr(scene->call.done.text, "before training"));
}

/* A packet of silence in G.711 from the peer. */
static void hear_one(struct line_here *scene, struct srtp_media *peer, int fd, uint16_t sequence)
{
    uint8_t packet[12 + 160 + SRTP_MEDIA_OVERHEAD_MAX] = {
        0x80, 8, (uint8_t)(sequence >> 8), (uint8_t)sequence, 0, 0, 0, 0, 1, 2, 3, 4};
    size_t length = 12 + 160;
    memset(packet + 12, 0xD5, 160);
    assert_int_equal(srtp_media_protect(peer, packet, &length, sizeof packet), 0);
    assert_int_equal(sendto(fd, packet, length, 0, (struct sockaddr *)&scene->call.address,
                            sizeof(struct sockaddr_in)),
                     length);
    assert_false(line_driver_run(&scene->driver, line_here_is_done, scene, 30));
}

static void say_keys(struct line_here *scene, const struct sockaddr_in *peer, int ours, int theirs)
{
    struct msg_call_media media = {.call = scene->call.number,
                                   .max_datagram = 400,
                                   .max_rate = 14400,
                                   .transport = MEDIA_TRANSPORT_SRTP,
                                   .srtp_suite = SRTP_MEDIA_AEAD_AES_256_GCM,
                                   .audio_payload = 8,
                                   .audio_flags = MEDIA_AUDIO_A_LAW};
    memcpy(&media.peer, peer, sizeof *peer);
    memset(media.srtp_send_key, ours, sizeof media.srtp_send_key);
    memset(media.srtp_receive_key, theirs, sizeof media.srtp_receive_key);
    assert_int_equal(
        ipc_send(scene->process.channel, MSG_CALL_MEDIA, 0, &media, sizeof media, NULL, 0), 0);
    assert_true(line_driver_run(&scene->driver, line_here_is_running, scene, LIMIT_MS));
    assert_false(line_driver_run(&scene->driver, line_here_is_done, scene, 50));
}

/* A new description of the peer's brings another key, at the same address: what comes is heard. */
static void another_key_is_taken(void **state)
{
    struct line_here *scene = *state;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    uint8_t ours[SRTP_MEDIA_KEY_MAX], theirs[SRTP_MEDIA_KEY_MAX];
    struct srtp_media *peer;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &length), 0);
    memset(ours, 1, sizeof ours);
    driver_call_start(&scene->call);
    assert_true(line_driver_run(&scene->driver, line_here_is_ready, scene, LIMIT_MS));
    for (int i = 0; i < 2; i++) {
        memset(theirs, 2 + i, sizeof theirs);
        say_keys(scene, &here, 1, 2 + i);
        const struct line_call *call = line_here_call(scene);
        uint32_t before = call->media_seen;
        assert_int_equal(srtp_media_new(SRTP_MEDIA_AEAD_AES_256_GCM, theirs, ours, &peer), 0);
        for (int k = 0; k < 4; k++) /* the first ones of a source are on probation */
            hear_one(scene, peer, fd, (uint16_t)(100 + 4 * i + k));
        assert_true(call->media_seen >= before + 3);
        srtp_media_free(peer);
    }
    line_call_abort(line_here_call(scene), T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&scene->driver, line_here_is_done, scene, LIMIT_MS));
    assert_string_equal(scene->call.done.protection, "SRTP AEAD_AES_256_GCM");
    close(fd);
}

static void say_kind(struct line_here *scene, const struct sockaddr_in *peer, uint8_t transport)
{
    struct msg_call_media media = {.call = scene->call.number,
                                   .max_datagram = 400,
                                   .max_rate = 14400,
                                   .transport = transport,
                                   .audio_payload = 8,
                                   .audio_flags = MEDIA_AUDIO_A_LAW};
    memcpy(&media.peer, peer, sizeof *peer);
    assert_int_equal(
        ipc_send(scene->process.channel, MSG_CALL_MEDIA, 0, &media, sizeof media, NULL, 0), 0);
    assert_true(line_driver_run(&scene->driver, line_here_is_running, scene, LIMIT_MS));
}

static void hear_audio(struct line_here *scene, int fd, uint16_t first, unsigned packets)
{
    for (unsigned i = 0; i < packets && !scene->call.is_done; i++) {
        uint16_t n = (uint16_t)(first + i);
        uint8_t packet[12 + 160] = {
            0x80, 8, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, (uint8_t)n, 1, 2, 3, 4};
        memset(packet + 12, 0xD5, 160);
        (void)!sendto(fd, packet, sizeof packet, 0, (struct sockaddr *)&scene->call.address,
                      sizeof(struct sockaddr_in));
        (void)line_driver_run(&scene->driver, line_here_is_done, scene, 20);
    }
}

/* The peer was heard over audio, agreed on T.38 and goes on with audio: not a packet of T.38 has
 * come from it, and the silence of these media counts. */
static void audio_is_no_t38(void **state)
{
    struct line_here *scene = *state;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &length), 0);
    scene->call.start.no_media_timeout_ms = 500;
    driver_call_start(&scene->call);
    assert_true(line_driver_run(&scene->driver, line_here_is_ready, scene, LIMIT_MS));
    say_kind(scene, &here, MEDIA_TRANSPORT_RTP);
    hear_audio(scene, fd, 1, 30);
    struct line_call *call = line_here_call(scene);
    assert_true(call->media_seen > 10);
    say_kind(scene, &here, MEDIA_TRANSPORT_UDPTL);
    assert_int_equal(call->media_seen, 0);
    hear_audio(scene, fd, 100, LIMIT_MS / 20);
    assert_true(scene->call.is_done);
    assert_int_equal(scene->call.done.result, T30_RESULT_MEDIA_SILENT);
    assert_int_equal(scene->call.done.media_seen, 0);
    assert_true(scene->call.done.packets_rtp > 5);
    close(fd);
}

static void hear_t38(struct line_here *scene, int fd, struct udptl_sender *udptl, unsigned packets)
{
    for (unsigned i = 0; i < packets; i++) {
        static const uint8_t ifps[][6] = {{3 << 1}, {0xC0, 1, 0x80, 0, 0, 0xFF}}; /* flags, V.21 */
        uint8_t datagram[UDPTL_DATAGRAM_MAX];
        size_t length;
        assert_int_equal(udptl_sender_produce(udptl, ifps[i > 0], i > 0 ? 6 : 1, datagram,
                                              sizeof datagram, &length),
                         0);
        (void)!sendto(fd, datagram, length, 0, (struct sockaddr *)&scene->call.address,
                      sizeof(struct sockaddr_in));
        (void)line_driver_run(&scene->driver, line_here_is_done, scene, 20);
    }
}

/* From the socket to the modem and back, in a line that runs. */
static void packets_need_no_memory(void **state)
{
    struct line_here *scene = *state;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    struct udptl_sender *udptl;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &length), 0);
    assert_int_equal(udptl_sender_new(&udptl, 3, 400), 0);
    driver_call_start(&scene->call);
    assert_true(line_driver_run(&scene->driver, line_here_is_ready, scene, LIMIT_MS));
    for (int kind = 0; kind < 2; kind++) {
        say_kind(scene, &here, kind == 0 ? MEDIA_TRANSPORT_RTP : MEDIA_TRANSPORT_UDPTL);
        for (int warm = 1; warm >= 0; warm--) {
            bool counts = !warm && allocation_count_begin();
            if (kind == 0)
                hear_audio(scene, fd, warm ? 1 : 31, 30);
            else
                hear_t38(scene, fd, udptl, 30);
            struct allocation_count count = allocation_count_end();
            if (counts)
                assert_int_equal(count.small + count.large, 0);
        }
        assert_true(line_here_call(scene)->media_seen > 40);
    }
    udptl_sender_free(udptl);
    close(fd);
}

int main(void)
{
#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, open_line, close_line)
    const struct CMUnitTest tests[] = {
        LINE_TEST(what_computes_too_much_ends), LINE_TEST(time_of_others_is_not_charged),
        LINE_TEST(without_a_limit_it_may),      LINE_TEST(a_phase_that_takes_too_long_ends),
        LINE_TEST(another_key_is_taken),        LINE_TEST(audio_is_no_t38),
        LINE_TEST(packets_need_no_memory),
    };
    struct srtp_media *keeper;
    if (srtp_media_load(&keeper) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    srtp_media_free(keeper);
    return failed;
}
