/* http_refusal.h: why a request is refused before any handler sees it. */
#ifndef GATEWAY_HTTP_HTTP_REFUSAL_H
#define GATEWAY_HTTP_HTTP_REFUSAL_H

struct http_refusal {
    int status;         /* 400 … 505 */
    const char *slug;   /* of the problem document; static */
    const char *detail; /* one sentence; static */
};

/* Fills the refusal and returns -EBADMSG, so that a reader can end with it. */
int http_refuse(struct http_refusal *refusal, int status, const char *detail);

#endif
