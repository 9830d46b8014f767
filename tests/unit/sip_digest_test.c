/* sip_digest_test.c: digest authentication against the examples of RFC 7616, and against abuse. */
#include "gateway/sip/digest.h"
#include "gateway/sip/digest_secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char nonce[] = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
static const char cnonce[] = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

static void expect_rfc_response(enum digest_algorithm algorithm, const char *response)
{
    char header[1024], ha1[DIGEST_HEX], answer[DIGEST_HEADER_MAX];
    struct digest_params challenge, read;
    int n = snprintf(header, sizeof header,
                     "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                     "algorithm=%s, nonce=\"%s\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtz\"",
                     digest_algorithm_name(algorithm), nonce);
    assert_int_equal(digest_read(&challenge, header, (size_t)n), 0);
    assert_true(challenge.qop_auth);
    assert_int_equal(
        digest_ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life", ha1), 0);
    n = digest_answer(&challenge,
                      &(struct digest_use){"Mufasa", ha1, "GET", "/dir/index.html", 1, cnonce},
                      answer, sizeof answer);
    assert_true(n > 0);
    assert_int_equal(digest_read(&read, answer, (size_t)n), 0);
    assert_string_equal(read.response, response);
    assert_string_equal(read.opaque, "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtz");
    assert_string_equal(read.uri, "/dir/index.html");
    assert_int_equal(read.nonce_count, 1);
    assert_int_equal(read.algorithm, algorithm);
}

/* RFC 7616 §3.9.1 */
static void the_examples_of_the_rfc_come_out(void **state)
{
    (void)state;
    expect_rfc_response(DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec");
    expect_rfc_response(DIGEST_SHA256,
                        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

/* RFC 2617 §3.5, and the same without qop as RFC 2069 has it. */
static void a_challenge_without_qop_is_answered(void **state)
{
    (void)state;
    const char header[] = "Digest realm=\"testrealm@host.com\", "
                          "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    struct digest_params challenge, read;
    char ha1[DIGEST_HEX], answer[DIGEST_HEADER_MAX];
    assert_int_equal(digest_read(&challenge, header, strlen(header)), 0);
    assert_int_equal(digest_ha1(DIGEST_MD5, "Mufasa", "testrealm@host.com", "CircleOfLife", ha1),
                     0);
    int n = digest_answer(&challenge,
                          &(struct digest_use){"Mufasa", ha1, "GET", "/dir/index.html", 1, "x"},
                          answer, sizeof answer);
    assert_true(n > 0);
    assert_null(strstr(answer, "qop"));
    assert_int_equal(digest_read(&read, answer, (size_t)n), 0);
    assert_string_equal(read.response, "1949323746fe6a43ef61f9606e7febea");
}

static int read_text(const char *text)
{
    struct digest_params p;
    return digest_read(&p, text, strlen(text));
}

static void broken_values_are_refused(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(read_text(""), -ENOTSUP);
    assert_int_equal(read_text("Basic realm=\"x\""), -ENOTSUP);
    assert_int_equal(read_text("Digest"), -ENOTSUP);
    assert_int_equal(read_text("Digestrealm=\"x\""), -ENOTSUP);
    assert_int_equal(read_text("Digest "), -EBADMSG);
    assert_int_equal(read_text("Digest realm"), -EBADMSG);
    assert_int_equal(read_text("Digest realm="), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x"), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\\"), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\""), -EBADMSG); /* no nonce */
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\","), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\" nonce=\"y\""), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\", realm=\"z\", nonce=\"y\""), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"a\r\nVia: b\", nonce=\"y\""), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\", nc=1"), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\", nc=0000000g"), -EBADMSG);
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess"), -ENOTSUP);
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\", userhash=true"), -ENOTSUP);
    assert_int_equal(read_text("Digest realm=\"x\", nonce=\"y\", other=z, domain=\"q\""), 0);
    assert_int_equal(read_text("dIgEsT \t REALM = \"x\" ,\tNonce= y "), 0);
    memset(text, 'a', sizeof text);
    memcpy(text, "Digest realm=\"", 14);
    assert_int_equal(digest_read(&(struct digest_params){0}, text, 1000), -E2BIG);
    assert_int_equal(digest_read(&(struct digest_params){0}, text, sizeof text), -E2BIG);
    size_t n = 0;
    n += (size_t)sprintf(text, "Digest realm=x, nonce=y");
    for (int i = 0; i < 40; i++)
        n += (size_t)sprintf(text + n, ", x%d=1", i);
    assert_int_equal(digest_read(&(struct digest_params){0}, text, n), -E2BIG);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct digest_params p = {.realm = "r", .nonce = "n", .qop_present = true, .qop_auth = true};
    char out[DIGEST_HEADER_MAX];
    assert_true(digest_answer(&p, &(struct digest_use){"u", "00", "INVITE", "sip:a", 1, "c"}, out,
                              sizeof out) > 0);
    assert_int_equal(digest_answer(&p, &(struct digest_use){"u\"", "00", "INVITE", "sip:a", 1, "c"},
                                   out, sizeof out),
                     -EINVAL);
    assert_int_equal(digest_answer(&p,
                                   &(struct digest_use){"u\r\n", "00", "INVITE", "sip:a", 1, "c"},
                                   out, sizeof out),
                     -EINVAL);
    assert_int_equal(
        digest_answer(&p, &(struct digest_use){"u", "00", "INVITE", "sip:a", 1, "c"}, out, 20),
        -ENOSPC);
    p.qop_auth = false; /* auth-int alone */
    assert_int_equal(digest_answer(&p, &(struct digest_use){"u", "00", "INVITE", "sip:a", 1, "c"},
                                   out, sizeof out),
                     -ENOTSUP);
}

/* ---- server ---- */

static char ha1[DIGEST_HEX];

static struct digest_server *new_server(uint64_t lifetime_ms)
{
    struct digest_server *s;
    assert_int_equal(digest_server_new(&s, "fax.example", lifetime_ms), 0);
    assert_int_equal(digest_ha1(DIGEST_SHA256, "machine7", "fax.example", "secret", ha1), 0);
    return s;
}

static void challenge_of(struct digest_server *s, uint64_t now_ms, struct digest_params *out)
{
    char text[DIGEST_HEADER_MAX];
    int n = digest_challenge(s, DIGEST_SHA256, false, now_ms, text, sizeof text);
    assert_true(n > 0);
    assert_int_equal(digest_read(out, text, (size_t)n), 0);
    assert_true(out->qop_auth);
}

static struct digest_params answer_to(const struct digest_params *challenge, const char *secret,
                                      uint32_t count)
{
    struct digest_params out;
    char text[DIGEST_HEADER_MAX];
    int n = digest_answer(
        challenge,
        &(struct digest_use){"machine7", secret, "REGISTER", "sip:fax.example", count, "abcdef"},
        text, sizeof text);
    assert_true(n > 0);
    assert_int_equal(digest_read(&out, text, (size_t)n), 0);
    return out;
}

static enum digest_verdict verify(struct digest_server *s, const struct digest_params *p,
                                  uint64_t now_ms)
{
    return digest_verify(s, p, ha1, "REGISTER", "sip:fax.example", now_ms);
}

static void the_right_answer_is_accepted_once(void **state)
{
    (void)state;
    struct digest_server *s = new_server(60000);
    struct digest_params challenge;
    challenge_of(s, 5000, &challenge);
    struct digest_params first = answer_to(&challenge, ha1, 1);
    assert_int_equal(verify(s, &first, 5100), DIGEST_ACCEPTED);
    assert_int_equal(verify(s, &first, 5200), DIGEST_REPLAYED);
    struct digest_params third = answer_to(&challenge, ha1, 3);
    struct digest_params second = answer_to(&challenge, ha1, 2);
    assert_int_equal(verify(s, &third, 5300), DIGEST_ACCEPTED);
    assert_int_equal(verify(s, &second, 5300), DIGEST_ACCEPTED); /* overtaken on the way */
    assert_int_equal(verify(s, &second, 5300), DIGEST_REPLAYED);
    struct digest_params far = answer_to(&challenge, ha1, 100);
    assert_int_equal(verify(s, &far, 5300), DIGEST_ACCEPTED);
    struct digest_params late = answer_to(&challenge, ha1, 5);
    assert_int_equal(verify(s, &late, 5300), DIGEST_REPLAYED); /* too far behind to know */
    digest_server_free(s);
}

static void wrong_answers_are_refused(void **state)
{
    (void)state;
    struct digest_server *s = new_server(60000);
    struct digest_params challenge, p;
    char other[DIGEST_HEX];
    challenge_of(s, 5000, &challenge);
    assert_int_equal(digest_ha1(DIGEST_SHA256, "machine7", "fax.example", "guess", other), 0);
    p = answer_to(&challenge, other, 1);
    assert_int_equal(verify(s, &p, 5100), DIGEST_REFUSED);
    p = answer_to(&challenge, ha1, 1);
    assert_int_equal(digest_verify(s, &p, NULL, "REGISTER", "sip:fax.example", 5100),
                     DIGEST_REFUSED);
    assert_int_equal(digest_verify(s, &p, ha1, "INVITE", "sip:fax.example", 5100), DIGEST_REFUSED);
    assert_int_equal(digest_verify(s, &p, ha1, "REGISTER", "sip:other.example", 5100),
                     DIGEST_REFUSED);
    p.response[0] ^= 1;
    assert_int_equal(verify(s, &p, 5100), DIGEST_REFUSED);
    p = answer_to(&challenge, ha1, 1);
    p.response[10] = '\0';
    assert_int_equal(verify(s, &p, 5100), DIGEST_REFUSED);
    p = answer_to(&challenge, ha1, 1);
    p.qop_present = false; /* RFC 2069 has nothing against replay */
    assert_int_equal(verify(s, &p, 5100), DIGEST_REFUSED);
    p = answer_to(&challenge, ha1, 1);
    snprintf(p.realm, sizeof p.realm, "other");
    assert_int_equal(verify(s, &p, 5100), DIGEST_REFUSED);
    p = answer_to(&challenge, ha1, 1);
    assert_int_equal(verify(s, &p, 5100), DIGEST_ACCEPTED); /* none of it spoilt the right one */
    digest_server_free(s);
}

static void old_and_foreign_nonces_are_stale(void **state)
{
    (void)state;
    struct digest_server *s = new_server(60000), *other = new_server(60000);
    struct digest_params challenge, p;
    challenge_of(s, 5000, &challenge);
    p = answer_to(&challenge, ha1, 1);
    assert_int_equal(verify(s, &p, 65001), DIGEST_STALE);
    assert_int_equal(verify(s, &p, 4999), DIGEST_STALE); /* from the future */
    assert_int_equal(verify(other, &p, 5100), DIGEST_STALE);
    snprintf(challenge.nonce, sizeof challenge.nonce, "made-up");
    p = answer_to(&challenge, ha1, 1);
    assert_int_equal(verify(s, &p, 5100), DIGEST_STALE);
    challenge_of(s, 5000, &challenge);
    p = answer_to(&challenge, ha1, 0xFFFFFFFF);
    assert_int_equal(verify(s, &p, 5100), DIGEST_STALE);
    digest_server_free(s);
    digest_server_free(other);
}

/* A nonce whose counts had to be forgotten is never taken again. */
static void forgetting_does_not_allow_a_replay(void **state)
{
    (void)state;
    struct digest_server *s = new_server(60000);
    struct digest_params challenge, first, p;
    challenge_of(s, 1000, &challenge);
    first = answer_to(&challenge, ha1, 1);
    assert_int_equal(verify(s, &first, 1000), DIGEST_ACCEPTED);
    unsigned accepted = 0;
    for (unsigned i = 0; i < 3 * DIGEST_NONCES; i++) {
        challenge_of(s, 1001 + i, &challenge);
        p = answer_to(&challenge, ha1, 1);
        accepted += verify(s, &p, 1001 + i) == DIGEST_ACCEPTED;
    }
    assert_int_equal(accepted, 3 * DIGEST_NONCES);
    assert_int_not_equal(verify(s, &first, 1001 + 3 * DIGEST_NONCES), DIGEST_ACCEPTED);
    digest_server_free(s);
}

static void bad_servers_are_not_made(void **state)
{
    (void)state;
    struct digest_server *s;
    assert_int_equal(digest_server_new(&s, "", 1000), -EINVAL);
    assert_int_equal(digest_server_new(&s, "a\"b", 1000), -EINVAL);
    assert_int_equal(digest_server_new(&s, "a\r\nb", 1000), -EINVAL);
    assert_int_equal(digest_server_new(&s, "a", 0), -EINVAL);
    assert_null(s);
    digest_server_free(NULL);
}

static void what_is_kept_of_a_password_goes_through_octets(void **state)
{
    struct digest_secret secret, back, empty = {.md5 = ""};
    uint8_t octets[DIGEST_SECRET_OCTETS];
    (void)state;

    assert_int_equal(digest_secret_make("bob", "biloxi.com", "zanzibar", &secret), 0);
    assert_string_equal(secret.md5, "12af60467a33e8518da5c68bbff12b11");
    assert_int_equal(digest_secret_pack(&secret, octets), 0);
    assert_int_equal(digest_secret_unpack(octets, sizeof octets, &back), 0);
    assert_memory_equal(&back, &secret, sizeof back);
    assert_string_equal(digest_secret_ha1(&back, DIGEST_SHA256), secret.sha256);
    secret.md5[0] = '\0'; /* as in a FIPS mode */
    assert_int_equal(digest_secret_pack(&secret, octets), 0);
    assert_int_equal(digest_secret_unpack(octets, sizeof octets, &back), 0);
    assert_null(digest_secret_ha1(&back, DIGEST_MD5));
    assert_int_equal(digest_secret_unpack(octets, sizeof octets - 1, &back), -EBADMSG);
    octets[0] = 4;
    assert_int_equal(digest_secret_unpack(octets, sizeof octets, &back), -EBADMSG);
    assert_int_equal(digest_secret_pack(&empty, octets), -EINVAL);
    assert_int_equal(digest_secret_make("a:b", "r", "p", &secret), -EINVAL);
    assert_int_equal(digest_secret_make("a", "r\"", "p", &secret), -EINVAL);
    assert_int_equal(digest_secret_make("", "r", "p", &secret), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_come_out),
        cmocka_unit_test(a_challenge_without_qop_is_answered),
        cmocka_unit_test(broken_values_are_refused),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(the_right_answer_is_accepted_once),
        cmocka_unit_test(wrong_answers_are_refused),
        cmocka_unit_test(old_and_foreign_nonces_are_stale),
        cmocka_unit_test(forgetting_does_not_allow_a_replay),
        cmocka_unit_test(bad_servers_are_not_made),
        cmocka_unit_test(what_is_kept_of_a_password_goes_through_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
