#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/control/media_offer.h"
#include "gateway/control/media_ports.h"
#include "gateway/socket_address.h"

static struct media_local local_side(void)
{
    return (struct media_local){.address = "127.0.0.1",
                                .port = 20000,
                                .session_id = 7,
                                .session_version = 1,
                                .max_bit_rate = 14400,
                                .max_datagram = 400};
}

static struct sdp_session read_text(const char *text)
{
    struct sdp_session sdp;
    assert_int_equal(sdp_read(&sdp, text, strlen(text), NULL), 0);
    return sdp;
}

static void t38_is_offered_and_read_back(void **state)
{
    struct media_local local = local_side();
    struct sdp_session sdp, again;
    struct media_t38 t38;
    char text[SDP_TEXT_MAX];
    size_t length;
    (void)state;
    assert_int_equal(media_offer_t38(&local, &sdp), 0);
    assert_int_equal(local.session_version, 2);
    assert_int_equal(sdp_write(&sdp, text, sizeof text, &length), 0);
    assert_int_equal(sdp_read(&again, text, length, NULL), 0);
    assert_int_equal(media_read_t38(&again, 14400, &t38), 0);
    const struct sockaddr_in *peer = (const struct sockaddr_in *)&t38.peer;
    assert_int_equal(ntohs(peer->sin_port), 20000);
    assert_int_equal(ntohl(peer->sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_equal(t38.max_datagram, 400);
    assert_int_equal(t38.recovery, MEDIA_REDUNDANCY);
    assert_int_equal(media_read_t38(&again, 9600, &t38), 0);
    assert_int_equal(t38.max_bit_rate, 9600);
}

#define SDP_HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static void odd_values_are_brought_into_range(void **state)
{
    static const struct {
        const char *attributes;
        int datagram;
        enum media_recovery recovery;
    } table[] = {
        {"", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:0\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:20\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:48\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:-1\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:-400\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:many\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:72\r\n", 72, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram: 320 \r\n", 320, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:1\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:65536\r\n", 1472, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:99999\r\n", 1472, MEDIA_REDUNDANCY},
        {"a=T38FaxMaxDatagram:99999999999999999999999\r\n", 1472, MEDIA_REDUNDANCY},
        {"a=T38FaxUdpEC:t38UDPRedundancy\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxUdpEC:t38UDPFEC\r\n", 400, MEDIA_FEC},
        {"a=T38FaxUdpEC:t38UDPNoEC\r\n", 400, MEDIA_NO_RECOVERY},
        {"a=t38faxudpec:t38udpfec\r\n", 400, MEDIA_FEC},
        {"a=T38FAXUDPEC: T38UDPNOEC\r\n", 400, MEDIA_NO_RECOVERY},
        {"a=T38FaxUdpEC:UDPFEC\r\n", 400, MEDIA_FEC},
        {"a=T38FaxUdpEC:fec\r\n", 400, MEDIA_FEC},
        {"a=T38FaxUdpEC:t38UDPFEC,t38UDPRedundancy\r\n", 400, MEDIA_FEC},
        {"a=T38FaxUdpEC:t38UDPRedundancy;4\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxUdpEC:t38UDPFECond\r\n", 400, MEDIA_REDUNDANCY},
        {"a=T38FaxUdpEC:\r\n", 400, MEDIA_REDUNDANCY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[400];
        struct media_t38 t38;
        snprintf(text, sizeof text, SDP_HEAD "m=image 4000 udptl t38\r\n%s", table[i].attributes);
        struct sdp_session sdp = read_text(text);
        assert_int_equal(media_read_t38(&sdp, 14400, &t38), 0);
        assert_int_equal(t38.max_datagram, table[i].datagram);
        assert_int_equal(t38.recovery, table[i].recovery);
    }
}

/* What is answered to an offer and what then holds; both sides must come to the same. */
static void versions_and_recovery_are_the_lower_of_both(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5 * 4 * 3 * 3; i++) {
        struct media_local offerer = local_side(), answerer = local_side();
        struct sdp_session offer, answer;
        struct media_t38 at_offerer, at_answerer;
        bool is_t38;
        unsigned offered = i % 5; /* 4 is more than we know */
        offerer.t38_version = (uint8_t)offered;
        answerer.t38_version = i / 5 % 4;
        offerer.recovery = (enum media_recovery)(i / 20 % 3);
        answerer.recovery = (enum media_recovery)(i / 60);
        assert_int_equal(media_offer_t38(&offerer, &offer), 0);
        offer.media[0].t38.version = (uint8_t)offered;
        assert_int_equal(media_answer(&answerer, &offer, &answer, &is_t38), 0);
        assert_true(is_t38);
        assert_int_equal(media_agree_t38(&answerer, &offer, &at_answerer), 0);
        assert_int_equal(media_agree_t38(&offerer, &answer, &at_offerer), 0);
        assert_int_equal(at_answerer.version, offered < 3 ? offered : 3);
        assert_int_equal(at_offerer.version, at_answerer.version);
        assert_int_equal(at_offerer.recovery, at_answerer.recovery);
        bool none = offerer.recovery == MEDIA_NO_RECOVERY || answerer.recovery == MEDIA_NO_RECOVERY;
        bool fec = offerer.recovery == MEDIA_FEC && answerer.recovery == MEDIA_FEC;
        assert_int_equal(at_offerer.recovery, none  ? MEDIA_NO_RECOVERY
                                              : fec ? MEDIA_FEC
                                                    : MEDIA_REDUNDANCY);
    }
}

/* An answer may not say more than the offer did; some do. */
static void an_answer_is_held_to_the_offer(void **state)
{
    (void)state;
    struct media_local local = local_side();
    struct sdp_session sdp;
    struct media_t38 t38;
    assert_int_equal(media_offer_t38(&local, &sdp), 0);
    struct sdp_session more = read_text(SDP_HEAD "m=image 4000 udptl t38\r\na=T38FaxVersion:3\r\n"
                                                 "a=T38FaxUdpEC:t38UDPFEC\r\n");
    assert_int_equal(media_agree_t38(&local, &more, &t38), 0);
    assert_int_equal(t38.version, 0);
    assert_int_equal(t38.recovery, MEDIA_REDUNDANCY);
    /* The engine runs with version 0 now: a later offer changes nothing. */
    bool is_t38;
    assert_int_equal(media_answer(&local, &more, &sdp, &is_t38), 0);
    assert_int_equal(sdp.media[0].t38.version, 0);
    assert_int_equal(media_agree_t38(&local, &more, &t38), 0);
    assert_int_equal(t38.version, 0);
}

static void answers_prefer_t38(void **state)
{
    struct media_local local = local_side();
    struct sdp_session answer;
    bool t38 = false;
    (void)state;
    struct sdp_session both =
        read_text(SDP_HEAD "m=audio 4000 RTP/AVP 8\r\nm=image 4002 udptl t38\r\n");
    assert_int_equal(media_answer(&local, &both, &answer, &t38), 0);
    assert_true(t38);
    assert_int_equal(answer.media_count, 2);
    assert_int_equal(answer.media[0].port, 0);
    assert_int_equal(answer.media[1].port, 20000);
    struct sdp_session audio = read_text(SDP_HEAD "m=audio 4000 RTP/AVP 8 0\r\n");
    assert_int_equal(media_answer(&local, &audio, &answer, &t38), 0);
    assert_false(t38);
    assert_int_equal(answer.media[0].port, 20000);
    struct sdp_session video = read_text(SDP_HEAD "m=video 4000 RTP/AVP 96\r\n");
    assert_int_equal(media_answer(&local, &video, &answer, &t38), -ENOTSUP);
}

static void addresses_that_lead_nowhere_are_refused(void **state)
{
    static const char *const nowhere[] = {"0.0.0.0", "255.255.255.255", "224.0.0.1"};
    struct media_t38 t38;
    (void)state;
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        char text[300];
        snprintf(
            text, sizeof text,
            "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=image 4000 udptl "
            "t38\r\n",
            nowhere[i]);
        struct sdp_session sdp = read_text(text);
        assert_int_equal(media_read_t38(&sdp, 14400, &t38), -ENOTSUP);
    }
    struct sdp_session refused = read_text(SDP_HEAD "m=image 0 udptl t38\r\n");
    assert_int_equal(media_read_t38(&refused, 14400, &t38), -ENOTSUP);
}

/* Of a peer behind an address translation only the port is taken, for a guess; hold stays hold. */
static void behind_an_address_translation_the_signalling_host_counts(void **state)
{
    static const struct {
        const char *sdp;
        int status;
    } table[] = {
        {"c=IN IP4 10.1.1.5\r\nm=image 4000 udptl t38\r\n", 0},
        {"c=IN IP4 fax.example\r\nm=image 4000 udptl t38\r\n", 0},
        {"c=IN IP4 192.0.2.9\r\nm=image 4000 udptl t38\r\n", 0},
        {"c=IN IP6 fd00::5\r\nm=image 4000 udptl t38\r\n", 0},
        {"c=IN IP4 0.0.0.0\r\nm=image 4000 udptl t38\r\n", -ENOTSUP},
        {"c=IN IP4 10.1.1.5\r\nm=audio 4000 RTP/AVP 8\r\n", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[200], host[SOCKET_ADDRESS_HOST];
        struct media_local local = local_side();
        struct media_t38 t38;
        struct media_audio audio;
        assert_int_equal(socket_address_parse("203.0.113.9", 5060, &local.signals), 0);
        snprintf(text, sizeof text, "v=0\r\no=- 1 1 IN IP4 10.1.1.5\r\ns=-\r\n%s", table[i].sdp);
        struct sdp_session sdp = read_text(text);
        bool is_audio = strstr(text, "m=audio") != NULL;
        int rc = is_audio ? media_agree_audio(&local, &sdp, &audio)
                          : media_agree_t38(&local, &sdp, &t38);
        const struct sockaddr *peer = (const struct sockaddr *)(is_audio ? &audio.peer : &t38.peer);
        assert_int_equal(rc, table[i].status);
        assert_int_equal(!is_audio && media_is_on_hold(&local, &sdp), table[i].status < 0);
        if (rc < 0)
            continue;
        socket_address_host(peer, host);
        assert_string_equal(host, "203.0.113.9");
        assert_int_equal(socket_address_port(peer), 4000);
        assert_true(is_audio ? audio.latch : t38.latch);
        local.signals.ss_family = AF_UNSPEC;
        bool is_name = strstr(text, "fax.example") != NULL;
        rc = is_audio ? media_agree_audio(&local, &sdp, &audio)
                      : media_agree_t38(&local, &sdp, &t38);
        assert_int_equal(rc, is_name ? -ENOTSUP : 0);
        assert_false(is_audio ? audio.latch : t38.latch);
    }
}

/* How a peer holds a call and resumes it, and what that means for a line that it takes. */
static const struct hold_case {
    const char *address, *direction;
    bool holds_t38, holds_audio, leads_nowhere;
    enum sdp_direction answer;
} hold_cases[] = {
    {"192.0.2.1", "", false, false, false, SDP_SENDRECV},
    {"192.0.2.1", "a=sendrecv\r\n", false, false, false, SDP_SENDRECV},
    {"192.0.2.1", "a=inactive\r\n", true, true, false, SDP_INACTIVE},
    {"192.0.2.1", "a=sendonly\r\n", false, true, false, SDP_RECVONLY},
    {"192.0.2.1", "a=recvonly\r\n", false, false, false, SDP_SENDONLY},
    {"0.0.0.0", "", true, true, true, SDP_SENDRECV},
    {"0.0.0.0", "a=sendonly\r\n", true, true, true, SDP_RECVONLY},
    {"0.0.0.0", "a=inactive\r\n", true, true, true, SDP_INACTIVE},
};

static void check_hold(struct media_local *local, const struct hold_case *c, const char *line)
{
    char text[400], written[SDP_TEXT_MAX];
    size_t length;
    struct sdp_session answer, seen;
    struct media_t38 t38;
    struct media_audio audio;
    bool is_t38, wants_t38 = strstr(line, "t38") != NULL;
    snprintf(text, sizeof text,
             "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s%s", c->address,
             line, c->direction);
    struct sdp_session offer = read_text(text);
    assert_int_equal(media_is_on_hold(local, &offer), wants_t38 ? c->holds_t38 : c->holds_audio);
    assert_int_equal(media_answer(local, &offer, &answer, &is_t38), 0);
    assert_int_equal(is_t38, wants_t38);
    assert_int_equal(sdp_write(&answer, written, sizeof written, &length), 0);
    assert_int_equal(sdp_read(&seen, written, length, NULL), 0);
    assert_int_equal(seen.media[0].direction, c->answer);
    assert_int_equal(seen.media[0].port, 20000);
    int rc =
        wants_t38 ? media_agree_t38(local, &offer, &t38) : media_agree_audio(local, &offer, &audio);
    assert_int_equal(rc, c->leads_nowhere ? -ENOTSUP : 0);
}

static void calls_are_held_and_resumed(void **state)
{
    (void)state;
    struct media_local audio = local_side(), image = local_side(), secured = local_side();
    for (size_t i = 0; i < sizeof hold_cases / sizeof *hold_cases; i++) {
        check_hold(&audio, &hold_cases[i], "m=audio 4000 RTP/AVP 8\r\n");
        check_hold(&image, &hold_cases[i], "m=image 4000 udptl t38\r\na=T38FaxVersion:2\r\n");
        check_hold(&image, &hold_cases[0], "m=image 4000 udptl t38\r\na=T38FaxVersion:3\r\n");
    }
    /* The engine of before the hold runs on: its version, too. */
    assert_true(image.settled);
    assert_int_equal(image.said_version, 2);
    /* What would not be taken anyway holds nothing. */
    secured.secured = true;
    struct sdp_session plain = read_text(SDP_HEAD "m=image 4000 udptl t38\r\na=inactive\r\n");
    assert_false(media_is_on_hold(&secured, &plain));
}

static void ports_are_even_and_run_out(void **state)
{
    struct media_ports ports;
    int fd[3];
    uint16_t port;
    (void)state;
    assert_int_equal(media_ports_init(&ports, "not an address", 20000, 20010), -EINVAL);
    assert_int_equal(media_ports_init(&ports, "127.0.0.1", 20010, 20000), -EINVAL);
    assert_int_equal(media_ports_init(&ports, "127.83.12.5", 30001, 30004), 0);
    assert_int_equal(media_ports_open(&ports, &fd[0], &port), 0);
    assert_int_equal(port, 30002);
    assert_int_equal(media_ports_open(&ports, &fd[1], &port), 0);
    assert_int_equal(port, 30004);
    assert_int_equal(media_ports_open(&ports, &fd[2], &port), -EADDRINUSE);
    close(fd[0]);
    assert_int_equal(media_ports_open(&ports, &fd[2], &port), 0);
    assert_int_equal(port, 30002);
    close(fd[1]);
    close(fd[2]);
}

/* Ahead of the clock only when both say so, and the answer only when it was offered. */
static void express_is_agreed_by_both(void **state)
{
    (void)state;
    for (int trusted = 0; trusted < 4; trusted++) {
        struct media_local caller = local_side(), called = local_side();
        struct sdp_session offer, answer, read_offer, read_answer;
        struct media_t38 at_called, at_caller;
        char text[SDP_TEXT_MAX];
        size_t length;
        bool is_t38, both = trusted == 3;
        caller.may_express = trusted & 1;
        called.may_express = trusted & 2;
        assert_int_equal(media_offer_t38(&caller, &offer), 0);
        assert_int_equal(sdp_write(&offer, text, sizeof text, &length), 0);
        assert_int_equal(memmem(text, length, "a=X-SealfaxExpress:1\r\n", 22) != NULL,
                         caller.may_express);
        assert_int_equal(sdp_read(&read_offer, text, length, NULL), 0);
        assert_int_equal(media_answer(&called, &read_offer, &answer, &is_t38), 0);
        assert_int_equal(media_agree_t38(&called, &read_offer, &at_called), 0);
        assert_int_equal(sdp_write(&answer, text, sizeof text, &length), 0);
        assert_int_equal(memmem(text, length, "Express", 7) != NULL, both);
        assert_int_equal(sdp_read(&read_answer, text, length, NULL), 0);
        assert_int_equal(media_agree_t38(&caller, &read_answer, &at_caller), 0);
        assert_int_equal(at_called.express, both);
        assert_int_equal(at_caller.express, both);
    }
}

static void audio_is_agreed_on(void **state)
{
    struct media_local local = local_side();
    struct media_audio audio;
    (void)state;
    struct sdp_session sdp = read_text(SDP_HEAD "m=audio 4000 RTP/AVP 18 0 8\r\na=rtcp-mux\r\n");
    assert_int_equal(media_agree_audio(&local, &sdp, &audio), 0);
    assert_int_equal(audio.payload_type, 0);
    assert_false(audio.a_law);
    assert_true(audio.rtcp);
    sdp = read_text(SDP_HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 PCMA/8000\r\n");
    assert_int_equal(media_agree_audio(&local, &sdp, &audio), 0);
    assert_int_equal(audio.payload_type, 96);
    assert_true(audio.a_law);
    assert_false(audio.rtcp);
    sdp = read_text(SDP_HEAD "m=audio 0 RTP/AVP 8\r\nm=image 4002 udptl t38\r\n");
    assert_int_equal(media_agree_audio(&local, &sdp, &audio), -ENOTSUP);
    sdp = read_text(SDP_HEAD "m=audio 4000 RTP/AVP 18\r\n");
    assert_int_equal(media_agree_audio(&local, &sdp, &audio), -ENOTSUP);
}

static void without_t38_audio_is_answered(void **state)
{
    struct media_local local = local_side();
    struct sdp_session answer;
    bool t38 = true;
    (void)state;
    local.no_t38 = true;
    struct sdp_session both =
        read_text(SDP_HEAD "m=image 4002 udptl t38\r\nm=audio 4000 RTP/AVP 8\r\n");
    assert_int_equal(media_answer(&local, &both, &answer, &t38), 0);
    assert_false(t38);
    assert_int_equal(answer.media[0].port, 0);
    assert_int_equal(answer.media[1].port, 20000);
    struct sdp_session image = read_text(SDP_HEAD "m=image 4002 udptl t38\r\n");
    assert_int_equal(media_answer(&local, &image, &answer, &t38), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t38_is_offered_and_read_back),
        cmocka_unit_test(odd_values_are_brought_into_range),
        cmocka_unit_test(versions_and_recovery_are_the_lower_of_both),
        cmocka_unit_test(an_answer_is_held_to_the_offer),
        cmocka_unit_test(answers_prefer_t38),
        cmocka_unit_test(addresses_that_lead_nowhere_are_refused),
        cmocka_unit_test(behind_an_address_translation_the_signalling_host_counts),
        cmocka_unit_test(calls_are_held_and_resumed),
        cmocka_unit_test(ports_are_even_and_run_out),
        cmocka_unit_test(express_is_agreed_by_both),
        cmocka_unit_test(audio_is_agreed_on),
        cmocka_unit_test(without_t38_audio_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
