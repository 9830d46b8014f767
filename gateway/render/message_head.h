/* message_head.h: what control needs to know of a message before anything is made of it. */
#ifndef GATEWAY_RENDER_MESSAGE_HEAD_H
#define GATEWAY_RENDER_MESSAGE_HEAD_H

#include "gateway/mail/message_request.h"
#include "gateway/render/message_tree.h"

/* Fills facts, and numbers with the first MESSAGE_ADDRESSED_MAX of facts->addressed_count; NULL:
 * they are not looked at. What makes the message one that must be refused is said in
 * facts->problem, and 0 is returned. Errors: those of message_signatures_list(). */
int message_head_read(const struct message_tree *tree, const struct msg_inspect *request,
                      struct message_facts *facts, char (*numbers)[NUMBER_TEXT])
    __attribute__((warn_unused_result));

#endif
