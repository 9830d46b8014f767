/* Sessions over real sockets and TLS; who takes messages in and checks passwords is a double. */
#include <errno.h>
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

#include <cmocka.h>

#include "tests/doubles/smtp_world.h"

#define MESSAGE                                                                                    \
    "MAIL FROM:<a@b.example>\r\nRCPT TO:<+491@fax.example>\r\nRCPT TO:<+492@fax.example>\r\n"      \
    "DATA\r\n"

static void a_relay_brings_messages(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    smtp_world_start(w, &config);
    struct smtp_client c = smtp_client_dial_plain(w);
    smtp_client_expect(&c, "220 gw.example ESMTP sealfax\r\n");
    smtp_client_say(&c, "EHLO mx.example\r\n");
    smtp_client_expect(&c, "250-STARTTLS\r\n");
    for (unsigned i = 1; i <= 2; i++) {
        smtp_client_say(&c, MESSAGE);
        smtp_client_expect(&c, "354 ");
        smtp_client_say(&c, "Subject: x\r\n\r\n..\r\n.\r\n");
        smtp_client_expect(&c, "250 2.0.0 taken\r\n");
        assert_int_equal(w->taken, i);
        assert_string_equal(w->content, "Subject: x\r\n\r\n.\r\n");
        assert_string_equal(w->envelope, "a@b.example||127.0.0.1|mx.example|100|2");
    }
    smtp_client_say(&c, "QUIT\r\n");
    smtp_client_expect(&c, "221 ");
    smtp_client_expect_end(&c);
    smtp_client_hang_up(&c);
    assert_string_equal(w->refused, "");
}

static void strangers_wait_and_sign_in(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    config.relays = "";
    config.greeting_delay_ms = 20;
    smtp_world_start(w, &config);
    struct smtp_client early = smtp_client_dial_plain(w);
    smtp_client_say(&early, "EHLO x\r\n");
    smtp_client_expect(&early, "554 5.5.0 ");
    smtp_client_expect_end(&early);
    smtp_client_hang_up(&early);
    assert_string_equal(w->refused, "spoke before the greeting;");

    struct smtp_client c = smtp_client_dial_plain(w);
    smtp_client_expect(&c, "220 ");
    smtp_client_say(&c, "EHLO x\r\nMAIL FROM:<a@b.example>\r\n");
    smtp_client_expect(&c, "530 5.7.0");
    smtp_client_say(&c, "STARTTLS\r\n");
    smtp_client_expect(&c, "220 2.0.0 ");
    smtp_client_secure(&c, NULL, NULL);
    smtp_client_say(&c, "EHLO x\r\nAUTH PLAIN AGFubmEAd3Jvbmc=\r\nAUTH PLAIN AGJ1c3kAc2VjcmV0\r\n"
                        "AUTH PLAIN AGFubmEAc2VjcmV0\r\n" MESSAGE);
    smtp_client_expect(&c, "535 5.7.8");
    smtp_client_expect(&c, "454 4.7.0");
    smtp_client_expect(&c, "235 2.7.0");
    smtp_client_expect(&c, "354 ");
    smtp_client_say(&c, "hello\r\n.\r\n");
    smtp_client_expect(&c, "250 2.0.0 taken");
    assert_string_equal(w->envelope, "a@b.example|anna|127.0.0.1|x|010|2");
    smtp_client_hang_up(&c);
}

static void nothing_is_injected(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    smtp_world_start(w, &config);
    struct smtp_client c = smtp_client_dial_plain(w);
    smtp_client_expect(&c, "220 ");
    smtp_client_say(&c, "EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@b.example>\r\n");
    smtp_client_expect(&c, "554 5.5.0");
    smtp_client_expect_end(&c);
    smtp_client_hang_up(&c);
    /* No TLS behind STARTTLS. */
    c = smtp_client_dial_plain(w);
    smtp_client_expect(&c, "220 ");
    smtp_client_say(&c, "STARTTLS\r\n");
    smtp_client_expect(&c, "220 2.0.0");
    smtp_client_say(&c, "MAIL FROM:<a@b.example>\r\n");
    smtp_client_expect_end(&c);
    smtp_client_hang_up(&c);
    assert_non_null(strstr(w->refused, "TLS failed"));
    assert_int_equal(w->taken, 0);
}

/* Who shows a certificate that the list knows is that principal; others are served as strangers. */
static void certificates_sign_in(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
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
    smtp_world_start(w, &config);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct smtp_client c =
            smtp_client_dial(w, (struct sockaddr *)&w->listen_tls, sizeof(struct sockaddr_in));
        if (all[i].names)
            tls_files_write(all[i].other ? &w->other : &w->authority, all[i].names, -60, 3600,
                            w->client_certificate, w->client_key, 0600);
        smtp_client_secure(&c, all[i].names ? w->client_certificate : NULL, w->client_key);
        smtp_client_expect(&c, "220 ");
        smtp_client_say(&c, "EHLO me\r\nMAIL FROM:<a@b.example>\r\n");
        if (!all[i].envelope) {
            smtp_client_expect(&c, "530 5.7.0");
        } else {
            smtp_client_say(&c, "RSET\r\n" MESSAGE);
            smtp_client_expect(&c, "354 ");
            smtp_client_say(&c, "x\r\n.\r\n");
            smtp_client_expect(&c, "250 2.0.0 taken");
            assert_string_equal(w->envelope, all[i].envelope);
        }
        smtp_client_hang_up(&c);
    }
}

static void lmtp_comes_over_a_unix_socket(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat s;
    config.relays = "";
    smtp_world_start(w, &config);
    assert_int_equal(stat(w->socket, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0660);
    memcpy(address.sun_path, w->socket, sizeof address.sun_path);
    struct smtp_client c = smtp_client_dial(w, (struct sockaddr *)&address, sizeof address);
    smtp_client_expect(&c, "220 gw.example LMTP sealfax\r\n");
    smtp_client_say(&c, "LHLO mx\r\n" MESSAGE);
    smtp_client_expect(&c, "354 ");
    smtp_client_say(&c, "x\r\n.\r\n");
    smtp_client_expect(&c, "250 2.0.0 taken\r\n250 2.0.0 taken\r\n");
    assert_string_equal(w->envelope, "a@b.example||local|mx|101|2");
    smtp_client_hang_up(&c);
    smtp_world_stop(w);
    assert_int_equal(stat(w->socket, &s), -1);
}

static void begin_content(struct smtp_client *c)
{
    smtp_client_expect(c, "220 ");
    smtp_client_say(c, "EHLO x\r\n" MESSAGE);
    smtp_client_expect(c, "354 ");
}

static void limits_hold(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    char *line = malloc(1000002);
    assert_non_null(line);
    config.max_connections = 3;
    smtp_world_start(w, &config);
    struct smtp_client a = smtp_client_dial_plain(w), b = smtp_client_dial_plain(w),
                       c = smtp_client_dial_plain(w), d = smtp_client_dial_plain(w);
    begin_content(&a);
    begin_content(&b);
    begin_content(&c);
    smtp_client_expect(&d, "421 4.7.0");
    smtp_client_expect_end(&d);
    smtp_client_hang_up(&d);
    /* 3 MB for all: the last to come finds no room, the others are not disturbed. */
    for (size_t i = 0; i < 1000000; i++)
        line[i] = (char)(i % 100 == 98 ? '\r' : i % 100 == 99 ? '\n' : 'x');
    memcpy(line + 1000000, "", 1);
    smtp_client_send(&a, line, 1000000);
    smtp_client_send(&b, line, 1000000);
    smtp_client_send(&b, line, 900000);
    for (int i = 0; i < 30; i++) /* until it has been read */
        smtp_world_turn(w);
    smtp_client_send(&c, line, 1000000);
    smtp_client_say(&c, ".\r\n");
    smtp_client_expect(&c, "452 4.3.1");
    smtp_client_say(&b, ".\r\n");
    smtp_client_expect(&b, "250 2.0.0 taken");
    assert_non_null(strstr(w->refused, "too much comes in at the same time;"));
    /* What was refused and taken has made room. */
    smtp_client_say(&c, MESSAGE);
    smtp_client_expect(&c, "354 ");
    smtp_client_send(&c, line, 1000000);
    smtp_client_say(&c, ".\r\n");
    smtp_client_expect(&c, "250 2.0.0 taken");
    smtp_client_hang_up(&a);
    smtp_client_hang_up(&b);
    smtp_client_hang_up(&c);
    free(line);
    assert_int_equal(w->taken, 2);
}

static void who_stops_in_the_middle_is_cut_off(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    config.data_timeout_ms = 200;
    smtp_world_start(w, &config);
    struct smtp_client c = smtp_client_dial_plain(w);
    begin_content(&c);
    smtp_client_say(&c, "hal");
    smtp_client_expect(&c, "421 4.4.2");
    smtp_client_expect_end(&c);
    smtp_client_hang_up(&c);
    assert_string_equal(w->refused, "too slow;");
}

static void peers_are_limited(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    struct smtp_client c[5];
    config.relays = "";
    config.messages_per_s = 1; /* and four at once */
    smtp_world_start(w, &config);
    for (int i = 0; i < 5; i++) {
        c[i] = smtp_client_dial_plain(w);
        smtp_client_expect(&c[i], i < 4 ? "220 " : "421 4.7.0");
    }
    for (int i = 1; i < 5; i++)
        smtp_client_hang_up(&c[i]);
    smtp_client_say(&c[0], "EHLO x\r\nSTARTTLS\r\n");
    smtp_client_expect(&c[0], "220 2.0.0");
    smtp_client_secure(&c[0], NULL, NULL);
    smtp_client_say(&c[0], "EHLO x\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\n");
    smtp_client_expect(&c[0], "235 ");
    for (int i = 0; i < 5; i++) {
        smtp_client_say(&c[0], "MAIL FROM:<>\r\n");
        smtp_client_expect(&c[0], i < 4 ? "250 2.1.0" : "450 4.7.1");
        smtp_client_say(&c[0], "RSET\r\n");
    }
    smtp_client_hang_up(&c[0]);
    assert_string_equal(w->refused, "too many connections of one peer;too many messages;");
}

static void a_stop_lets_messages_end(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server_config config = smtp_world_config(w);
    smtp_world_start(w, &config);
    struct smtp_client idle = smtp_client_dial_plain(w), busy = smtp_client_dial_plain(w),
                       held = smtp_client_dial_plain(w);
    smtp_client_expect(&idle, "220 ");
    begin_content(&busy);
    begin_content(&held);
    smtp_server_drain(w->server);
    smtp_client_expect(&idle, "421 4.3.2");
    smtp_client_expect_end(&idle);
    smtp_client_say(&busy, "x\r\n.\r\n");
    smtp_client_expect(&busy, "250 2.0.0 taken");
    smtp_client_expect(&busy, "421 4.3.2");
    smtp_client_expect_end(&busy);
    smtp_client_hang_up(&idle);
    smtp_client_hang_up(&busy);
    /* One that waits for its answer when all ends is not told of it any more. */
    w->holds = true;
    smtp_client_say(&held, "x\r\n.\r\n");
    for (int i = 0; i < SMTP_WORLD_TURNS && !w->intake; i++)
        smtp_world_turn(w);
    assert_non_null(w->intake);
    smtp_server_close(w->server, smtp_world_closed, w);
    smtp_client_expect(&held, "421 4.3.2");
    smtp_client_hang_up(&held);
    for (int i = 0; i < SMTP_WORLD_TURNS && !w->closed; i++)
        smtp_world_turn(w);
    assert_true(w->closed);
    smtp_world_answer(w);
    assert_int_equal(w->forgotten, 1);
    w->server = NULL;
}

static void wrong_settings_are_told(void **state)
{
    struct smtp_world *w = *state;
    struct smtp_server *server;
    char text[240];
    struct smtp_server_config config = smtp_world_config(w);
    config.relays = "localhost";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
    assert_non_null(strstr(text, "relays"));
    config = smtp_world_config(w);
    config.certificate_file = config.key_file = "";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
    assert_non_null(strstr(text, "certificate"));
    config = smtp_world_config(w);
    config.key_file = "/nonexistent";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -ENOENT);
    config = smtp_world_config(w);
    config.clients = "scan.example";
    assert_int_equal(smtp_server_open(&w->loop, &config, &server, text), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_relay_brings_messages, smtp_world_open, smtp_world_close),
        cmocka_unit_test_setup_teardown(strangers_wait_and_sign_in, smtp_world_open,
                                        smtp_world_close),
        cmocka_unit_test_setup_teardown(nothing_is_injected, smtp_world_open, smtp_world_close),
        cmocka_unit_test_setup_teardown(certificates_sign_in, smtp_world_open, smtp_world_close),
        cmocka_unit_test_setup_teardown(lmtp_comes_over_a_unix_socket, smtp_world_open,
                                        smtp_world_close),
        cmocka_unit_test_setup_teardown(limits_hold, smtp_world_open, smtp_world_close),
        cmocka_unit_test_setup_teardown(who_stops_in_the_middle_is_cut_off, smtp_world_open,
                                        smtp_world_close),
        cmocka_unit_test_setup_teardown(peers_are_limited, smtp_world_open, smtp_world_close),
        cmocka_unit_test_setup_teardown(a_stop_lets_messages_end, smtp_world_open,
                                        smtp_world_close),
        cmocka_unit_test_setup_teardown(wrong_settings_are_told, smtp_world_open, smtp_world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
