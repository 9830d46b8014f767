/* What signalling costs: the stack in a process of its own, with sipp as the peer, which calls,
 * gets 200, is asked for T.38 by re-INVITE, and hangs up; and the heap that open dialogs take.
 * Media, records and policy are not in it. One JSON object a line. sip.setup_rate is calls per CPU
 * second of the stack's process: what one core can do, however busy the machine is. SIP_BENCH_RATE
 * (1000): calls a second that sipp makes, for ten seconds. */
#include <arpa/inet.h>
#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/sip/sip.h"

enum { SECONDS = 10, DIALOGS = 10000, RTT_MAX = 200000, SETTLE_MS = 2000 };

struct server {
    uv_loop_t loop;
    struct sip_stack *stack;
    uv_signal_t term;
    bool asks_for_t38;
};

static void make_t38(struct sdp_session *sdp)
{
    struct sdp_t38 t38;
    sdp_t38_set_defaults(&t38);
    t38.present = SDP_T38_VERSION | SDP_T38_MAX_BIT_RATE | SDP_T38_RATE_MANAGEMENT |
                  SDP_T38_MAX_DATAGRAM | SDP_T38_UDP_EC;
    t38.udp_ec = SDP_T38_EC_REDUNDANCY;
    if (sdp_begin(sdp, 1, 1, "127.0.0.1") != 0 || sdp_add_t38(sdp, 40002, &t38) != 0)
        abort();
}

static void on_event(void *user, struct sip_session *s, const struct sip_event *event)
{
    const struct server *server = user;
    struct sdp_session sdp;
    if (event->kind != SIP_EVENT_CONFIRMED || event->sdp || !server->asks_for_t38)
        return;
    make_t38(&sdp);
    if (sip_session_reinvite(s, &sdp) != 0)
        sip_session_hangup(s, 0, NULL);
}

static void on_incoming(void *user, struct sip_session *s, const struct sip_request_info *info)
{
    struct sdp_session answer;
    sip_session_set_event_cb(s, on_event, user);
    if (!info->offer || sdp_begin_answer(&answer, info->offer, 1, 1, "127.0.0.1") != 0 ||
        sdp_accept_g711(&answer, info->offer, 0, 40000) != 0 || sip_session_answer(s, &answer) != 0)
        abort();
}

static uint16_t open_server(struct server *server, uint32_t t1_ms)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_storage bound;
    struct sip_config config = {.max_sessions = 2 * DIALOGS,
                                .t1_ms = t1_ms,
                                .user_agent = "sealfax",
                                .incoming = on_incoming,
                                .user = server};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&config.listen, &own, sizeof own);
    if (uv_loop_init(&server->loop) != 0 ||
        sip_stack_open(&server->loop, &config, &server->stack) != 0)
        abort();
    sip_stack_address(server->stack, SIP_UDP, &bound);
    memcpy(&own, &bound, sizeof own);
    return ntohs(own.sin_port);
}

/* --- set-ups, by sipp --- */

static void on_term(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    sip_stack_close(server->stack, NULL, NULL);
}

/* The process that is measured. */
static _Noreturn void serve(int port_fd)
{
    static struct server server = {.asks_for_t38 = true};
    uint16_t port = open_server(&server, 0);
    uv_signal_init(&server.loop, &server.term);
    server.term.data = &server;
    uv_signal_start(&server.term, on_term, SIGTERM);
    if (write(port_fd, &port, sizeof port) != sizeof port)
        abort();
    close(port_fd);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    _exit(0);
}

static pid_t start_server(uint16_t *port)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        serve(ends[1]);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], port, sizeof *port) != sizeof *port)
        abort();
    close(ends[0]);
    return pid;
}

/* Returns the exit status of sipp, which writes its times into the working directory. */
static int run_sipp(uint16_t port, long rate)
{
    char target[32], rate_text[24], count[24];
    snprintf(target, sizeof target, "127.0.0.1:%u", port);
    snprintf(rate_text, sizeof rate_text, "%ld", rate);
    snprintf(count, sizeof count, "%ld", rate * SECONDS);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("sipp", "sipp", "-sf", TESTS_DIR "/bench/sip_setup.xml", "-i", "127.0.0.1", "-s",
               "fax", "-r", rate_text, "-m", count, "-l", count, "-nostdin", "-nd", "-timeout",
               "120s", "-timeout_error", "-trace_rtt", "-rtt_freq", "100", target, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : -1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Reads the second column, milliseconds, of sipp's *_rtt.csv. */
static size_t read_times(double *times)
{
    char line[256];
    size_t n = 0;
    DIR *here = opendir(".");
    for (struct dirent *entry; here && (entry = readdir(here));) {
        if (!strstr(entry->d_name, "_rtt.csv"))
            continue;
        FILE *file = fopen(entry->d_name, "r");
        while (file && n < RTT_MAX && fgets(line, sizeof line, file)) {
            const char *second = strchr(line, ';');
            if (second && line[0] >= '0' && line[0] <= '9')
                times[n++] = strtod(second + 1, NULL);
        }
        if (file)
            fclose(file);
        unlink(entry->d_name);
    }
    if (here)
        closedir(here);
    qsort(times, n, sizeof *times, compare);
    return n;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int measure_setups(void)
{
    static double times[RTT_MAX];
    char directory[] = "/tmp/sip_bench_XXXXXX";
    const char *wanted = getenv("SIP_BENCH_RATE");
    long rate = wanted ? strtol(wanted, NULL, 10) : 1000;
    struct rusage use;
    uint16_t port;
    if (rate < 1 || rate * SECONDS > RTT_MAX || !mkdtemp(directory) || chdir(directory) != 0)
        return 1;
    pid_t pid = start_server(&port);
    int failed = run_sipp(port, rate);
    kill(pid, SIGTERM);
    if (wait4(pid, NULL, 0, &use) != pid)
        return 1;
    size_t n = read_times(times);
    if (chdir("/") != 0 || rmdir(directory) != 0)
        fprintf(stderr, "sip_bench: %s is left\n", directory);
    double cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
    double calls = (double)rate * SECONDS;
    if (failed || n == 0) {
        printf("{\"name\":\"sip.setup_rate\",\"value\":null,\"reason\":\"sipp ended with %d, %zu "
               "calls timed\"}\n",
               failed, n);
        return 1;
    }
    printf("{\"name\":\"sip.setup_rate\",\"value\":%.0f,\"unit\":\"call set-ups per CPU second\","
           "\"failed\":0,\"offered_per_s\":%ld,\"calls\":%.0f,\"cpu_us_per_call\":%.1f}\n",
           calls / cpu, rate, calls, cpu / calls * 1e6);
    printf("{\"name\":\"sip.answer_p99\",\"value\":%.2f,\"unit\":\"ms\",\"p50\":%.2f,"
           "\"longest\":%.2f,\"calls\":%zu,\"offered_per_s\":%ld}\n",
           times[n * 99 / 100], times[n / 2], times[n - 1], n, rate);
    return 0;
}

/* --- memory --- */

static void say(int fd, uint16_t port, const char *method, int n, const char *tag)
{
    static const char sdp[] = "v=0\r\no=- 5 5 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=audio 30000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\n"
                              "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n";
    char text[2048];
    bool is_invite = !strcmp(method, "INVITE");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int length = snprintf(
        text, sizeof text,
        "%s sip:+4969123@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%s%d\r\n"
        "Record-Route: <sip:192.0.2.1;lr>\r\nFrom: \"A Carrier\" <sip:+4930123@carrier.example>"
        ";tag=their-own-tag-%d\r\nTo: <sip:+4969123@127.0.0.1>%s%s\r\n"
        "Call-ID: a-call-of-the-benchmark-%d@carrier.example\r\nCSeq: 1 %s\r\n"
        "Contact: <sip:gateway@192.0.2.1:5060>\r\nSupported: timer, 100rel\r\n"
        "Session-Expires: 1800;refresher=uac\r\n%sContent-Length: %zu\r\n\r\n%s",
        method, method, n, n, *tag ? ";tag=" : "", tag, n, method,
        is_invite ? "Content-Type: application/sdp\r\n" : "", is_invite ? sizeof sdp - 1 : 0,
        is_invite ? sdp : "");
    if (sendto(fd, text, (size_t)length, 0, (struct sockaddr *)&to, sizeof to) != length)
        abort();
}

/* Others are repetitions. */
static void acknowledge(int fd, uint16_t port, int n)
{
    char got[4096], tag[128] = "", call_id[64];
    ssize_t length;
    snprintf(call_id, sizeof call_id, "-%d@carrier.example", n);
    while ((length = recv(fd, got, sizeof got - 1, MSG_DONTWAIT)) > 0) {
        got[length] = '\0';
        const char *to = strstr(got, "\r\nTo: "), *at = to ? strstr(to, ";tag=") : NULL;
        if (strncmp(got, "SIP/2.0 200", 11) != 0 || !at || !strstr(got, call_id))
            continue;
        snprintf(tag, sizeof tag, "%.*s", (int)strcspn(at + 5, "\r;"), at + 5);
        say(fd, port, "ACK", n, tag);
    }
}

static void on_settled(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* T1 is short, so that transactions are gone soon: what is left are the dialogs. */
static int measure_memory(void)
{
    static struct server server;
    struct sip_stack_counters c;
    bool settled = false;
    uv_timer_t timer;
    uint16_t port = open_server(&server, 20);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t before = heap();
    for (int n = 0; n < DIALOGS; n++) {
        say(fd, port, "INVITE", n, "");
        do {
            uv_run(&server.loop, UV_RUN_NOWAIT);
            sip_stack_read_counters(server.stack, &c);
        } while (c.calls_answered < (uint64_t)n + 1);
        acknowledge(fd, port, n);
        uv_run(&server.loop, UV_RUN_NOWAIT);
    }
    uv_timer_init(&server.loop, &timer);
    timer.data = &settled;
    uv_timer_start(&timer, on_settled, SETTLE_MS, 0);
    while (!settled)
        uv_run(&server.loop, UV_RUN_ONCE);
    sip_stack_read_counters(server.stack, &c);
    double each = (double)(heap() - before) / DIALOGS;
    close(fd);
    if (c.sessions != DIALOGS) {
        printf("{\"name\":\"sip.dialog_memory\",\"value\":null,\"reason\":\"%u dialogs stand\"}\n",
               c.sessions);
        return 1;
    }
    printf("{\"name\":\"sip.dialog_memory\",\"value\":%.0f,\"unit\":\"octets of heap per open "
           "dialog\",\"dialogs\":%d,\"transactions_left\":%u}\n",
           each, DIALOGS, c.transactions);
    return 0;
}

int main(void)
{
    int status = measure_setups();
    fflush(stdout);
    return measure_memory() | status;
}
