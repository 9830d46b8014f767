/* media_socket: nobody but the signalled peer is heard, and ICMP errors do no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/line/media_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static int bound_socket(struct sockaddr_storage *address)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    memset(address, 0, sizeof *address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static void send_to(int fd, const struct sockaddr_storage *to, const char *text)
{
    assert_int_equal(
        sendto(fd, text, strlen(text), 0, (const struct sockaddr *)to, sizeof(struct sockaddr_in)),
        (ssize_t)strlen(text));
}

/* What others sent before connect() is still in the kernel's queue and must not be taken. */
static void test_only_the_peer_is_heard(void **state)
{
    struct sockaddr_storage ours, peer_address, other_address;
    struct media_socket media;
    uint8_t data[64];
    int fd = bound_socket(&ours), peer = bound_socket(&peer_address);
    int other = bound_socket(&other_address);

    (void)state;
    assert_int_equal(media_socket_open(&media, fd), 0);
    send_to(other, &ours, "early stranger");
    send_to(peer, &ours, "early peer");
    assert_int_equal(media_socket_connect(&media, &peer_address), 0);
    send_to(other, &ours, "late stranger");
    send_to(peer, &ours, "late peer");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 10);
    assert_memory_equal(data, "early peer", 10);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 9);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    assert_int_equal(media.foreign, 1);

    /* The peer moves (re-INVITE): now the other one is heard and the old one is not. */
    assert_int_equal(media_socket_connect(&media, &other_address), 0);
    send_to(peer, &ours, "old");
    send_to(other, &ours, "moved");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 5);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    media_socket_close(&media);
    media_socket_close(&media);
    close(peer);
    close(other);
}

static void test_refused_peer_is_tolerated(void **state)
{
    struct sockaddr_storage ours, peer_address;
    struct media_socket media;
    uint8_t data[16];
    int fd = bound_socket(&ours), peer = bound_socket(&peer_address);

    (void)state;
    close(peer);
    assert_int_equal(media_socket_open(&media, fd), 0);
    media_socket_send(&media, data, 4); /* not connected: nothing is sent */
    assert_int_equal(media.unsent, 0);
    assert_int_equal(media_socket_connect(&media, &peer_address), 0);
    for (int i = 0; i < 4; i++)
        media_socket_send(&media, data, 4);
    assert_true(media.unreachable > 0);
    while (media_socket_receive(&media, data, sizeof data) == -ECONNREFUSED) {
    }
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    media_socket_close(&media);
}

static void test_wrong_descriptors(void **state)
{
    struct sockaddr_storage unix_address = {.ss_family = AF_UNIX}, ours;
    struct media_socket media;
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(media_socket_open(&media, pipes[0]), -ENOTSOCK);
    assert_int_equal(media.fd, -1);
    close(pipes[1]);
    assert_int_equal(media_socket_open(&media, -1), -EBADF);
    assert_int_equal(media_socket_open(&media, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
                     -EPROTOTYPE);
    assert_int_equal(media_socket_open(&media, bound_socket(&ours)), 0);
    assert_int_equal(media_socket_connect(&media, &unix_address), -EAFNOSUPPORT);
    media_socket_close(&media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_peer_is_heard),
        cmocka_unit_test(test_refused_peer_is_tolerated),
        cmocka_unit_test(test_wrong_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
