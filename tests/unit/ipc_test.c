#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/process/ipc.h"

struct fixture {
    uv_loop_t loop;
    int peer;
    struct ipc_channel *channel;
    int messages, gone, gone_status;
    uint64_t next_tag;
    int taken;
    int close_at; /* close the channel in this message's callback */
    bool in_order;
};

static void message_cb(void *user, struct ipc_channel *channel, struct ipc_message *message)
{
    struct fixture *f = user;
    f->messages++;
    f->in_order = f->in_order && message->header.tag == f->next_tag++;
    if (message->descriptor_count > 0) {
        f->taken = message->descriptors[0];
        message->descriptors[0] = -1;
    }
    if (f->messages == f->close_at) {
        ipc_channel_close(channel);
        f->channel = NULL;
    }
}

static void gone_cb(void *user, struct ipc_channel *channel, int status)
{
    struct fixture *f = user;
    assert_ptr_equal(channel, f->channel);
    f->gone++;
    f->gone_status = status;
    ipc_channel_close(channel);
    f->channel = NULL;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int pair[2];
    *state = f;
    f->taken = -1;
    f->in_order = true;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->peer = pair[1];
    const struct ipc_handlers handlers = {message_cb, gone_cb, f};
    assert_int_equal(ipc_channel_open(&f->loop, pair[0], &handlers, &f->channel), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ipc_channel_close(f->channel);
    if (f->peer >= 0)
        close(f->peer);
    if (f->taken >= 0)
        close(f->taken);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void messages_and_descriptors_arrive(void **state)
{
    struct fixture *f = *state;
    int fd = memfd_create("page", MFD_CLOEXEC);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(ipc_send(f->peer, 7, 0, "x", 1, &fd, 1), 0);
    assert_int_equal(ipc_send(f->peer, 8, 1, NULL, 0, NULL, 0), 0);
    close(fd);
    while (f->messages < 2)
        uv_run(&f->loop, UV_RUN_ONCE);
    char text[4] = "";
    assert_true(f->taken >= 0);
    assert_true(fcntl(f->taken, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(pread(f->taken, text, 3, 0), 3);
    assert_string_equal(text, "abc");
    assert_true(f->in_order);
}

/* Fills the socket so that most messages wait, then drains: order, contents and descriptors stay,
 * and the sender's own descriptor may be closed at once. */
static void waiting_messages_keep_order(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 500 };
    uint8_t body[5000];
    for (int i = 0; i < COUNT; i++) {
        memset(body, i & 0xFF, sizeof body);
        int fd = memfd_create("x", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, &i, sizeof i), sizeof i);
        int status =
            ipc_channel_send(f->channel, 9, (uint64_t)i, body, sizeof body, &fd, i % 50 == 0);
        close(fd);
        assert_int_equal(status, 0);
    }
    static struct ipc_message message;
    int received = 0;
    while (received < COUNT) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        int got = ipc_receive(f->peer, &message);
        assert_int_equal(got, 1);
        assert_int_equal(message.header.tag, received);
        assert_non_null(ipc_message_body(&message, 9, sizeof body));
        assert_null(ipc_message_body(&message, 9, sizeof body - 1));
        assert_null(ipc_message_body(&message, 8, sizeof body));
        assert_int_equal(message.body[4999], received & 0xFF);
        assert_int_equal(message.descriptor_count, received % 50 == 0);
        if (message.descriptor_count) {
            int number = -1;
            assert_int_equal(pread(message.descriptors[0], &number, sizeof number, 0), 4);
            assert_int_equal(number, received);
        }
        ipc_message_drop(&message);
        assert_int_equal(message.body[4999], 0);
        received++;
    }
}

static void too_many_waiting_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t body[IPC_BODY_MAX] = {0};
    int status = 0, sent = 0;
    while (status == 0 && sent < 100000) {
        status = ipc_channel_send(f->channel, 9, 0, body, sizeof body, NULL, 0);
        sent++;
    }
    assert_int_equal(status, -ENOBUFS);
    assert_int_equal(ipc_channel_send(f->channel, 1, 0, body, sizeof body + 1, NULL, 0), -EINVAL);
    int many[5] = {0, 0, 0, 0, 0};
    assert_int_equal(ipc_channel_send(f->channel, 1, 0, body, 1, many, 5), -EINVAL);
}

static void protocol_errors_end_the_channel(void **state)
{
    struct fixture *f = *state;
    static const struct ipc_header bad[] = {
        {1, IPC_VERSION + 1, 0, 0}, {1, IPC_VERSION, 5, 0}, {1, IPC_VERSION, UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int before = f->gone;
        assert_int_equal(send(f->peer, &bad[i], sizeof bad[i], 0), sizeof bad[i]);
        while (f->gone == before)
            uv_run(&f->loop, UV_RUN_ONCE);
        assert_int_equal(f->gone_status, -EPROTO);
        assert_int_equal(f->messages, 0);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
        f = *state;
    }
}

static void short_or_oversized_packets_end_the_channel(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send(f->peer, "abc", 3, 0), 3);
    while (!f->gone)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->gone_status, -EPROTO);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
    f = *state;
    static uint8_t big[sizeof(struct ipc_header) + IPC_BODY_MAX + 1];
    struct ipc_header header = {1, IPC_VERSION, IPC_BODY_MAX, 0};
    memcpy(big, &header, sizeof header);
    assert_int_equal(send(f->peer, big, sizeof big, 0), sizeof big);
    while (!f->gone)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->gone_status, -EPROTO);
}

/* What a peer said before it died counts, even when it left messages of ours unread (ECONNRESET).
 */
static void last_words_are_heard(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ipc_channel_send(f->channel, 1, 0, "unread", 6, NULL, 0), 0);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(ipc_send(f->peer, 2, i, "word", 4, NULL, 0), 0);
    close(f->peer);
    f->peer = -1;
    while (!f->gone)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->messages, 3);
    assert_true(f->in_order);
    assert_int_equal(f->gone, 1);
    assert_int_equal(f->gone_status, 0);
}

static void close_inside_callback_stops_at_once(void **state)
{
    struct fixture *f = *state;
    f->close_at = 2;
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(ipc_send(f->peer, 2, i, NULL, 0, NULL, 0), 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->messages, 2);
    assert_int_equal(f->gone, 0);
}

static void dropped_descriptors_do_not_leak(void **state)
{
    struct fixture *f = *state;
    static struct ipc_message message;
    int before = open_descriptors();
    int fds[4] = {0, 1, 2, 0};
    assert_int_equal(ipc_channel_send(f->channel, 1, 0, "a", 1, fds, 4), 0);
    assert_int_equal(ipc_receive(f->peer, &message), 1);
    assert_int_equal(message.descriptor_count, 4);
    assert_int_equal(open_descriptors(), before + 4);
    ipc_message_drop(&message);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_and_descriptors_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_messages_keep_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_waiting_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(protocol_errors_end_the_channel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_or_oversized_packets_end_the_channel, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(last_words_are_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(close_inside_callback_stops_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropped_descriptors_do_not_leak, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
