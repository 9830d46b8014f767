/* What is offered, answered and agreed when media has to be protected, or may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "gateway/control/media_offer.h"
#include "t38/srtp_media.h"

static struct media_local side(uint8_t mark, bool secured, bool tls)
{
    struct media_local local = {.address = "127.0.0.1",
                                .port = 20000,
                                .session_id = mark,
                                .session_version = 1,
                                .max_bit_rate = 14400,
                                .max_datagram = 400,
                                .secured = secured,
                                .may_protect = tls};
    memset(local.fingerprint, mark, sizeof local.fingerprint);
    memset(local.srtp_keys, mark, sizeof local.srtp_keys);
    return local;
}

/* As it arrives at the other side. */
static struct sdp_session sent(const struct sdp_session *sdp)
{
    struct sdp_session heard;
    char text[SDP_TEXT_MAX];
    size_t length;
    assert_int_equal(sdp_write(sdp, text, sizeof text, &length), 0);
    assert_int_equal(sdp_read(&heard, text, length, NULL), 0);
    return heard;
}

static void t38_over_dtls_is_agreed(void **state)
{
    (void)state;
    struct media_local a = side(1, true, true), b = side(2, false, true);
    struct sdp_session offer, answer;
    struct media_t38 of_a, of_b;
    bool t38 = false;
    assert_int_equal(media_offer_t38(&a, &offer), 0);
    offer = sent(&offer);
    assert_int_equal(offer.media[0].setup, SDP_SETUP_ACTPASS);
    assert_int_equal(media_answer(&b, &offer, &answer, &t38), 0);
    assert_true(t38);
    answer = sent(&answer);
    assert_int_equal(media_agree_t38(&b, &offer, &of_b), 0);
    assert_int_equal(media_agree_t38(&a, &answer, &of_a), 0);
    assert_true(of_a.dtls && of_b.dtls);
    assert_true(of_b.active && !of_a.active);
    assert_memory_equal(of_a.fingerprint, b.fingerprint, sizeof of_a.fingerprint);
    assert_memory_equal(of_b.fingerprint, a.fingerprint, sizeof of_b.fingerprint);
}

/* RFC 5763 §5, RFC 4145 §4: what each side's role becomes; who wants to begin is let, and who says
 * nothing begins. */
static void roles_are_taken_as_said(void **state)
{
    (void)state;
    static const struct {
        enum sdp_setup said, answered;
        bool active;
    } offered[] = {{SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, true},
                   {SDP_SETUP_PASSIVE, SDP_SETUP_ACTIVE, true},
                   {SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, false},
                   {SDP_SETUP_NONE, SDP_SETUP_PASSIVE, false}};
    struct sdp_session offer, answer;
    struct media_t38 agreed;
    bool t38 = false;
    for (size_t i = 0; i < sizeof offered / sizeof offered[0]; i++) {
        struct media_local a = side(1, true, true), b = side(2, true, true);
        assert_int_equal(media_offer_t38(&a, &offer), 0);
        offer.media[0].setup = offered[i].said;
        assert_int_equal(media_answer(&b, &offer, &answer, &t38), 0);
        assert_true(t38);
        assert_int_equal(answer.media[0].setup, offered[i].answered);
        assert_int_equal(media_agree_t38(&b, &offer, &agreed), 0);
        assert_int_equal(agreed.active, offered[i].active);
        /* What the other side makes of our offer. */
        if (offered[i].said == SDP_SETUP_ACTPASS)
            continue;
        answer.media[0].setup = offered[i].said;
        assert_int_equal(media_agree_t38(&a, &answer, &agreed), 0);
        assert_int_equal(agreed.active, offered[i].said == SDP_SETUP_PASSIVE);
    }
}

static void audio_over_srtp_is_agreed(void **state)
{
    (void)state;
    struct media_local a = side(1, true, true), b = side(2, true, true);
    struct sdp_session offer, answer;
    struct media_audio of_a, of_b;
    bool t38 = true;
    assert_int_equal(media_offer_audio(&a, &offer), 0);
    for (int weakest = 0; weakest < 2; weakest++) {
        struct sdp_session heard = sent(&offer);
        if (weakest) /* the peer has no GCM */
            heard.media[0].crypto[0] = heard.media[0].crypto[2], heard.media[0].crypto_count = 1;
        assert_int_equal(media_answer(&b, &heard, &answer, &t38), 0);
        assert_false(t38);
        answer = sent(&answer);
        assert_int_equal(media_agree_audio(&b, &heard, &of_b), 0);
        assert_int_equal(media_agree_audio(&a, &answer, &of_a), 0);
        assert_int_equal(of_a.srtp_suite, weakest ? SRTP_MEDIA_AES_CM_128_HMAC_SHA1_80
                                                  : SRTP_MEDIA_AEAD_AES_256_GCM);
        assert_int_equal(of_b.srtp_suite, of_a.srtp_suite);
        size_t octets = srtp_media_key_octets(of_a.srtp_suite);
        assert_memory_equal(of_a.send_key, of_b.receive_key, octets);
        assert_memory_equal(of_b.send_key, of_a.receive_key, octets);
        assert_memory_not_equal(of_a.send_key, of_b.send_key, octets);
    }
    answer.media[0].crypto[0].tag = 9; /* that nobody offered */
    assert_int_equal(media_agree_audio(&a, &answer, &of_a), -ENOTSUP);
}

/* What both sides hold after an offer of `from` and the answer to it. */
static void renegotiate(struct media_local *from, struct media_local *to,
                        struct media_audio *of_from, struct media_audio *of_to)
{
    struct sdp_session offer, answer;
    bool t38 = true;
    assert_int_equal(media_offer_audio(from, &offer), 0);
    offer = sent(&offer);
    assert_int_equal(media_answer(to, &offer, &answer, &t38), 0);
    answer = sent(&answer);
    assert_int_equal(media_agree_audio(to, &offer, of_to), 0);
    assert_int_equal(media_agree_audio(from, &answer, of_from), 0);
}

/* RFC 4568 §7.1.4: a new offer, and the answer to one, may bring another key; whoever made it. */
static void keys_change_by_a_new_description(void **state)
{
    (void)state;
    struct media_local a = side(1, true, true), b = side(2, true, true);
    struct media_audio of_a, of_b, before_a, before_b;
    size_t octets = srtp_media_key_octets(SRTP_MEDIA_AEAD_AES_256_GCM);
    renegotiate(&a, &b, &of_a, &of_b);
    for (int role = 0; role < 4; role++) {
        /* Who offers has another key; then who answers. */
        struct media_local *changed = role < 2 ? &a : &b;
        before_a = of_a, before_b = of_b;
        memset(changed->srtp_keys, 10 + role, sizeof changed->srtp_keys);
        if (role % 2 == 0)
            renegotiate(&a, &b, &of_a, &of_b);
        else
            renegotiate(&b, &a, &of_b, &of_a);
        assert_memory_equal(of_a.send_key, of_b.receive_key, octets);
        assert_memory_equal(of_b.send_key, of_a.receive_key, octets);
        assert_int_equal(memcmp(of_a.send_key, before_a.send_key, octets) != 0, role < 2);
        assert_int_equal(memcmp(of_b.send_key, before_b.send_key, octets) != 0, role >= 2);
        assert_int_equal(memcmp(of_a.receive_key, before_a.receive_key, octets) != 0, role >= 2);
        assert_int_equal(memcmp(of_b.receive_key, before_b.receive_key, octets) != 0, role < 2);
    }
}

static void nothing_is_downgraded(void **state)
{
    (void)state;
    struct media_local plain = side(1, false, false), secured = side(2, true, true);
    struct sdp_session offer, answer;
    struct media_t38 agreed;
    struct media_audio audio;
    bool t38;
    assert_int_equal(media_offer_t38(&plain, &offer), 0);
    assert_false(media_has_t38(&secured, &offer));
    assert_int_equal(media_answer(&secured, &offer, &answer, &t38), -ENOTSUP);
    assert_int_equal(media_agree_t38(&secured, &offer, &agreed), -ENOTSUP);
    assert_int_equal(media_offer_audio(&plain, &offer), 0);
    assert_int_equal(media_answer(&secured, &offer, &answer, &t38), -ENOTSUP);
    assert_int_equal(media_agree_audio(&secured, &offer, &audio), -ENOTSUP);
    /* A fingerprint that could be anybody's protects nothing: without it there is no offer. */
    assert_int_equal(media_offer_t38(&secured, &offer), 0);
    offer.media[0].has_fingerprint = false;
    struct media_local other = side(3, true, true);
    assert_int_equal(media_answer(&other, &offer, &answer, &t38), -ENOTSUP);
}

static void keys_are_not_taken_from_signalling_in_clear(void **state)
{
    (void)state;
    struct media_local secured = side(1, true, true), plain = side(2, false, false);
    struct sdp_session offer, answer;
    bool t38;
    assert_int_equal(media_offer_t38(&secured, &offer), 0);
    assert_int_equal(media_answer(&plain, &offer, &answer, &t38), -ENOTSUP);
    assert_int_equal(media_offer_audio(&secured, &offer), 0);
    assert_int_equal(media_answer(&plain, &offer, &answer, &t38), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t38_over_dtls_is_agreed),
        cmocka_unit_test(roles_are_taken_as_said),
        cmocka_unit_test(audio_over_srtp_is_agreed),
        cmocka_unit_test(keys_change_by_a_new_description),
        cmocka_unit_test(nothing_is_downgraded),
        cmocka_unit_test(keys_are_not_taken_from_signalling_in_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
