/* A storm of registrations: 5,000 devices, each with a socket of its own, all send REGISTER at
 * once, as after a power cut, get 401 and sign in with SHA-256. The stack has a process of its own,
 * on which sip.register_rate is measured: registrations per CPU second. Devices repeat what is not
 * answered (RFC 3261 §17.1.2) and sign in anew when their nonce is stale. Records (the event of
 * each binding) and policy are not in it. One JSON object a line. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/sip/devices.h"

/* T1 of the stack is short, so that its transactions are gone soon (64 * T1) and what is left are
 * the bindings. */
enum { DEVICES = 5000, T1_MS = 500, T2_MS = 4000, STACK_T1_MS = 100, LIMIT_MS = 32000 };

#define REALM "fax.example"

static void make_ha1(int n, char ha1[DIGEST_HEX])
{
    char user[16], password[24];
    snprintf(user, sizeof user, "device%d", n);
    snprintf(password, sizeof password, "password %d", n);
    if (digest_ha1(DIGEST_SHA256, user, REALM, password, ha1) != 0)
        abort();
}

/* --- the process that is measured --- */

struct result {
    struct sip_devices_counters devices;
    struct sip_stack_counters stack;
    double heap_bound, heap_peak; /* octets above the start: bindings alone, and in the storm */
};

struct server {
    uv_loop_t loop;
    struct sip_stack *stack;
    uv_timer_t watch;
    char (*ha1)[DIGEST_HEX]; /* of each device */
    size_t heap_before;
    struct result result;
    int fd;
};

static double heap_above(size_t before)
{
    struct mallinfo2 m = mallinfo2();
    return (double)(m.uordblks + m.hblkhd) - (double)before;
}

static int on_account(void *user, const char *username, struct sip_device_account *account)
{
    const struct server *server = user;
    char *end;
    if (strncmp(username, "device", 6) != 0)
        return -ENOENT;
    long n = strtol(username + 6, &end, 10);
    if (*end || n < 0 || n >= DEVICES)
        return -ENOENT;
    snprintf(account->name, sizeof account->name, "%s", username);
    snprintf(account->user, sizeof account->user, "%s", username);
    memcpy(account->ha1[DIGEST_SHA256], server->ha1[n], DIGEST_HEX);
    return 0;
}

static void on_changed(void *user, const struct sip_binding *binding,
                       enum sip_binding_change change, uint64_t registration)
{
    struct server *server = user;
    (void)binding, (void)change;
    sip_registration_finish(server->stack, registration, 0);
}

/* Writes the result when all are bound and nothing else is left. */
static void on_watch(uv_timer_t *timer)
{
    struct server *server = timer->data;
    struct result *r = &server->result;
    double heap = heap_above(server->heap_before);
    r->heap_peak = heap > r->heap_peak ? heap : r->heap_peak;
    sip_devices_read_counters(server->stack, &r->devices);
    sip_stack_read_counters(server->stack, &r->stack);
    if (r->devices.bindings < DEVICES || r->stack.transactions > 0)
        return;
    r->heap_bound = heap;
    if (write(server->fd, r, sizeof *r) != sizeof *r)
        abort();
    uv_timer_stop(timer);
}

/* Ends by SIGTERM. */
static _Noreturn void serve(int fd, char (*ha1)[DIGEST_HEX])
{
    static struct server server;
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_storage bound;
    struct sip_config config = {
        .max_transactions = 4 * DEVICES, .t1_ms = STACK_T1_MS, .user_agent = "sealfax"};
    const struct sip_devices_config devices = {
        .realm = REALM, .account = on_account, .changed = on_changed, .user = &server};
    server.fd = fd;
    server.ha1 = ha1;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&config.listen, &own, sizeof own);
    if (uv_loop_init(&server.loop) != 0 ||
        sip_stack_open(&server.loop, &config, &server.stack) != 0 ||
        sip_devices_open(server.stack, &devices) != 0)
        abort();
    sip_devices_enable(server.stack, true);
    sip_stack_address(server.stack, SIP_UDP, &bound);
    memcpy(&own, &bound, sizeof own);
    server.heap_before = (size_t)heap_above(0);
    uv_timer_init(&server.loop, &server.watch);
    server.watch.data = &server;
    uv_timer_start(&server.watch, on_watch, 20, 20);
    if (write(fd, &own.sin_port, sizeof own.sin_port) != sizeof own.sin_port)
        abort();
    uv_run(&server.loop, UV_RUN_DEFAULT);
    _exit(0);
}

static pid_t start_server(char (*ha1)[DIGEST_HEX], in_port_t *port, int *fd)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        serve(ends[1], ha1);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], port, sizeof *port) != sizeof *port)
        abort();
    *fd = ends[0];
    return pid;
}

/* --- the devices --- */

struct device {
    struct digest_params challenge;
    unsigned cseq;
    int64_t send_at_ms, interval_ms;
    bool signs, registered, failed;
};

struct storm {
    struct device devices[DEVICES];
    char ha1[DEVICES][DIGEST_HEX];
    struct pollfd polls[DEVICES];
    unsigned registered, failed, repeated, stale;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(struct storm *storm, int n)
{
    struct device *d = &storm->devices[n];
    char user[16], value[1024] = "", text[3072];
    snprintf(user, sizeof user, "device%d", n);
    const struct digest_use use = {.username = user,
                                   .ha1 = storm->ha1[n],
                                   .method = "REGISTER",
                                   .uri = "sip:" REALM,
                                   .nonce_count = 1,
                                   .cnonce = "0a4f113b"};
    if (d->signs && digest_answer(&d->challenge, &use, value, sizeof value) < 0)
        abort();
    int length = snprintf(text, sizeof text,
                          "REGISTER sip:" REALM " SIP/2.0\r\n"
                          "Via: SIP/2.0/UDP 192.168.1.20:5060;rport;branch=z9hG4bKd%d-%u\r\n"
                          "Max-Forwards: 70\r\nFrom: <sip:%s@" REALM ">;tag=t%d\r\n"
                          "To: <sip:%s@" REALM ">\r\nCall-ID: storm-%d@192.168.1.20\r\n"
                          "CSeq: %u REGISTER\r\nContact: <sip:%s@192.168.1.20:5060>\r\n"
                          "Expires: 3600\r\nUser-Agent: an adapter\r\n%s%s%s"
                          "Content-Length: 0\r\n\r\n",
                          n, d->cseq, user, n, user, n, d->cseq, user,
                          d->signs ? "Authorization: " : "", value, d->signs ? "\r\n" : "");
    (void)send(storm->polls[n].fd, text, (size_t)length, 0); /* what is lost is repeated */
    d->send_at_ms = now_ms() + d->interval_ms;
}

static void begin(struct storm *storm, int n)
{
    struct device *d = &storm->devices[n];
    d->cseq++;
    d->interval_ms = T1_MS;
    say(storm, n);
}

/* The first challenge is SHA-256. False: it is none. */
static bool take_challenge(struct device *d, const char *got)
{
    static const char name[] = "\r\nWWW-Authenticate: ";
    const char *at = strcasestr(got, name);
    if (!at)
        return false;
    at += sizeof name - 1;
    d->signs = digest_read(&d->challenge, at, strcspn(at, "\r\n")) == 0 &&
               d->challenge.algorithm == DIGEST_SHA256;
    return d->signs;
}

static void take_answer(struct storm *storm, int n, const char *got)
{
    struct device *d = &storm->devices[n];
    char cseq[40];
    snprintf(cseq, sizeof cseq, "\r\nCSeq: %u REGISTER", d->cseq);
    if (d->registered || d->failed || !strstr(got, cseq))
        return; /* a repeated one */
    bool again = d->signs;
    if (!strncmp(got, "SIP/2.0 200", 11) && d->signs && strstr(got, "\r\nContact: <sip:device")) {
        d->registered = true;
        storm->registered++;
    } else if (!strncmp(got, "SIP/2.0 401", 11) && take_challenge(d, got) &&
               (!again || d->challenge.stale)) {
        storm->stale += again;
        begin(storm, n);
    } else {
        d->failed = true;
        storm->failed++;
        fprintf(stderr, "register_bench: device %d: %.60s\n", n, got);
    }
}

static void receive(struct storm *storm)
{
    char got[4096];
    for (int n = 0; n < DEVICES; n++) {
        ssize_t length;
        while (storm->polls[n].revents &&
               (length = recv(storm->polls[n].fd, got, sizeof got - 1, MSG_DONTWAIT)) > 0) {
            got[length] = '\0';
            take_answer(storm, n, got);
        }
    }
}

static void repeat(struct storm *storm)
{
    int64_t now = now_ms();
    for (int n = 0; n < DEVICES; n++) {
        struct device *d = &storm->devices[n];
        if (d->registered || d->failed || now < d->send_at_ms)
            continue;
        storm->repeated++;
        d->interval_ms = 2 * d->interval_ms < T2_MS ? 2 * d->interval_ms : T2_MS;
        say(storm, n);
    }
}

static bool open_devices(struct storm *storm, in_port_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port};
    struct rlimit files = {DEVICES + 64, DEVICES + 64}, had;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (getrlimit(RLIMIT_NOFILE, &had) == 0 && had.rlim_cur < files.rlim_cur) {
        files.rlim_max = had.rlim_max > files.rlim_cur ? had.rlim_max : files.rlim_cur;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    for (int n = 0; n < DEVICES; n++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
            perror("register_bench: a socket for each device");
            return false;
        }
        storm->polls[n] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return true;
}

/* Returns milliseconds until the last one was registered. */
static int64_t run_storm(struct storm *storm)
{
    int64_t start = now_ms();
    for (int n = 0; n < DEVICES; n++)
        begin(storm, n);
    while (storm->registered + storm->failed < DEVICES && now_ms() - start < LIMIT_MS) {
        if (poll(storm->polls, DEVICES, 20) > 0)
            receive(storm);
        repeat(storm);
    }
    return now_ms() - start;
}

/* --- the figure --- */

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static bool read_result(int fd, struct result *result)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, LIMIT_MS) == 1 && read(fd, result, sizeof *result) == sizeof *result;
}

int main(void)
{
    static struct storm storm;
    struct result result;
    struct rusage use;
    in_port_t port;
    int fd;
    for (int n = 0; n < DEVICES; n++)
        make_ha1(n, storm.ha1[n]);
    pid_t pid = start_server(storm.ha1, &port, &fd);
    int64_t all_ms = open_devices(&storm, port) ? run_storm(&storm) : 0;
    bool good = storm.registered == DEVICES && read_result(fd, &result);
    kill(pid, SIGTERM);
    if (wait4(pid, NULL, 0, &use) != pid)
        return 1;
    if (!good) {
        printf("{\"name\":\"sip.register_rate\",\"value\":null,\"reason\":\"%u of %d devices "
               "registered, %u refused\"}\n",
               storm.registered, DEVICES, storm.failed);
        return 1;
    }
    double cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
    printf("{\"name\":\"sip.register_rate\",\"value\":%.0f,\"unit\":\"registrations per CPU "
           "second\",\"devices\":%d,\"failed\":0,\"all_registered_ms\":%lld,"
           "\"heap_octets_per_binding\":%.0f,\"heap_octets_per_device_at_peak\":%.0f,"
           "\"cpu_us_each\":%.1f,\"challenges\":%llu,\"stale\":%u,\"repeated\":%u,"
           "\"repetitions_seen\":%llu}\n",
           DEVICES / cpu, DEVICES, (long long)all_ms, result.heap_bound / DEVICES,
           result.heap_peak / DEVICES, cpu / DEVICES * 1e6,
           (unsigned long long)result.devices.challenges, storm.stale, storm.repeated,
           (unsigned long long)result.stack.retransmissions_in);
    return 0;
}
