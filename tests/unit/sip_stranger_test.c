/* What strangers get from a registrar: no part in calls of others, and no more octets than they
 * sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/sip_test_device.h"

/* Sends from an address that nobody has been heard from. Returns the octets of the answer, which is
 * cut to fit; 0: none came. */
static size_t ask_from_elsewhere(struct registrar *r, const char *message, char *answer,
                                 size_t size)
{
    struct sockaddr_in own = agent_loopback(0), to = agent_loopback(agent_port(&r->s.a));
    own.sin_addr.s_addr = htonl(0x7f000002);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ssize_t got = 0;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(
        sendto(fd, message, strlen(message), 0, (const struct sockaddr *)&to, sizeof to),
        strlen(message));
    agent_wait(&r->s.a, NULL, QUIET_MS);
    got = recv(fd, answer, size - 1, MSG_TRUNC);
    answer[got < 0 ? 0 : (size_t)got < size ? (size_t)got : size - 1] = '\0';
    close(fd);
    return got < 0 ? 0 : (size_t)got;
}

/* Whoever has read the tags of a call cannot take its media from another address. */
static void a_stranger_has_no_part_in_a_call(void **state)
{
    struct registrar *r = *state;
    char tag[64], message[2048], answer[2048];
    r->s.a.trusts_nobody = false;
    establish(&r->s, tag);
    r->s.a.trusts_nobody = true;
    snprintf(message, sizeof message,
             "INVITE sip:200@127.0.0.1 SIP/2.0\r\n"
             "Via: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bKother\r\n"
             "From: <sip:300@127.0.0.1>;tag=theirs\r\nTo: <sip:200@127.0.0.1>;tag=%s\r\n"
             "Call-ID: wire-1\r\nCSeq: 2 INVITE\r\nContact: <sip:300@127.0.0.2>\r\n"
             "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
             tag, strlen(t38_sdp), t38_sdp);
    (void)ask_from_elsewhere(r, message, answer, sizeof answer);
    assert_null(strstr(r->s.a.log, "offer"));
    assert_int_equal(strncmp(answer, "SIP/2.0 403", 11), 0);
}

/* The source of a datagram can be forged: who is challenged gets less than twice what was sent. */
static void a_challenge_is_no_amplifier(void **state)
{
    struct registrar *r = *state;
    char answer[4096];
    char message[1024], padding[640];
    memset(padding, 'x', sizeof padding);
    for (int length = 1; length < 600; length += 20) {
        snprintf(
            message, sizeof message,
            "REGISTER sip:h.example SIP/2.0\r\nVia: SIP/2.0/UDP h.example;rport;branch=z9hG4bKa\r\n"
            "From: <sip:u@h>;tag=abc\r\nTo: <sip:u@h>\r\nCall-ID: abcd\r\nCSeq: 1 REGISTER\r\n"
            "User-Agent: %.*s\r\nContent-Length: 0\r\n\r\n",
            length, padding);
        size_t got = ask_from_elsewhere(r, message, answer, sizeof answer);
        if (got >= 2 * strlen(message))
            fail_msg("%zu octets for %zu: %s", got, strlen(message), answer);
        if (length < 560)
            continue;
        assert_non_null(strstr(answer, "SHA-256")); /* as long as those of real machines */
        assert_non_null(strstr(answer, "MD5"));
    }
}

/* An answer that is for no URI at all is for none of ours (RFC 7616 §3.4.6). */
static void an_answer_names_its_uri(void **state)
{
    struct registrar *r = *state;
    char authorization[1100];
    get_challenge(r, DIGEST_SHA256);
    r->count++;
    authorize(r, "copier", "secret", "REGISTER", "", authorization);
    send_register(r, "copier", authorization);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 401", LIMIT_MS));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_registrar, close_registrar)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_stranger_has_no_part_in_a_call),
        CASE(a_challenge_is_no_amplifier),
        CASE(an_answer_names_its_uri),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
