/* What a line costs: many paced calls of one text page between two real line processes
 * (tests/doubles/line_load.h). Beside it in the same run: the same datagrams at the same pace
 * through bare sockets, recorded from one of the calls and replayed, and plain spandsp terminals
 * joined over sockets. One JSON object a line.
 * use: line_bench [line.receive_cpu] [line.send_cpu] [line.memory] [line.stall]
 * LINE_BENCH_CALLS (200): calls at the same time. LINE_BENCH_BESIDE (all): "bare" leaves plain
 * spandsp out, "none" the bare sockets as well, to compare two builds of the line.
 * LINE_BENCH_WITHOUT_ECM (set): the receivers have no error correction. */
#include "codecs/t4_encode.h"
#include "tests/doubles/letter_page.h"
#include "tests/doubles/line_load.h"
#include "tests/doubles/spandsp_sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLS_DEFAULT = 200,
    CALLS_MAX = 3000,
    BEGIN_MS = 4500,        /* within it all calls begin: the first page comes later */
    BEGIN_PLAIN_MS = 40000, /* more at once would be more than spandsp decodes in time */
};

struct bench {
    struct line_load load;
    struct udp_replay replay;
    struct spandsp_sockets plain;
};

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

/* 0 when it was left out. */
static double per_second(double us, double call_seconds)
{
    return call_seconds > 0 ? us / call_seconds : 0;
}

static void print_cpu(const struct bench *bench, const char *name, int i)
{
    const struct udp_replay_side *bare = &bench->replay.sides[i];
    const struct spandsp_sockets_side *plain = &bench->plain.sides[i];
    const struct line_load_side *side = &bench->load.sides[i];
    double value = side->cpu_us / side->call_seconds;
    double bare_us = per_second(bare->cpu_us, bench->replay.call_seconds);
    double plain_us = per_second(plain->cpu_us, plain->call_seconds);

    printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"us CPU per call-second\","
           "\"baseline\":{\"name\":\"same datagrams, bare sockets\",\"value\":%.1f},"
           "\"above_bare\":%.1f,"
           "\"plain_spandsp\":{\"value\":%.1f,\"above_bare\":%.1f,\"calls_ok\":%u},"
           "\"load\":{\"calls\":%u,\"call_seconds\":%.0f,\"datagrams_per_call\":%llu}}\n",
           name, value, bare_us, value - bare_us, plain_us, plain_us - bare_us, plain->good,
           bench->load.calls, side->call_seconds,
           (unsigned long long)((bare->sent + bare->received) / bench->load.calls));
}

static double per_call(const struct bench *bench, long kb)
{
    return (double)kb / bench->load.calls;
}

static void print_memory(const struct bench *bench)
{
    const struct line_load_side *from = &bench->load.sides[0], *to = &bench->load.sides[1];

    printf(
        "{\"name\":\"line.memory\",\"value\":%.0f,\"unit\":\"kB per receiving call at page end\","
        "\"baseline\":{\"name\":\"plain spandsp\",\"value\":%.0f},"
        "\"load\":{\"calls\":%u,\"receiver_idle\":%.0f,\"receiver_prepared\":%.0f,"
        "\"receiver_after_all\":%.0f,\"sender\":%.0f,\"sender_prepared\":%.0f,"
        "\"plain_spandsp_sender\":%.0f,\"bare_sockets\":%.1f}}\n",
        per_call(bench, to->memory_peak_kb - to->memory_before_kb),
        per_call(bench, bench->plain.sides[1].memory_kb), bench->load.calls,
        per_call(bench, to->memory_idle_kb - to->memory_before_kb),
        per_call(bench, to->memory_prepared_kb - to->memory_before_kb),
        per_call(bench, to->memory_after_kb - to->memory_before_kb),
        per_call(bench, from->memory_peak_kb - from->memory_before_kb),
        per_call(bench, from->memory_prepared_kb - from->memory_before_kb),
        per_call(bench, bench->plain.sides[0].memory_kb),
        per_call(bench, bench->replay.sides[1].memory_kb));
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* The line's own work is the most CPU between two turns of its loop, which is how long control and
 * the pool wait for it. The kernel counts more as that: packets of other processes, the
 * hypervisor's time. How much shows in the same of a bare tick, whose work is much the same each
 * time. The longest time between two ticks is also made by the scheduler, for the bare tick too. */
static void print_stall(const struct bench *bench)
{
    const struct udp_replay_side *bare = bench->replay.sides;
    const struct spandsp_sockets_side *plain = bench->plain.sides;
    const struct line_load_side *side = bench->load.sides;

    printf("{\"name\":\"line.stall\",\"value\":%.2f,\"unit\":\"ms of own work between two turns of "
           "the loop\","
           "\"baseline\":{\"name\":\"bare 5 ms tick, time beyond it\",\"value\":%.2f},"
           "\"load\":{\"calls\":%u,\"sender\":%.2f,\"receiver\":%.2f,\"turns_over_1ms\":%u,"
           "\"turns\":%u,\"bare_sender\":%.2f,\"bare_receiver\":%.2f,\"sender_beyond\":%.2f,"
           "\"receiver_beyond\":%.2f,\"plain_spandsp_beyond\":%.2f}}\n",
           larger(side[0].busy_ms, side[1].busy_ms),
           larger((double)bare[0].longest_stall_us, (double)bare[1].longest_stall_us) / 1000.0,
           bench->load.calls, side[0].busy_ms, side[1].busy_ms,
           side[0].busy_turns + side[1].busy_turns, side[0].turns + side[1].turns,
           (double)bare[0].longest_busy_us / 1000.0, (double)bare[1].longest_busy_us / 1000.0,
           side[0].stall_ms, side[1].stall_ms,
           larger((double)plain[0].longest_stall_us, (double)plain[1].longest_stall_us) / 1000.0);
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

static void run_plain(struct bench *bench, const struct raster *page)
{
    const struct page_format format = {
        .x_dpi = 204, .y_dpi = 196, .coding = PAGE_CODING_T6, .lsb_first = true};
    struct coded_page coded;

    if (t4_encode_page(page, &format, &coded) != 0)
        return;
    const struct fax_page_view view = {.coding = FAX_PAGE_T6,
                                       .lsb_first = true,
                                       .width = coded.format.width,
                                       .rows = coded.format.height,
                                       .x_dpi = 204,
                                       .y_dpi = 196,
                                       .data = coded.data,
                                       .length = coded.length};
    spandsp_sockets_run(&bench->plain, &view, bench->load.calls,
                        BEGIN_PLAIN_MS / bench->load.calls);
    coded_page_free(&coded);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *wanted = getenv("LINE_BENCH_CALLS");
    const char *beside = getenv("LINE_BENCH_BESIDE") != NULL ? getenv("LINE_BENCH_BESIDE") : "all";
    int status = line_driver_child(argc, argv);
    struct raster page;
    const char *why;

    if (status >= 0)
        return status;
    bench.load.calls = wanted == NULL ? CALLS_DEFAULT : (unsigned)strtoul(wanted, NULL, 10);
    if (bench.load.calls == 0 || bench.load.calls > CALLS_MAX)
        return report_failure(argc, argv, "LINE_BENCH_CALLS is out of range");
    if (letter_page_load(&page) != 0)
        return report_failure(argc, argv, "tests/data/letter.tif cannot be read");
    /* All begin before the first one gets to its page: so idle calls can be weighed. */
    bench.load.stagger_ms = BEGIN_MS / bench.load.calls;
    bench.load.without_ecm = getenv("LINE_BENCH_WITHOUT_ECM") != NULL;
    why = line_load_run(&bench.load, &page);
    if (why != NULL)
        return report_failure(argc, argv, why);
    fprintf(stderr, "progress: the same beside it takes as long again\n");
    if (strcmp(beside, "none") != 0)
        udp_replay_run(&bench.replay, bench.load.relay.trace, bench.load.calls,
                       bench.load.stagger_ms);
    if (strcmp(beside, "none") != 0 && strcmp(beside, "bare") != 0)
        run_plain(&bench, &page);
    raster_free(&page);
    print_all(&bench, argc, argv);
    return 0;
}
