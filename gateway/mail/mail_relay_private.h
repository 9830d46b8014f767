/* mail_relay_private.h: the parts of a relay (private to mail_relay*.c). */
#ifndef GATEWAY_MAIL_MAIL_RELAY_PRIVATE_H
#define GATEWAY_MAIL_MAIL_RELAY_PRIVATE_H

#include <curl/curl.h>

#include "gateway/mail/mail_relay.h"

enum { MAIL_URL_TEXT = 800, MAIL_CONNECT_TEXT = 800 };

struct relay_socket {
    uv_poll_t poll;
    struct mail_relay *relay;
    curl_socket_t descriptor;
};

struct mail_transfer {
    struct mail_transfer *next;
    struct mail_relay *relay;
    CURL *easy;
    struct curl_slist *recipients, *connect_to;
    struct mail_content *content;
    mail_relay_cb *cb;
    void *user;
    char line[300]; /* the last that the relay said */
    char error[CURL_ERROR_SIZE];
};

struct mail_relay {
    uv_loop_t *loop;
    const struct config *config;
    CURLM *multi;
    uv_timer_t timer;
    size_t handles; /* that are not closed */
    struct mail_transfer *transfers;
    char host[256], url[MAIL_URL_TEXT], connect_to[MAIL_CONNECT_TEXT];
    bool closing;
    void (*done)(void *user);
    void *done_user;
};

/* The URL for libcurl, with the name that the certificate must be for and what we call ourselves,
 * and where that name is really reached ("": there). Returns 0 or -EINVAL. */
int mail_relay_url(const struct config *config, const char *host, char url[MAIL_URL_TEXT],
                   char connect_to[MAIL_CONNECT_TEXT]) __attribute__((warn_unused_result));

/* The first line of a file. Returns 0 or a negative errno; -EINVAL: empty, too long. */
int mail_relay_password(const char *path, char *out, size_t capacity)
    __attribute__((warn_unused_result));

#endif
