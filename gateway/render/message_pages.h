/* message_pages.h: a message as the pages of a fax. Private to gateway/render/. */
#ifndef GATEWAY_RENDER_MESSAGE_PAGES_H
#define GATEWAY_RENDER_MESSAGE_PAGES_H

#include "gateway/mail/message_request.h"
#include "gateway/render/render_job.h"

/* Renders the message in a memfd: its cover page when wanted, its text, its attachments in their
 * order. cover_template: a memfd with SVG, -1: the built-in one; both stay the caller's. Returns as
 * render_submission(). */
int message_pages_render(struct render_job *job, int message, int cover_template,
                         const struct msg_render_message *request)
    __attribute__((warn_unused_result));

#endif
