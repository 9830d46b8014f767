/* message_child.h: the three things that a render child does with a message; control never reads
 * one. Each is a task of the render queue with its limits, one child each. */
#ifndef GATEWAY_MAIL_MESSAGE_CHILD_H
#define GATEWAY_MAIL_MESSAGE_CHILD_H

#include "gateway/control/render_queue.h"
#include "gateway/mail/message_request.h"

/* All as render_document() in ownership and errors. -EBADMSG in the result: the message is refused,
 * the reason is for its sender. */

/* Reads the head: result->facts. */
int message_inspect(struct render_queue *queue, int message, const struct msg_inspect *request,
                    const struct render_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));

/* Checks signatures: result->verified. */
int message_verify(struct render_queue *queue, int message, const struct msg_verify *request,
                   const struct render_handlers *handlers, struct render_task **task)
    __attribute__((warn_unused_result));

/* Renders the message to a page set. cover_template: a memfd, stays the caller's; -1: the built-in
 * one. */
int message_render(struct render_queue *queue, int message, int cover_template,
                   const struct msg_render_message *request, const struct render_handlers *handlers,
                   struct render_task **task) __attribute__((warn_unused_result));

#endif
