/* What a line costs: many paced calls of one text page between two real line processes, everything
 * on (sockets, guard, sealing, fsync, sandbox), control's answers given by this program. The
 * baseline is the same datagrams at the same pace through bare sockets, recorded from one of the
 * calls and replayed afterwards. One JSON object a line.
 * use: line_bench [line.receive_cpu] [line.send_cpu] [line.memory] [line.stall]
 * LINE_BENCH_CALLS (100): calls at the same time. */
#include "codecs/tiff_read.h"
#include "tests/doubles/line_driver.h"
#include "tests/doubles/udp_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CALLS_DEFAULT = 100,
    CALLS_MAX = 1000,
    STAGGER_MS = 40,
    CALL_MS = 240000,
    SAMPLE_MS = 250,
    DESCRIPTORS_MAX = 8000
};

struct bench {
    struct line_driver driver;
    struct line_process lines[2]; /* sending, receiving */
    struct driver_call (*pairs)[2];
    unsigned calls, connected;
    uint64_t media_ms, sample_ms;
    long memory_before_kb[2], memory_peak_kb[2];
    double cpu_us[2], call_seconds[2];
    double stall_ms[2], busy_ms[2];
    struct udp_relay relay;
    struct udp_replay replay;
    unsigned failed;
};

static double process_cpu_us(pid_t pid)
{
    clockid_t id;
    struct timespec t = {0, 0};

    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) != 0)
        return 0;
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int load_page(struct raster *page)
{
    char detail[TIFF_READ_DETAIL];
    struct page_format format;
    struct tiff_reader *reader;
    struct stat status;
    int fd = open(TESTS_DIR "/data/letter.tif", O_RDONLY | O_CLOEXEC);
    void *map;
    int found;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED ||
        tiff_read_open(&reader, map, (size_t)status.st_size, &tiff_read_send_limits, detail) != 0)
        return -EBADMSG;
    found = tiff_read_next(reader, page, &format);
    tiff_read_close(reader);
    munmap(map, (size_t)status.st_size);
    return found == 1 ? 0 : -EBADMSG;
}

static void sample_memory(struct bench *bench)
{
    for (int i = 0; i < 2; i++) {
        long kb = udp_replay_memory_kb(bench->lines[i].pid);

        if (kb > bench->memory_peak_kb[i])
            bench->memory_peak_kb[i] = kb;
    }
}

/* The first pair goes through the relay, which writes its datagrams down. */
static void connect_pair(struct bench *bench, unsigned i)
{
    struct driver_call *from = &bench->pairs[i][0], *to = &bench->pairs[i][1];

    if (i != 0) {
        driver_connect(from, to);
        return;
    }
    udp_relay_start(&bench->relay, &from->address, &to->address);
    driver_call_media(from, &bench->relay.address[0]);
    driver_call_media(to, &bench->relay.address[1]);
}

static bool all_over(void *user)
{
    struct bench *bench = user;
    uint64_t now_ms = driver_now_ms();

    while (bench->connected < bench->calls &&
           now_ms >= bench->media_ms + (uint64_t)bench->connected * STAGGER_MS)
        connect_pair(bench, bench->connected++);
    if (now_ms >= bench->sample_ms + SAMPLE_MS) {
        bench->sample_ms = now_ms;
        sample_memory(bench);
    }
    return driver_all_done(&bench->driver);
}

static void sum_up(struct bench *bench)
{
    for (unsigned i = 0; i < bench->calls; i++)
        for (int side = 0; side < 2; side++) {
            const struct driver_call *call = &bench->pairs[i][side];

            if (!call->is_done || call->done.result != 0 || call->done.pages != 1)
                bench->failed++;
            bench->call_seconds[side] += call->done.media_ms / 1000.0;
        }
}

static void read_stalls(struct bench *bench)
{
    for (int side = 0; side < 2; side++) {
        char text[4096] = "";
        const char *at;

        (void)!pread(bench->lines[side].log_fd, text, sizeof text - 1, 0);
        at = strstr(text, "longest_stall_us=");
        if (at != NULL)
            bench->stall_ms[side] = strtod(at + 17, NULL) / 1000.0;
        at = strstr(text, "longest_busy_us=");
        if (at != NULL)
            bench->busy_ms[side] = strtod(at + 16, NULL) / 1000.0;
    }
}

/* Returns NULL or why there is nothing to report. */
static const char *run_load(struct bench *bench)
{
    static char why[64];
    struct raster page;
    bool over;

    if (load_page(&page) != 0)
        return "tests/data/letter.tif cannot be read";
    for (int side = 0; side < 2; side++)
        line_driver_start_line(&bench->driver, &bench->lines[side]);
    for (unsigned i = 0; i < bench->calls; i++) {
        driver_call_prepare(&bench->driver, &bench->pairs[i][0], &bench->lines[0], true);
        driver_call_add_page(&bench->pairs[i][0], 1, &page);
        driver_call_prepare(&bench->driver, &bench->pairs[i][1], &bench->lines[1], false);
    }
    raster_free(&page);
    for (int side = 0; side < 2; side++) {
        bench->memory_before_kb[side] = udp_replay_memory_kb(bench->lines[side].pid);
        bench->cpu_us[side] = -process_cpu_us(bench->lines[side].pid);
    }
    for (unsigned i = 0; i < bench->driver.call_count; i++)
        driver_call_start(bench->driver.calls[i]);
    if (!line_driver_run(&bench->driver, driver_all_ready, &bench->driver, 30000))
        return "the calls do not get ready";
    bench->media_ms = driver_now_ms();
    over = line_driver_run(&bench->driver, all_over, bench, CALL_MS);
    for (int side = 0; side < 2; side++)
        bench->cpu_us[side] += process_cpu_us(bench->lines[side].pid);
    udp_relay_stop(&bench->relay); /* first: it has copies of the lines' channels */
    for (int side = 0; side < 2; side++)
        (void)line_process_stop(&bench->lines[side]);
    sum_up(bench);
    read_stalls(bench);
    snprintf(why, sizeof why, "%u ends of calls failed", bench->failed);
    return !over || bench->failed != 0 ? why : NULL;
}

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

static void print_cpu(const struct bench *bench, const char *name, int side)
{
    const struct udp_replay_side *bare = &bench->replay.sides[side];

    printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"us CPU per call-second\","
           "\"baseline\":{\"name\":\"same datagrams, bare sockets\",\"value\":%.1f},"
           "\"load\":{\"calls\":%u,\"call_seconds\":%.0f,\"datagrams_per_call\":%llu}}\n",
           name, bench->cpu_us[side] / bench->call_seconds[side],
           bare->cpu_us / bench->replay.call_seconds, bench->calls, bench->call_seconds[side],
           (unsigned long long)((bare->sent + bare->received) / bench->calls));
}

static double memory_per_call_kb(const struct bench *bench, int side)
{
    return (double)(bench->memory_peak_kb[side] - bench->memory_before_kb[side]) / bench->calls;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void print_memory(const struct bench *bench)
{
    double sender = memory_per_call_kb(bench, 0), receiver = memory_per_call_kb(bench, 1);

    printf("{\"name\":\"line.memory\",\"value\":%.0f,\"unit\":\"kB per call\","
           "\"baseline\":{\"name\":\"bare sockets\",\"value\":%.1f},"
           "\"load\":{\"calls\":%u,\"sender\":%.0f,\"receiver\":%.0f}}\n",
           larger(sender, receiver), (double)bench->replay.sides[1].memory_kb / bench->calls,
           bench->calls, sender, receiver);
}

static void print_stall(const struct bench *bench)
{
    const struct udp_replay_side *bare = bench->replay.sides;

    printf("{\"name\":\"line.stall\",\"value\":%.2f,\"unit\":\"ms\","
           "\"baseline\":{\"name\":\"bare 5 ms tick\",\"value\":%.2f},"
           "\"load\":{\"calls\":%u,\"sender\":%.2f,\"receiver\":%.2f,"
           "\"sender_busy\":%.2f,\"receiver_busy\":%.2f}}\n",
           larger(bench->stall_ms[0], bench->stall_ms[1]),
           larger((double)bare[0].longest_stall_us, (double)bare[1].longest_stall_us) / 1000.0,
           bench->calls, bench->stall_ms[0], bench->stall_ms[1], bench->busy_ms[0],
           bench->busy_ms[1]);
}

static void print_all(const struct bench *bench, int argc, char **argv)
{
    if (is_wanted(argc, argv, "line.receive_cpu"))
        print_cpu(bench, "line.receive_cpu", 1);
    if (is_wanted(argc, argv, "line.send_cpu"))
        print_cpu(bench, "line.send_cpu", 0);
    if (is_wanted(argc, argv, "line.memory"))
        print_memory(bench);
    if (is_wanted(argc, argv, "line.stall"))
        print_stall(bench);
}

static int report_failure(int argc, char **argv, const char *why)
{
    static const char *const names[] = {"line.receive_cpu", "line.send_cpu", "line.memory",
                                        "line.stall"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_wanted(argc, argv, names[i]))
            printf("{\"name\":\"%s\",\"value\":null,\"reason\":\"%s\"}\n", names[i], why);
    return 1;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *wanted = getenv("LINE_BENCH_CALLS"), *directory = getenv("TMPDIR");
    int status = line_driver_child(argc, argv);
    const char *why;

    if (status >= 0)
        return status;
    bench.calls = wanted == NULL ? CALLS_DEFAULT : (unsigned)strtoul(wanted, NULL, 10);
    if (bench.calls == 0 || bench.calls > CALLS_MAX)
        return report_failure(argc, argv, "LINE_BENCH_CALLS is out of range");
    /* Two descriptors a call here and two in each line, which inherits the limit. */
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS_MAX, DESCRIPTORS_MAX});
    bench.pairs = calloc(bench.calls, sizeof *bench.pairs);
    if (bench.pairs == NULL)
        return report_failure(argc, argv, "no memory");
    line_driver_init(&bench.driver, directory != NULL ? directory : "/tmp");
    why = run_load(&bench);
    if (why != NULL)
        return report_failure(argc, argv, why);
    udp_replay_run(&bench.replay, bench.relay.trace, bench.calls, STAGGER_MS);
    print_all(&bench, argc, argv);
    return 0;
}
