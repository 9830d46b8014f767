/* Session descriptions as met in the field, broken ones, and what we write. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sip/sdp.h"

/* Reads a copy of the exact size, so that the address sanitizer sees reads past the end. */
static int read_exactly(struct sdp_session *s, const char *text, size_t *offset)
{
    size_t length = strlen(text);
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    for (size_t i = 0; i < length; i++)
        copy[i] = text[i];
    int error = sdp_read(s, copy, length, offset);
    free(copy);
    return error;
}

static const char freeswitch_t38[] =
    "v=0\r\no=FreeSWITCH 1700000000 1700000001 IN IP4 192.0.2.10\r\ns=FreeSWITCH\r\n"
    "c=IN IP4 192.0.2.10\r\nt=0 0\r\nm=image 24758 udptl t38\r\na=T38FaxVersion:0\r\n"
    "a=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval\r\na=T38FaxRateManagement:transferredTCF\r\n"
    "a=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n";

static const char asterisk_t38[] =
    "v=0\r\no=- 1203929292 1203929294 IN IP4 192.0.2.20\r\ns=Asterisk\r\nc=IN IP4 192.0.2.20\r\n"
    "t=0 0\r\nm=image 4312 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
    "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:1400\r\n"
    "a=T38FaxUdpEC:t38UDPRedundancy\r\n";

static const char cisco_both[] =
    "v=0\r\no=CiscoSystemsSIP-GW-UserAgent 5018 7297 IN IP4 192.0.2.30\r\ns=SIP Call\r\n"
    "c=IN IP4 192.0.2.30\r\nt=0 0\r\nm=image 16854 udptl t38\r\nc=IN IP4 192.0.2.31\r\n"
    "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval:0\r\n"
    "a=T38FaxTranscodingMMR:0\r\na=T38FaxTranscodingJBIG:0\r\n"
    "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxBuffer:200\r\n"
    "a=T38FaxMaxDatagram:320\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
    "m=audio 18422 RTP/AVP 18 0 101\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    "a=ptime:20\r\n";

static const char odd_t38[] =
    "v=0\no=- 99999999999999999999 x IN IP4 gw.example.com\ns=-\na=t38faxversion:3\n"
    "c=IN IP4 192.0.2.40/127\nt=0 0\nm=image 5004 UDPTL T38\na=t38maxbitrate: 9600\n"
    "a=t38faxratemanagement:LOCALTCF\na=T38FaxMaxBuffer:99999999999\na=T38FaxMaxDatagram:0\n"
    "a=T38FaxUdpEC:t38UDPfec \na=t38faxtranscodingmmr\na=T38VendorInfo:0 0 37\nb=AS:64";

static void fields_of_peers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address, *user;
        uint16_t port;
        uint32_t absent;
        struct sdp_t38 t38;
    } rows[] = {
        {freeswitch_t38,
         "192.0.2.10",
         "FreeSWITCH",
         24758,
         SDP_T38_TRANSCODING_MMR | SDP_T38_TRANSCODING_JBIG,
         {.max_bit_rate = 14400,
          .fill_bit_removal = true,
          .max_buffer = 2000,
          .max_datagram = 400,
          .udp_ec = SDP_T38_EC_REDUNDANCY}},
        {asterisk_t38,
         "192.0.2.20",
         "-",
         4312,
         SDP_T38_TRANSCODING_MMR | SDP_T38_TRANSCODING_JBIG | SDP_T38_FILL_BIT_REMOVAL |
             SDP_T38_MAX_BUFFER,
         {.max_bit_rate = 14400, .max_datagram = 1400, .udp_ec = SDP_T38_EC_REDUNDANCY}},
        {cisco_both,
         "192.0.2.31",
         "CiscoSystemsSIP-GW-Us",
         16854,
         0,
         {.max_bit_rate = 14400,
          .max_buffer = 200,
          .max_datagram = 320,
          .udp_ec = SDP_T38_EC_REDUNDANCY}},
        {odd_t38,
         "192.0.2.40",
         "-",
         5004,
         SDP_T38_MAX_DATAGRAM | SDP_T38_FILL_BIT_REMOVAL | SDP_T38_TRANSCODING_JBIG,
         {.version = 3,
          .max_bit_rate = 9600,
          .rate_management = SDP_T38_LOCAL_TCF,
          .max_buffer = 1 << 20,
          .max_datagram = 400,
          .transcoding_mmr = true,
          .udp_ec = SDP_T38_EC_FEC}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sdp_session s;
        assert_int_equal(read_exactly(&s, rows[i].text, NULL), 0);
        int at = sdp_find_t38(&s);
        assert_int_equal(at, 0);
        const struct sdp_media *m = &s.media[at];
        const struct sdp_t38 *t = &m->t38, *expected = &rows[i].t38;
        assert_string_equal(m->address, rows[i].address);
        assert_int_equal(m->port, rows[i].port);
        assert_int_equal(t->present, 0x1FF & ~rows[i].absent);
        assert_int_equal(t->version, expected->version);
        assert_int_equal(t->max_bit_rate, expected->max_bit_rate);
        assert_int_equal(t->rate_management, expected->rate_management);
        assert_int_equal(t->max_buffer, expected->max_buffer);
        assert_int_equal(t->max_datagram, expected->max_datagram);
        assert_int_equal(t->udp_ec, expected->udp_ec);
        assert_int_equal(t->fill_bit_removal, expected->fill_bit_removal);
        assert_int_equal(t->transcoding_mmr, expected->transcoding_mmr);
        assert_int_equal(t->transcoding_jbig, expected->transcoding_jbig);
        if (i < 2)
            assert_string_equal(s.user, rows[i].user);
    }
}

static void audio_of_a_cisco(void **state)
{
    (void)state;
    struct sdp_session s;
    bool a_law = true;
    assert_int_equal(read_exactly(&s, cisco_both, NULL), 0);
    assert_int_equal(s.media_count, 2);
    assert_int_equal(s.session_version, 7297);
    assert_int_equal(sdp_find_g711(&s, &a_law), 1);
    assert_false(a_law);
    const struct sdp_media *m = &s.media[1];
    assert_int_equal(m->kind, SDP_AUDIO);
    assert_string_equal(m->address, "192.0.2.30"); /* of the session */
    assert_int_equal(m->format_count, 3);
    assert_string_equal(m->formats[0].fmtp, "annexb=no");
    assert_string_equal(m->formats[2].encoding, "telephone-event");
    assert_int_equal(m->packet_ms, 20);
}

static void static_payloads_need_no_rtpmap(void **state)
{
    (void)state;
    struct sdp_session s;
    bool a_law = false;
    assert_int_equal(read_exactly(&s,
                                  "v=0\r\na=sendonly\r\nc=IN IP6 2001:db8::1\r\n"
                                  "m=audio 1/2 RTP/AVP 8\r\nm=audio 0 RTP/AVP 0\r\n"
                                  "m=video 5 RTP/SAVPF 96\r\na=inactive\r\n\r\n",
                                  NULL),
                     0);
    assert_int_equal(sdp_find_g711(&s, &a_law), 0);
    assert_true(a_law);
    assert_int_equal(s.media[0].direction, SDP_SENDONLY);
    assert_string_equal(s.media[0].address, "2001:db8::1");
    assert_int_equal(s.media[2].kind, SDP_OTHER);
    assert_int_equal(s.media[2].direction, SDP_INACTIVE);
    assert_int_equal(sdp_find_t38(&s), -1);
}

static void names_and_wrong_families_are_no_address(void **state)
{
    (void)state;
    static const char *const lines[] = {"c=IN IP4 gw.example.com", "c=IN IP6 192.0.2.1",
                                        "c=IN IP4 ::1", "c=", "c=IN IP4 1.2.3.4.5"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[128];
        struct sdp_session s;
        snprintf(text, sizeof text, "v=0\r\n%s\r\nm=audio 1 RTP/AVP 8\r\n", lines[i]);
        assert_int_equal(read_exactly(&s, text, NULL), 0);
        assert_string_equal(s.media[0].address, "");
    }
}

static void broken_ones_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        size_t offset;
    } rows[] = {
        {"", -EBADMSG, 0},
        {"\r\n", -EBADMSG, 0},
        {"o=- 1 1 IN IP4 1.1.1.1\r\n", -EBADMSG, 0},
        {"v=1\r\n", -EBADMSG, 0},
        {"v=0\r\nhello\r\n", -EBADMSG, 5},
        {"v=0\r\no=- 1\r\n", -EBADMSG, 5},
        {"v=0\r\nm=audio 70000 RTP/AVP 8\r\n", -EBADMSG, 13},
        {"v=0\r\nm=audio -1 RTP/AVP 8\r\n", -EBADMSG, 13},
        {"v=0\r\nm=audio 1\r\n", -EBADMSG, 14},
        {"v=0\r\nm=audio 1 RTP/AVP\r\n", -EBADMSG, 15},
        {"v=0\r\nm=\r\n", -EBADMSG, 7},
        {"v=0\r\nm=audio 1 RTP/AVP \x01\r\n", -EBADMSG, 23},
        {"v=0\r\nm=audio 1 RTP/AVP 123456789012345678901234567890\r\n", -E2BIG, 23},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sdp_session s;
        size_t offset = 999;
        assert_int_equal(read_exactly(&s, rows[i].text, &offset), rows[i].error);
        assert_int_equal(offset, rows[i].offset);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    struct sdp_session s;
    size_t offset;
    char *text = malloc(SDP_TEXT_MAX + 2);
    assert_non_null(text);
    memset(text, 'a', SDP_TEXT_MAX + 2);
    memcpy(text, "v=0\na=", 6);
    assert_int_equal(sdp_read(&s, text, SDP_TEXT_MAX + 1, &offset), -E2BIG);
    assert_int_equal(sdp_read(&s, text, SDP_TEXT_MAX, &offset), 0);
    text[100] = '\0';
    assert_int_equal(sdp_read(&s, text, SDP_TEXT_MAX, &offset), -EBADMSG);
    assert_int_equal(offset, 100);
    size_t n = (size_t)sprintf(text, "v=0\n");
    for (int i = 0; i < SDP_MEDIA_MAX + 1; i++)
        n += (size_t)sprintf(text + n, "m=audio %d RTP/AVP 8\n", i);
    assert_int_equal(sdp_read(&s, text, n, &offset), -E2BIG);
    n = (size_t)sprintf(text, "v=0\nm=audio 1 RTP/AVP");
    for (int i = 0; i < 3 * SDP_FORMATS_MAX; i++)
        n += (size_t)sprintf(text + n, " %d", i);
    assert_int_equal(sdp_read(&s, text, n, &offset), 0);
    assert_int_equal(s.media[0].format_count, SDP_FORMATS_MAX);
    n = (size_t)sprintf(text, "v=0\n");
    for (int i = 0; i < SDP_LINES_MAX; i++)
        n += (size_t)sprintf(text + n, "a=x\n");
    assert_int_equal(sdp_read(&s, text, n, &offset), -E2BIG);
    free(text);
}

static struct sdp_t38 full_t38(void)
{
    struct sdp_t38 t;
    sdp_t38_set_defaults(&t);
    t.present = 0x1FF;
    t.version = 3;
    t.max_bit_rate = 33600;
    t.max_buffer = 2000;
    t.max_datagram = 1400;
    t.udp_ec = SDP_T38_EC_FEC;
    t.rate_management = SDP_T38_LOCAL_TCF;
    t.fill_bit_removal = t.transcoding_mmr = t.transcoding_jbig = true;
    return t;
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    struct sdp_session out, in;
    char text[4096];
    size_t length;
    struct sdp_t38 t = full_t38();
    assert_int_equal(sdp_begin(&out, UINT64_MAX, 7, "2001:db8::5"), 0);
    assert_int_equal(sdp_add_g711(&out, 4000, false), 0);
    assert_int_equal(sdp_add_t38(&out, 4002, &t), 0);
    out.media[0].direction = SDP_RECVONLY;
    strcpy(out.media[1].address, "192.0.2.9");
    assert_int_equal(sdp_write(&out, text, sizeof text, &length), 0);
    assert_int_equal(sdp_read(&in, text, length, NULL), 0);
    assert_memory_equal(&in.media[1].t38, &out.media[1].t38, sizeof t);
    assert_int_equal(in.session_id, UINT64_MAX);
    assert_int_equal(in.media_count, 2);
    assert_int_equal(in.media[0].direction, SDP_RECVONLY);
    assert_string_equal(in.media[1].address, "192.0.2.9");
    assert_string_equal(in.media[0].address, "2001:db8::5");
    assert_memory_equal(in.media[0].formats, out.media[0].formats, 2 * sizeof(struct sdp_format));
    for (size_t room = 0; room <= length; room++)
        assert_int_equal(sdp_write(&out, text, room, &length), -ENOSPC);
}

static void answers_have_a_line_for_each_offered(void **state)
{
    (void)state;
    struct sdp_session offer, answer;
    struct sdp_t38 t = full_t38();
    char text[4096];
    size_t length;
    t.present = SDP_T38_VERSION;
    assert_int_equal(read_exactly(&offer, cisco_both, NULL), 0);
    assert_int_equal(sdp_begin_answer(&answer, &offer, 1, 1, "192.0.2.1"), 0);
    assert_int_equal(sdp_accept_t38(&answer, 1, 4000, &t), -EINVAL);
    assert_int_equal(sdp_accept_t38(&answer, 2, 4000, &t), -EINVAL);
    assert_int_equal(sdp_accept_t38(&answer, 0, 4000, &t), 0);
    assert_int_equal(sdp_write(&answer, text, sizeof text, &length), 0);
    text[length] = '\0';
    assert_string_equal(text, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
                              "t=0 0\r\nm=image 4000 udptl t38\r\na=T38FaxVersion:3\r\n"
                              "m=audio 0 RTP/AVP 18 0 101\r\n");
    assert_int_equal(sdp_begin_answer(&answer, &offer, 1, 1, "192.0.2.1"), 0);
    assert_int_equal(sdp_accept_g711(&answer, &offer, 0, 4000), -EINVAL);
    assert_int_equal(sdp_accept_g711(&answer, &offer, 1, 4002), 0);
    assert_int_equal(sdp_write(&answer, text, sizeof text, &length), 0);
    text[length] = '\0';
    assert_non_null(strstr(text, "m=image 0 udptl t38\r\nm=audio 4002 RTP/AVP 0\r\n"
                                 "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n"));
}

static void the_answer_mirrors_the_direction(void **state)
{
    (void)state;
    static const char *const offered[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    static const enum sdp_direction expected[] = {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY,
                                                  SDP_INACTIVE};
    for (size_t i = 0; i < 4; i++) {
        char text[128];
        struct sdp_session offer, answer;
        snprintf(text, sizeof text, "v=0\nm=audio 1 RTP/AVP 8\na=%s\n", offered[i]);
        assert_int_equal(read_exactly(&offer, text, NULL), 0);
        assert_int_equal(sdp_begin_answer(&answer, &offer, 1, 1, "192.0.2.1"), 0);
        assert_int_equal(sdp_accept_g711(&answer, &offer, 0, 2), 0);
        assert_int_equal(answer.media[0].direction, expected[i]);
    }
}

static void values_that_cannot_be_written(void **state)
{
    (void)state;
    struct sdp_session s;
    char text[1024];
    size_t length;
    assert_int_equal(sdp_begin(&s, 1, 1, "gw.example.com"), -EINVAL);
    assert_int_equal(sdp_write(&s, text, sizeof text, &length), -EINVAL);
    assert_int_equal(sdp_begin(&s, 1, 1, "192.0.2.1"), 0);
    assert_int_equal(sdp_add_g711(&s, 1, true), 0);
    strcpy(s.media[0].formats[0].token, "8\r\na=x");
    assert_int_equal(sdp_write(&s, text, sizeof text, &length), -EINVAL);
    strcpy(s.media[0].formats[0].token, "8");
    strcpy(s.media[0].address, "x");
    assert_int_equal(sdp_write(&s, text, sizeof text, &length), -EINVAL);
    strcpy(s.media[0].address, "");
    strcpy(s.user, "a b");
    assert_int_equal(sdp_write(&s, text, sizeof text, &length), -EINVAL);
    for (int i = 1; i < SDP_MEDIA_MAX; i++)
        assert_int_equal(sdp_add_g711(&s, 1, true), 0);
    assert_int_equal(sdp_add_g711(&s, 1, true), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_peers),
        cmocka_unit_test(audio_of_a_cisco),
        cmocka_unit_test(static_payloads_need_no_rtpmap),
        cmocka_unit_test(names_and_wrong_families_are_no_address),
        cmocka_unit_test(broken_ones_say_where),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(answers_have_a_line_for_each_offered),
        cmocka_unit_test(the_answer_mirrors_the_direction),
        cmocka_unit_test(values_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
