/* bridge_capture_test.c: copies of pages that pass through a bridged call, sealed on the pool; what
 * cannot be kept is counted with its reason, and nothing ever waits for it.
 */
#include "gateway/line/bridge_capture.h"
#include "gateway/line/line.h"
#include "gateway/line/line_bridge.h"
#include "gateway/line/line_bridges.h"
#include "gateway/process/ipc.h"
#include "tests/doubles/t6_page.h"
#include "tests/doubles/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALL = 7, LIMIT_MS = 20000 };

struct scene {
    struct line line;
    struct line_bridge bridge; /* what a capture needs of one */
    struct vault_file_id id;
    int control, vault; /* control's end of the channel; what the capture closes */
    uint32_t given;     /* pages that passed */
};

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *message)
{
    (void)user;
    (void)channel;
    (void)message;
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    (void)user;
    (void)channel;
    (void)status;
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    const struct ipc_handlers handlers = {.message = on_message, .gone = on_gone, .user = s};
    int pair[2];
    assert_non_null(s);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    s->control = pair[0];
    assert_int_equal(uv_loop_init(&s->line.loop), 0);
    assert_int_equal(ipc_channel_open(&s->line.loop, pair[1], &handlers, &s->line.channel), 0);
    vault_file_id_new(&s->id);
    s->vault = vault_file_new(NULL, &s->id);
    assert_int_equal(line_bridges_new(&s->line, &s->line.bridges), 0);
    s->bridge.line = &s->line;
    s->bridge.start = (struct msg_bridge_start){.call = CALL, .capture = 1};
    memcpy(s->bridge.start.fax_id, s->id.fax_id, sizeof s->id.fax_id);
    memcpy(s->bridge.start.data_key, s->id.data_key, sizeof s->id.data_key);
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    bridge_capture_close(&s->bridge.capture);
    close(s->control);
    ipc_channel_close(s->line.channel);
    uv_run(&s->line.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->line.loop), 0);
    line_bridges_free(s->line.bridges);
    free(s);
    return 0;
}

static struct bridge_capture *begin(struct scene *s)
{
    assert_int_equal(
        bridge_capture_open(&s->bridge.capture, &s->bridge, s->vault, &s->bridge.start), 0);
    return &s->bridge.capture;
}

/* A page that passes: whole, or ending inside a row. */
static void pass(struct scene *s, bool whole)
{
    struct fax_page page = t6_page_make(T6_PAGE_SHORT, 1);
    if (!whole)
        page.view.length /= 2;
    bridge_capture_page(&s->bridge.capture, ++s->given, &page);
    fax_page_wipe(&page); /* nothing, when it was taken */
}

/* Until the pool is through; returns how many sealed pages control was told of. */
static unsigned settle(struct scene *s)
{
    unsigned told = 0;
    struct ipc_message message;
    for (unsigned ms = 0; ms < LIMIT_MS && bridge_capture_busy(&s->bridge.capture); ms++) {
        uv_run(&s->line.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_false(bridge_capture_busy(&s->bridge.capture));
    while (recv(s->control, &message, 0, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) > 0 &&
           ipc_receive(s->control, &message) == 1) {
        const struct msg_page_sealed *sealed =
            ipc_message_body(&message, MSG_PAGE_SEALED, sizeof *sealed);
        assert_non_null(sealed);
        assert_int_equal(sealed->call, CALL);
        assert_int_equal(sealed->page, ++told); /* without a gap, whatever was missed */
        ipc_message_drop(&message);
    }
    return told;
}

static void expect(const struct scene *s, uint32_t kept, uint32_t missed, const char *text)
{
    assert_int_equal(s->bridge.capture.pages, kept);
    assert_int_equal(s->bridge.capture.missed, missed);
    assert_int_equal(s->given, kept + missed);
    if (!strstr(s->bridge.capture.text, text))
        fail_msg("'%s' says nothing of '%s'", s->bridge.capture.text, text);
}

static void what_decodes_is_kept(void **state)
{
    struct scene *s = *state;
    begin(s);
    for (int i = 0; i < 5; i++) {
        pass(s, i != 2);
        if (i == 3)
            assert_int_equal(settle(s), 3);
    }
    assert_true(bridge_capture_busy(&s->bridge.capture));
    while (bridge_capture_busy(&s->bridge.capture))
        uv_run(&s->line.loop, UV_RUN_ONCE);
    expect(s, 4, 1, "page 3");
}

static void what_cannot_be_written_is_missed(void **state)
{
    struct scene *s = *state;
    struct bridge_capture *capture = begin(s);
    int file = capture->vault.fd;
    pass(s, true);
    assert_int_equal(settle(s), 1);
    capture->vault.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    pass(s, true);
    assert_int_equal(settle(s), 0);
    close(capture->vault.fd);
    capture->vault.fd = file;
    expect(s, 1, 1, "page 2: page 2 cannot be stored");
}

/* Who passes pages does not wait, so no more than a few can. */
static void no_more_wait_than_are_sealed_soon(void **state)
{
    struct scene *s = *state;
    begin(s);
    for (unsigned i = 0; i < 1 + BRIDGE_CAPTURE_WAITING + 3; i++)
        pass(s, true);
    assert_int_equal(s->bridge.capture.missed, 3);
    assert_int_equal(settle(s), 1 + BRIDGE_CAPTURE_WAITING);
    expect(s, 1 + BRIDGE_CAPTURE_WAITING, 3, "faster than they can be sealed");
}

static void no_more_is_kept_than_may_be(void **state)
{
    struct scene *s = *state;
    s->bridge.start.max_pages = 2;
    begin(s);
    for (int i = 0; i < 4; i++)
        pass(s, true);
    assert_int_equal(settle(s), 2);
    expect(s, 2, 2, "more pages than may be kept");
}

static void without_a_file_all_is_missed(void **state)
{
    struct scene *s = *state;
    assert_int_equal(bridge_capture_open(&s->bridge.capture, &s->bridge, -1, &s->bridge.start),
                     -EBADF);
    pass(s, true);
    expect(s, 0, 1, "the vault file cannot be used");
    s->bridge.start.fax_id[0] ^= 1; /* the file of another fax */
    assert_true(bridge_capture_open(&s->bridge.capture, &s->bridge, s->vault, &s->bridge.start) <
                0);
    pass(s, true);
    assert_int_equal(settle(s), 0);
    expect(s, 0, 2, "the vault file cannot be used");
}

int main(void)
{
#define CAPTURE_TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        CAPTURE_TEST(what_decodes_is_kept),
        CAPTURE_TEST(what_cannot_be_written_is_missed),
        CAPTURE_TEST(no_more_wait_than_are_sealed_soon),
        CAPTURE_TEST(no_more_is_kept_than_may_be),
        CAPTURE_TEST(without_a_file_all_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
