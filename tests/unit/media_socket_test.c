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

/* A port that was chosen: the kernel takes back those that it gave when a socket is disconnected.
 */
static int socket_on_chosen_port(struct sockaddr_storage *address)
{
    for (int i = 0; i < 1000; i++) {
        int fd = bound_socket(address);

        close(fd);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (bind(fd, (const struct sockaddr *)address, sizeof(struct sockaddr_in)) == 0)
            return fd;
        close(fd); /* somebody else has it now */
    }
    fail();
    return -1;
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

/* A peer behind an address translation: the first port of its host is it, and stays it. */
static void test_the_first_port_of_the_host_is_latched(void **state)
{
    struct sockaddr_storage ours, signalled, peer_address, other_address, stranger_address;
    struct sockaddr_in *stranger_in = (struct sockaddr_in *)&stranger_address;
    struct media_socket media;
    uint8_t data[64];
    int fd = bound_socket(&ours), guess = bound_socket(&signalled);
    int peer = bound_socket(&peer_address), other = bound_socket(&other_address);
    int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    *stranger_in =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    assert_int_equal(bind(stranger, (struct sockaddr *)stranger_in, sizeof *stranger_in), 0);
    assert_int_equal(media_socket_open(&media, fd), 0);
    assert_int_equal(media_socket_latch(&media, &signalled), 0);

    /* Until it is known, what we send goes where it was signalled; another host is nobody. */
    media_socket_send(&media, (const uint8_t *)"hello", 5);
    assert_int_equal(recv(guess, data, sizeof data, 0), 5);
    send_to(stranger, &ours, "stranger");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    assert_int_equal(media.foreign, 1);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);

    /* Both sent before we looked: the first one counts, never another one. */
    send_to(peer, &ours, "first");
    send_to(other, &ours, "thief");
    send_to(stranger, &ours, "thief");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 5);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    send_to(other, &ours, "later thief"); /* the kernel drops it */
    send_to(peer, &ours, "again");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 5);
    media_socket_send(&media, (const uint8_t *)"to you", 6);
    assert_int_equal(recv(peer, data, sizeof data, 0), 6);

    /* Signalled again at the same place: as it is. */
    assert_int_equal(media_socket_latch(&media, &signalled), 0);
    send_to(other, &ours, "thief");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    media_socket_close(&media);
    close(guess);
    close(peer);
    close(other);
    close(stranger);
}

/* It moves by signalling: what still comes from its old port is late, unless nothing else comes. */
static void test_a_move_is_latched_anew(void **state)
{
    struct sockaddr_storage ours, signalled, peer_address, moved_address;
    struct media_socket media;
    uint8_t data[64];
    int fd = socket_on_chosen_port(&ours), guess = bound_socket(&signalled);
    int peer = bound_socket(&peer_address), moved = bound_socket(&moved_address);

    (void)state;
    assert_int_equal(media_socket_open(&media, fd), 0);
    assert_int_equal(media_socket_latch(&media, &signalled), 0);
    send_to(peer, &ours, "audio");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 5);
    assert_int_equal(media_socket_latch(&media, &moved_address), 0);
    send_to(peer, &ours, "late audio");
    send_to(moved, &ours, "T.38");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    assert_int_equal(media.foreign, 0);
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 4);

    assert_int_equal(media_socket_latch(&media, &signalled), 0);
    for (unsigned i = 0; i < MEDIA_SOCKET_LATE_MAX; i++) {
        send_to(moved, &ours, "it never moved");
        assert_int_equal(media_socket_receive(&media, data, sizeof data), -ENOMSG);
    }
    send_to(moved, &ours, "it");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), 2);

    /* Without an address translation: connected, and no latching any more. */
    assert_int_equal(media_socket_connect(&media, &peer_address), 0);
    send_to(moved, &ours, "old");
    assert_int_equal(media_socket_receive(&media, data, sizeof data), -EAGAIN);
    media_socket_close(&media);
    close(guess);
    close(peer);
    close(moved);
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
    assert_int_equal(media_socket_latch(&media, &unix_address), -EAFNOSUPPORT);
    media_socket_close(&media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_peer_is_heard),
        cmocka_unit_test(test_refused_peer_is_tolerated),
        cmocka_unit_test(test_the_first_port_of_the_host_is_latched),
        cmocka_unit_test(test_a_move_is_latched_anew),
        cmocka_unit_test(test_wrong_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
