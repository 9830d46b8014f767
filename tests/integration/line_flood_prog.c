/* A flood of 10,000 datagrams a second at one call of a line that carries many others: what the
 * others notice. The same calls are made twice, without the flood and with it, and the figures of
 * both are printed. All calls must be delivered both times without a frame asked for again, and the
 * flooded one must end. use: line_flood_prog DIRECTORY [CALLS] */
#include "t38/t30_result.h"
#include "t38/udptl.h"
#include "tests/doubles/line_driver.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROWS = 240,
    CALLS_DEFAULT = 40,
    CALLS_MAX = 500,
    CALL_MS = 100000,
    FLOOD_PER_MS = 10,
    FLOODED_SILENCE_MS = 2000,
};

struct scene {
    struct line_driver driver;
    struct line_process sending, receiving;
    struct driver_call (*pairs)[2];
    unsigned calls;
    struct driver_call flooded;
    pid_t flooder;
    unsigned failures;
};

static void check(struct scene *scene, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    scene->failures++;
}

static void draw(struct raster *page, uint32_t number, void *user)
{
    (void)user;
    vault_file_draw_page(page, ROWS, number);
}

/* Signals without end and then a frame, again and again, each packet with three earlier ones. */
static size_t make_datagram(struct udptl_sender *udptl, unsigned i, uint8_t *out)
{
    uint8_t ifp[60] = {0xC0, 2, 0x80, 0, 50};
    const uint8_t preamble = 3 << 1;
    size_t length;
    bool is_frame = i % 2;

    memset(ifp + 5, 0x55, 51);
    ifp[56] = 2 << 4;
    if (udptl_sender_produce(udptl, is_frame ? ifp : &preamble, is_frame ? 57 : 1, out,
                             UDPTL_DATAGRAM_MAX, &length) != 0)
        abort();
    return length;
}

/* In a process of its own, until it is killed. It says how much it sent through `told`. */
static void flood(int fd, const struct sockaddr_storage *to, int told)
{
    struct udptl_sender *udptl;
    uint8_t datagram[UDPTL_DATAGRAM_MAX];
    struct timespec next;
    unsigned sent = 0;

    if (udptl_sender_new(&udptl, 3, 1400) != 0)
        abort();
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (getppid() != 1) {
        for (int i = 0; i < FLOOD_PER_MS; i++) {
            size_t length = make_datagram(udptl, sent, datagram);
            if (sendto(fd, datagram, length, 0, (const struct sockaddr *)to,
                       sizeof(struct sockaddr_in)) < 0)
                break; /* the call is over */
            sent++;
        }
        if (sent % 1000 == 0)
            (void)!write(told, &sent, sizeof sent);
        next.tv_nsec += 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    _exit(0);
}

static void start_flood(struct scene *scene, int told[2])
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage here;
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &length) != 0 || pipe(told) != 0)
        abort();
    driver_call_media(&scene->flooded, &here);
    scene->flooder = fork();
    if (scene->flooder == 0)
        flood(fd, &scene->flooded.address, told[1]);
    close(fd);
    close(told[1]);
}

static unsigned stop_flood(const struct scene *scene, int told)
{
    unsigned sent = 0;

    kill(scene->flooder, SIGKILL);
    (void)waitpid(scene->flooder, NULL, 0);
    while (read(told, &sent, sizeof sent) == sizeof sent)
        ;
    close(told);
    return sent;
}

static bool good_calls_over(void *user)
{
    const struct scene *scene = user;
    unsigned over = 0;

    for (unsigned i = 0; i < scene->calls; i++)
        over += scene->pairs[i][0].is_done && scene->pairs[i][1].is_done;
    return over == scene->calls;
}

static void prepare(struct scene *scene)
{
    struct raster page;

    for (unsigned i = 0; i < scene->calls; i++) {
        driver_call_prepare(&scene->driver, &scene->pairs[i][0], &scene->sending, true);
        driver_call_prepare(&scene->driver, &scene->pairs[i][1], &scene->receiving, false);
        draw(&page, 1, NULL);
        driver_call_add_page(&scene->pairs[i][0], 1, &page);
        raster_free(&page);
    }
    driver_call_prepare(&scene->driver, &scene->flooded, &scene->receiving, false);
    scene->flooded.start.no_media_timeout_ms = FLOODED_SILENCE_MS;
    for (unsigned i = 0; i < scene->driver.call_count; i++)
        driver_call_start(scene->driver.calls[i]);
    check(scene, line_driver_run(&scene->driver, driver_all_ready, &scene->driver, 10000),
          "all are ready");
}

static double logged_ms(int log_fd, const char *name)
{
    char text[8192] = "";
    const char *at;

    (void)!pread(log_fd, text, sizeof text - 1, 0);
    at = strstr(text, name);
    return at == NULL ? 0 : strtod(at + strlen(name), NULL) / 1000.0;
}

static void judge(struct scene *scene, const char *name, unsigned sent)
{
    unsigned delivered = 0, again = 0, longest_ms = 0;
    double sum_ms = 0;
    int log_fd = scene->receiving.log_fd;

    for (unsigned i = 0; i < scene->calls; i++) {
        const struct msg_call_done *from = &scene->pairs[i][0].done, *to = &scene->pairs[i][1].done;

        delivered += from->result == T30_RESULT_OK && to->result == T30_RESULT_OK &&
                     driver_call_stored(&scene->pairs[i][1], draw, NULL, 1);
        again += from->ecm_retransmissions + to->ecm_retransmissions;
        sum_ms += from->media_ms;
        longest_ms = from->media_ms > longest_ms ? from->media_ms : longest_ms;
    }
    printf("%s: %u of %u delivered, %u frames again, %.2f s a call (longest %.2f s); the line: "
           "confirmations %.1f ms (p50), %.1f (p99), %.1f at most; most work between two ticks "
           "%.1f ms\n",
           name, delivered, scene->calls, again, sum_ms / 1000 / scene->calls, longest_ms / 1000.0,
           logged_ms(log_fd, "confirm_p50_us="), logged_ms(log_fd, "confirm_p99_us="),
           logged_ms(log_fd, "confirm_longest_us="), logged_ms(log_fd, "longest_busy_us="));
    check(scene, delivered == scene->calls, "all good calls are delivered");
    check(scene, again == 0, "and nothing of them was asked for again");
    check(scene, scene->flooded.is_done && scene->flooded.dones == 1, "the other call has an end");
    if (sent == 0)
        return;
    printf("flooded: %u datagrams sent, %u taken, %s\n", sent, scene->flooded.done.media_seen,
           scene->flooded.done.text);
    check(scene, scene->flooded.done.result != T30_RESULT_OK, "and a reason");
    check(scene, scene->flooded.done.pages == 0, "and no page");
    check(scene, scene->flooded.done.media_seen > 1000, "the flood reached it");
}

static unsigned run(const char *directory, unsigned calls, bool with_flood)
{
    struct scene *scene = calloc(1, sizeof *scene);
    unsigned sent = 0, failures;
    int told[2] = {-1, -1}, status;

    scene->calls = calls;
    scene->pairs = calloc(calls, sizeof *scene->pairs);
    line_driver_init(&scene->driver, directory);
    line_driver_start_line(&scene->driver, &scene->sending);
    line_driver_start_line(&scene->driver, &scene->receiving);
    prepare(scene);
    if (with_flood)
        start_flood(scene, told);
    for (unsigned i = 0; i < calls; i++)
        driver_connect(&scene->pairs[i][0], &scene->pairs[i][1]);
    check(scene, line_driver_run(&scene->driver, good_calls_over, scene, CALL_MS),
          "the good calls end");
    if (with_flood)
        sent = stop_flood(scene, told[0]);
    driver_call_stop(&scene->flooded, "enough");
    check(scene, line_driver_run(&scene->driver, driver_all_done, &scene->driver, 10000),
          "all end");
    status = line_process_stop(&scene->sending);
    check(scene, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sending line lives");
    status = line_process_stop(&scene->receiving);
    check(scene, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the receiving line lives");
    judge(scene, with_flood ? "with the flood" : "without", sent);
    failures = scene->failures;
    for (unsigned i = 0; i < scene->driver.call_count; i++)
        driver_call_free(scene->driver.calls[i]);
    free(scene->pairs);
    free(scene);
    return failures;
}

int main(int argc, char **argv)
{
    int status = line_driver_child(argc, argv);
    unsigned calls, failures = 0;

    if (status >= 0)
        return status;
    calls = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : CALLS_DEFAULT;
    if (argc < 2 || argc > 3 || calls < 1 || calls > CALLS_MAX) {
        fprintf(stderr, "use: %s DIRECTORY [CALLS]\n", argv[0]);
        return 2;
    }
    for (int with_flood = 0; with_flood < 2; with_flood++)
        failures += run(argv[1], calls, with_flood);
    printf("flood: %s\n", failures == 0 ? "as it must be" : "FAILED");
    return failures == 0 ? 0 : 1;
}
