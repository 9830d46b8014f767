/* redirect.h: where a 3xx sends us, and from where a call was diverted to us. */
#ifndef GATEWAY_SIP_REDIRECT_H
#define GATEWAY_SIP_REDIRECT_H

#include "gateway/sip/stack.h"

enum { SIP_DIVERTED_TEXT = 64 };

struct sip_redirect {
    struct sip_redirection list; /* its texts are owned here */
};

/* Reads the Contacts of a 3xx, by falling q (RFC 3261 §20.10); empty for other responses. */
void sip_redirect_read(struct sip_redirect *redirect, const osip_message_t *response);
void sip_redirect_free(struct sip_redirect *redirect);

/* The first number called, from Diversion (RFC 5806 §3: the last entry is the oldest) or
 * History-Info (RFC 7044: the first entry, when others follow). Both texts are "" when there is
 * none. */
void sip_redirect_diverted(const osip_message_t *invite, char user[SIP_DIVERTED_TEXT],
                           char reason[SIP_DIVERTED_TEXT]);

#endif
