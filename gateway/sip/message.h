/* message.h: checks of messages from the network, and what is read from them. */
#ifndef GATEWAY_SIP_MESSAGE_H
#define GATEWAY_SIP_MESSAGE_H

#include "gateway/sip/stack.h"

/* Judges the raw octets before they are parsed: length, header lines without NUL and their length.
 * Empty lines in front (§7.5) are the caller's to skip.
 * Returns 0, -EAGAIN for a keep-alive (nothing left), -EBADMSG or -E2BIG. */
int sip_message_scan(const char *bytes, size_t length);

/* Checks that a parsed message has what everything else relies on: one Via with host, From and To
 * with URIs, Call-ID, CSeq that fits the method, lists and identifiers within the limits. Returns
 * 0, or -EBADMSG. */
int sip_message_check(const osip_message_t *message);

/* Value of a parameter, "" when it has none, NULL when it is absent. */
const char *sip_message_param(const osip_list_t *params, const char *name);

/* Never NULL, "" when absent. The pointers live as long as the message. */
const char *sip_message_branch(const osip_message_t *message);
const char *sip_message_from_tag(const osip_message_t *message);
const char *sip_message_to_tag(const osip_message_t *message);

/* Writes "number@host" or "number"; returns false when it is too long. */
bool sip_message_call_id(const osip_message_t *message, char call_id[SIP_CALL_ID_MAX + 1]);

/* The number in CSeq of a message that was found usable. */
uint32_t sip_message_cseq(const osip_message_t *message);

/* Value of the first header of that name that libosip2 has no structure for, or NULL. name in
 * lower case. */
const char *sip_message_header(const osip_message_t *message, const char *name);

/* Seconds of a Retry-After header (§20.33), at most a day; 0 when there is none. */
uint32_t sip_message_retry_after(const osip_message_t *response);

/* Returns the URI of the first Contact when it is a sip or sips URI with a host, or NULL. */
const osip_uri_t *sip_message_contact(const osip_message_t *message);

/* Whether a request was sent to a sips URI. */
bool sip_message_is_sips(const osip_message_t *request);

/* Tells whether a URI is one that requests can be sent to: sip or sips with a host. */
bool sip_message_uri_is_usable(const osip_uri_t *uri);

/* Whether one of the headers of that name (lower case; alternative may be NULL) is, or lists, that
 * token; case does not matter, parameters are ignored. */
bool sip_message_has_token(const osip_message_t *message, const char *name, const char *alternative,
                           const char *token);

/* Whether Allow names the method. */
bool sip_message_allows(const osip_message_t *message, const char *method);

/* The cause of a Reason header of that protocol ("Q.850", "SIP"; RFC 3326); 0: none. */
int sip_message_reason_cause(const osip_message_t *message, const char *protocol);

/* Whether the sender takes session descriptions as answers. */
bool sip_message_accepts_sdp(const osip_message_t *request);

/* Finds the session description in a message, also in a multipart body. Returns 1 when there is
 * one, 0 when there is no body, -EMEDIUMTYPE when the body is something else. */
int sip_message_sdp_text(const osip_message_t *message, const char **text, size_t *length)
    __attribute__((warn_unused_result));

/* Reads the session description of a message, also from a multipart body. Returns 1 when there
 * is one, 0 when there is no body, -EMEDIUMTYPE when the body is something else (415),
 * -EBADMSG or -E2BIG when the description is unusable (488). */
int sip_message_sdp(const osip_message_t *message, struct sdp_session *sdp)
    __attribute__((warn_unused_result));

#endif
