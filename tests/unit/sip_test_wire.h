/* sip_test_wire.h: one stack and a bare UDP peer, and the messages between them. Shared by the
 * sip_wire_*_test programs. */
#ifndef TESTS_UNIT_SIP_TEST_WIRE_H
#define TESTS_UNIT_SIP_TEST_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_agent.h"

enum { LIMIT_MS = 8000, QUIET_MS = 60 };

struct scene {
    uv_loop_t loop;
    struct agent a;
    struct wire w;
};

static const char audio_sdp[] = "v=0\r\no=- 5 5 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                                "t=0 0\r\nm=audio 30000 RTP/AVP 8 0\r\n";
static const char t38_sdp[] = "v=0\r\no=- 5 6 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=image 30002 udptl t38\r\na=T38FaxVersion:0\r\n";

static inline int open_scene_with(void **state, const struct sip_config *config)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    agent_open(&s->a, &s->loop, config);
    wire_open(&s->w, &s->loop, agent_port(&s->a));
    s->a.on_call = AGENT_ANSWER;
    *state = s;
    return 0;
}

static inline int open_scene(void **state)
{
    return open_scene_with(state, NULL);
}

static inline int close_scene(void **state)
{
    struct scene *s = *state;
    agent_close(&s->a);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    wire_close(&s->w);
    int left = uv_loop_close(&s->loop);
    free(s);
    return left;
}

static inline void send_sdp(struct scene *s, const char *line, const char *branch,
                            const char *to_tag, const char *cseq, const char *headers,
                            const char *body)
{
    wire_send(&s->w,
              "%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=%s\r\n"
              "From: <sip:300@127.0.0.1>;tag=theirs\r\nTo: <sip:200@127.0.0.1>%s%s\r\n"
              "Call-ID: wire-1\r\nCSeq: %s\r\n%sContent-Length: %zu\r\n\r\n%s",
              line, s->w.port, branch, *to_tag ? ";tag=" : "", to_tag, cseq, headers, strlen(body),
              body);
}

/* headers are appended to those of an INVITE with Contact and SDP. */
static inline void send_invite(struct scene *s, const char *branch, const char *to_tag,
                               const char *cseq, const char *headers, const char *body)
{
    char all[2048];
    snprintf(all, sizeof all, "Contact: <sip:300@127.0.0.1:%u>\r\n%s%s", s->w.port,
             *body ? "Content-Type: application/sdp\r\n" : "", headers);
    send_sdp(s, "INVITE sip:200@127.0.0.1", branch, to_tag, cseq, all, body);
}

static inline void send_request(struct scene *s, const char *method, const char *branch,
                                const char *to_tag, int cseq, const char *headers)
{
    char line[128], number[64];
    snprintf(line, sizeof line, "%s sip:200@127.0.0.1", method);
    snprintf(number, sizeof number, "%d %s", cseq, method);
    send_sdp(s, line, branch, to_tag, number, headers, "");
}

/* The tag of the To header last received. */
static inline const char *to_tag(struct scene *s)
{
    const char *at = strstr(wire_header(&s->w, "To"), ";tag=");
    return at ? at + 5 : "";
}

/* Answers the request last received. body "" for none. */
static inline void send_reply(struct scene *s, const char *status, const char *tag,
                              const char *headers, const char *body)
{
    char via[1024], from[1024], to[1024], call_id[1024], cseq[1024];
    snprintf(via, sizeof via, "%s", wire_header(&s->w, "Via"));
    snprintf(from, sizeof from, "%s", wire_header(&s->w, "From"));
    snprintf(to, sizeof to, "%s", wire_header(&s->w, "To"));
    snprintf(call_id, sizeof call_id, "%s", wire_header(&s->w, "Call-ID"));
    snprintf(cseq, sizeof cseq, "%s", wire_header(&s->w, "CSeq"));
    wire_send(&s->w,
              "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
              "Contact: <sip:peer@127.0.0.1:%u>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
              status, via, from, to, *tag ? ";tag=" : "", tag, call_id, cseq, s->w.port, headers,
              *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

/* The stack answers our INVITE; tag gets its To tag. */
static inline void establish(struct scene *s, char tag[64])
{
    send_invite(s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&s->w, "SIP/2.0 200", LIMIT_MS));
    snprintf(tag, 64, "%s", to_tag(s));
    send_request(s, "ACK", "z9hG4bKa1", tag, 1, "");
    assert_true(agent_wait(&s->a, "confirmed none", LIMIT_MS));
    wire_drop(&s->w);
}

/* The stack calls us and we answer. */
static inline void be_called(struct scene *s)
{
    struct sdp_session offer = agent_audio();
    assert_int_equal(agent_call(&s->a, s->w.port, &offer, 0), 0);
    assert_true(wire_expect(&s->w, "INVITE", LIMIT_MS));
    send_reply(s, "200 OK", "peer", "", audio_sdp);
    assert_true(wire_expect(&s->w, "ACK", LIMIT_MS));
    assert_true(agent_wait(&s->a, "answered audio", LIMIT_MS));
}

#endif
