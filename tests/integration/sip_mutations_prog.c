/* sip_mutations_prog SEED COUNT: hands COUNT damaged messages to a stack with calls under way. The
 * same SEED makes the same ones. Exit 0 when it neither crashed nor hung (10 s for one message)
 * nor grew: the heap after all is that after the first tenth, but for GROWTH_MAX octets. */
#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/sip/session.h"

enum {
    SAMPLES_MAX = 64,
    SAMPLE_MAX = 8192,
    MESSAGE_MAX = 20000,
    GROWTH_MAX = 1 << 20,
    REST_EVERY = 2000, /* messages after which all calls are let go */
};

struct sample {
    size_t length;
    char text[SAMPLE_MAX];
};

struct run {
    uv_loop_t loop;
    struct sip_stack *stack;
    struct sample samples[SAMPLES_MAX];
    size_t sample_count;
    uint64_t state; /* of the generator */
    char message[MESSAGE_MAX];
    size_t length;
};

/* xorshift64*: repeatable, which is all that is asked of it. */
static uint32_t any(struct run *r, uint32_t below)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return below ? (uint32_t)((r->state * 2685821657736338717ull) >> 33) % below : 0;
}

static void answer(struct sip_session *s, const struct sdp_session *offer, bool again)
{
    struct sdp_session sdp;
    int error = offer ? sdp_begin_answer(&sdp, offer, 1, 1, "127.0.0.1")
                      : sdp_begin(&sdp, 1, 1, "127.0.0.1");
    if (!error && !offer)
        error = sdp_add_g711(&sdp, 4000, true);
    int audio = offer ? sdp_find_g711(offer, NULL) : -1;
    if (!error && audio >= 0)
        error = sdp_accept_g711(&sdp, offer, (size_t)audio, 4000);
    if (!error)
        error = again ? sip_session_answer_reinvite(s, &sdp) : sip_session_answer(s, &sdp);
    (void)error; /* such an offer has no answer */
}

static void on_event(void *user, struct sip_session *s, const struct sip_event *event)
{
    (void)user;
    if (event->kind == SIP_EVENT_REINVITE_OFFER)
        answer(s, event->sdp, true);
}

static void on_incoming(void *user, struct sip_session *s, const struct sip_request_info *info)
{
    struct run *r = user;
    sip_session_set_event_cb(s, on_event, r);
    if (any(r, 2))
        sip_session_ring(s);
    if (any(r, 4))
        answer(s, info->offer, false);
    else
        sip_session_reject(s, 486, NULL);
}

static void add_sample(struct run *r, const char *text, size_t length)
{
    if (r->sample_count == SAMPLES_MAX || length == 0 || length > SAMPLE_MAX)
        return;
    struct sample *sample = &r->samples[r->sample_count++];
    memcpy(sample->text, text, length);
    sample->length = length;
}

static void load_samples(struct run *r)
{
    static const char sdp[] = "v=0\r\no=- 5 5 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=audio 30000 RTP/AVP 8 0\r\nm=image 30002 udptl t38\r\n"
                              "a=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n";
    static const char *const methods[] = {"INVITE", "BYE", "UPDATE", "PRACK", "CANCEL", "OPTIONS"};
    char text[SAMPLE_MAX], path[512];
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        int n =
            snprintf(text, sizeof text,
                     "%s sip:fax@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                     "127.0.0.1:9;rport;branch=z9hG4bK-0000\r\nMax-Forwards: 70\r\n"
                     "From: <sip:a@127.0.0.1>;tag=their\r\nTo: <sip:fax@127.0.0.1>\r\n"
                     "Call-ID: call-0000\r\nCSeq: 1 %s\r\nContact: <sip:a@127.0.0.1:9>\r\n"
                     "Supported: timer, 100rel\r\nRequire: 100rel\r\n"
                     "Session-Expires: 1800;refresher=uac\r\nRAck: 1 1 INVITE\r\n"
                     "Diversion: <sip:1@h>;reason=no-answer\r\nContent-Type: application/sdp\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     methods[i], methods[i], sizeof sdp - 1, sdp);
        add_sample(r, text, (size_t)n);
    }
    DIR *torture = opendir(TESTS_DIR "/data/torture");
    for (struct dirent *entry; torture && (entry = readdir(torture));) {
        snprintf(path, sizeof path, "%s/data/torture/%.200s", TESTS_DIR, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        size_t n = file ? fread(text, 1, sizeof text, file) : 0;
        if (file)
            fclose(file);
        add_sample(r, text, n);
    }
    if (torture)
        closedir(torture);
}

/* --- damage --- */

static void erase(struct run *r, size_t at, size_t count)
{
    memmove(r->message + at, r->message + at + count, r->length - at - count);
    r->length -= count;
}

static void insert(struct run *r, size_t at, const char *octets, size_t count)
{
    if (count > MESSAGE_MAX - r->length)
        return;
    memmove(r->message + at + count, r->message + at, r->length - at);
    memcpy(r->message + at, octets, count);
    r->length += count;
}

static size_t line_at(const struct run *r, size_t at, size_t *length)
{
    while (at > 0 && r->message[at - 1] != '\n')
        at--;
    const char *end = memchr(r->message + at, '\n', r->length - at);
    *length = end ? (size_t)(end - r->message) - at + 1 : r->length - at;
    return at;
}

static void damage(struct run *r)
{
    static const char *const pieces[] = {"\"",          "<",
                                         ">",           ";tag=x",
                                         ",",           ":",
                                         "\r\n",        " ",
                                         "%00",         "*",
                                         "4294967296",  "-1",
                                         "sip:",        "tel:",
                                         "\r",          "\n\n",
                                         "@@",          "Contact: *",
                                         "[::1]",       "=",
                                         "\\",          ";;",
                                         "--b",         "\xff",
                                         "Require: x,", "multipart/mixed"};
    char copy[512], octet;
    size_t at = any(r, (uint32_t)r->length), length, from;
    switch (any(r, 8)) {
    case 0:
        r->message[at] = (char)any(r, 256);
        break;
    case 1:
        r->message[at] ^= (char)(1u << any(r, 8));
        break;
    case 2:
        erase(r, at, any(r, 1 + (uint32_t)(r->length - at < 64 ? r->length - at : 64)));
        break;
    case 3:
        from = any(r, sizeof pieces / sizeof pieces[0]);
        insert(r, at, pieces[from], strlen(pieces[from]));
        break;
    case 4: /* a line again */
        from = line_at(r, at, &length);
        length = length < sizeof copy ? length : sizeof copy;
        memcpy(copy, r->message + from, length);
        insert(r, from, copy, length);
        break;
    case 5: /* a line away */
        from = line_at(r, at, &length);
        erase(r, from, length);
        break;
    case 6:
        r->length = at;
        break;
    default: /* one octet many times */
        octet = r->message[at];
        memset(copy, octet, sizeof copy);
        insert(r, at, copy, any(r, sizeof copy));
        break;
    }
}

/* Numbers the call, so that some messages meet and others do not. */
static void make(struct run *r)
{
    const struct sample *sample = &r->samples[any(r, (uint32_t)r->sample_count)];
    char number[8];
    memcpy(r->message, sample->text, sample->length);
    r->length = sample->length;
    snprintf(number, sizeof number, "%04u", any(r, 200));
    for (char *at = r->message;
         (at = memmem(at, r->length - (size_t)(at - r->message), "-0000", 5)); at += 5)
        memcpy(at + 1, number, 4);
    for (uint32_t i = any(r, 6); i > 0 && r->length > 0; i--)
        damage(r);
}

/* --- running --- */

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static void open_stack(struct run *r)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sip_config config = {
        .t1_ms = 1, .max_sessions = 100, .incoming = on_incoming, .user = r};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&config.listen, &own, sizeof own);
    if (sip_stack_open(&r->loop, &config, &r->stack) != 0)
        abort();
}

static void close_stack(struct run *r)
{
    bool closed = false;
    sip_stack_close(r->stack, on_closed, &closed);
    while (!closed)
        uv_run(&r->loop, UV_RUN_ONCE);
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

int main(int argc, char **argv)
{
    struct sip_hop hop = {.protocol = SIP_UDP};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct run *r = calloc(1, sizeof *r);
    size_t early = 0, late = 0;
    if (argc != 3 || !r || uv_loop_init(&r->loop) != 0)
        return 2;
    r->state = strtoull(argv[1], NULL, 10) * 2 + 1;
    unsigned long count = strtoul(argv[2], NULL, 10);
    load_samples(r);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&hop.address, &peer, sizeof peer);
    open_stack(r);
    for (unsigned long i = 1; i <= count; i++) {
        make(r);
        alarm(10);
        sip_stack_receive(r->stack, r->message, r->length, &hop);
        if (i % 16 == 0)
            uv_run(&r->loop, UV_RUN_NOWAIT);
        if (i % REST_EVERY != 0 && i != count)
            continue;
        close_stack(r);
        late = heap();
        early = i <= count / 10 || !early ? late : early;
        open_stack(r);
    }
    close_stack(r);
    alarm(0);
    printf("%lu messages of %zu samples, heap %zu, then %zu\n", count, r->sample_count, early,
           late);
    bool grew = late > early + GROWTH_MAX, left = uv_loop_close(&r->loop) != 0;
    free(r);
    return grew || left;
}
