/* sip_test_device.h: a stack that is a registrar, and a bare UDP device that signs in with it. For
 * sip_registrar_test.c. */
#ifndef TESTS_UNIT_SIP_TEST_DEVICE_H
#define TESTS_UNIT_SIP_TEST_DEVICE_H

#include "gateway/sip/devices.h"
#include "tests/unit/sip_test_wire.h"

#define REALM "fax.example"

struct registrar {
    struct scene s;
    char log[4096]; /* "new sip:...;" */
    int record_status;
    bool withheld; /* the secret is not at hand */
    bool records_later;
    uint64_t registration; /* that waits */
    struct digest_params challenge;
    unsigned cseq, count; /* of REGISTERs, of the nonce */
    char call_id[32];
};

static inline int account_of(void *user, const char *username, struct sip_device_account *account)
{
    const struct registrar *r = user;
    if (strncmp(username, "copier", 6) != 0)
        return -ENOENT;
    if (r->withheld)
        return -EAGAIN;
    snprintf(account->name, sizeof account->name, "dev-%s", username);
    snprintf(account->user, sizeof account->user, "%s", username);
    snprintf(account->number, sizeof account->number, "201");
    if (digest_ha1(DIGEST_MD5, username, REALM, "secret", account->ha1[DIGEST_MD5]) != 0 ||
        digest_ha1(DIGEST_SHA256, username, REALM, "secret", account->ha1[DIGEST_SHA256]) != 0)
        return -EAGAIN;
    return 0;
}

static inline void on_change(void *user, const struct sip_binding *b,
                             enum sip_binding_change change, uint64_t registration)
{
    static const char *const names[] = {"new", "moved", "removed", "expired"};
    struct registrar *r = user;
    size_t n = strlen(r->log);
    if (n < sizeof r->log - 200)
        snprintf(r->log + n, sizeof r->log - n, "%s %s %s;", names[change], b->device, b->contact);
    if (registration && !r->records_later)
        sip_registration_finish(r->s.a.stack, registration, r->record_status);
    r->registration = registration;
}

static inline void on_refused(void *user, const struct sockaddr *source, const char *username,
                              const char *method, const char *reason)
{
    struct registrar *r = user;
    size_t n = strlen(r->log);
    (void)source, (void)reason;
    snprintf(r->log + n, sizeof r->log - n, "refused %s %s;", method, username);
}

static inline int open_registrar(void **state)
{
    struct registrar *r = calloc(1, sizeof *r);
    const struct sip_config config = {.t1_ms = 20};
    const struct sip_devices_config devices = {.realm = REALM,
                                               .expires_min_s = 60,
                                               .expires_max_s = 600,
                                               .bindings_of_device = 3,
                                               .account = account_of,
                                               .changed = on_change,
                                               .refused = on_refused,
                                               .user = r};
    assert_non_null(r);
    assert_int_equal(uv_loop_init(&r->s.loop), 0);
    agent_open(&r->s.a, &r->s.loop, &config);
    r->s.a.trusts_nobody = true;
    r->s.a.on_call = AGENT_ANSWER;
    assert_int_equal(sip_devices_open(r->s.a.stack, &devices), 0);
    sip_devices_enable(r->s.a.stack, true);
    wire_open(&r->s.w, &r->s.loop, agent_port(&r->s.a));
    snprintf(r->call_id, sizeof r->call_id, "reg-1");
    *state = r;
    return 0;
}

static inline int close_registrar(void **state)
{
    struct registrar *r = *state;
    agent_close(&r->s.a);
    uv_run(&r->s.loop, UV_RUN_DEFAULT);
    wire_close(&r->s.w);
    int left = uv_loop_close(&r->s.loop);
    free(r);
    return left;
}

/* What a device says in Authorization for the challenge at hand. */
static inline void authorize(struct registrar *r, const char *user, const char *password,
                             const char *method, const char *uri, char out[1100])
{
    char ha1[DIGEST_HEX], value[1024];
    const struct digest_use use = {.username = user,
                                   .ha1 = ha1,
                                   .method = method,
                                   .uri = uri,
                                   .nonce_count = r->count,
                                   .cnonce = "0a4f113b"};
    assert_int_equal(digest_ha1(r->challenge.algorithm, user, REALM, password, ha1), 0);
    assert_true(digest_answer(&r->challenge, &use, value, sizeof value) > 0);
    snprintf(out, 1100, "Authorization: %s\r\n", value);
}

static inline void send_register(struct registrar *r, const char *user, const char *headers)
{
    r->cseq++;
    wire_send(&r->s.w,
              "REGISTER sip:" REALM " SIP/2.0\r\n"
              "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bKg%u%s\r\n"
              "From: <sip:%s@" REALM ">;tag=d\r\nTo: <sip:%s@" REALM ">\r\nCall-ID: %s\r\n"
              "CSeq: %u REGISTER\r\nMax-Forwards: 70\r\nUser-Agent: Copier 1.0\r\n"
              "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n%sContent-Length: 0\r\n\r\n",
              r->s.w.port, r->cseq, r->call_id, user, user, r->call_id, r->cseq, headers);
}

/* Takes the n-th challenge of the 401 last received. */
static inline void take_challenge(struct registrar *r, enum digest_algorithm wanted)
{
    const char *at = r->s.w.got;
    while ((at = strcasestr(at, "WWW-Authenticate: ")) != NULL) {
        at += 18;
        assert_int_equal(digest_read(&r->challenge, at, strcspn(at, "\r\n")), 0);
        if (r->challenge.algorithm == wanted)
            break;
    }
    assert_non_null(at);
    r->count = 0;
}

static inline void get_challenge(struct registrar *r, enum digest_algorithm wanted)
{
    send_register(r, "copier", "Contact: <sip:copier@192.0.2.9:5070>\r\n");
    assert_true(wire_expect(&r->s.w, "SIP/2.0 401", LIMIT_MS));
    take_challenge(r, wanted);
}

/* Registers with these headers; returns whether the answer begins with that. */
static inline bool registers(struct registrar *r, const char *user, const char *password,
                             const char *headers, const char *expected)
{
    char authorization[1100], all[4096];
    r->count++;
    authorize(r, user, password, "REGISTER", "sip:" REALM, authorization);
    snprintf(all, sizeof all, "%s%s", authorization, headers);
    send_register(r, user, all);
    if (!wire_expect(&r->s.w, "SIP/2.0", LIMIT_MS))
        return false;
    return !strncmp(r->s.w.got, expected, strlen(expected));
}

static inline uint32_t transactions(const struct registrar *r)
{
    struct sip_stack_counters c;
    sip_stack_read_counters(r->s.a.stack, &c);
    return c.transactions;
}

#endif
