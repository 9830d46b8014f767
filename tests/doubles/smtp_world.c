#include "tests/doubles/smtp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine.h"

struct mail_intake {
    mail_intake_cb *done;
    void *session;
};

struct smtp_sign_in {
    smtp_signed_in_cb *done;
    void *session;
    bool right;
};

/* --- the double --- */

static void judge(void *user, const struct mail_envelope *envelope,
                  const struct mail_recipient *recipient, struct mail_verdict *verdict)
{
    (void)user, (void)envelope, (void)recipient;
    smtp_verdict(verdict, 250, "2.1.5", "fine");
}

static int take(void *user, const struct mail_envelope *e, int message, size_t octets,
                mail_intake_cb *done, void *session, struct mail_intake **out)
{
    struct smtp_world *w = user;
    size_t kept = octets < SMTP_WORLD_TEXT - 1 ? octets : SMTP_WORLD_TEXT - 1;
    struct stat s;
    if (w->intake)
        return -EBUSY;
    assert_int_equal(fstat(message, &s), 0);
    assert_int_equal(s.st_size, octets);
    assert_int_equal(pread(message, w->content, kept, 0), (ssize_t)kept);
    w->content[kept] = '\0';
    close(message);
    snprintf(w->envelope, sizeof w->envelope, "%s|%s|%s|%s|%d%d%d|%u", e->from, e->principal,
             e->peer, e->host, e->trusted_relay, e->secured, e->lmtp, e->recipient_count);
    w->intake = malloc(sizeof *w->intake);
    assert_non_null(w->intake);
    *w->intake = (struct mail_intake){done, session};
    w->taken++;
    *out = w->intake;
    return 0;
}

static void forget(struct mail_intake *intake)
{
    intake->done = NULL;
}

static int begin_sign_in(void *user, const struct sockaddr *peer, const char *name,
                         const char *password, smtp_signed_in_cb *done, void *session,
                         struct smtp_sign_in **out)
{
    struct smtp_world *w = user;
    (void)peer;
    if (strcmp(name, "busy") == 0)
        return -ENOBUFS;
    w->sign_in = malloc(sizeof *w->sign_in);
    assert_non_null(w->sign_in);
    *w->sign_in = (struct smtp_sign_in){done, session, strcmp(password, "secret") == 0};
    *out = w->sign_in;
    return 0;
}

static void forget_sign_in(struct smtp_sign_in *sign_in)
{
    sign_in->done = NULL;
}

static bool knows(void *user, const char *principal)
{
    (void)user;
    return strcmp(principal, "scanner") == 0;
}

static void on_refused(void *user, const struct sockaddr *peer, const char *reason)
{
    struct smtp_world *w = user;
    size_t used = strlen(w->refused);
    (void)peer;
    snprintf(w->refused + used, sizeof w->refused - used, "%s;", reason);
}

void smtp_world_answer(struct smtp_world *w)
{
    struct mail_verdict verdict;
    struct mail_intake *intake = w->intake;
    struct smtp_sign_in *sign_in = w->sign_in;
    w->intake = NULL;
    w->sign_in = NULL;
    smtp_verdict(&verdict, 250, "2.0.0", "taken");
    w->forgotten += (intake && !intake->done) || (sign_in && !sign_in->done) ? 1 : 0;
    if (intake && intake->done)
        intake->done(intake->session, &verdict);
    if (sign_in && sign_in->done)
        sign_in->done(sign_in->session, sign_in->right ? SMTP_SIGNED_IN : SMTP_SIGN_IN_WRONG,
                      sign_in->right ? "anna" : "");
    free(intake);
    free(sign_in);
}

/* --- the world --- */

static void on_tick(uv_timer_t *timer)
{
    struct smtp_world *w = timer->data;
    if (!w->holds)
        smtp_world_answer(w);
}

void smtp_world_turn(struct smtp_world *w)
{
    (void)uv_run(&w->loop, UV_RUN_ONCE);
}

struct smtp_server_config smtp_world_config(struct smtp_world *w)
{
    struct smtp_server_config c = {.lmtp_socket = w->socket,
                                   .host = "gw.example",
                                   .domains = "fax.example",
                                   .relays = "127.0.0.0/8",
                                   .certificate_file = w->certificate,
                                   .key_file = w->key,
                                   .ca_file = w->ca,
                                   .clients = "scan.example=scanner,gone.example=gone",
                                   .max_octets = 2000000,
                                   .max_memory = 3000000,
                                   .max_line = 4096,
                                   .max_recipients = 10,
                                   .max_errors = 5,
                                   .max_connections = 20,
                                   .max_connections_of_peer = 4,
                                   .command_timeout_ms = 5000,
                                   .data_timeout_ms = 5000,
                                   .message_timeout_ms = 5000,
                                   .judge_recipient = judge,
                                   .take = take,
                                   .forget = forget,
                                   .sign_in = begin_sign_in,
                                   .forget_sign_in = forget_sign_in,
                                   .knows = knows,
                                   .refused = on_refused,
                                   .user = w};
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(&c.listen, &in4, sizeof in4);
    memcpy(&c.listen_tls, &in4, sizeof in4);
    return c;
}

void smtp_world_start(struct smtp_world *w, const struct smtp_server_config *config)
{
    char text[240];
    int rc = smtp_server_open(&w->loop, config, &w->server, text);
    if (rc < 0)
        fail_msg("%s: %s", strerror(-rc), text);
    smtp_server_addresses(w->server, &w->listen, &w->listen_tls);
}

void smtp_world_closed(void *user)
{
    ((struct smtp_world *)user)->closed = true;
}

void smtp_world_stop(struct smtp_world *w)
{
    w->closed = false;
    smtp_server_close(w->server, smtp_world_closed, w);
    for (int i = 0; i < 10 * SMTP_WORLD_TURNS && !w->closed; i++)
        smtp_world_turn(w);
    assert_true(w->closed);
    smtp_world_answer(w);
    w->server = NULL;
}

int smtp_world_open(void **state)
{
    struct smtp_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(uv_timer_init(&w->loop, &w->tick), 0);
    w->tick.data = w;
    uv_timer_start(&w->tick, on_tick, 5, 5);
    snprintf(w->directory, sizeof w->directory, "/tmp/smtp-session-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(w->certificate, sizeof w->certificate, "%s/gw.pem", w->directory);
    snprintf(w->key, sizeof w->key, "%s/gw.key", w->directory);
    snprintf(w->ca, sizeof w->ca, "%s/ca.pem", w->directory);
    snprintf(w->client_certificate, sizeof w->client_certificate, "%s/client.pem", w->directory);
    snprintf(w->client_key, sizeof w->client_key, "%s/client.key", w->directory);
    snprintf(w->socket, sizeof w->socket, "%s/lmtp", w->directory);
    tls_authority_open(&w->authority, "good");
    tls_authority_open(&w->other, "other");
    tls_authority_write(&w->authority, w->ca);
    tls_files_write(&w->authority, "DNS:gw.example", -60, 3600, w->certificate, w->key, 0600);
    *state = w;
    return 0;
}

int smtp_world_close(void **state)
{
    struct smtp_world *w = *state;
    char command[128];
    if (w->server)
        smtp_world_stop(w);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    tls_authority_close(&w->authority);
    tls_authority_close(&w->other);
    snprintf(command, sizeof command, "rm -rf %s", w->directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
    free(w);
    return 0;
}

/* --- a client --- */

struct smtp_client smtp_client_dial(struct smtp_world *w, const struct sockaddr *address,
                                    socklen_t length)
{
    struct smtp_client c = {.world = w, .fd = socket(address->sa_family, SOCK_STREAM, 0)};
    assert_true(c.fd >= 0);
    assert_int_equal(connect(c.fd, address, length), 0);
    assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    return c;
}

struct smtp_client smtp_client_dial_plain(struct smtp_world *w)
{
    return smtp_client_dial(w, (struct sockaddr *)&w->listen, sizeof(struct sockaddr_in));
}

void smtp_client_hang_up(struct smtp_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    c->fd = -1;
    for (int i = 0; i < 3; i++)
        smtp_world_turn(c->world);
}

static void hear(struct smtp_client *c)
{
    size_t room = sizeof c->heard - 1 - c->used;
    int n = c->ssl ? SSL_read(c->ssl, c->heard + c->used, (int)room)
                   : (int)recv(c->fd, c->heard + c->used, room, 0);
    if (n > 0)
        c->used += (size_t)n;
    else if (!c->ssl ? n == 0 || errno != EAGAIN : SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
        c->ended = true;
    c->heard[c->used] = '\0';
}

/* Waits until the text has been heard, and forgets all up to its end. */
void smtp_client_expect(struct smtp_client *c, const char *text)
{
    char *found = NULL;
    for (int i = 0; i < SMTP_WORLD_TURNS && !(found = strstr(c->heard, text)) && !c->ended; i++) {
        smtp_world_turn(c->world);
        hear(c);
    }
    if (!found)
        fail_msg("not heard: %s, but: %s", text, c->heard);
    else {
        size_t end = (size_t)(found - c->heard) + strlen(text);
        memmove(c->heard, c->heard + end, c->used - end + 1);
        c->used -= end;
    }
}

void smtp_client_expect_end(struct smtp_client *c)
{
    for (int i = 0; i < SMTP_WORLD_TURNS && !c->ended; i++) {
        smtp_world_turn(c->world);
        hear(c);
    }
    assert_true(c->ended);
}

void smtp_client_send(struct smtp_client *c, const char *octets, size_t length)
{
    for (int i = 0; length > 0 && i < 100 * SMTP_WORLD_TURNS; i++) {
        int n = c->ssl ? SSL_write(c->ssl, octets, (int)length)
                       : (int)send(c->fd, octets, length, MSG_NOSIGNAL);
        if (n > 0) {
            octets += n;
            length -= (size_t)n;
        } else {
            smtp_world_turn(c->world);
        }
    }
    assert_int_equal(length, 0);
}

void smtp_client_say(struct smtp_client *c, const char *text)
{
    smtp_client_send(c, text, strlen(text));
}

void smtp_client_secure(struct smtp_client *c, const char *certificate, const char *key)
{
    int done = 0;
    c->ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(c->ctx);
    SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (certificate) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(c->ctx, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM), 1);
    }
    c->ssl = SSL_new(c->ctx);
    assert_non_null(c->ssl);
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
    for (int i = 0; i < SMTP_WORLD_TURNS && done != 1; i++) {
        done = SSL_connect(c->ssl);
        smtp_world_turn(c->world);
    }
    assert_int_equal(done, 1);
}
