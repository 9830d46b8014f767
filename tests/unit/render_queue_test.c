/* render_queue_test.c: what a child answered counts, also when its end is heard of first: its
 * channel and the supervisor's are two, and a busy loop meets both at once. The test plays the
 * supervisor and the child. */
#include "gateway/control/render_queue.h"

#include "gateway/process/ipc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KILLED = SIGKILL, DIED = SIGSEGV }; /* as waitpid() says it */

struct scene {
    uv_loop_t loop;
    struct config *config;
    struct supervisor_client *client;
    struct render_queue *queue;
    struct render_task *task;
    int supervisor, child; /* the test's ends; child -1: closed */
    uint64_t tag;
    int document;
    unsigned dones;
    struct render_result result;
};

static void ignore(void *user)
{
    (void)user;
}

static void ignore_keeper(void *user, int descriptor)
{
    (void)user;
    close(descriptor);
}

static void on_done(void *user, struct render_result *result)
{
    struct scene *scene = user;
    scene->dones++;
    scene->result = *result;
}

/* As much as is there now. */
static void turn(struct scene *scene)
{
    for (int i = 0; i < 5; i++)
        uv_run(&scene->loop, UV_RUN_NOWAIT);
}

static void answer(struct scene *scene, uint16_t type, const void *body, size_t length, int fd)
{
    assert_int_equal(ipc_send(scene->supervisor, type, scene->tag, body, length, &fd, fd >= 0), 0);
}

static int open_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    const struct supervisor_handlers handlers = {ignore_keeper, ignore, ignore, NULL};
    const struct render_handlers render = {NULL, on_done, scene};
    const struct render_options options = {.y_dpi = 196};
    static struct config_errors errors;
    struct ipc_message message;
    int pair[2];
    assert_non_null(scene);
    *state = scene;
    assert_int_equal(config_load_text("", 0, "none", &scene->config, &errors), 0);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    scene->supervisor = pair[0];
    assert_int_equal(supervisor_client_new(&scene->loop, pair[1], &handlers, &scene->client), 0);
    assert_int_equal(render_queue_new(&scene->loop, scene->client, scene->config, &scene->queue),
                     0);
    scene->document = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(
        render_document(scene->queue, scene->document, 1, &options, &render, &scene->task), 0);
    turn(scene);
    assert_int_equal(ipc_receive(scene->supervisor, &message), 1);
    assert_int_equal(message.header.type, MSG_SPAWN);
    scene->tag = message.header.tag;
    ipc_message_drop(&message);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    scene->child = pair[0];
    answer(scene, MSG_SPAWNED, &(struct msg_spawned){.pid = 4711}, sizeof(struct msg_spawned),
           pair[1]);
    close(pair[1]);
    turn(scene);
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    if (scene->child >= 0)
        close(scene->child);
    render_queue_close(scene->queue, NULL, NULL);
    supervisor_client_free(scene->client);
    close(scene->supervisor);
    close(scene->document);
    turn(scene);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    config_free(scene->config);
    free(scene);
    return 0;
}

static void say_ended(struct scene *scene, int wait_status)
{
    answer(scene, MSG_EXITED, &(struct msg_exited){4711, wait_status}, sizeof(struct msg_exited),
           -1);
}

static void refuse(struct scene *scene, const char *reason)
{
    struct msg_render_failed failed = {0};
    snprintf(failed.reason, sizeof failed.reason, "%s", reason);
    assert_int_equal(ipc_send(scene->child, MSG_RENDER_FAILED, 0, &failed, sizeof failed, NULL, 0),
                     0);
}

static void leave(struct scene *scene)
{
    close(scene->child);
    scene->child = -1;
}

static void the_answer_counts_whatever_comes_first(void **state)
{
    struct scene *scene = *state;
    say_ended(scene, 0);
    turn(scene);
    refuse(scene, "the PDF is damaged");
    leave(scene);
    turn(scene);
    assert_int_equal(scene->dones, 1);
    assert_int_equal(scene->result.status, -EBADMSG);
    assert_string_equal(scene->result.reason, "the PDF is damaged");
}

static void without_one_its_end_says_why(void **state)
{
    struct scene *scene = *state;
    say_ended(scene, DIED);
    leave(scene);
    turn(scene);
    assert_int_equal(scene->dones, 1);
    assert_int_equal(scene->result.status, -EPIPE);
    assert_string_equal(scene->result.reason, "the renderer died on the document");
}

static void a_limit_is_called_one(void **state)
{
    struct scene *scene = *state;
    say_ended(scene, KILLED);
    turn(scene);
    leave(scene);
    turn(scene);
    assert_int_equal(scene->dones, 1);
    assert_string_equal(scene->result.reason,
                        "the document needs more time or memory than the limits allow");
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(the_answer_counts_whatever_comes_first),
        QUEUE_TEST(without_one_its_end_says_why),
        QUEUE_TEST(a_limit_is_called_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
