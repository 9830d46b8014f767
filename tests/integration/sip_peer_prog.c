/* sip_peer_prog: a stack of ours for sipp to talk to.
 *
 *   sip_peer_prog serve              answers calls by the number called: 300..699 refuses with that
 *                                    code, "ring" rings only, "plain" answers, "flood" answers
 *                                    without a word, anything else answers and then switches to
 *                                    T.38 by a re-INVITE
 *   sip_peer_prog call PORT NUMBER   calls 127.0.0.1:PORT; hangs up when T.38 is agreed, or when a
 *                                    plain call was answered ("plain"), or 100 ms after the ringing
 *                                    began ("ring")
 *   sip_peer_prog flood PORT RATE N  makes N calls, RATE a second, each hung up when answered
 *
 * Prints "port N" first, then a line for each event; at the end (SIGTERM for serve) counters and
 * CPU time. Exit 0 when call ended as expected by its NUMBER: a code must be the code it ended
 * with. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gateway/sip/sip.h"

struct peer {
    uv_loop_t loop;
    struct sip_stack *stack;
    struct sip_session *session; /* of `call` */
    uv_signal_t term;
    uv_timer_t pace, hangup;
    const char *number;
    struct sockaddr_in target;
    bool is_quiet, expects_t38, agreed_t38;
    long rate, left, open, answered, failed;
    double owed;
    int ended_code;
};

static void describe_t38(struct sdp_t38 *t38)
{
    sdp_t38_set_defaults(t38);
    t38->present = SDP_T38_VERSION | SDP_T38_MAX_BIT_RATE | SDP_T38_RATE_MANAGEMENT |
                   SDP_T38_MAX_DATAGRAM | SDP_T38_UDP_EC;
    t38->udp_ec = SDP_T38_EC_REDUNDANCY;
}

static struct sdp_session make_offer(bool t38)
{
    struct sdp_session sdp;
    struct sdp_t38 attributes;
    describe_t38(&attributes);
    if (sdp_begin(&sdp, 1, 1, "127.0.0.1") != 0 ||
        (t38 ? sdp_add_t38(&sdp, 40002, &attributes) : sdp_add_g711(&sdp, 40000, true)) != 0)
        abort();
    return sdp;
}

static struct sdp_session make_answer(const struct sdp_session *offer)
{
    struct sdp_session sdp = make_offer(false);
    struct sdp_t38 attributes;
    describe_t38(&attributes);
    if (!offer)
        return sdp;
    int image = sdp_find_t38(offer), audio = sdp_find_g711(offer, NULL);
    if (sdp_begin_answer(&sdp, offer, 1, 2, "127.0.0.1") != 0)
        abort();
    if (image >= 0 && sdp_accept_t38(&sdp, (size_t)image, 40002, &attributes) != 0)
        abort();
    if (image < 0 && audio >= 0 && sdp_accept_g711(&sdp, offer, (size_t)audio, 40000) != 0)
        abort();
    return sdp;
}

static void say(const struct peer *p, const char *what, int code, const struct sdp_session *sdp)
{
    if (!p->is_quiet)
        printf("%s %d %s\n", what, code, !sdp ? "-" : sdp_find_t38(sdp) >= 0 ? "t38" : "audio");
}

static void close_all(struct peer *p)
{
    if (!p->stack)
        return;
    sip_stack_close(p->stack, NULL, NULL);
    p->stack = NULL;
    uv_close((uv_handle_t *)&p->term, NULL);
    uv_close((uv_handle_t *)&p->pace, NULL);
    uv_close((uv_handle_t *)&p->hangup, NULL);
}

static void on_hangup(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    if (p->session)
        sip_session_hangup(p->session, 16, "done");
}

static void hang_up_soon(struct peer *p)
{
    uv_timer_start(&p->hangup, on_hangup, !strcmp(p->number, "plain") ? 600 : 100, 0);
}

static void on_event(void *user, struct sip_session *s, const struct sip_event *event)
{
    static const char *const kinds[] = {"ringing",
                                        "answered",
                                        "confirmed",
                                        "reinvite-offer",
                                        "reinvite-cancelled",
                                        "reinvite-answered",
                                        "reinvite-refused",
                                        "ended"};
    struct peer *p = user;
    struct sdp_session sdp;
    say(p, kinds[event->kind], event->code, event->sdp);
    switch (event->kind) {
    case SIP_EVENT_RINGING:
        if (!strcmp(p->number, "ring"))
            hang_up_soon(p);
        break;
    case SIP_EVENT_ANSWERED:
        p->answered++;
        if (p->rate)
            sip_session_hangup(s, 0, NULL);
        else if (!p->expects_t38)
            hang_up_soon(p);
        break;
    case SIP_EVENT_CONFIRMED:
        if (p->session && p->agreed_t38)
            hang_up_soon(p);
        break;
    case SIP_EVENT_REINVITE_OFFER:
        sdp = make_answer(event->sdp);
        p->agreed_t38 = event->sdp && sdp_find_t38(event->sdp) >= 0;
        if (sip_session_answer_reinvite(s, &sdp) != 0)
            abort();
        break;
    case SIP_EVENT_ENDED:
        p->open--;
        p->failed += event->who != SIP_PARTY_LOCAL;
        p->ended_code = event->code;
        if (s == p->session) {
            p->session = NULL;
            close_all(p);
        }
        break;
    case SIP_EVENT_REINVITE_CANCELLED:
    case SIP_EVENT_REINVITE_ANSWERED:
    case SIP_EVENT_REINVITE_REFUSED:
        break;
    }
}

/* `serve`: switches to T.38 when the call stands. */
static void on_served(void *user, struct sip_session *s, const struct sip_event *event)
{
    struct sdp_session sdp = make_offer(true);
    on_event(user, s, event);
    if (event->kind == SIP_EVENT_CONFIRMED && sip_session_reinvite(s, &sdp) != 0)
        abort();
}

static void on_incoming(void *user, struct sip_session *s, const struct sip_request_info *info)
{
    struct peer *p = user;
    struct sdp_session sdp = make_answer(info->offer);
    long code = strtol(info->to_user, NULL, 10);
    bool is_flood = !strcmp(info->to_user, "flood");
    p->is_quiet = is_flood;
    p->open++;
    say(p, "incoming", 0, info->offer);
    sip_session_set_event_cb(s, is_flood || !strcmp(info->to_user, "plain") ? on_event : on_served,
                             p);
    if (code >= 300 && code <= 699) {
        sip_session_reject(s, (int)code, NULL);
        return;
    }
    if (!is_flood)
        sip_session_ring(s);
    if (strcmp(info->to_user, "ring") != 0 && sip_session_answer(s, &sdp) != 0)
        abort();
}

static int call(struct peer *p, struct sip_session **session)
{
    char uri[128];
    struct sdp_session offer = make_offer(false);
    struct sip_call call = {
        .request_uri = uri, .from_uri = "sip:peer@127.0.0.1", .to_uri = uri, .offer = &offer};
    snprintf(uri, sizeof uri, "sip:%s@127.0.0.1:%u", p->number, ntohs(p->target.sin_port));
    memcpy(&call.target, &p->target, sizeof p->target);
    int error = sip_session_call(p->stack, &call, on_event, p, session);
    p->open += !error;
    return error;
}

static void on_pace(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    struct sip_session *s;
    for (p->owed += (double)p->rate / 100; p->owed >= 1 && p->left > 0; p->owed--, p->left--)
        p->failed += call(p, &s) != 0;
    if (p->left == 0 && p->open == 0)
        close_all(p);
}

static void on_term(uv_signal_t *signal, int number)
{
    (void)number;
    close_all(signal->data);
}

static void report(const struct sip_stack_counters *c, const struct peer *p)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    printf("in %" PRIu64 " out %" PRIu64 " answered %" PRIu64 " failed %ld malformed %" PRIu64
           " overloaded %" PRIu64 " retransmissions-in %" PRIu64 " retransmissions-out %" PRIu64
           " transactions %u cpu %.3f rss-kB %ld\n",
           c->calls_in, c->calls_out, c->calls_answered, p->failed, c->malformed, c->overloaded,
           c->retransmissions_in, c->retransmissions_out, c->transactions, cpu, use.ru_maxrss);
}

static int open_stack(struct peer *p)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_storage bound;
    struct sip_config config = {
        .max_sessions = 20000, .user_agent = "sealfax", .incoming = on_incoming, .user = p};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->target = own;
    memcpy(&config.listen, &own, sizeof own);
    if (uv_loop_init(&p->loop) != 0 || sip_stack_open(&p->loop, &config, &p->stack) != 0)
        return -1;
    sip_stack_address(p->stack, SIP_UDP, &bound);
    memcpy(&own, &bound, sizeof own);
    printf("port %u\n", ntohs(own.sin_port));
    uv_signal_init(&p->loop, &p->term);
    uv_timer_init(&p->loop, &p->pace);
    uv_timer_init(&p->loop, &p->hangup);
    p->term.data = p->pace.data = p->hangup.data = p;
    uv_signal_start(&p->term, on_term, SIGTERM);
    return 0;
}

static int result(const struct peer *p)
{
    long code = strtol(p->number, NULL, 10);
    if (p->rate)
        return p->failed != 0;
    if (code >= 300 && code <= 699)
        return p->ended_code != code;
    if (!strcmp(p->number, "ring"))
        return p->ended_code != 487;
    return p->answered != 1 || p->agreed_t38 != p->expects_t38;
}

/* Returns 0 when there is something to run. */
static int start(struct peer *p, int argc, char **argv)
{
    p->number = "";
    if (argc < 2 || open_stack(p) != 0)
        return -1;
    if (!strcmp(argv[1], "serve"))
        return 0;
    if (argc >= 4)
        p->target.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    if (!strcmp(argv[1], "call") && argc == 4) {
        p->number = argv[3];
        p->expects_t38 = !strcmp(p->number, "t38");
        return call(p, &p->session);
    }
    if (strcmp(argv[1], "flood") != 0 || argc != 5)
        return -1;
    p->number = "flood";
    p->is_quiet = true;
    p->rate = strtol(argv[3], NULL, 10);
    p->left = strtol(argv[4], NULL, 10);
    return uv_timer_start(&p->pace, on_pace, 10, 10);
}

int main(int argc, char **argv)
{
    struct peer *p = calloc(1, sizeof *p);
    struct sip_stack_counters counters = {0};
    int code = 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!p || start(p, argc, argv) != 0)
        goto end;
    struct sip_stack *stack = p->stack;
    while (p->stack && uv_run(&p->loop, UV_RUN_ONCE))
        sip_stack_read_counters(stack, &counters);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    report(&counters, p);
    code = strcmp(argv[1], "serve") != 0 ? result(p) : 0;
    if (uv_loop_close(&p->loop) != 0)
        code = 3;
end:
    free(p);
    return code;
}
