#include "gateway/mail/mail_relay.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/mail/mail_relay_private.h"
#include "policy/secret.h"
#include "policy/utf8.h"

enum { KEPT_SECONDS = 20 };

/* --- what libcurl asks of the loop --- */

static void take_results(struct mail_relay *relay);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct relay_socket *s = poll->data;
    struct mail_relay *relay = s->relay;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(relay->multi, s->descriptor, flags, &running);
    take_results(relay);
}

static void on_timer(uv_timer_t *timer)
{
    struct mail_relay *relay = timer->data;
    int running;
    curl_multi_socket_action(relay->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_results(relay);
}

static void finish_closing(struct mail_relay *relay)
{
    if (!relay->closing || relay->handles > 0)
        return;
    void (*done)(void *user) = relay->done;
    void *user = relay->done_user;
    secret_wipe(relay->host, sizeof relay->host);
    free(relay);
    if (done)
        done(user);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct relay_socket *s = handle->data;
    struct mail_relay *relay = s->relay;
    free(s);
    relay->handles--;
    finish_closing(relay);
}

static struct relay_socket *socket_new(struct mail_relay *relay, curl_socket_t descriptor)
{
    struct relay_socket *s = calloc(1, sizeof *s);
    if (!s || uv_poll_init_socket(relay->loop, &s->poll, descriptor) < 0) {
        free(s);
        return NULL;
    }
    s->relay = relay;
    s->descriptor = descriptor;
    s->poll.data = s;
    relay->handles++;
    curl_multi_assign(relay->multi, descriptor, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t descriptor, int what, void *user, void *socket_user)
{
    struct mail_relay *relay = user;
    struct relay_socket *s = socket_user;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(relay->multi, descriptor, NULL);
        if (s)
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        return 0;
    }
    if (!s)
        s = socket_new(relay, descriptor);
    if (!s)
        return -1;
    int events = what == CURL_POLL_INOUT ? UV_READABLE | UV_WRITABLE
                 : what == CURL_POLL_IN  ? UV_READABLE
                                         : UV_WRITABLE;
    return uv_poll_start(&s->poll, events, on_poll) < 0 ? -1 : 0;
}

static int on_timeout(CURLM *multi, long wait_ms, void *user)
{
    struct mail_relay *relay = user;
    (void)multi;
    if (wait_ms < 0)
        uv_timer_stop(&relay->timer);
    else
        uv_timer_start(&relay->timer, on_timer, (uint64_t)wait_ms, 0);
    return 0;
}

/* --- one mail --- */

static void transfer_free(struct mail_transfer *t)
{
    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->recipients);
    curl_slist_free_all(t->connect_to);
    free(t);
}

static size_t on_read(char *buffer, size_t size, size_t count, void *user)
{
    struct mail_transfer *t = user;
    int64_t length = mail_content_read(t->content, buffer, size * count);
    return length < 0 ? CURL_READFUNC_ABORT : (size_t)length;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct mail_transfer *t = user;
    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_CANTSEEK;
    t->content->at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* Lines of the relay: the last one stays, but for its farewell (RFC 5321 §4.2.3). */
static size_t on_line(char *buffer, size_t size, size_t count, void *user)
{
    struct mail_transfer *t = user;
    size_t length = size * count;
    size_t shown = length;
    if (length >= 3 && strncmp(buffer, "221", 3) == 0)
        return length;
    while (shown > 0 && (buffer[shown - 1] == '\r' || buffer[shown - 1] == '\n'))
        shown--;
    snprintf(t->line, sizeof t->line, "%.*s", (int)(shown < 1000 ? shown : 1000), buffer);
    return length;
}

static enum mail_outcome outcome_of(CURLcode rc, long code, bool content_read)
{
    if (rc == CURLE_OK)
        return MAIL_SENT;
    /* Of the mail: after MAIL, RCPT or DATA, or after the content. */
    if (rc != CURLE_SEND_ERROR && !(rc == CURLE_WEIRD_SERVER_REPLY && content_read))
        return MAIL_UNREACHABLE;
    /* The relay goes away, wants TLS or a login: nothing that another mail would not meet too. */
    if (code < 400 || code == 421 || code == 454 || code == 530 || code == 535)
        return MAIL_UNREACHABLE;
    return code >= 500 ? MAIL_REFUSED : MAIL_POSTPONED;
}

static void fill_result(const struct mail_transfer *t, CURLcode rc, struct mail_result *result)
{
    long code = 0;
    memset(result, 0, sizeof *result);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
    result->outcome = outcome_of(rc, code, t->content->at > 0);
    result->code = (int)code;
    bool said = result->outcome != MAIL_UNREACHABLE || (code >= 400 && t->line[0]);
    if (said)
        snprintf(result->answer, sizeof result->answer, "%s", t->line);
    else
        snprintf(result->answer, sizeof result->answer, "%.290s",
                 t->error[0] ? t->error : curl_easy_strerror(rc));
    utf8_clean(result->answer);
}

static void unlink_transfer(struct mail_transfer *t)
{
    struct mail_transfer **at = &t->relay->transfers;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    curl_multi_remove_handle(t->relay->multi, t->easy);
}

static void take_results(struct mail_relay *relay)
{
    const CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(relay->multi, &left)) != NULL) {
        struct mail_transfer *t = NULL;
        struct mail_result result;
        CURLcode rc = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        fill_result(t, rc, &result);
        mail_relay_cb *cb = t->cb;
        void *user = t->user;
        unlink_transfer(t);
        transfer_free(t);
        cb(user, &result);
    }
}

/* --- what it is told --- */

/* libcurl keeps its own copy until the transfer ends. */
static CURLcode set_login(const struct mail_relay *relay, CURL *easy)
{
    char password[512];
    int rc = mail_relay_password(relay->config->mail.out_password_file, password, sizeof password);
    CURLcode code = rc < 0 ? CURLE_READ_ERROR : CURLE_OK;
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_USERNAME, relay->config->mail.out_user);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_PASSWORD, password);
    secret_wipe(password, sizeof password);
    return code;
}

static CURLcode set_tls(const struct mail_relay *relay, CURL *easy)
{
    const struct config *config = relay->config;
    /* A password goes to nobody who is not known. */
    bool required = strcmp(config->mail.out_tls, "required") == 0 || config->mail.out_user[0];
    long use = required                                   ? CURLUSESSL_ALL
               : strcmp(config->mail.out_tls, "may") == 0 ? CURLUSESSL_TRY
                                                          : CURLUSESSL_NONE;
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_USE_SSL, use);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, required ? 1L : 0L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, required ? 2L : 0L);
    if (rc == CURLE_OK && config->mail.out_tls_ca[0]) {
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, config->mail.out_tls_ca);
        if (rc == CURLE_OK)
            rc = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return rc;
}

#define SET(option, value)                                                                         \
    if (rc == CURLE_OK)                                                                            \
    rc = curl_easy_setopt(easy, option, value)

static CURLcode set_limits(const struct mail_relay *relay, CURL *easy)
{
    long timeout_ms = (long)relay->config->mail.out_timeout_ms;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_TIMEOUT_MS, timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < 30000 ? timeout_ms : 30000L);
    SET(CURLOPT_MAXAGE_CONN, (long)KEPT_SECONDS);
    return rc;
}

static CURLcode set_mail(struct mail_transfer *t, const struct mail_delivery *delivery)
{
    CURL *easy = t->easy;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_URL, t->relay->url);
    SET(CURLOPT_CONNECT_TO, t->connect_to);
    SET(CURLOPT_MAIL_FROM, delivery->from);
    SET(CURLOPT_MAIL_RCPT, t->recipients);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail_content_length(t->content));
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, t);
    SET(CURLOPT_SEEKFUNCTION, on_seek);
    SET(CURLOPT_SEEKDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_line);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_PRIVATE, t);
    return rc;
}

#undef SET

static int prepare(struct mail_transfer *t, const struct mail_delivery *delivery)
{
    struct mail_relay *relay = t->relay;
    t->easy = curl_easy_init();
    t->recipients = curl_slist_append(NULL, delivery->to);
    if (relay->connect_to[0])
        t->connect_to = curl_slist_append(NULL, relay->connect_to);
    if (!t->easy || !t->recipients || (relay->connect_to[0] && !t->connect_to))
        return -ENOMEM;
    CURLcode rc = set_limits(relay, t->easy);
    if (rc == CURLE_OK)
        rc = set_mail(t, delivery);
    if (rc == CURLE_OK)
        rc = set_tls(relay, t->easy);
    if (rc == CURLE_OK && relay->config->mail.out_user[0])
        rc = set_login(relay, t->easy);
    return rc == CURLE_OK ? 0 : rc == CURLE_READ_ERROR ? -EACCES : -ENOMEM;
}

/* libcurl puts it into a line of SMTP as it is. */
static bool is_line_safe(const char *address)
{
    for (const char *c = address; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F || *c == '<' || *c == '>')
            return false;
    return true;
}

int mail_relay_send(struct mail_relay *relay, const struct mail_delivery *delivery,
                    mail_relay_cb *cb, void *user, struct mail_transfer **out)
{
    if (!delivery->to[0] || !is_line_safe(delivery->to) || !is_line_safe(delivery->from))
        return -EINVAL;
    struct mail_transfer *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->relay = relay;
    t->content = delivery->content;
    t->content->at = 0;
    t->cb = cb;
    t->user = user;
    int rc = prepare(t, delivery);
    if (rc == 0 && curl_multi_add_handle(relay->multi, t->easy) != CURLM_OK)
        rc = -ENOMEM;
    if (rc < 0) {
        transfer_free(t);
        return rc;
    }
    t->next = relay->transfers;
    relay->transfers = t;
    *out = t;
    return 0;
}

void mail_relay_cancel(struct mail_transfer *t)
{
    unlink_transfer(t);
    transfer_free(t);
}

/* --- the whole --- */

int mail_relay_new(uv_loop_t *loop, const struct config *config, const char *host,
                   struct mail_relay **out)
{
    struct mail_relay *relay = calloc(1, sizeof *relay);
    int rc = relay ? 0 : -ENOMEM;
    if (relay) {
        relay->loop = loop;
        relay->config = config;
        snprintf(relay->host, sizeof relay->host, "%s", host);
        rc = mail_relay_url(config, host, relay->url, relay->connect_to);
    }
    if (rc == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        rc = -ENOMEM;
    if (rc == 0 && !(relay->multi = curl_multi_init()))
        rc = -ENOMEM;
    if (rc == 0)
        rc = uv_timer_init(loop, &relay->timer);
    if (rc < 0) {
        if (relay && relay->multi)
            curl_multi_cleanup(relay->multi);
        free(relay);
        return rc;
    }
    relay->handles = 1;
    relay->timer.data = relay;
    curl_multi_setopt(relay->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(relay->multi, CURLMOPT_SOCKETDATA, relay);
    curl_multi_setopt(relay->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(relay->multi, CURLMOPT_TIMERDATA, relay);
    curl_multi_setopt(relay->multi, CURLMOPT_MAXCONNECTS, (long)config->mail.out_connections);
    *out = relay;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct mail_relay *relay = handle->data;
    relay->handles--;
    finish_closing(relay);
}

void mail_relay_close(struct mail_relay *relay, void (*done)(void *user), void *user)
{
    for (struct mail_transfer *t = relay->transfers, *next; t; t = next) {
        next = t->next;
        curl_multi_remove_handle(relay->multi, t->easy);
        transfer_free(t);
    }
    relay->transfers = NULL;
    relay->done = done;
    relay->done_user = user;
    /* Takes kept connections down, which asks for their handles to be removed. */
    curl_multi_cleanup(relay->multi);
    relay->closing = true;
    uv_timer_stop(&relay->timer);
    uv_close((uv_handle_t *)&relay->timer, on_timer_closed);
}
