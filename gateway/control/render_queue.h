/* render_queue.h: one sandboxed child for each document to render or export, so many at a time. */
#ifndef GATEWAY_CONTROL_RENDER_QUEUE_H
#define GATEWAY_CONTROL_RENDER_QUEUE_H

#include <stdint.h>
#include <uv.h>

#include "gateway/config/config.h"
#include "gateway/control/supervisor_client.h"
#include "gateway/process/messages.h"

struct message_facts;
struct msg_verified;
struct render_queue;
struct render_task;

struct render_result {
    int status; /* 0; -EBADMSG: the child says no, see reason; other negative errno: it failed */
    int descriptor; /* memfd with all seals; taken by setting it to -1 here */
    uint64_t octets;
    uint32_t pages;
    char reason[256]; /* one sentence for the user */
    /* Answers about a message (gateway/mail/message_child.h), valid during done. */
    const struct message_facts *facts;
    const struct msg_verified *verified;
};

/* What the submitter wants; all zero but y_dpi: the usual. */
struct render_options {
    uint16_t y_dpi;                          /* 98, 196 or 391 */
    uint16_t x_dpi;                          /* 204 or 408; 0: 204 */
    uint32_t width, height_mm;               /* as in codecs/page_shape.h; 0: A4 */
    const char *paper;                       /* name, static storage; NULL: a4 */
    uint32_t rotate;                         /* enum render_rotate */
    char pages[MSG_PAGES_MAX];               /* checked by page_ranges_parse() */
    char content_type[MSG_CONTENT_TYPE_MAX]; /* as in struct msg_render_document */
};

struct render_handlers {
    void (*progress)(void *user, uint32_t page, uint32_t pages); /* may be NULL */
    void (*done)(void *user, struct render_result *result);      /* once, unless cancelled */
    void *user;
};

/* Makes a queue with the limits of config->render, which must outlive it. Returns 0 or -ENOMEM. */
int render_queue_new(uv_loop_t *loop, struct supervisor_client *supervisor,
                     const struct config *config, struct render_queue **out)
    __attribute__((warn_unused_result));

/* Cancels all tasks; frees when their handles are closed. done may be NULL. NULL is allowed. */
void render_queue_close(struct render_queue *queue, void (*done)(void *user), void *user);

/* Renders the document in a memfd (duplicated; the caller keeps its own) to a page set. Errors:
 * -EBUSY when too many wait, -ENOMEM, or those of dup(); then done does not follow (likewise
 * below). */
int render_document(struct render_queue *queue, int document, uint64_t octets,
                    const struct render_options *options, const struct render_handlers *handlers,
                    struct render_task **task) __attribute__((warn_unused_result));

/* Makes a PDF or TIFF of the sealed pages in a vault file (duplicated). request holds the data key:
 * it is copied and wiped when sent; the caller wipes its own. */
int render_export(struct render_queue *queue, int vault, const struct msg_export *request,
                  const struct render_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));

/* What a child of its own is asked: what is above and gateway/mail/message_child.h are made of
 * this. The inputs (one or two descriptors) are duplicated, the body is copied, and wiped when
 * sent. */
struct render_question {
    uint16_t type;
    const void *body;
    size_t length;
    const int *inputs;
    int input_count;
};

int render_ask(struct render_queue *queue, const struct render_question *question,
               const struct render_handlers *handlers, struct render_task **out)
    __attribute__((warn_unused_result));

/* Ends a task; done does not follow. */
void render_cancel(struct render_task *task);

#endif
