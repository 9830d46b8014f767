/* description.h: what both sides of a session have said of their media. Ours keeps its version as
 * long as nothing changes (RFC 3264 §8), so that an answer to a refresh is the one before, octet
 * for octet: there are peers that take any new version for new media. */
#ifndef GATEWAY_SIP_DESCRIPTION_H
#define GATEWAY_SIP_DESCRIPTION_H

#include "gateway/sip/stack.h"

struct sip_session;

struct sip_description {
    char *local; /* our description that is agreed, NULL: none yet */
    size_t local_length;
    uint64_t version;   /* the highest that we have used; 0: none */
    uint64_t remote[2]; /* keyed hash of the peer's agreed one, but for its version */
    bool has_remote;
};

/* Writes a description of ours to a new buffer, the caller's. Its version is that of the agreed one
 * when it says the same, else the next one (the first is the application's). Errors: -ENOMEM, those
 * of sdp_write(). */
int sip_description_write(struct sip_session *s, const struct sdp_session *sdp, char **text,
                          size_t *length) __attribute__((warn_unused_result));

/* Takes text, ours, as agreed with the description in theirs (NULL or without one: the peer's is
 * not known, and none of its descriptions counts as a repetition). */
void sip_description_agree(struct sip_session *s, char *text, size_t length,
                           const osip_message_t *theirs);

/* Whether the description in theirs is the agreed one, and ours can be said again. */
bool sip_description_is_same(const struct sip_session *s, const osip_message_t *theirs);

void sip_description_free(struct sip_description *description);

#endif
