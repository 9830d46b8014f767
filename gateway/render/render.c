#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/roles.h"
#include "gateway/render/export_document.h"
#include "gateway/render/message_head.h"
#include "gateway/render/message_pages.h"
#include "gateway/render/message_signatures.h"
#include "gateway/render/render_job.h"
#include "gateway/render/run_program.h"
#include "gateway/render/sealed_memfd.h"

enum { ALARM_GRACE_MS = 5000, MIB = 1024 * 1024 };

/* The last resort for what runs in this process: SIGALRM kills it, and the kernel its children. */
static void set_alarm(uint32_t wall_limit_ms)
{
    uint64_t ms = (uint64_t)wall_limit_ms + ALARM_GRACE_MS;
    struct itimerval timer = {.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};

    signal(SIGALRM, SIG_DFL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static uint32_t smaller_limit(uint32_t asked, int64_t configured, uint32_t fallback)
{
    uint32_t limit = configured > 0 && configured < UINT32_MAX ? (uint32_t)configured : fallback;

    return asked != 0 && asked < limit ? asked : limit;
}

static int prepare(struct render_job *job, const struct config *config)
{
    struct msg_render_document *request = &job->request;
    struct stat status;

    request->max_pages =
        smaller_limit(request->max_pages, config->render.max_pages, RENDER_PAGES_MAX);
    if (request->height_mm == 0)
        request->height_mm = RENDER_A4_HEIGHT_MM;
    request->wall_limit_ms =
        smaller_limit(request->wall_limit_ms, config->render.wall_limit_ms, 120000);
    job->deadline_ms = program_now_ms() + request->wall_limit_ms;
    job->program_limits = (struct sandbox_limits){
        .memory_bytes = (uint64_t)config->render.memory_mib * MIB,
        .cpu_seconds = (uint64_t)config->render.cpu_limit_s,
        .descriptors = 64,
    };
    job->pages.buffer.limit = RENDER_SET_OCTETS_MAX;
    set_alarm(request->wall_limit_ms);
    if (request->width == 0 || request->width > RASTER_WIDTH_MAX || request->x_dpi == 0 ||
        request->y_dpi == 0 || request->height_mm > RENDER_HEIGHT_MM_MAX)
        return render_fail(job, -EINVAL, 0, "no page can have that width or resolution");
    if (page_ranges_parse(request->pages, &job->wanted) != 0)
        return render_fail(job, -EINVAL, 0, "the page ranges are not valid");
    if (job->submission < 0 || fstat(job->submission, &status) < 0)
        return render_fail(job, FAX_EINVAL, 0, "no document came with the request");
    job->octets = (uint64_t)status.st_size;
    if (job->octets > (uint64_t)config->render.max_document_mib * MIB)
        return render_fail(job, FAX_ELIMIT, 0, "the document is larger than %lld MiB",
                           (long long)config->render.max_document_mib);
    if (job->octets == 0)
        return render_fail(job, FAX_EEMPTY, 0, "the document is empty");
    if (job->octets != request->document_octets)
        return render_fail(job, FAX_ETRUNCATED, 0, "the document is not as long as announced");
    return 0;
}

/* Hands the octets to control as a sealed memfd. */
static int answer(int channel, uint16_t type, uint64_t tag, const char *name, const uint8_t *data,
                  size_t length, uint32_t pages)
{
    struct msg_rendered rendered = {.octets = length, .pages = pages};
    int fd = sealed_memfd_new(name, data, length);
    int error;

    if (fd < 0)
        return fd;
    error = ipc_send(channel, type, tag, &rendered, sizeof rendered, &fd, 1);
    close(fd);
    return error;
}

static int answer_failed(int channel, uint64_t tag, const struct msg_render_failed *failed)
{
    return ipc_send(channel, MSG_RENDER_FAILED, tag, failed, sizeof *failed, NULL, 0);
}

static int render_mapped(struct render_job *job)
{
    uint8_t *map = mmap(NULL, (size_t)job->octets, PROT_READ, MAP_PRIVATE, job->submission, 0);
    int error;

    if (map == MAP_FAILED)
        return render_fail(job, -errno, 0, "the document cannot be mapped: %s", strerror(errno));
    error = render_submission(job, map, (size_t)job->octets);
    munmap(map, (size_t)job->octets);
    return error;
}

/* Hands the page set over, or says why there is none. */
static int answer_pages(struct render_job *job, int error)
{
    uint8_t *data = NULL;
    size_t length = 0;
    uint32_t pages = job->pages.pages;

    if (error == 0 && (error = page_set_finish(&job->pages, &data, &length)) != 0)
        error = render_fail(job, error, 0, "no memory");
    if (error == 0) {
        error = answer(job->channel, MSG_RENDERED, job->tag, "sealfax-pages", data, length, pages);
        if (error != 0)
            error = render_fail(job, error, 0, "the pages cannot be handed over");
    }
    wiped_free(data, length);
    page_set_writer_free(&job->pages);
    return error == 0 ? 0 : answer_failed(job->channel, job->tag, &job->failed);
}

static int render_document(int channel, struct ipc_message *message,
                           const struct role_context *context)
{
    struct render_job job = {
        .channel = channel,
        .tag = message->header.tag,
        .submission = message->descriptors[0],
        .office = context->office,
    };
    int error;

    memcpy(&job.request, message->body, sizeof job.request);
    job.request.pages[sizeof job.request.pages - 1] = '\0';
    job.request.content_type[sizeof job.request.content_type - 1] = '\0';
    error = prepare(&job, context->config);
    if (error == 0)
        error = render_mapped(&job);
    return answer_pages(&job, error);
}

/* --- messages --- */

static void end_texts(struct msg_render_message *request)
{
    request->document.pages[sizeof request->document.pages - 1] = '\0';
    request->refused[sizeof request->refused - 1] = '\0';
    request->from_name[sizeof request->from_name - 1] = '\0';
    request->from_number[sizeof request->from_number - 1] = '\0';
    request->to_name[sizeof request->to_name - 1] = '\0';
    request->to_number[sizeof request->to_number - 1] = '\0';
    request->subject[sizeof request->subject - 1] = '\0';
    request->date[sizeof request->date - 1] = '\0';
}

static int render_message(int channel, struct ipc_message *message,
                          const struct role_context *context)
{
    struct msg_render_message request;
    struct render_job job = {
        .channel = channel,
        .tag = message->header.tag,
        .submission = message->descriptors[0],
        .office = context->office,
    };
    int error;

    memcpy(&request, message->body, sizeof request);
    end_texts(&request);
    job.request = request.document;
    error = prepare(&job, context->config);
    request.document = job.request; /* with our limits */
    if (error == 0)
        error = message_pages_render(&job, message->descriptors[0],
                                     message->descriptor_count > 1 ? message->descriptors[1] : -1,
                                     &request);
    return answer_pages(&job, error);
}

static int answer_refused(int channel, uint64_t tag, int error, const char *reason)
{
    struct msg_render_failed failed = {.error = error};

    snprintf(failed.reason, sizeof failed.reason, "%s", reason);
    return answer_failed(channel, tag, &failed);
}

/* The facts, and behind them the numbers in To and Cc (message_facts.h). */
static int answer_facts(int channel, uint64_t tag, const struct message_facts *facts,
                        char (*numbers)[NUMBER_TEXT])
{
    uint32_t count = facts->addressed_count;
    int list = -1, error;

    if (count > 0 && count <= MESSAGE_ADDRESSED_MAX) {
        list = sealed_memfd_new("sealfax-addressed", (const uint8_t *)numbers,
                                count * sizeof *numbers);
        if (list < 0)
            return list;
    }
    error = ipc_send(channel, MSG_INSPECTED, tag, facts, sizeof *facts, &list, list >= 0);
    if (list >= 0)
        close(list);
    return error;
}

static int inspect(int channel, struct ipc_message *message, const struct config *config)
{
    struct msg_inspect request;
    struct message_facts facts;
    struct message_tree tree;
    char reason[MESSAGE_REASON_MAX];
    char(*numbers)[NUMBER_TEXT];
    int error;

    memcpy(&request, message->body, sizeof request);
    request.trusted_host[sizeof request.trusted_host - 1] = '\0';
    request.domains[sizeof request.domains - 1] = '\0';
    set_alarm(smaller_limit(0, config->render.wall_limit_ms, 120000));
    error = sandbox_alone();
    if (error != 0)
        return error;
    numbers = calloc(MESSAGE_ADDRESSED_MAX, sizeof *numbers);
    if (numbers == NULL)
        return -ENOMEM;
    error = message_tree_open(&tree, message->descriptors[0], reason);
    if (error == 0 && (error = message_head_read(&tree, &request, &facts, numbers)) != 0)
        snprintf(reason, sizeof reason, "the signatures of the message cannot be read");
    message_tree_close(&tree);
    error = error != 0 ? answer_refused(channel, message->header.tag, error, reason)
                       : answer_facts(channel, message->header.tag, &facts, numbers);
    free(numbers);
    return error;
}

static void end_keys(struct msg_verify *request)
{
    if (request->count > MESSAGE_SIGNATURES_MAX)
        request->count = MESSAGE_SIGNATURES_MAX;
    for (uint32_t i = 0; i < request->count; i++) {
        request->keys[i].domain[MESSAGE_DOMAIN_TEXT - 1] = '\0';
        request->keys[i].selector[MESSAGE_SELECTOR_TEXT - 1] = '\0';
        request->keys[i].record[MESSAGE_KEY_RECORD_TEXT - 1] = '\0';
    }
}

static int verify(int channel, struct ipc_message *message, const struct config *config)
{
    static const struct msg_inspect nothing;
    struct msg_verify request;
    struct msg_verified verified;
    struct message_facts facts;
    struct message_tree tree;
    char reason[MESSAGE_REASON_MAX];
    int error;

    memcpy(&request, message->body, sizeof request);
    end_keys(&request);
    set_alarm(smaller_limit(0, config->render.wall_limit_ms, 120000));
    error = sandbox_alone();
    if (error != 0)
        return error;
    error = message_tree_open(&tree, message->descriptors[0], reason);
    if (error == 0) {
        error = message_head_read(&tree, &nothing, &facts, NULL);
        if (error == 0)
            error = message_signatures_verify(&tree, facts.from, &request, &verified);
        snprintf(reason, sizeof reason, "the signatures of the message cannot be checked");
    }
    message_tree_close(&tree);
    if (error != 0)
        return answer_refused(channel, message->header.tag, error, reason);
    return ipc_send(channel, MSG_VERIFIED, message->header.tag, &verified, sizeof verified, NULL,
                    0);
}

static int export_fax(int channel, struct ipc_message *message, const struct config *config)
{
    struct msg_render_failed failed = {0};
    struct msg_export request;
    uint8_t *data = NULL;
    size_t length = 0;
    int error;

    memcpy(&request, message->body, sizeof request);
    OPENSSL_cleanse(message->body, sizeof request);
    set_alarm(smaller_limit(0, config->render.wall_limit_ms, 120000));
    error = sandbox_alone();
    if (error != 0)
        return error;
    error = export_document(message->descriptors[0], &request, &data, &length, &failed);
    OPENSSL_cleanse(request.data_key, sizeof request.data_key);
    if (error == 0) {
        error = answer(channel, MSG_EXPORTED, message->header.tag, "sealfax-export", data, length,
                       request.pages);
        failed.error = error;
        snprintf(failed.reason, sizeof failed.reason, "the document cannot be handed over");
    }
    wiped_free(data, length);
    return error == 0 ? 0 : answer_failed(channel, message->header.tag, &failed);
}

static int serve_one(int fd, struct ipc_message *message, const struct role_context *context)
{
    const struct config *config = context->config;

    if (ipc_message_body(message, MSG_RENDER_DOCUMENT, sizeof(struct msg_render_document)) != NULL)
        return render_document(fd, message, context);
    if (ipc_message_body(message, MSG_EXPORT, sizeof(struct msg_export)) != NULL)
        return export_fax(fd, message, config);
    if (ipc_message_body(message, MSG_RENDER_MESSAGE, sizeof(struct msg_render_message)) != NULL)
        return render_message(fd, message, context);
    if (ipc_message_body(message, MSG_INSPECT, sizeof(struct msg_inspect)) != NULL)
        return inspect(fd, message, config);
    if (ipc_message_body(message, MSG_VERIFY, sizeof(struct msg_verify)) != NULL)
        return verify(fd, message, config);
    log_write(LOG_LEVEL_ERROR, "a message of type %u, which no renderer knows",
              message->header.type);
    return -EPROTO;
}

/* One document a process: whatever a hostile one did to this memory ends with it. */
int render_main(int fd, const struct role_context *context)
{
    struct role_context own = *context;
    struct office_place office = {0};
    struct ipc_message message;
    int found;

    signal(SIGPIPE, SIG_IGN);
    office_place_make(&office, context->paths->office);
    own.office = &office;
    if (role_enter_sandbox(&own, ROLE_SANDBOX_ALL) != 0)
        return ROLE_EXIT_PERMANENT;
    found = ipc_receive(fd, &message);
    if (found == 1) {
        found = serve_one(fd, &message, &own);
        ipc_message_drop(&message);
    }
    if (found != 0)
        log_write(LOG_LEVEL_ERROR, "the document's process ends: %s", strerror(-found));
    close(fd);
    return found == 0 ? ROLE_EXIT_OK : ROLE_EXIT_FAILED;
}
