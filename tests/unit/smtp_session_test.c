/* Sessions over real sockets and TLS; who takes messages in and checks passwords is a double. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine.h"
#include "gateway/smtp/smtp_server.h"
#include "tests/doubles/tls_files.h"

enum { TURNS = 400, TEXT = 65536 };

struct mail_intake {
    mail_intake_cb *done;
    void *session;
};

struct smtp_sign_in {
    smtp_signed_in_cb *done;
    void *session;
    bool right;
};

struct world {
    uv_loop_t loop;
    uv_timer_t tick;
    char directory[64], certificate[128], key[128], ca[128], socket[128];
    char client_certificate[128], client_key[128];
    struct tls_authority authority, other;
    struct smtp_server *server;
    struct sockaddr_storage listen, listen_tls;
    bool closed;
    /* What the double has seen, and what it does. */
    char content[TEXT], envelope[1000], refused[1000];
    struct mail_intake *intake;
    struct smtp_sign_in *sign_in;
    unsigned taken, forgotten;
    bool holds; /* answers only when told */
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
    struct world *w = user;
    size_t kept = octets < TEXT - 1 ? octets : TEXT - 1;
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
    struct world *w = user;
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
    struct world *w = user;
    size_t used = strlen(w->refused);
    (void)peer;
    snprintf(w->refused + used, sizeof w->refused - used, "%s;", reason);
}

static void answer_all(struct world *w)
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
    struct world *w = timer->data;
    if (!w->holds)
        answer_all(w);
}

static void turn(struct world *w)
{
    (void)uv_run(&w->loop, UV_RUN_ONCE);
}

static struct smtp_server_config usual(struct world *w)
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

static void start(struct world *w, const struct smtp_server_config *config)
{
    char text[240];
    int rc = smtp_server_open(&w->loop, config, &w->server, text);
    if (rc < 0)
        fail_msg("%s: %s", strerror(-rc), text);
    smtp_server_addresses(w->server, &w->listen, &w->listen_tls);
}

static void on_closed(void *user)
{
    ((struct world *)user)->closed = true;
}

static void stop(struct world *w)
{
    w->closed = false;
    smtp_server_close(w->server, on_closed, w);
    for (int i = 0; i < 10 * TURNS && !w->closed; i++)
        turn(w);
    assert_true(w->closed);
    answer_all(w);
    w->server = NULL;
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
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

static int close_world(void **state)
{
    struct world *w = *state;
    char command[128];
    if (w->server)
        stop(w);
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

struct client {
    struct world *world;
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    char heard[TEXT];
    size_t used;
    bool ended;
};

static struct client dial(struct world *w, const struct sockaddr *address, socklen_t length)
{
    struct client c = {.world = w, .fd = socket(address->sa_family, SOCK_STREAM, 0)};
    assert_true(c.fd >= 0);
    assert_int_equal(connect(c.fd, address, length), 0);
    assert_int_equal(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
    return c;
}

static struct client dial_plain(struct world *w)
{
    return dial(w, (struct sockaddr *)&w->listen, sizeof(struct sockaddr_in));
}

static void hang_up(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
    c->fd = -1;
    for (int i = 0; i < 3; i++)
        turn(c->world);
}

static void hear(struct client *c)
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
static void expect(struct client *c, const char *text)
{
    char *found = NULL;
    for (int i = 0; i < TURNS && !(found = strstr(c->heard, text)) && !c->ended; i++) {
        turn(c->world);
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

static void expect_end(struct client *c)
{
    for (int i = 0; i < TURNS && !c->ended; i++) {
        turn(c->world);
        hear(c);
    }
    assert_true(c->ended);
}

static void send_all(struct client *c, const char *octets, size_t length)
{
    for (int i = 0; length > 0 && i < 100 * TURNS; i++) {
        int n = c->ssl ? SSL_write(c->ssl, octets, (int)length)
                       : (int)send(c->fd, octets, length, MSG_NOSIGNAL);
        if (n > 0) {
            octets += n;
            length -= (size_t)n;
        } else {
            turn(c->world);
        }
    }
    assert_int_equal(length, 0);
}

static void say(struct client *c, const char *text)
{
    send_all(c, text, strlen(text));
}

static void secure(struct client *c, const char *certificate, const char *key)
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
    for (int i = 0; i < TURNS && done != 1; i++) {
        done = SSL_connect(c->ssl);
        turn(c->world);
    }
    assert_int_equal(done, 1);
}

#define MESSAGE                                                                                    \
    "MAIL FROM:<a@b.example>\r\nRCPT TO:<+491@fax.example>\r\nRCPT TO:<+492@fax.example>\r\n"      \
    "DATA\r\n"

/* --- what is tested --- */

static void a_relay_brings_messages(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    start(w, &config);
    struct client c = dial_plain(w);
    expect(&c, "220 gw.example ESMTP sealfax\r\n");
    say(&c, "EHLO mx.example\r\n");
    expect(&c, "250-STARTTLS\r\n");
    for (unsigned i = 1; i <= 2; i++) {
        say(&c, MESSAGE);
        expect(&c, "354 ");
        say(&c, "Subject: x\r\n\r\n..\r\n.\r\n");
        expect(&c, "250 2.0.0 taken\r\n");
        assert_int_equal(w->taken, i);
        assert_string_equal(w->content, "Subject: x\r\n\r\n.\r\n");
        assert_string_equal(w->envelope, "a@b.example||127.0.0.1|mx.example|100|2");
    }
    say(&c, "QUIT\r\n");
    expect(&c, "221 ");
    expect_end(&c);
    hang_up(&c);
    assert_string_equal(w->refused, "");
}

static void strangers_wait_and_sign_in(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    config.relays = "";
    config.greeting_delay_ms = 20;
    start(w, &config);
    struct client early = dial_plain(w);
    say(&early, "EHLO x\r\n");
    expect(&early, "554 5.5.0 ");
    expect_end(&early);
    hang_up(&early);
    assert_string_equal(w->refused, "spoke before the greeting;");

    struct client c = dial_plain(w);
    expect(&c, "220 ");
    say(&c, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n");
    expect(&c, "530 5.7.0");
    say(&c, "STARTTLS\r\n");
    expect(&c, "220 2.0.0 ");
    secure(&c, NULL, NULL);
    say(&c, "EHLO x\r\nAUTH PLAIN AGFubmEAd3Jvbmc=\r\nAUTH PLAIN AGJ1c3kAc2VjcmV0\r\n"
            "AUTH PLAIN AGFubmEAc2VjcmV0\r\n" MESSAGE);
    expect(&c, "535 5.7.8");
    expect(&c, "454 4.7.0");
    expect(&c, "235 2.7.0");
    expect(&c, "354 ");
    say(&c, "hello\r\n.\r\n");
    expect(&c, "250 2.0.0 taken");
    assert_string_equal(w->envelope, "a@b.example|anna|127.0.0.1|x|010|2");
    hang_up(&c);
}

static void nothing_is_injected(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    start(w, &config);
    struct client c = dial_plain(w);
    expect(&c, "220 ");
    say(&c, "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b.example>\r\n");
    expect(&c, "554 5.5.0");
    expect_end(&c);
    hang_up(&c);
    /* No TLS behind STARTTLS. */
    c = dial_plain(w);
    expect(&c, "220 ");
    say(&c, "STARTTLS\r\n");
    expect(&c, "220 2.0.0");
    say(&c, "MAIL FROM:<a@b.example>\r\n");
    expect_end(&c);
    hang_up(&c);
    assert_non_null(strstr(w->refused, "TLS failed"));
    assert_int_equal(w->taken, 0);
}

/* Who shows a certificate that the list knows is that principal; others are served as strangers. */
static void certificates_sign_in(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    static const struct {
        const char *names;
        bool other;
        const char *envelope; /* NULL: has to sign in */
    } all[] = {
        {"DNS:scan.example", false, "a@b.example|scanner|127.0.0.1|scan.example|010|2"},
        {"DNS:x.example,DNS:scan.example", false, "a@b.example|scanner|127.0.0.1|x.example|010|2"},
        {"DNS:gone.example", false, NULL},
        {"DNS:else.example", false, NULL},
        {"DNS:scan.example", true, NULL},
        {NULL, false, NULL},
    };
    config.relays = "";
    start(w, &config);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct client c = dial(w, (struct sockaddr *)&w->listen_tls, sizeof(struct sockaddr_in));
        if (all[i].names)
            tls_files_write(all[i].other ? &w->other : &w->authority, all[i].names, -60, 3600,
                            w->client_certificate, w->client_key, 0600);
        secure(&c, all[i].names ? w->client_certificate : NULL, w->client_key);
        expect(&c, "220 ");
        say(&c, "EHLO me\r\nMAIL FROM:<a@b.example>\r\n");
        if (!all[i].envelope) {
            expect(&c, "530 5.7.0");
        } else {
            say(&c, "RSET\r\n" MESSAGE);
            expect(&c, "354 ");
            say(&c, "x\r\n.\r\n");
            expect(&c, "250 2.0.0 taken");
            assert_string_equal(w->envelope, all[i].envelope);
        }
        hang_up(&c);
    }
}

static void lmtp_comes_over_a_unix_socket(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat s;
    config.relays = "";
    start(w, &config);
    assert_int_equal(stat(w->socket, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0660);
    memcpy(address.sun_path, w->socket, sizeof address.sun_path);
    struct client c = dial(w, (struct sockaddr *)&address, sizeof address);
    expect(&c, "220 gw.example LMTP sealfax\r\n");
    say(&c, "LHLO mx\r\n" MESSAGE);
    expect(&c, "354 ");
    say(&c, "x\r\n.\r\n");
    expect(&c, "250 2.0.0 taken\r\n250 2.0.0 taken\r\n");
    assert_string_equal(w->envelope, "a@b.example||local|mx|101|2");
    hang_up(&c);
    stop(w);
    assert_int_equal(stat(w->socket, &s), -1);
}

static void begin_content(struct client *c)
{
    expect(c, "220 ");
    say(c, "EHLO x\r\n" MESSAGE);
    expect(c, "354 ");
}

static void limits_hold(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    char *line = malloc(1000002);
    assert_non_null(line);
    config.max_connections = 3;
    config.data_timeout_ms = 300;
    start(w, &config);
    struct client a = dial_plain(w), b = dial_plain(w), c = dial_plain(w), d = dial_plain(w);
    begin_content(&a);
    begin_content(&b);
    begin_content(&c);
    expect(&d, "421 4.7.0");
    expect_end(&d);
    hang_up(&d);
    /* 3 MB for all: the last to come finds no room, the others are not disturbed. */
    for (size_t i = 0; i < 1000000; i++)
        line[i] = (char)(i % 100 == 98 ? '\r' : i % 100 == 99 ? '\n' : 'x');
    memcpy(line + 1000000, "", 1);
    send_all(&a, line, 1000000);
    send_all(&b, line, 1000000);
    send_all(&b, line, 900000);
    for (int i = 0; i < 30; i++) /* until it has been read */
        turn(w);
    send_all(&c, line, 1000000);
    say(&c, ".\r\n");
    expect(&c, "452 4.3.1");
    say(&b, ".\r\n");
    expect(&b, "250 2.0.0 taken");
    assert_non_null(strstr(w->refused, "too much comes in at the same time;"));
    /* What was refused and taken has made room. */
    say(&c, MESSAGE);
    expect(&c, "354 ");
    send_all(&c, line, 1000000);
    say(&c, ".\r\n");
    expect(&c, "250 2.0.0 taken");
    /* The first one has stopped in the middle. */
    expect(&a, "421 4.4.2");
    expect_end(&a);
    hang_up(&a);
    hang_up(&b);
    hang_up(&c);
    free(line);
    assert_int_equal(w->taken, 2);
}

static void peers_are_limited(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    struct client c[5];
    config.relays = "";
    config.messages_per_s = 1; /* and four at once */
    start(w, &config);
    for (int i = 0; i < 5; i++) {
        c[i] = dial_plain(w);
        expect(&c[i], i < 4 ? "220 " : "421 4.7.0");
    }
    for (int i = 1; i < 5; i++)
        hang_up(&c[i]);
    say(&c[0], "EHLO x\r\nSTARTTLS\r\n");
    expect(&c[0], "220 2.0.0");
    secure(&c[0], NULL, NULL);
    say(&c[0], "EHLO x\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\n");
    expect(&c[0], "235 ");
    for (int i = 0; i < 5; i++) {
        say(&c[0], "MAIL FROM:<>\r\n");
        expect(&c[0], i < 4 ? "250 2.1.0" : "450 4.7.1");
        say(&c[0], "RSET\r\n");
    }
    hang_up(&c[0]);
    assert_string_equal(w->refused, "too many connections of one peer;too many messages;");
}

static void a_stop_lets_messages_end(void **state)
{
    struct world *w = *state;
    struct smtp_server_config config = usual(w);
    start(w, &config);
    struct client idle = dial_plain(w), busy = dial_plain(w), held = dial_plain(w);
    expect(&idle, "220 ");
    begin_content(&busy);
    begin_content(&held);
    smtp_server_drain(w->server);
    expect(&idle, "421 4.3.2");
    expect_end(&idle);
    say(&busy, "x\r\n.\r\n");
    expect(&busy, "250 2.0.0 taken");
    expect(&busy, "421 4.3.2");
    expect_end(&busy);
    hang_up(&idle);
    hang_up(&busy);
    /* One that waits for its answer when all ends is not told of it any more. */
    w->holds = true;
    say(&held, "x\r\n.\r\n");
    for (int i = 0; i < TURNS && !w->intake; i++)
        turn(w);
    assert_non_null(w->intake);
    smtp_server_close(w->server, on_closed, w);
    expect(&held, "421 4.3.2");
    hang_up(&held);
    for (int i = 0; i < TURNS && !w->closed; i++)
        turn(w);
    assert_true(w->closed);
    answer_all(w);
    assert_int_equal(w->forgotten, 1);
    w->server = NULL;
}

static void wrong_settings_are_told(void **state)
{
    struct world *w = *state;
    struct smtp_server *server;
    char text[240];
    struct smtp_server_config config = usual(w);
    config.relays = "localhost";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
    assert_non_null(strstr(text, "relays"));
    config = usual(w);
    config.certificate_file = config.key_file = "";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
    assert_non_null(strstr(text, "certificate"));
    config = usual(w);
    config.key_file = "/nonexistent";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -ENOENT);
    config = usual(w);
    config.clients = "scan.example";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_relay_brings_messages, open_world, close_world),
        cmocka_unit_test_setup_teardown(strangers_wait_and_sign_in, open_world, close_world),
        cmocka_unit_test_setup_teardown(nothing_is_injected, open_world, close_world),
        cmocka_unit_test_setup_teardown(certificates_sign_in, open_world, close_world),
        cmocka_unit_test_setup_teardown(lmtp_comes_over_a_unix_socket, open_world, close_world),
        cmocka_unit_test_setup_teardown(limits_hold, open_world, close_world),
        cmocka_unit_test_setup_teardown(peers_are_limited, open_world, close_world),
        cmocka_unit_test_setup_teardown(a_stop_lets_messages_end, open_world, close_world),
        cmocka_unit_test_setup_teardown(wrong_settings_are_told, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
