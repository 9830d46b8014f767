/* mail_compose_private.h: what the composers share (private to mail_compose*.c). */
#ifndef GATEWAY_MAIL_MAIL_COMPOSE_PRIVATE_H
#define GATEWAY_MAIL_MAIL_COMPOSE_PRIVATE_H

#include "gateway/mail/mail_compose.h"

enum { MAIL_BOUNDARY_TEXT = FAX_ID_TEXT + 2 };

void mail_compose_boundary(const struct mail_origin *origin, char out[MAIL_BOUNDARY_TEXT]);

/* Date, From (with a display name), To, Subject, Message-ID, MIME-Version. */
void mail_compose_head(const struct mail_origin *origin, const char *display, const char *subject,
                       struct mail_text *out);

/* A part, or a whole body, of plain text whose lines end with LF. */
void mail_compose_text_part(const char *body, size_t length, struct mail_text *out);

#endif
