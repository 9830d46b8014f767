/* What the machine asks for: messages in memory, and who somebody is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_server_private.h"
#include "gateway/socket_address.h"

/* --- how many --- */

static bool is_within(struct smtp_session *s, char kind, uint32_t per_second)
{
    char key[SOCKET_ADDRESS_HOST + 1];
    const struct rate rate = {.per_second = per_second, .burst = 4 * per_second};
    if (s->relay || per_second == 0)
        return true;
    key[0] = kind;
    socket_address_host((const struct sockaddr *)&s->peer, key + 1);
    return rate_limit_take(s->server->rates, key, strlen(key), &rate, uv_now(s->server->loop));
}

static void judge_sender(void *user, const struct mail_envelope *envelope,
                         struct mail_verdict *verdict)
{
    struct smtp_session *s = user;
    (void)envelope;
    if (!is_within(s, 'm', s->server->config.messages_per_s)) {
        smtp_session_refused(s, "too many messages");
        smtp_verdict(verdict, 450, "4.7.1", "Too many messages; slow down");
        return;
    }
    smtp_verdict(verdict, 250, "2.1.0", "Go on");
}

static void judge_recipient(void *user, const struct mail_envelope *envelope,
                            const struct mail_recipient *recipient, struct mail_verdict *verdict)
{
    struct smtp_session *s = user;
    const struct smtp_server_config *c = &s->server->config;
    if (!is_within(s, 'r', c->recipients_per_s)) {
        smtp_session_refused(s, "too many recipients");
        smtp_verdict(verdict, 450, "4.7.1", "Too many recipients; slow down");
        return;
    }
    c->judge_recipient(c->user, envelope, recipient, verdict);
    if (verdict->code >= 500)
        smtp_session_refused(s, verdict->text);
}

static bool is_return(void *user, const char *address)
{
    const struct smtp_session *s = user;
    const struct smtp_server_config *c = &s->server->config;
    return c->is_return && c->is_return(c->user, address);
}

/* --- content --- */

static void drop_message(struct smtp_session *s)
{
    if (s->message >= 0)
        close(s->message);
    s->message = -1;
    s->server->memory -= s->written;
    s->written = 0;
}

static int take_content(void *user, const char *octets, size_t length)
{
    struct smtp_session *s = user;
    struct smtp_server *server = s->server;
    if (s->message < 0) {
        s->message = memfd_create("message", MFD_CLOEXEC);
        s->message_ms = uv_now(server->loop);
        if (s->message < 0)
            return -errno;
    }
    if (server->memory + length > server->config.max_memory) {
        smtp_session_refused(s, "too much comes in at the same time");
        return -ENOSPC;
    }
    while (length > 0) {
        ssize_t n = write(s->message, octets, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        octets += n;
        length -= (size_t)n;
        s->written += (size_t)n;
        server->memory += (size_t)n;
    }
    return 0;
}

static void on_discard(void *user)
{
    drop_message(user);
}

static void on_taken(void *user, const struct mail_verdict *verdict)
{
    struct smtp_session *s = user;
    s->intake = NULL;
    s->answer = *verdict;
    s->has_answer = true;
    smtp_session_take(s, NULL, 0);
}

static void take_message(void *user, const struct mail_envelope *envelope, uint64_t octets)
{
    struct smtp_session *s = user;
    const struct smtp_server_config *c = &s->server->config;
    int error = s->message < 0 ? -ENODATA : 0;
    if (error == 0)
        error = c->take(c->user, envelope, s->message, (size_t)octets, on_taken, s, &s->intake);
    if (error == 0)
        s->message = -1; /* it is theirs now */
    drop_message(s);
    if (error == 0)
        return;
    /* The machine is told when it has returned. */
    if (error == -ENODATA)
        smtp_verdict(&s->answer, 550, "5.6.0", "The message is empty");
    else
        smtp_verdict(&s->answer, 451, "4.3.0", "The message cannot be taken; try again later");
    s->has_answer = true;
}

/* --- who --- */

static void on_signed_in(void *user, int result, const char *principal)
{
    struct smtp_session *s = user;
    s->sign_in = NULL;
    smtp_machine_signed_in(s->machine, (enum smtp_sign_in_result)result, principal);
    smtp_session_take(s, NULL, 0);
}

static void sign_in(void *user, const char *name, const char *password)
{
    struct smtp_session *s = user;
    const struct smtp_server_config *c = &s->server->config;
    const struct sockaddr *peer = s->peer.ss_family ? (const struct sockaddr *)&s->peer : NULL;
    if (c->sign_in(c->user, peer, name, password, on_signed_in, s, &s->sign_in) < 0)
        s->sign_in_later = true;
}

static void start_tls(void *user)
{
    struct smtp_session *s = user;
    s->starts_tls = true;
}

static void end(void *user, const char *reason)
{
    struct smtp_session *s = user;
    s->ends = true;
    if (reason)
        smtp_session_refused(s, reason);
}

void smtp_session_handlers(struct smtp_handlers *handlers)
{
    *handlers = (struct smtp_handlers){.reply = smtp_session_reply,
                                       .judge_sender = judge_sender,
                                       .judge_recipient = judge_recipient,
                                       .is_return = is_return,
                                       .sign_in = sign_in,
                                       .start_tls = start_tls,
                                       .content = take_content,
                                       .message = take_message,
                                       .discard = on_discard,
                                       .close = end};
}

void smtp_session_forget(struct smtp_session *s)
{
    const struct smtp_server_config *c = &s->server->config;
    if (s->intake)
        c->forget(s->intake);
    if (s->sign_in)
        c->forget_sign_in(s->sign_in);
    s->intake = NULL;
    s->sign_in = NULL;
    drop_message(s);
}
