/* How many paced calls two lines on this machine carry at the same time, and how long a page then
 * waits for its confirmation: two real line processes, a control double
 * (tests/doubles/line_load.h). Calls begin one after the other, as they would; all are under way
 * together for a while. Beside it the same datagrams through bare sockets. One JSON object a line.
 * use: concurrent_bench [line.concurrent] [line.confirm_delay_p99]
 * LINE_CONCURRENT_CALLS (3000): how many; LINE_CONCURRENT_STAGGER_MS (9): between two beginnings.
 */
#include "tests/doubles/letter_page.h"
#include "tests/doubles/line_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS_DEFAULT = 3000, CALLS_MAX = 4000, STAGGER_MS = 9 };

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static double machine_load(void)
{
    double load = 0;

    return getloadavg(&load, 1) == 1 ? load : 0;
}

static void print_concurrent(const struct line_load *load, const struct udp_replay *replay,
                             double load_before)
{
    const struct line_load_side *from = &load->sides[0], *to = &load->sides[1];

    printf("{\"name\":\"line.concurrent\",\"value\":%u,\"unit\":\"calls delivered\","
           "\"baseline\":{\"name\":\"begun\",\"value\":%u},"
           "\"load\":{\"at_once\":%u,\"failed\":%u,\"seconds\":%.0f,\"load_before\":%.2f,"
           "\"send_us_per_call_second\":%.1f,\"receive_us_per_call_second\":%.1f,"
           "\"bare_send\":%.1f,\"bare_receive\":%.1f,"
           "\"sender_kb_per_call\":%.0f,\"receiver_kb_per_call\":%.0f,"
           "\"sender_after_all_kb\":%ld,\"receiver_after_all_kb\":%ld,"
           "\"sender_busy_ms\":%.2f,\"receiver_busy_ms\":%.2f,"
           "\"sender_stall_ms\":%.1f,\"receiver_stall_ms\":%.1f,\"bare_stall_ms\":%.1f}}\n",
           load->calls - load->failed, load->calls, load->most_at_once, load->failed, load->seconds,
           load_before, from->cpu_us / from->call_seconds, to->cpu_us / to->call_seconds,
           replay->sides[0].cpu_us / replay->call_seconds,
           replay->sides[1].cpu_us / replay->call_seconds,
           (double)(from->memory_peak_kb - from->memory_before_kb) / load->calls,
           (double)(to->memory_peak_kb - to->memory_before_kb) / load->calls,
           from->memory_after_kb - from->memory_before_kb,
           to->memory_after_kb - to->memory_before_kb, from->busy_ms, to->busy_ms, from->stall_ms,
           to->stall_ms, (double)replay->sides[1].longest_stall_us / 1000.0);
}

/* From the end of the page, taken for as early as it can have come, until the line may confirm it;
 * then T.30's own times follow. */
static void print_delay(const struct line_load *load, double load_before)
{
    const struct line_load_side *to = &load->sides[1];

    printf("{\"name\":\"line.confirm_delay_p99\",\"value\":%.2f,\"unit\":\"ms\","
           "\"baseline\":{\"name\":\"p50\",\"value\":%.2f},"
           "\"load\":{\"calls\":%u,\"longest\":%.1f,\"load_before\":%.2f}}\n",
           to->confirm_p99_ms, to->confirm_p50_ms, load->calls, to->confirm_longest_ms,
           load_before);
}

static int report_failure(int argc, char **argv, const char *why)
{
    static const char *const names[] = {"line.concurrent", "line.confirm_delay_p99"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_wanted(argc, argv, names[i]))
            printf("{\"name\":\"%s\",\"value\":null,\"reason\":\"%s\"}\n", names[i], why);
    return 1;
}

int main(int argc, char **argv)
{
    static struct line_load load;
    struct udp_replay replay = {0};
    int status = line_driver_child(argc, argv);
    double load_before = machine_load();
    struct raster page;
    const char *why;

    if (status >= 0)
        return status;
    load.calls = number_of("LINE_CONCURRENT_CALLS", CALLS_DEFAULT);
    load.stagger_ms = number_of("LINE_CONCURRENT_STAGGER_MS", STAGGER_MS);
    if (load.calls == 0 || load.calls > CALLS_MAX)
        return report_failure(argc, argv, "LINE_CONCURRENT_CALLS is out of range");
    if (letter_page_load(&page) != 0)
        return report_failure(argc, argv, "tests/data/letter.tif cannot be read");
    why = line_load_run(&load, &page);
    raster_free(&page);
    if (why != NULL && load.failed == 0)
        return report_failure(argc, argv, why);
    udp_replay_run(&replay, load.relay.trace, load.calls, load.stagger_ms);
    if (is_wanted(argc, argv, "line.concurrent"))
        print_concurrent(&load, &replay, load_before);
    if (is_wanted(argc, argv, "line.confirm_delay_p99"))
        print_delay(&load, load_before);
    return load.failed == 0 ? 0 : 1;
}
