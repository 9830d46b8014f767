#include "gateway/http/http_refusal.h"

#include <errno.h>

static const char *slug_of(int status)
{
    switch (status) {
    case 400:
        return "malformed-request";
    case 403:
        return "denied";
    case 404:
        return "not-found";
    case 405:
        return "method-not-allowed";
    case 408:
        return "request-timeout";
    case 413:
        return "body-too-large";
    case 414:
        return "target-too-long";
    case 417:
        return "expectation-failed";
    case 431:
        return "headers-too-large";
    case 501:
        return "method-unknown";
    case 503:
        return "overloaded";
    case 505:
        return "version-not-supported";
    default:
        return "refused";
    }
}

int http_refuse(struct http_refusal *refusal, int status, const char *detail)
{
    refusal->status = status;
    refusal->slug = slug_of(status);
    refusal->detail = detail;
    return -EBADMSG;
}
