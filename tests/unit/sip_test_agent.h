/* sip_test_agent.h: stacks that log their events as text, and a bare UDP peer that speaks what a
 * test writes. Shared by the sip_*_test programs; all on 127.0.0.1. */
#ifndef TESTS_UNIT_SIP_TEST_AGENT_H
#define TESTS_UNIT_SIP_TEST_AGENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "gateway/sip/sip.h"

enum agent_reaction { AGENT_NOTHING, AGENT_RING, AGENT_ANSWER, AGENT_RING_AND_ANSWER, AGENT_BUSY };

struct agent {
    uv_loop_t *loop;
    struct sip_stack *stack;
    struct sip_session *session; /* the last one made */
    enum agent_reaction on_call;
    int on_reinvite; /* 0: leave, 200: accept, else refuse with it */
    bool reinvite_on_answer, hangup_on_answer, reinvite_on_confirm;
    bool trusts_nobody, is_closed;
    char log[8192];
    char to_user[64], from_user[64], reason[128], diverted_from[64], diversion_reason[64];
    char redirections[256]; /* of ENDED, one a line */
    uint32_t retry_after_s;
    int q850_cause;
    bool had_offer, wants_privacy;
    enum sdp_direction direction; /* of the first line of the description last seen */
    unsigned max_forwards;
};

static inline void agent_log(struct agent *a, const char *what, int code)
{
    size_t n = strlen(a->log);
    if (code)
        snprintf(a->log + n, sizeof a->log - n, "%s %d;", what, code);
    else
        snprintf(a->log + n, sizeof a->log - n, "%s;", what);
}

static inline struct sdp_session agent_audio(void)
{
    struct sdp_session sdp;
    if (sdp_begin(&sdp, 1, 1, "127.0.0.1") != 0 || sdp_add_g711(&sdp, 40000, true) != 0)
        abort();
    return sdp;
}

static inline struct sdp_session agent_t38(void)
{
    struct sdp_session sdp;
    struct sdp_t38 t38;
    sdp_t38_set_defaults(&t38);
    t38.present = SDP_T38_VERSION | SDP_T38_MAX_BIT_RATE | SDP_T38_RATE_MANAGEMENT |
                  SDP_T38_MAX_DATAGRAM | SDP_T38_UDP_EC;
    t38.udp_ec = SDP_T38_EC_REDUNDANCY;
    if (sdp_begin(&sdp, 1, 2, "127.0.0.1") != 0 || sdp_add_t38(&sdp, 40002, &t38) != 0)
        abort();
    return sdp;
}

/* An answer as the gateway gives it: T.38 if offered, else G.711; NULL asks for an offer. */
static inline struct sdp_session agent_reply(const struct sdp_session *offer)
{
    struct sdp_session sdp = agent_audio(), t38 = agent_t38();
    if (!offer)
        return sdp;
    int image = sdp_find_t38(offer), audio = sdp_find_g711(offer, NULL);
    if (sdp_begin_answer(&sdp, offer, 1, 3, "127.0.0.1") != 0)
        abort();
    if (image >= 0 && sdp_accept_t38(&sdp, (size_t)image, 40002, &t38.media[0].t38) != 0)
        abort();
    if (image < 0 && audio >= 0 && sdp_accept_g711(&sdp, offer, (size_t)audio, 40000) != 0)
        abort();
    return sdp;
}

static inline const char *agent_media(const struct sdp_session *sdp)
{
    if (!sdp)
        return "none";
    return sdp_find_t38(sdp) >= 0 ? "t38" : sdp_find_g711(sdp, NULL) >= 0 ? "audio" : "refused";
}

static inline void agent_log_media(struct agent *a, const char *what, const struct sip_event *e)
{
    char text[64];
    if (e->sdp)
        a->direction = e->sdp->media[0].direction;
    snprintf(text, sizeof text, "%s %s", what, agent_media(e->sdp));
    agent_log(a, text, 0);
}

static inline void agent_reinvite(struct agent *a)
{
    struct sdp_session sdp = agent_t38();
    int error = sip_session_reinvite(a->session, &sdp);
    if (error)
        agent_log(a, "reinvite-error", error);
}

static inline void agent_answer_reinvite(struct agent *a, struct sip_session *s,
                                         const struct sdp_session *offer)
{
    struct sdp_session sdp = agent_reply(offer);
    if (a->on_reinvite == 200 && sip_session_answer_reinvite(s, &sdp) != 0)
        agent_log(a, "answer-error", 0);
    else if (a->on_reinvite > 200)
        sip_session_reject_reinvite(s, a->on_reinvite);
}

static inline void agent_on_event(void *user, struct sip_session *s, const struct sip_event *e)
{
    static const char *const parties[] = {"peer", "local", "timeout", "transport"};
    struct agent *a = user;
    char text[64];
    switch (e->kind) {
    case SIP_EVENT_RINGING:
        agent_log(a, "ringing", e->code);
        break;
    case SIP_EVENT_ANSWERED:
        agent_log_media(a, "answered", e);
        if (a->reinvite_on_answer)
            agent_reinvite(a);
        if (a->hangup_on_answer)
            sip_session_hangup(s, 0, NULL);
        break;
    case SIP_EVENT_CONFIRMED:
        agent_log_media(a, "confirmed", e);
        if (a->reinvite_on_confirm)
            agent_reinvite(a);
        a->reinvite_on_confirm = false;
        break;
    case SIP_EVENT_REINVITE_OFFER:
        agent_log_media(a, "offer", e);
        agent_answer_reinvite(a, s, e->sdp);
        break;
    case SIP_EVENT_REINVITE_CANCELLED:
        agent_log(a, "offer-cancelled", e->code);
        break;
    case SIP_EVENT_REINVITE_ANSWERED:
        agent_log_media(a, "reinvite-answered", e);
        break;
    case SIP_EVENT_REINVITE_REFUSED:
        agent_log(a, "reinvite-refused", e->code);
        break;
    case SIP_EVENT_ENDED:
        snprintf(text, sizeof text, "ended %s", parties[e->who]);
        agent_log(a, text, e->code);
        snprintf(a->reason, sizeof a->reason, "%s", e->reason);
        a->retry_after_s = e->retry_after_s;
        a->q850_cause = e->q850_cause;
        for (uint32_t i = 0; e->redirection && i < e->redirection->count; i++) {
            size_t n = strlen(a->redirections);
            snprintf(a->redirections + n, sizeof a->redirections - n, "%s\n",
                     e->redirection->uris[i]);
        }
        if (a->session == s)
            a->session = NULL;
        break;
    }
}

static inline void agent_on_incoming(void *user, struct sip_session *s,
                                     const struct sip_request_info *info)
{
    struct agent *a = user;
    struct sdp_session sdp = agent_reply(info->offer);
    snprintf(a->to_user, sizeof a->to_user, "%s", info->to_user);
    snprintf(a->from_user, sizeof a->from_user, "%s", info->from_user);
    snprintf(a->diverted_from, sizeof a->diverted_from, "%s", info->diverted_from);
    snprintf(a->diversion_reason, sizeof a->diversion_reason, "%s", info->diversion_reason);
    a->wants_privacy = info->wants_privacy;
    a->max_forwards = info->max_forwards;
    a->had_offer = info->offer != NULL;
    a->session = s;
    agent_log(a, "incoming", 0);
    sip_session_set_event_cb(s, agent_on_event, a);
    if (a->on_call == AGENT_RING || a->on_call == AGENT_RING_AND_ANSWER)
        sip_session_ring(s);
    if ((a->on_call == AGENT_ANSWER || a->on_call == AGENT_RING_AND_ANSWER) &&
        sip_session_answer(s, &sdp) != 0)
        agent_log(a, "answer-error", 0);
    if (a->on_call == AGENT_BUSY)
        sip_session_reject(s, 486, NULL);
}

static inline bool agent_on_source(void *user, const struct sockaddr *source,
                                   enum sip_protocol protocol)
{
    const struct agent *a = user;
    (void)protocol;
    return source->sa_family == AF_INET && !a->trusts_nobody;
}

static inline struct sockaddr_in agent_loopback(uint16_t port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return in4;
}

/* config may be NULL. */
static inline void agent_open(struct agent *a, uv_loop_t *loop, const struct sip_config *config)
{
    struct sip_config c = config ? *config : (struct sip_config){.t1_ms = 20};
    struct sockaddr_in in4 = agent_loopback(0);
    memset(a, 0, sizeof *a);
    a->loop = loop;
    a->on_reinvite = 200;
    memcpy(&c.listen, &in4, sizeof in4);
    c.user_agent = "sealfax-test";
    c.incoming = agent_on_incoming;
    c.source_known = agent_on_source;
    c.user = a;
    if (sip_stack_open(loop, &c, &a->stack) != 0)
        abort();
}

static inline uint16_t agent_port(const struct agent *a)
{
    struct sockaddr_storage address;
    struct sockaddr_in in4;
    sip_stack_address(a->stack, SIP_UDP, &address);
    memcpy(&in4, &address, sizeof in4);
    return ntohs(in4.sin_port);
}

static inline void agent_on_closed(void *user)
{
    ((struct agent *)user)->is_closed = true;
}

static inline void agent_close(struct agent *a)
{
    sip_stack_close(a->stack, agent_on_closed, a);
    a->stack = NULL;
}

/* Starts a call from a to that port; returns sip_session_call()'s result. */
static inline int agent_call(struct agent *a, uint16_t port, const struct sdp_session *offer,
                             uint32_t ring_timeout_ms)
{
    char uri[64];
    struct sockaddr_in to = agent_loopback(port);
    struct sip_call call = {.request_uri = uri,
                            .from_uri = "\"A Caller\" <sip:100@127.0.0.1>",
                            .to_uri = "sip:200@127.0.0.1",
                            .offer = offer,
                            .ring_timeout_ms = ring_timeout_ms};
    snprintf(uri, sizeof uri, "sip:200@127.0.0.1:%u", port);
    memcpy(&call.target, &to, sizeof to);
    return sip_session_call(a->stack, &call, agent_on_event, a, &a->session);
}

/* UV_RUN_ONCE runs timers first, and would then wait for something else to happen. */
static inline void agent_on_guard(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
    uv_stop(timer->loop);
}

/* Runs the loop until a's log holds text (or, with NULL, for the time given). */
static inline bool agent_wait(struct agent *a, const char *text, uint64_t limit_ms)
{
    bool expired = false;
    uv_timer_t guard;
    uv_timer_init(a->loop, &guard);
    guard.data = &expired;
    uv_update_time(guard.loop);
    uv_timer_start(&guard, agent_on_guard, limit_ms, 0);
    while (!expired && !(text && strstr(a->log, text)))
        uv_run(a->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(a->loop, UV_RUN_NOWAIT);
    return text ? strstr(a->log, text) != NULL : true;
}

/* A peer without a stack. */
struct wire {
    uv_loop_t *loop;
    int fd;
    uint16_t port, to_port;
    char got[65536]; /* the last datagram */
};

static inline void wire_open(struct wire *w, uv_loop_t *loop, uint16_t to_port)
{
    struct sockaddr_in own = agent_loopback(0);
    socklen_t length = sizeof own;
    memset(w, 0, sizeof *w);
    w->loop = loop;
    w->to_port = to_port;
    w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        getsockname(w->fd, (struct sockaddr *)&own, &length) != 0)
        abort();
    w->port = ntohs(own.sin_port);
}

static inline void wire_close(struct wire *w)
{
    close(w->fd);
}

static inline void wire_send_octets(struct wire *w, const char *octets, size_t length)
{
    struct sockaddr_in to = agent_loopback(w->to_port);
    if (sendto(w->fd, octets, length, 0, (struct sockaddr *)&to, sizeof to) != (ssize_t)length)
        abort();
}

__attribute__((format(printf, 2, 3))) static inline void wire_send(struct wire *w,
                                                                   const char *format, ...)
{
    static char text[65536];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wire_send_octets(w, text, (size_t)n);
}

/* Drops what has come and was not asked for, as repeated responses on a slow machine. */
static inline void wire_drop(struct wire *w)
{
    char unwanted[16];
    while (recv(w->fd, unwanted, sizeof unwanted, MSG_DONTWAIT) >= 0)
        ;
}

/* Runs the loop until a datagram starting with prefix comes; others are dropped. */
static inline bool wire_expect(struct wire *w, const char *prefix, int limit_ms)
{
    uint64_t end = uv_hrtime() / 1000000 + (uint64_t)limit_ms;
    while (uv_hrtime() / 1000000 < end) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        uv_run(w->loop, UV_RUN_NOWAIT);
        if (poll(&p, 1, 2) <= 0)
            continue;
        ssize_t n = recv(w->fd, w->got, sizeof w->got - 1, 0);
        w->got[n > 0 ? n : 0] = '\0';
        if (!strncmp(w->got, prefix, strlen(prefix)))
            return true;
    }
    return false;
}

/* Copies the value of a header of the last datagram. */
static inline const char *wire_header(const struct wire *w, const char *name)
{
    static char values[8][1024];
    static int turn;
    char *value = values[turn++ % 8], mark[64];
    snprintf(mark, sizeof mark, "\r\n%s: ", name);
    const char *at = strcasestr(w->got, mark);
    value[0] = '\0';
    if (at) {
        at += strlen(mark);
        snprintf(value, 1024, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    return value;
}

#endif
