/* How much faster ten text pages are between two real line processes that may run ahead of the
 * clock: everything on (sockets, guard, sealing, fsync, sandbox), control's answers given by this
 * program. The paced time is that of the same coded pages between the same two engines in virtual
 * time: it goes by the clock alone, not by the machine. One JSON object.
 * use: express_bench */
#include <stdio.h>
#include <stdlib.h>

#include "codecs/t4_encode.h"
#include "codecs/wiped_buffer.h"
#include "tests/doubles/letter_page.h"
#include "tests/doubles/line_driver.h"
#include "tests/doubles/virtual_call.h"

enum { PAGES = 10, ROUNDS = 5, EXPRESS_MS = 60000, PACED_S = 900 };

struct bench {
    struct line_driver driver;
    struct line_process lines[2]; /* sending, receiving */
    struct driver_call calls[ROUNDS][2];
    double seconds[ROUNDS];
};

/* Returns the seconds of a paced call, or 0 when it failed. */
static double paced_seconds(const struct raster *letter)
{
    struct fax_page pages[PAGES] = {0};
    static struct virtual_call call;
    size_t length;
    double seconds = 0;
    uint8_t *data;

    if (t4_encode(letter, PAGE_CODING_T6, 0, true, &data, &length) != 0)
        return 0;
    for (int i = 0; i < PAGES; i++)
        pages[i].view = (struct fax_page_view){.coding = FAX_PAGE_T6,
                                               .lsb_first = true,
                                               .width = letter->width,
                                               .rows = letter->height,
                                               .x_dpi = 204,
                                               .y_dpi = 196,
                                               .data = data,
                                               .length = length};
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages, .page_count = PAGES});
    uint64_t began_ms = call.link.now_ms;
    if (virtual_call_run(&call, PACED_S) && call.identical == PAGES && call.end[0].result == 0)
        seconds = (double)(call.link.now_ms - began_ms) / 1000;
    virtual_call_end(&call);
    wiped_free(data, length);
    return seconds;
}

static bool is_over(void *user)
{
    const struct driver_call *calls = user;

    return calls[0].is_done && calls[1].is_done;
}

/* Returns NULL or why there is no figure. */
static const char *run_round(struct bench *bench, unsigned round, const struct raster *letter)
{
    struct driver_call *calls = bench->calls[round];

    for (int side = 0; side < 2; side++) {
        driver_call_prepare(&bench->driver, &calls[side], &bench->lines[side], side == 0);
        calls[side].express = true;
    }
    for (uint32_t page = 1; page <= PAGES; page++)
        driver_call_add_page(&calls[0], page, letter);
    driver_call_start(&calls[0]);
    driver_call_start(&calls[1]);
    if (!line_driver_run(&bench->driver, driver_all_ready, &bench->driver, 10000))
        return "the calls do not get ready";
    uint64_t began_ms = driver_now_ms();
    driver_connect(&calls[0], &calls[1]);
    if (!line_driver_run(&bench->driver, is_over, calls, EXPRESS_MS))
        return "a call does not end";
    bench->seconds[round] = (double)(driver_now_ms() - began_ms) / 1000;
    for (int side = 0; side < 2; side++)
        if (calls[side].done.result != 0 || calls[side].done.pages != PAGES ||
            !calls[side].done.express)
            return "a call failed or went on paced";
    return NULL;
}

static const char *run_all(struct bench *bench, const struct raster *letter)
{
    const char *why = NULL;

    for (int side = 0; side < 2; side++)
        line_driver_start_line(&bench->driver, &bench->lines[side]);
    for (unsigned round = 0; round < ROUNDS && why == NULL; round++)
        why = run_round(bench, round, letter);
    for (int side = 0; side < 2; side++)
        (void)line_process_stop(&bench->lines[side]);
    return why;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *directory = getenv("TMPDIR"), *why = "tests/data/letter.tif cannot be read";
    int status = line_driver_child(argc, argv);
    struct raster letter;
    double paced = 0;

    if (status >= 0)
        return status;
    line_driver_init(&bench.driver, directory != NULL ? directory : "/tmp");
    if (letter_page_load(&letter) == 0) {
        why = run_all(&bench, &letter);
        paced = paced_seconds(&letter);
        raster_free(&letter);
    }
    if (why == NULL && paced <= 0)
        why = "the paced call failed";
    if (why != NULL) {
        printf("{\"name\":\"express.speedup\",\"value\":null,\"reason\":\"%s\"}\n", why);
        return 1;
    }
    qsort(bench.seconds, ROUNDS, sizeof bench.seconds[0], compare);
    printf("{\"name\":\"express.speedup\",\"value\":%.0f,\"unit\":\"times\","
           "\"baseline\":{\"name\":\"the same pages paced, virtual time\",\"seconds\":%.1f},"
           "\"load\":{\"pages\":%d,\"rounds\":%d,\"seconds_median\":%.3f,\"seconds_min\":%.3f,"
           "\"seconds_max\":%.3f}}\n",
           paced / bench.seconds[ROUNDS / 2], paced, PAGES, ROUNDS, bench.seconds[ROUNDS / 2],
           bench.seconds[0], bench.seconds[ROUNDS - 1]);
    return 0;
}
