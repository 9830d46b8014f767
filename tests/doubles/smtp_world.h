/* smtp_world.h: a server for SMTP on a loop of its own, whose messages and passwords a double
 * takes; and clients of it, without threads. For unit tests: what is not as it should be fails
 * them. */
#ifndef TESTS_DOUBLES_SMTP_WORLD_H
#define TESTS_DOUBLES_SMTP_WORLD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "gateway/smtp/smtp_server.h"
#include "tests/doubles/tls_files.h"

enum { SMTP_WORLD_TURNS = 400, SMTP_WORLD_TEXT = 65536 };

struct smtp_world {
    uv_loop_t loop;
    uv_timer_t tick;
    char directory[64], certificate[128], key[128], ca[128], socket[128];
    char client_certificate[128], client_key[128];
    struct tls_authority authority, other;
    struct smtp_server *server;
    struct sockaddr_storage listen, listen_tls;
    bool closed;
    /* What the double has seen, and what it does. */
    char content[SMTP_WORLD_TEXT], envelope[1000], refused[1000];
    struct mail_intake *intake;
    struct smtp_sign_in *sign_in;
    unsigned taken, forgotten;
    bool holds; /* answers only when told */
};

struct smtp_client {
    struct smtp_world *world;
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    char heard[SMTP_WORLD_TEXT];
    size_t used;
    bool ended;
};

/* For cmocka: a world in *state, with certificates; and its end. */
int smtp_world_open(void **state);
int smtp_world_close(void **state);

/* Loopback on any ports, a Unix socket, relays 127.0.0.0/8, all limits wide. */
struct smtp_server_config smtp_world_config(struct smtp_world *world);
void smtp_world_start(struct smtp_world *world, const struct smtp_server_config *config);
void smtp_world_stop(struct smtp_world *world);
void smtp_world_turn(struct smtp_world *world);

/* Answers what waits; done by a timer unless world->holds. */
void smtp_world_answer(struct smtp_world *world);

/* For smtp_server_close(): notes it. */
void smtp_world_closed(void *user);

struct smtp_client smtp_client_dial(struct smtp_world *world, const struct sockaddr *address,
                                    socklen_t length);
struct smtp_client smtp_client_dial_plain(struct smtp_world *world);
void smtp_client_hang_up(struct smtp_client *client);

/* Waits until the text has been heard, and forgets all up to its end. */
void smtp_client_expect(struct smtp_client *client, const char *text);
void smtp_client_expect_end(struct smtp_client *client);
void smtp_client_send(struct smtp_client *client, const char *octets, size_t length);
void smtp_client_say(struct smtp_client *client, const char *text);

/* Begins TLS, with a certificate unless NULL. */
void smtp_client_secure(struct smtp_client *client, const char *certificate, const char *key);

#endif
