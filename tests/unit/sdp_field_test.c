/* Descriptions as the gateways, adapters and border controllers of the field write them, from
 * published traces, manuals and trackers (addresses changed), and for each what we answer to it or
 * make of it. A row is one maker's habit; what is odd about it stands in its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "gateway/control/media_offer.h"
#include "gateway/socket_address.h"

#define V   "v=0\r\n"
#define S   "s=-\r\n"
#define T   "t=0 0\r\n"
#define C   "c=IN IP4 "
#define TCF "a=T38FaxRateManagement:transferredTCF\r\n"
#define RED "a=T38FaxUdpEC:t38UDPRedundancy\r\n"
#define NO_FLAGS                                                                                   \
    "a=T38FaxFillBitRemoval:0\r\na=T38FaxTranscodingMMR:0\r\na=T38FaxTranscodingJBIG:0\r\n"
#define IMAGE  "m=image 20000 udptl t38"
#define LAW_A  "m=audio 20000 RTP/AVP 8"
#define LAW_MU "m=audio 20000 RTP/AVP 0"

enum { R = MEDIA_REDUNDANCY, F = MEDIA_FEC, N = MEDIA_NO_RECOVERY };

struct field_row {
    const char *name, *sdp;
    const char *lines; /* m-lines of our answer, each with '|' behind; NULL: it is refused */
    const char *host;  /* where media go; NULL: nowhere, it is on hold */
    uint16_t port;
    uint8_t version;
    int recovery;
    uint16_t datagram;
    uint32_t rate;
};

static const struct field_row offers[] = {
    {"Cisco IOS and CUBE: flags with :0, a small datagram, c= in both places",
     V "o=CiscoSystemsSIP-GW-UserAgent 3745 9509 IN IP4 192.0.2.30\r\ns=SIP Call\r\n" C
       "192.0.2.30\r\n" T "m=image 17682 udptl t38\r\n" C "192.0.2.31\r\n"
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:7200\r\n" NO_FLAGS TCF
       "a=T38FaxMaxBuffer:200\r\na=T38FaxMaxDatagram:180\r\n" RED,
     IMAGE "|", "192.0.2.31", 17682, 0, R, 180, 7200},
    {"Cisco IOS, voice: T.38 named as a capability only (RFC 3407)",
     V "o=CiscoSystemsSIP-GW-UserAgent 1 1 IN IP4 192.0.2.30\r\n" S C "192.0.2.30\r\n" T
       "m=audio 16454 RTP/AVP 0 100\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:100 X-NSE/8000\r\n"
       "a=fmtp:100 192-194,200-202\r\na=X-sqn:0\r\na=X-cap: 1 audio RTP/AVP 100\r\n"
       "a=X-cpar: a=rtpmap:100 X-NSE/8000\r\na=X-cap: 2 image udptl t38\r\n",
     LAW_MU "|", "192.0.2.30", 16454, 0, R, 0, 0},
    {"Cisco ATA 191 and SPA: version 0, no datagram",
     V "o=- 60159 61142 IN IP4 192.0.2.32\r\n" S C "192.0.2.32\r\n" T
       "m=image 16482 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" NO_FLAGS TCF RED
       "a=T38FaxMaxBuffer:128\r\na=sendrecv\r\n",
     IMAGE "|", "192.0.2.32", 16482, 0, R, 400, 14400},
    {"FreeSWITCH: flag without a value",
     V "o=FreeSWITCH 1614699264 1614699267 IN IP4 192.0.2.33\r\ns=FreeSWITCH\r\n" C
       "192.0.2.33\r\n" T
       "m=image 20334 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
       "a=T38FaxFillBitRemoval\r\n" TCF "a=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:400\r\n" RED,
     IMAGE "|", "192.0.2.33", 20334, 0, R, 400, 14400},
    {"FreeSWITCH, insisting: a dead audio line behind, LF only",
     "v=0\no=FreeSWITCH 1 2 IN IP4 192.0.2.33\ns=FreeSWITCH\nc=IN IP4 192.0.2.33\nt=0 0\n"
     "m=image 20334 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:9600\n"
     "a=T38FaxFillBitRemoval:0\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPFEC\n"
     "m=audio 0 RTP/AVP 19\n",
     IMAGE "|m=audio 0 RTP/AVP 19|", "192.0.2.33", 20334, 0, F, 400, 9600},
    {"Asterisk: 1400 octets, no flags, no buffer",
     V "o=- 1203929292 1203929294 IN IP4 192.0.2.34\r\ns=Asterisk\r\n" C "192.0.2.34\r\n" T
       "m=image 4312 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" TCF
       "a=T38FaxMaxDatagram:1400\r\n" RED,
     IMAGE "|", "192.0.2.34", 4312, 0, R, 1400, 14400},
    {"AudioCodes Mediant: version 3, 33600, audio and T.38 at once, T.38 two ports on",
     V "o=AudiocodesGW 1938931006 1938930708 IN IP4 192.0.2.35\r\ns=Phone-Call\r\n" C
       "192.0.2.35\r\n" T "m=audio 6000 RTP/AVP 18 8 96\r\na=ptime:20\r\na=sendrecv\r\n"
       "a=rtpmap:96 telephone-event/8000\r\nm=image 6002 udptl t38\r\na=T38FaxVersion:3\r\n"
       "a=T38MaxBitRate:33600\r\na=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram:560\r\n" TCF RED,
     "m=audio 0 RTP/AVP 18 8 96|" IMAGE "|", "192.0.2.35", 6002, 3, R, 560, 14400},
    {"AudioCodes MediaPack: IPV4, p= and a short datagram",
     V "o=- 0 0 IN IPV4 192.0.2.36\r\n" S T "p=+1\r\nc=IN IPV4 192.0.2.36\r\n"
       "m=image 6082 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
       "a=T38FaxMaxBuffer:1024\r\na=T38FaxMaxDatagram:122\r\n" TCF RED,
     IMAGE "|", "192.0.2.36", 6082, 0, R, 122, 14400},
    {"AudioCodes: T.38 over RTP (RFC 4612), which is not ours, and no G.711",
     V "o=- 0 0 IN IP4 192.0.2.36\r\n" S C "192.0.2.36\r\n" T "m=audio 6080 RTP/AVP 18 100 96\r\n"
       "a=rtpmap:18 G729/8000\r\na=rtpmap:100 t38/8000\r\na=fmtp:100 T38FaxVersion=0\r\n"
       "a=fmtp:100 AcUdptl\r\n",
     NULL, NULL, 0, 0, 0, 0, 0},
    {"Grandstream HT8xx: flags as words, version 0, ptime on the image",
     V "o=4989 8000 8001 IN IP4 192.0.2.37\r\ns=SIP Call\r\n" C "192.0.2.37\r\n" T
       "m=image 5004 udptl t38\r\na=sendrecv\r\na=ptime:20\r\na=T38FaxVersion:0\r\n"
       "a=T38MaxBitRate:14400\r\na=T38FaxFillBitRemoval:0\r\na=T38FaxTranscodingMMR:0\r\n"
       "a=T38FaxTranscodingJBIG:0\r\n" TCF
       "a=T38FaxMaxBuffer:1800\r\na=T38FaxMaxDatagram:1800\r\n" RED,
     IMAGE "|", "192.0.2.37", 5004, 0, R, 1472, 14400},
    {"Patton SmartNode: capitals, JBIG without a value",
     V "o=MxSIP 0 2 IN IP4 192.0.2.38\r\ns=SIP Call\r\n" C "192.0.2.38\r\n" T
       "m=image 4892 UDPTL T38\r\na=t38faxversion:0\r\na=T38MAXBITRATE:14400\r\n"
       "a=T38FaxTranscodingJBIG\r\na=t38faxratemanagement:TransferredTCF\r\n"
       "a=T38FaxMaxBuffer:72\r\na=T38FaxMaxDatagram:316\r\na=t38faxudpec:t38udpredundancy\r\n",
     "m=image 20000 UDPTL t38|", "192.0.2.38", 4892, 0, R, 316, 14400},
    {"Sonus and Ribbon: audio refused first, image behind, hardly any attributes",
     V "o=UserA 3272146361 4237707437 IN IP4 192.0.2.39\r\ns=Session SDP\r\n" C "192.0.2.39\r\n" T
       "m=audio 0 RTP/AVP 8 101\r\nm=image 49158 udptl t38\r\n" C "192.0.2.39\r\n"
       "a=T38FaxVersion:0\r\n" TCF,
     "m=audio 0 RTP/AVP 8 101|" IMAGE "|", "192.0.2.39", 49158, 0, R, 400, 14400},
    {"Sonus: one-way T.38",
     V "o=Sonus_UAC 1 2 IN IP4 192.0.2.39\r\ns=SIP Media Capabilities\r\n" C "192.0.2.39\r\n" T
       "m=image 49158 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" TCF RED
       "a=sendonly\r\n",
     IMAGE "|", "192.0.2.39", 49158, 0, R, 400, 14400},
    {"DIDWW's border controller: both lines in every INVITE, attributes out of order",
     V "o=- 1869739744 1869739744 IN IP4 192.0.2.40\r\n" S T
       "m=audio 13960 RTP/AVP 0 8 18 4 101\r\n" C "192.0.2.40\r\n"
       "a=rtpmap:0 PCMU/8000\r\n"
       "a=sendrecv\r\na=ptime:20\r\na=direction:both\r\nm=image 13962 udptl "
       "t38\r\n" C "192.0.2.40\r\n"
       "a=sendrecv\r\na=T38FaxMaxDatagram:612\r\n" TCF RED
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=direction:both\r\n",
     "m=audio 0 RTP/AVP 0 8 18 4 101|" IMAGE "|", "192.0.2.40", 13962, 0, R, 612, 14400},
    {"Metaswitch: voice call, the T.38 line refused",
     V "o=- 41781 41782 IN IP4 192.0.2.41\r\n" S C "192.0.2.41\r\n" T
       "m=audio 25000 RTP/AVP 8 0 18 101\r\na=rtpmap:101 telephone-event/8000\r\n"
       "m=image 0 udptl t38\r\n",
     LAW_A "|m=image 0 udptl t38|", "192.0.2.41", 25000, 0, R, 0, 0},
    {"Oracle SBC: another port and address than the audio before, names spelled otherwise",
     V "o=- 7 8 IN IP4 192.0.2.42\r\n" S C "192.0.2.42\r\n" T "m=image 31006 udptl t38\r\n" C
       "192.0.2.43\r\n"
       "a=T38FaxVersion:1\r\na=T38FaxMaxBitRate:14400\r\na=T38MaxDatagram:260\r\n" TCF
       "a=T38FaxUdpEC:t38UDPNoEC\r\n",
     IMAGE "|", "192.0.2.43", 31006, 1, N, 260, 14400},
    {"Dialogic Brooktrout: i= u= e= p=, the same port for both, no datagram",
     V "o=username 2209448059 0759125174 IN IP4 192.0.2.44\r\ns=session_name\r\n"
       "i=session_description\r\nu=user@brooktrout.example\r\ne=email@brooktrout.example\r\n"
       "p=+1-4085551212\r\n" T "m=audio 56004 RTP/AVP 0\r\n" C "192.0.2.45\r\n"
       "a=rtpmap:0 pcmu/8000\r\nm=image 56004 udptl t38\r\n" C "192.0.2.45\r\n"
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" TCF RED,
     "m=audio 0 RTP/AVP 0|" IMAGE "|", "192.0.2.45", 56004, 0, R, 400, 14400},
    {"Ferrari OfficeMaster: two attributes, the last line without an end",
     V "o=OfficeMasterDirectSIP 806542878 806542879 IN IP4 192.0.2.46\r\ns=FOIP Call\r\n" C
       "192.0.2.46\r\n" T "m=image 50594 udptl t38\r\n" TCF "a=T38FaxVersion:0",
     IMAGE "|", "192.0.2.46", 50594, 0, R, 400, 14400},
    {"t38modem and OPAL: MMR by flag, vendor",
     V "o=- 1252425 1 IN IP4 192.0.2.47\r\ns=T38Modem/2.0\r\n" C "192.0.2.47\r\n" T
       "m=image 5014 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
       "a=T38FaxTranscodingMMR\r\n" TCF "a=T38FaxMaxBuffer:2000\r\na=T38FaxMaxDatagram:528\r\n" RED
       "a=T38VendorInfo:0 0 37\r\n",
     IMAGE "|", "192.0.2.47", 5014, 0, R, 528, 14400},
    {"iPECS and other exchanges: nothing about sizes",
     V "o=iPECSCM 27404766 27404766 IN IP4 192.0.2.48\r\ns=iPECSCM Call\r\n" C "192.0.2.48\r\n" T
       "m=image 8042 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" NO_FLAGS TCF RED,
     IMAGE "|", "192.0.2.48", 8042, 0, R, 400, 14400},
    {"FaxBack: a datagram of 72, which is the least",
     V "o=- 1 1 IN IP4 192.0.2.49\r\n" S C "192.0.2.49\r\n" T "m=image 49152 udptl t38\r\n"
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxMaxBuffer:200\r\n"
       "a=T38FaxMaxDatagram:72\r\n" TCF RED,
     IMAGE "|", "192.0.2.49", 49152, 0, R, 72, 14400},
    {"T.38 (2007) in full: IFP size, depth and span, what is not known is skipped",
     V "o=- 3 3 IN IP4 192.0.2.50\r\n" S C "192.0.2.50\r\n" T "m=image 4004 udptl t38\r\n"
       "a=T38FaxVersion:3\r\na=T38MaxBitRate:33600\r\na=T38FaxMaxDatagram:400\r\n"
       "a=T38FaxMaxIFP:200\r\na=T38FaxUdpEC:t38UDPFEC\r\na=T38FaxUdpECDepth:1 3\r\n"
       "a=T38FaxUdpFECMaxSpan:4\r\na=T38ModemType:t38G3AVA\r\na=T38VendorInfo:0 0 37\r\n" TCF,
     IMAGE "|", "192.0.2.50", 4004, 3, F, 400, 14400},
    {"T.38 version 4: we have 3",
     V "o=- 3 3 IN IP4 192.0.2.50\r\n" S C "192.0.2.50\r\n" T "m=image 4004 udptl t38\r\n"
       "a=T38FaxVersion:4\r\na=T38MaxBitRate:14400\r\n" TCF RED,
     IMAGE "|", "192.0.2.50", 4004, 3, R, 400, 14400},
    {"version 2, local TCF: over UDP training is always carried",
     V "o=- 3 3 IN IP4 192.0.2.50\r\n" S C "192.0.2.50\r\n" T "m=image 4004 udptl t38\r\n"
       "a=T38FaxVersion:2\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:localTCF\r\n" RED,
     IMAGE "|", "192.0.2.50", 4004, 2, R, 400, 14400},
    {"the attributes of nobody: a bare line",
     V "o=- 1 1 IN IP4 192.0.2.51\r\n" S C "192.0.2.51\r\n" T "m=image 4004 udptl t38\r\n",
     IMAGE "|", "192.0.2.51", 4004, 0, R, 400, 14400},
    {"attributes before the line, blanks behind colons, odd values",
     V "o=- 1 1 IN IP4 192.0.2.51\r\n" S C "192.0.2.51\r\n" T "a=T38FaxVersion: 1 \r\n"
       "a=T38FaxUdpEC: t38UDPFEC\r\nm=image 4004 udptl t38\r\na=T38MaxBitRate:0\r\n"
       "a=T38FaxMaxDatagram:-1\r\na=T38FaxFillBitRemoval:yes\r\na=T38FaxRateManagement:\r\n",
     IMAGE "|", "192.0.2.51", 4004, 1, F, 400, 14400},
    {"IPv6",
     V "o=- 1 1 IN IP6 2001:db8::7\r\n" S "c=IN IP6 2001:db8::7\r\n" T
       "m=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n" RED,
     IMAGE "|", "2001:db8::7", 4004, 0, R, 400, 14400},
    {"several c= lines: the first that can be used",
     V "o=- 1 1 IN IP4 192.0.2.52\r\n" S C "192.0.2.52\r\n" T "m=image 4004 udptl t38\r\n"
       "c=IN IP4 gw.example\r\n" C "192.0.2.53\r\n" C "192.0.2.54\r\n" RED,
     IMAGE "|", "192.0.2.53", 4004, 0, R, 400, 14400},
    {"two T.38 lines: the first that is not refused",
     V "o=- 1 1 IN IP4 192.0.2.55\r\n" S C "192.0.2.55\r\n" T "m=image 0 udptl t38\r\n"
       "m=image 4006 udptl t38\r\na=T38FaxVersion:0\r\nm=image 4008 udptl t38\r\n",
     "m=image 0 udptl t38|" IMAGE "|m=image 0 udptl t38|", "192.0.2.55", 4006, 0, R, 400, 14400},
    {"T.38 over TCP, and audio: audio",
     V "o=- 1 1 IN IP4 192.0.2.56\r\n" S C "192.0.2.56\r\n" T "m=image 4004 tcp t38\r\n"
       "a=T38FaxVersion:0\r\nm=audio 4006 RTP/AVP 18 8\r\n",
     "m=image 0 tcp t38|" LAW_A "|", "192.0.2.56", 4006, 0, R, 0, 0},
    {"T.38 over TCP alone",
     V "o=- 1 1 IN IP4 192.0.2.56\r\n" S C "192.0.2.56\r\n" T "m=image 4004 tcp t38\r\n", NULL,
     NULL, 0, 0, 0, 0, 0},
    {"hold by 0.0.0.0",
     V "o=- 1 1 IN IP4 0.0.0.0\r\n" S C "0.0.0.0\r\n" T "m=image 4004 udptl t38\r\n", IMAGE "|",
     NULL, 0, 0, 0, 0, 0},
    {"hold by a=inactive of the session",
     V "o=- 1 1 IN IP4 192.0.2.57\r\n" S C "192.0.2.57\r\n" T "a=inactive\r\n"
       "m=image 4004 udptl t38\r\n",
     IMAGE "|", NULL, 0, 0, 0, 0, 0},
    {"a port that a media controller is to choose (H.248)",
     V "o=- 1 1 IN IP4 192.0.2.58\r\n" S C "192.0.2.58\r\n" T "m=image $ udptl t38\r\n", NULL, NULL,
     0, 0, 0, 0, 0},
};

static struct media_local local_side(void)
{
    return (struct media_local){.address = "127.0.0.1",
                                .port = 20000,
                                .session_id = 7,
                                .session_version = 1,
                                .max_bit_rate = 14400,
                                .max_datagram = 400,
                                .recovery = MEDIA_FEC};
}

/* Writes the m-lines of a description, each with '|' behind; and its T.38 attributes likewise. */
static void pick_lines(const struct sdp_session *sdp, char *lines, char *attributes, size_t size)
{
    char text[SDP_TEXT_MAX + 1];
    size_t length;
    assert_int_equal(sdp_write(sdp, text, sizeof text - 1, &length), 0);
    text[length] = '\0';
    lines[0] = attributes[0] = '\0';
    for (char *save, *line = strtok_r(text, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        char *to = strncmp(line, "m=", 2) == 0 ? lines : strstr(line, "=T38") ? attributes : NULL;
        if (to)
            snprintf(to + strlen(to), size - strlen(to), "%s|", line);
    }
}

static void check_peer(const struct field_row *row, const struct sockaddr_storage *peer)
{
    char host[SOCKET_ADDRESS_HOST];
    socket_address_host((const struct sockaddr *)peer, host);
    assert_string_equal(host, row->host);
    assert_int_equal(socket_address_port((const struct sockaddr *)peer), row->port);
}

static void check_t38(const struct field_row *row, const struct media_t38 *t38)
{
    check_peer(row, &t38->peer);
    assert_int_equal(t38->version, row->version);
    assert_int_equal(t38->recovery, row->recovery);
    assert_int_equal(t38->max_datagram, row->datagram);
    assert_int_equal(t38->max_bit_rate, row->rate);
}

static void check_offer(const struct field_row *row)
{
    static const char *const recovery[] = {[R] = "Redundancy", [F] = "FEC", [N] = "NoEC"};
    struct sdp_session offer, answer;
    struct media_local local = local_side();
    struct media_t38 t38;
    struct media_audio audio;
    char lines[512], attributes[512], expected[512];
    bool is_t38 = false;
    int rc = sdp_read(&offer, row->sdp, strlen(row->sdp), NULL);
    if (rc == 0)
        rc = media_answer(&local, &offer, &answer, &is_t38);
    assert_true(rc == 0 || rc == -ENOTSUP || rc == -EBADMSG);
    assert_int_equal(rc == 0, row->lines != NULL);
    if (rc < 0)
        return;
    pick_lines(&answer, lines, attributes, sizeof lines);
    assert_string_equal(lines, row->lines);
    assert_int_equal(is_t38 && media_is_on_hold(&local, &offer), row->host == NULL);
    if (!row->host)
        return;
    if (!is_t38) {
        assert_int_equal(media_agree_audio(&local, &offer, &audio), 0);
        check_peer(row, &audio.peer);
        return;
    }
    assert_int_equal(media_agree_t38(&local, &offer, &t38), 0);
    check_t38(row, &t38);
    snprintf(expected, sizeof expected,
             "a=T38FaxVersion:%d|a=T38MaxBitRate:14400|a=T38FaxRateManagement:transferredTCF|"
             "a=T38FaxMaxDatagram:400|a=T38FaxUdpEC:t38UDP%s|",
             row->version, recovery[row->recovery]);
    assert_string_equal(attributes, expected);
}

/* To our own offer of T.38, version 0 and redundancy. lines: "" when T.38 was agreed to, NULL when
 * not; without a host it is on hold. */
static const struct field_row answers[] = {
    {"CUCM: a bare line, media of somebody else",
     V "o=CiscoSystemsCCM-SIP 2000 2 IN IP4 192.0.2.60\r\ns=SIP Call\r\n" C "192.0.2.61\r\n" T
       "m=image 16384 udptl t38\r\n",
     "", "192.0.2.61", 16384, 0, R, 400, 14400},
    {"Cisco IOS: flags with :0",
     V "o=CiscoSystemsSIP-GW-UserAgent 3830 7875 IN IP4 192.0.2.62\r\ns=SIP Call\r\n" C
       "192.0.2.62\r\n" T "m=image 19876 udptl t38\r\n" C "192.0.2.62\r\n"
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:9600\r\n" NO_FLAGS TCF
       "a=T38FaxMaxBuffer:200\r\na=T38FaxMaxDatagram:72\r\n" RED,
     "", "192.0.2.62", 19876, 0, R, 72, 9600},
    {"FreeSWITCH: a dead audio line that nobody offered",
     V "o=FreeSWITCH 1 2 IN IP4 192.0.2.63\r\n" S C "192.0.2.63\r\n" T "m=image 20334 udptl t38\r\n"
       "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n" TCF RED "m=audio 0 RTP/AVP 19\r\n",
     "", "192.0.2.63", 20334, 0, R, 400, 14400},
    {"a gateway that answers more than it was offered",
     V "o=- 1 2 IN IP4 192.0.2.64\r\n" S C "192.0.2.64\r\n" T "m=image 5004 udptl t38\r\n"
       "a=T38FaxVersion:3\r\na=T38MaxBitRate:33600\r\na=T38FaxUdpEC:t38UDPFEC\r\n",
     "", "192.0.2.64", 5004, 0, R, 400, 14400},
    {"capitals, and no error correction",
     V "o=- 1 2 IN IP4 192.0.2.65\r\n" S C "192.0.2.65\r\n" T "m=image 5004 UDPTL T38\r\n"
       "a=T38FAXVERSION:0\r\na=T38FAXUDPEC:T38UDPNOEC\r\n",
     "", "192.0.2.65", 5004, 0, N, 400, 14400},
    {"audio refused before the image that was offered alone",
     V "o=- 1 2 IN IP4 192.0.2.66\r\n" S C "192.0.2.66\r\n" T "m=audio 0 RTP/AVP 0\r\n"
       "m=image 5006 udptl t38\r\n" RED,
     "", "192.0.2.66", 5006, 0, R, 400, 14400},
    {"the image is refused",
     V "o=- 1 2 IN IP4 192.0.2.67\r\n" S C "192.0.2.67\r\n" T "m=image 0 udptl t38\r\n", NULL, NULL,
     0, 0, 0, 0, 0},
    {"audio is answered, the image refused in capitals",
     V "o=- 1 2 IN IP4 192.0.2.67\r\n" S C "192.0.2.67\r\n" T "m=audio 5004 RTP/AVP 8\r\n"
       "m=image 0 UDPTL T38\r\n",
     NULL, NULL, 0, 0, 0, 0, 0},
    {"audio in place of the image",
     V "o=- 1 2 IN IP4 192.0.2.67\r\n" S C "192.0.2.67\r\n" T "m=audio 5004 RTP/AVP 8\r\n", NULL,
     NULL, 0, 0, 0, 0, 0},
    {"no line at all", V "o=- 1 2 IN IP4 192.0.2.67\r\n" S C "192.0.2.67\r\n" T, NULL, NULL, 0, 0,
     0, 0, 0},
    {"nowhere to send to",
     V "o=- 1 2 IN IP4 192.0.2.67\r\n" S C "0.0.0.0\r\n" T "m=image 5004 udptl t38\r\n", NULL, NULL,
     0, 0, 0, 0, 0},
};

static void check_answer(const struct field_row *row)
{
    struct sdp_session offer, answer;
    struct media_local local = local_side();
    struct media_t38 t38;
    local.recovery = MEDIA_REDUNDANCY;
    assert_int_equal(media_offer_t38(&local, &offer), 0);
    assert_int_equal(sdp_read(&answer, row->sdp, strlen(row->sdp), NULL), 0);
    bool agreed = media_has_t38(&local, &answer) && media_agree_t38(&local, &answer, &t38) == 0;
    assert_int_equal(agreed, row->lines != NULL);
    if (agreed)
        check_t38(row, &t38);
}

static void run_row(void **state)
{
    const struct field_row *row = *state;
    bool is_offer = row >= offers && row < offers + sizeof offers / sizeof *offers;
    if (is_offer)
        check_offer(row);
    else
        check_answer(row);
}

enum { OFFERS = sizeof offers / sizeof *offers, ANSWERS = sizeof answers / sizeof *answers };

int main(void)
{
    struct CMUnitTest tests[OFFERS + ANSWERS];
    for (size_t i = 0; i < OFFERS + ANSWERS; i++) {
        const struct field_row *row = i < OFFERS ? &offers[i] : &answers[i - OFFERS];
        tests[i] = (struct CMUnitTest){
            .name = row->name, .test_func = run_row, .initial_state = (void *)(uintptr_t)row};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
