#include "gateway/control/render_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/mail/message_request.h"
#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "policy/utf8.h"

enum { WAITING_MAX = 64, WALL_SLACK_MS = 5000, INPUTS_MAX = 2 };

struct render_task {
    struct render_task *next;
    struct render_queue *queue;
    struct render_handlers handlers;
    uv_timer_t timer;
    struct ipc_channel *channel;
    uint64_t tag;
    int inputs[INPUTS_MAX];
    int input_count;
    uint16_t type; /* of the question */
    uint8_t *body;
    size_t length;
    bool running, child, finished;
    const char *ended; /* why the child is no more, unless it has answered; NULL: not known */
};

struct render_queue {
    uv_loop_t *loop;
    struct supervisor_client *supervisor;
    const struct config *config;
    struct render_task *tasks; /* oldest first */
    unsigned running, waiting;
    bool closing;
    void (*done)(void *user);
    void *done_user;
};

static void start_tasks(struct render_queue *q);

static void drop_inputs(struct render_task *task)
{
    for (int i = 0; i < task->input_count; i++)
        if (task->inputs[i] >= 0)
            close(task->inputs[i]);
    task->input_count = 0;
}

static void drop_body(struct render_task *task)
{
    OPENSSL_clear_free(task->body, task->length);
    task->body = NULL;
}

int render_queue_new(uv_loop_t *loop, struct supervisor_client *supervisor,
                     const struct config *config, struct render_queue **out)
{
    struct render_queue *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->loop = loop;
    q->supervisor = supervisor;
    q->config = config;
    *out = q;
    return 0;
}

static void on_task_closed(uv_handle_t *handle)
{
    struct render_task *task = handle->data;
    struct render_queue *q = task->queue;
    struct render_task **at = &q->tasks;
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    free(task);
    if (q->closing && !q->tasks) {
        if (q->done)
            q->done(q->done_user);
        free(q);
    }
}

/* Ends the task's place and the child; one that has answered ends by itself. The memory goes with
 * the timer handle. */
static void retire(struct render_task *task, bool answered)
{
    struct render_queue *q = task->queue;
    if (task->finished)
        return;
    task->finished = true;
    if (task->running)
        q->running--;
    else
        q->waiting--;
    ipc_channel_close(task->channel);
    task->channel = NULL;
    if (task->child && answered)
        supervisor_forget(q->supervisor, task->tag);
    else if (task->child)
        supervisor_abandon(q->supervisor, task->tag);
    drop_inputs(task);
    drop_body(task);
    uv_close((uv_handle_t *)&task->timer, on_task_closed);
    if (!q->closing)
        start_tasks(q);
}

void render_cancel(struct render_task *task)
{
    retire(task, false);
}

void render_queue_close(struct render_queue *q, void (*done)(void *user), void *user)
{
    if (!q)
        return;
    q->closing = true;
    q->done = done;
    q->done_user = user;
    bool any = q->tasks != NULL;
    for (struct render_task *task = q->tasks; task; task = task->next)
        retire(task, false);
    if (!any) {
        if (done)
            done(user);
        free(q);
    }
}

static void finish(struct render_task *task, struct render_result *result)
{
    struct render_handlers h = task->handlers;
    retire(task, result->status == 0 || result->status == -EBADMSG);
    h.done(h.user, result);
    if (result->descriptor >= 0)
        close(result->descriptor);
}

static void fail(struct render_task *task, int status, const char *reason)
{
    struct render_result result = {.status = status, .descriptor = -1};
    snprintf(result.reason, sizeof result.reason, "%s", reason);
    finish(task, &result);
}

/* The child is not trusted: what it passes must be a memory file of that size that can change no
 * more. */
static bool is_sealed(int fd, uint64_t octets)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & needed) == needed && fstat(fd, &st) == 0 && st.st_size >= 0 &&
           (uint64_t)st.st_size == octets;
}

static void on_rendered(struct render_task *task, struct ipc_message *m)
{
    const struct msg_rendered *body = (const struct msg_rendered *)m->body;
    if (m->descriptor_count != 1 || !is_sealed(m->descriptors[0], body->octets)) {
        fail(task, -EPROTO, "the renderer's answer cannot be trusted");
        return;
    }
    struct render_result result = {
        .descriptor = m->descriptors[0], .octets = body->octets, .pages = body->pages};
    m->descriptors[0] = -1;
    finish(task, &result);
}

/* The type that answers a question, or 0. */
static uint16_t answer_to(uint16_t question)
{
    switch (question) {
    case MSG_RENDER_DOCUMENT:
    case MSG_RENDER_MESSAGE:
        return MSG_RENDERED;
    case MSG_EXPORT:
        return MSG_EXPORTED;
    case MSG_INSPECT:
        return MSG_INSPECTED;
    case MSG_VERIFY:
        return MSG_VERIFIED;
    default:
        return 0;
    }
}

/* The numbers that a message is addressed to, if there are any and not too many. */
static bool take_addressed(struct ipc_message *m, struct render_result *result)
{
    uint32_t count = result->facts->addressed_count;
    bool come = count > 0 && count <= MESSAGE_ADDRESSED_MAX;
    if (m->descriptor_count != come ||
        (come && !is_sealed(m->descriptors[0], (uint64_t)count * NUMBER_TEXT)))
        return false;
    if (come) {
        result->descriptor = m->descriptors[0];
        m->descriptors[0] = -1;
    }
    return true;
}

/* What has no pages. */
static bool on_told(struct render_task *task, struct ipc_message *m)
{
    struct render_result result = {.descriptor = -1};

    if (task->type == MSG_INSPECT)
        result.facts = ipc_message_body(m, MSG_INSPECTED, sizeof *result.facts);
    else if (task->type == MSG_VERIFY)
        result.verified = ipc_message_body(m, MSG_VERIFIED, sizeof *result.verified);
    if ((!result.facts && !result.verified) || (result.facts && !take_addressed(m, &result)))
        return false;
    finish(task, &result);
    return true;
}

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *m)
{
    struct render_task *task = user;
    (void)channel;
    const struct msg_render_progress *progress =
        ipc_message_body(m, MSG_RENDER_PROGRESS, sizeof *progress);
    const struct msg_render_failed *failed = ipc_message_body(m, MSG_RENDER_FAILED, sizeof *failed);
    if (progress) {
        if (task->handlers.progress)
            task->handlers.progress(task->handlers.user, progress->page, progress->pages);
    } else if (failed) {
        char reason[sizeof failed->reason];
        snprintf(reason, sizeof reason, "%.*s", (int)sizeof reason - 1, failed->reason);
        (void)utf8_clean(reason);
        fail(task, -EBADMSG, reason);
    } else if (on_told(task, m)) {
        return;
    } else if (ipc_message_body(m, answer_to(task->type), sizeof(struct msg_rendered))) {
        on_rendered(task, m);
    } else {
        fail(task, -EPROTO, "the renderer's answer cannot be understood");
    }
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    struct render_task *task = user;
    (void)channel;
    (void)status;
    fail(task, -EPIPE,
         task->ended ? task->ended
                     : "the renderer stopped before the document was done: it may need more time "
                       "or memory than the limits allow");
}

static void on_wall_limit(uv_timer_t *timer)
{
    fail(timer->data, -ETIMEDOUT, "the document takes too long to render");
}

static void on_started(void *user, int status, int pid, int descriptor)
{
    struct render_task *task = user;
    (void)pid;
    if (status < 0) {
        task->child = false;
        fail(task, status, "a renderer cannot be started");
        return;
    }
    const struct ipc_handlers handlers = {on_message, on_gone, task};
    int rc = ipc_channel_open(task->queue->loop, descriptor, &handlers, &task->channel);
    if (rc == 0)
        rc = ipc_channel_send(task->channel, task->type, 0, task->body, task->length, task->inputs,
                              task->input_count);
    drop_body(task);
    if (rc < 0)
        fail(task, rc, "a renderer cannot be used");
}

/* Its answer may still wait in its own channel, which ends behind it. */
static void on_ended(void *user, int wait_status)
{
    struct render_task *task = user;
    task->child = false;
    bool killed = WIFSIGNALED(wait_status) &&
                  (WTERMSIG(wait_status) == SIGXCPU || WTERMSIG(wait_status) == SIGKILL);
    task->ended = killed ? "the document needs more time or memory than the limits allow"
                         : "the renderer died on the document";
    if (!task->channel)
        fail(task, -EPIPE, task->ended);
}

static void start_task(struct render_task *task)
{
    struct render_queue *q = task->queue;
    const struct child_handlers handlers = {on_started, on_ended, task};
    q->waiting--;
    q->running++;
    task->running = true;
    uint64_t wall = (uint64_t)q->config->render.wall_limit_ms + WALL_SLACK_MS;
    uv_timer_start(&task->timer, on_wall_limit, wall, 0);
    int rc = supervisor_spawn(q->supervisor, CHILD_RENDER, &handlers, &task->tag);
    task->child = rc == 0;
    if (rc < 0) /* not at once: the caller does not know its task yet */
        uv_timer_start(&task->timer, on_wall_limit, 0, 0);
}

static void start_tasks(struct render_queue *q)
{
    for (struct render_task *task = q->tasks; task; task = task->next)
        if (!task->finished && !task->running &&
            q->running < (unsigned)q->config->render.max_children)
            start_task(task);
}

/* A copy of all, or nothing and a negative errno. */
static int take_inputs(struct render_task *task, const int *inputs, int count)
{
    while (task->input_count < count) {
        int copy = fcntl(inputs[task->input_count], F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            int error = errno;
            drop_inputs(task);
            return -error;
        }
        task->inputs[task->input_count++] = copy;
    }
    return 0;
}

int render_ask(struct render_queue *q, const struct render_question *question,
               const struct render_handlers *handlers, struct render_task **out)
{
    if (q->waiting >= WAITING_MAX || q->closing)
        return -EBUSY;
    if (question->input_count < 1 || question->input_count > INPUTS_MAX ||
        question->length > IPC_BODY_MAX || !answer_to(question->type))
        return -EINVAL;
    struct render_task *task = calloc(1, sizeof *task);
    if (task)
        task->body = OPENSSL_memdup(question->body, question->length);
    int rc =
        task && task->body ? take_inputs(task, question->inputs, question->input_count) : -ENOMEM;
    if (rc < 0) {
        if (task)
            OPENSSL_clear_free(task->body, question->length);
        free(task);
        return rc;
    }
    task->type = question->type;
    task->length = question->length;
    task->queue = q;
    task->handlers = *handlers;
    uv_timer_init(q->loop, &task->timer);
    task->timer.data = task;
    struct render_task **end = &q->tasks;
    while (*end)
        end = &(*end)->next;
    *end = task;
    q->waiting++;
    *out = task;
    start_tasks(q);
    return 0;
}

int render_document(struct render_queue *q, int document, uint64_t octets,
                    const struct render_options *options, const struct render_handlers *handlers,
                    struct render_task **task)
{
    struct msg_render_document request = {
        .max_pages = (uint32_t)q->config->render.max_pages,
        .x_dpi = options->x_dpi ? options->x_dpi : 204,
        .y_dpi = options->y_dpi,
        .width = options->width ? options->width : 1728,
        .height_mm = options->height_mm,
        .wall_limit_ms = (uint32_t)q->config->render.wall_limit_ms,
        .document_octets = octets,
        .rotate = options->rotate,
    };
    memcpy(request.pages, options->pages, sizeof options->pages);
    memcpy(request.content_type, options->content_type, sizeof options->content_type);
    const struct render_question question = {MSG_RENDER_DOCUMENT, &request, sizeof request,
                                             &document, 1};
    return render_ask(q, &question, handlers, task);
}

int render_export(struct render_queue *q, int vault, const struct msg_export *request,
                  const struct render_handlers *handlers, struct render_task **task)
{
    const struct render_question question = {MSG_EXPORT, request, sizeof *request, &vault, 1};
    return render_ask(q, &question, handlers, task);
}
