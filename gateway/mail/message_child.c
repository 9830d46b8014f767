#include "gateway/mail/message_child.h"

int message_inspect(struct render_queue *queue, int message, const struct msg_inspect *request,
                    const struct render_handlers *handlers, struct render_task **task)
{
    const struct render_question question = {MSG_INSPECT, request, sizeof *request, &message, 1};
    return render_ask(queue, &question, handlers, task);
}

int message_verify(struct render_queue *queue, int message, const struct msg_verify *request,
                   const struct render_handlers *handlers, struct render_task **task)
{
    const struct render_question question = {MSG_VERIFY, request, sizeof *request, &message, 1};
    return render_ask(queue, &question, handlers, task);
}

int message_render(struct render_queue *queue, int message, int cover_template,
                   const struct msg_render_message *request, const struct render_handlers *handlers,
                   struct render_task **task)
{
    const int inputs[] = {message, cover_template};
    const struct render_question question = {MSG_RENDER_MESSAGE, request, sizeof *request, inputs,
                                             cover_template < 0 ? 1 : 2};
    return render_ask(queue, &question, handlers, task);
}
