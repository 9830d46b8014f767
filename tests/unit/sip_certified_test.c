/* Devices that show a certificate instead of a password: a registrar and a client, both stacks of
 * ours, over TLS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/sip/devices.h"
#include "gateway/sip/registration.h"
#include "tests/doubles/tls_files.h"
#include "tests/unit/sip_test_agent.h"

enum { LIMIT_MS = 8000, PATH_TEXT = 128 };

struct pair {
    char certificate[PATH_TEXT], key[PATH_TEXT];
};

struct world {
    struct agent server, client; /* the first member, so that the agent's callbacks find it */
    uv_loop_t loop;
    char directory[64];
    struct pair server_files, client_files;
    char machines_ca[PATH_TEXT], house_ca[PATH_TEXT]; /* who signs devices, who signs us */
    struct tls_authority machines, house;
    const char *name;    /* of the certificate that the device "copier" has */
    bool asks, is_trunk; /* the server wants certificates; the client's address is a trunk's */
    char trouble[256], refused[256];
    unsigned asked_for_password;
    struct sip_registration *registration;
    bool is_done; /* an attempt is over */
    int code;
};

/* Both stacks have their own first member of the world as user. */
static struct world *world_of_client(void *user)
{
    return (struct world *)((char *)user - offsetof(struct world, client));
}

static bool server_terms(void *user, const struct sockaddr *peer, bool incoming,
                         struct sip_tls_terms *terms)
{
    const struct world *w = user;
    (void)peer, (void)incoming;
    *terms = (struct sip_tls_terms){.anybody = !w->is_trunk,
                                    .name = "trunk.example",
                                    .ca_file = w->asks || w->is_trunk ? w->machines_ca : NULL};
    return true;
}

static bool client_terms(void *user, const struct sockaddr *peer, bool incoming,
                         struct sip_tls_terms *terms)
{
    const struct world *w = world_of_client(user);
    (void)peer, (void)incoming;
    *terms = (struct sip_tls_terms){.ca_file = w->house_ca};
    return true;
}

static void on_trouble(void *user, const struct sip_trouble *t)
{
    struct world *w = user;
    snprintf(w->trouble, sizeof w->trouble, "%s%s", t->verification ? "verification: " : "",
             t->text);
}

static int account_of(void *user, const char *username, struct sip_device_account *account)
{
    struct world *w = user;
    (void)username, (void)account;
    w->asked_for_password++;
    return -ENOENT;
}

static int certified_of(void *user, const struct sip_tls *certificate,
                        struct sip_device_account *account)
{
    const struct world *w = user;
    if (!sip_device_certificate_is_for(certificate, w->name))
        return -ENOENT;
    snprintf(account->name, sizeof account->name, "copier");
    snprintf(account->user, sizeof account->user, "c1");
    return 0;
}

static void on_binding(void *user, const struct sip_binding *binding,
                       enum sip_binding_change change, uint64_t registration)
{
    struct world *w = user;
    (void)change, (void)binding;
    if (registration)
        sip_registration_finish(w->server.stack, registration, 0);
}

static void on_refused(void *user, const struct sockaddr *source, const char *username,
                       const char *method, const char *reason)
{
    struct world *w = user;
    (void)source;
    snprintf(w->refused, sizeof w->refused, "%s %s: %s", method, username, reason);
}

static void on_status(void *user, const struct sip_registration_status *status)
{
    struct world *w = user;
    w->is_done = true;
    w->code = status->state == SIP_REGISTRATION_REGISTERED ? 200 : status->code;
}

static void place(const struct world *w, char out[PATH_TEXT], const char *what)
{
    snprintf(out, PATH_TEXT, "%s/%s.pem", w->directory, what);
}

static void open_stack(struct world *w, struct agent *a, const struct pair *files, bool is_server)
{
    struct sip_config c = {.t1_ms = 50,
                           .tls_terms = is_server ? server_terms : client_terms,
                           .trouble = is_server ? on_trouble : NULL,
                           .tls_certificate_file = files->certificate,
                           .tls_key_file = files->key,
                           .connect_timeout_ms = 3000};
    struct sockaddr_in in4 = agent_loopback(0);
    memcpy(&c.listen_tls, &in4, sizeof in4);
    agent_open(a, &w->loop, &c);
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(offsetof(struct world, server), 0);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    snprintf(w->directory, sizeof w->directory, "/tmp/sip-certified-test.XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    tls_authority_open(&w->machines, "machines");
    tls_authority_open(&w->house, "house");
    place(w, w->machines_ca, "machines-ca");
    place(w, w->house_ca, "house-ca");
    place(w, w->server_files.certificate, "server");
    place(w, w->server_files.key, "server-key");
    place(w, w->client_files.certificate, "client");
    place(w, w->client_files.key, "client-key");
    tls_authority_write(&w->machines, w->machines_ca);
    tls_authority_write(&w->house, w->house_ca);
    tls_files_write(&w->house, "IP:127.0.0.1", -60, 3600, w->server_files.certificate,
                    w->server_files.key, 0600);
    tls_files_write(&w->machines, "DNS:a.example,DNS:copier.example,URI:sip:copier@b.example", -60,
                    3600, w->client_files.certificate, w->client_files.key, 0600);
    open_stack(w, &w->server, &w->server_files, true);
    open_stack(w, &w->client, &w->client_files, false);
    w->server.trusts_nobody = true;
    const struct sip_devices_config devices = {.realm = "fax.example",
                                               .account = account_of,
                                               .certified = certified_of,
                                               .changed = on_binding,
                                               .refused = on_refused,
                                               .user = w};
    assert_int_equal(sip_devices_open(w->server.stack, &devices), 0);
    sip_devices_enable(w->server.stack, true);
    w->name = "copier.example";
    w->asks = true;
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    const char *const files[] = {w->machines_ca,
                                 w->house_ca,
                                 w->server_files.certificate,
                                 w->server_files.key,
                                 w->client_files.certificate,
                                 w->client_files.key};
    agent_close(&w->client);
    agent_close(&w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&w->loop);
    tls_authority_close(&w->machines);
    tls_authority_close(&w->house);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(files[i]);
    (void)rmdir(w->directory);
    free(w);
    return left == 0 ? 0 : -1;
}

/* Registers as that user; returns the final answer's code, 200 when it is registered. */
static int registers(struct world *w, const char *user)
{
    char record[64];
    struct sockaddr_storage bound;
    snprintf(record, sizeof record, "sip:%s@fax.example", user);
    struct sip_registration_config config = {.protocol = SIP_TLS,
                                             .registrar_uri = "sip:fax.example",
                                             .record_uri = record,
                                             .contact_user = user,
                                             .expires_s = 60,
                                             .retry_ms = 60000};
    sip_stack_address(w->server.stack, SIP_TLS, &bound);
    config.target = bound;
    w->is_done = false;
    w->trouble[0] = w->refused[0] = '\0';
    w->asked_for_password = 0;
    assert_int_equal(
        sip_registration_start(w->client.stack, &config, on_status, w, &w->registration), 0);
    uint64_t end = uv_now(&w->loop) + LIMIT_MS;
    while (!w->is_done && uv_now(&w->loop) < end)
        (void)agent_wait(&w->client, NULL, 10);
    assert_true(w->is_done);
    sip_registration_end(w->registration);
    (void)agent_wait(&w->client, NULL, 30); /* a registration is taken back */
    return w->code;
}

static void certificate_takes_the_place_of_a_password(void **state)
{
    static const char *const names[] = {"copier.example", "a.example", "COPIER.Example",
                                        "copier@b.example", "sip:copier@b.example"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        w->name = names[i];
        assert_int_equal(registers(w, i % 2 ? "c1" : "copier"), 200);
        assert_int_equal(w->asked_for_password, 0);
        assert_string_equal(w->trouble, "");
        assert_string_equal(w->refused, "");
    }
}

static void certificate_for_another_name_is_refused(void **state)
{
    static const char *const names[] = {"",         "example",   "opier.example", "*.example",
                                        "machines", "b.example", "127.0.0.1",     "sip:"};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        w->name = names[i];
        assert_int_equal(registers(w, "copier"), 403);
        assert_string_equal(w->refused, "REGISTER : the certificate is for no device");
    }
    w->name = "copier.example";
    assert_int_equal(registers(w, "printer"), 403);
    assert_string_equal(w->refused, "REGISTER c1: of another device's address of record");
}

static void without_being_asked_nobody_shows_one(void **state)
{
    struct world *w = *state;
    w->asks = false;
    assert_int_equal(registers(w, "copier"), 401);
    assert_string_equal(w->trouble, "");
}

/* The certificate that a trunk's connection was agreed under says nothing of devices. */
static void certificate_of_a_trunk_is_no_devices(void **state)
{
    struct world *w = *state;
    w->is_trunk = true;
    tls_files_write(&w->machines, "DNS:trunk.example,DNS:copier.example", -60, 3600,
                    w->client_files.certificate, w->client_files.key, 0600);
    assert_int_equal(registers(w, "copier"), 401);
    assert_string_equal(w->trouble, "");
}

static void fails_with(struct world *w, const char *text)
{
    assert_int_not_equal(registers(w, "copier"), 200);
    uint64_t end = uv_now(&w->loop) + LIMIT_MS;
    while (!w->trouble[0] && uv_now(&w->loop) < end)
        (void)agent_wait(&w->client, NULL, 10);
    assert_string_equal(w->trouble, text);
    assert_string_equal(w->refused, "");
}

static void certificate_that_is_not_good_ends_the_connection(void **state)
{
    struct world *w = *state;
    struct tls_authority stranger;
    tls_authority_open(&stranger, "stranger");
    tls_files_write(&w->machines, "DNS:copier.example", -3600, -60, w->client_files.certificate,
                    w->client_files.key, 0600);
    fails_with(w, "verification: the peer's certificate was refused: it has expired");
    tls_files_write(&stranger, "DNS:copier.example", -60, 3600, w->client_files.certificate,
                    w->client_files.key, 0600);
    fails_with(w, "verification: the peer's certificate was refused: no authority that is trusted "
                  "for this peer has signed it");
    tls_files_write(&w->machines, "DNS:copier.example", 600, 3600, w->client_files.certificate,
                    w->client_files.key, 0600);
    fails_with(w, "verification: the peer's certificate was refused: it is not valid yet");
    tls_authority_close(&stranger);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        ROW(certificate_takes_the_place_of_a_password),
        ROW(certificate_for_another_name_is_refused),
        ROW(without_being_asked_nobody_shows_one),
        ROW(certificate_of_a_trunk_is_no_devices),
        ROW(certificate_that_is_not_good_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
