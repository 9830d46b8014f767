/* Two line processes fax to each other over UDP on 127.0.0.1; this program plays control.
 * use: line_pair_prog SCENARIO DIRECTORY (of the vault files). Exit status 0 when all is as it must
 * be; otherwise what was not is on standard error. */
#include "t38/t30_result.h"
#include "tests/doubles/line_driver.h"
#include "tests/doubles/udp_replay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 240, CALL_MS = 100000, PEAK_CALLS = 300, PEAK_REST = 4 };

struct pair {
    struct line_driver driver;
    struct line_process sending, receiving;
    struct driver_call from, to, other_from, other_to, third_from, third_to;
    uint32_t first_page; /* of the document to be sent; 0 means 1 */
    uint16_t y_dpi;      /* of its pages; 0 means 196 */
    uint8_t t38_version; /* told to both lines */
    bool without_ecm;
    unsigned failures;
};

static void check(struct pair *pair, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    pair->failures++;
}

/* user: the first page sent, or NULL */
static void draw(struct raster *page, uint32_t number, void *user)
{
    const uint32_t *first = user;

    vault_file_draw_page(page, ROWS, first != NULL && *first > 1 ? number + *first - 1 : number);
}

static void prepare(struct pair *pair, struct driver_call *from, struct driver_call *to,
                    uint32_t pages)
{
    driver_call_prepare(&pair->driver, from, &pair->sending, true);
    driver_call_prepare(&pair->driver, to, &pair->receiving, false);
    from->start.first_page = pair->first_page;
    from->start.ecm = !pair->without_ecm;
    from->y_dpi = pair->y_dpi;
    from->t38_version = to->t38_version = pair->t38_version;
    for (uint32_t number = 1; number <= pages; number++) {
        struct raster page;

        draw(&page, number, NULL);
        driver_call_add_page(from, number, &page);
        raster_free(&page);
    }
}

static void start_all(struct pair *pair)
{
    for (unsigned i = 0; i < pair->driver.call_count; i++)
        driver_call_start(pair->driver.calls[i]);
    check(pair, line_driver_run(&pair->driver, driver_all_ready, &pair->driver, 5000),
          "all are ready");
}

static bool run_to_end(struct pair *pair, uint32_t timeout_ms)
{
    return line_driver_run(&pair->driver, driver_all_done, &pair->driver, timeout_ms);
}

static void show_log(const char *name, struct line_process *line)
{
    char text[4096];
    ssize_t n = pread(line->log_fd, text, sizeof text, 0);

    if (n > 0)
        fprintf(stderr, "-- %s line: %.*s", name, (int)n, text);
    close(line->log_fd);
}

static void stop_lines(struct pair *pair, bool sending_killed)
{
    int status = line_process_stop(&pair->sending);

    check(pair, sending_killed ? WIFSIGNALED(status) : WIFEXITED(status) && !WEXITSTATUS(status),
          "the sending line ends as it must");
    status = line_process_stop(&pair->receiving);
    check(pair, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the receiving line ends cleanly");
    show_log("sending", &pair->sending);
    show_log("receiving", &pair->receiving);
    for (unsigned i = 0; i < pair->driver.call_count; i++)
        driver_call_free(pair->driver.calls[i]);
}

static void check_delivered(struct pair *pair, uint32_t pages)
{
    const struct driver_call *from = &pair->from, *to = &pair->to;
    uint32_t sent = pair->first_page > 1 ? pages - pair->first_page + 1 : pages;
    uint16_t y_dpi = pair->y_dpi != 0 ? pair->y_dpi : 196;

    check(pair, from->dones == 1 && to->dones == 1, "each end reports its end once");
    check(pair, from->done.result == T30_RESULT_OK, from->done.text);
    check(pair, to->done.result == T30_RESULT_OK, to->done.text);
    check(pair, from->done.pages == pages && from->confirmed == sent, "all are confirmed");
    check(pair, from->last_confirmed == pages, "by their numbers in the document");
    check(pair, to->done.pages == sent && to->sealed == sent, "the receiver sealed all pages");
    check(pair, from->done.ecm == !pair->without_ecm && to->done.ecm == !pair->without_ecm,
          "with error correction or without");
    check(pair, from->done.page_pending == 0, "no page is left in doubt");
    check(pair, from->media_seen && to->media_seen && to->done.media_seen > 10, "media was seen");
    check(pair, from->done.rate == 14400 && to->done.rate == 14400, "at 14400 bit/s");
    check(pair, to->done.x_dpi == 204 && to->done.y_dpi == y_dpi && to->last_sealed.y_dpi == y_dpi,
          "at the document's resolution");
    check(pair, strstr(from->done.peer_ident, "2222") != NULL, "the sender knows who it reached");
    check(pair, strstr(to->done.peer_ident, "1111") != NULL, "the receiver knows who called");
    check(pair, driver_call_stored(to, draw, &pair->first_page, sent),
          "the stored pages are those sent");
}

static void run_delivery(struct pair *pair, uint32_t pages, uint32_t hold_ms)
{
    prepare(pair, &pair->from, &pair->to, pages);
    pair->to.hold_ms = hold_ms;
    start_all(pair);
    check(pair, pair->from.ready.pages == pages, "the sender says how many pages it has");
    driver_connect(&pair->from, &pair->to);
    check(pair, run_to_end(pair, CALL_MS), "it ends");
    check_delivered(pair, pages);
    stop_lines(pair, false);
}

/* Without ECM a sender cannot be told to wait: the call ends, and nothing is confirmed. */
static void run_slow_without_ecm(struct pair *pair)
{
    pair->without_ecm = true;
    prepare(pair, &pair->from, &pair->to, 2);
    pair->to.hold_ms = 6000;
    start_all(pair);
    driver_connect(&pair->from, &pair->to);
    check(pair, run_to_end(pair, CALL_MS), "it ends");
    check(pair, pair->to.done.result == T30_RESULT_HOLD_EXPIRED, "the receiver says why");
    check(pair, pair->to.sealed == 1, "though it sealed the page");
    check(pair, pair->to.done.pages == 0 && pair->to.confirmed == 0, "nothing is confirmed");
    check(pair, pair->from.done.pages == 0 && pair->from.confirmed == 0, "nothing was heard");
    check(pair, pair->from.done.result != T30_RESULT_OK, "the sender failed");
    check(pair, pair->from.done.page_pending == 1, "the sender's page 1 is in doubt");
    stop_lines(pair, false);
}

/* Control refuses the page: whatever the sender does, no confirmation reaches it. */
static void run_refuse(struct pair *pair)
{
    prepare(pair, &pair->from, &pair->to, 2);
    pair->to.answer = DRIVER_REFUSE;
    prepare(pair, &pair->other_from, &pair->other_to, 2);
    pair->other_to.start.max_pages = 1;
    start_all(pair);
    driver_connect(&pair->from, &pair->to);
    driver_connect(&pair->other_from, &pair->other_to);
    check(pair, run_to_end(pair, CALL_MS), "it ends");
    check(pair, pair->to.done.result == T30_RESULT_STORE_FAILED, "the receiver says why");
    check(pair, pair->to.done.pages == 0 && pair->to.confirmed == 0, "nothing is confirmed");
    check(pair, pair->from.done.pages == 0 && pair->from.confirmed == 0, "nothing was heard");
    check(pair, pair->from.done.result != T30_RESULT_OK, "the sender failed");
    check(pair, pair->from.done.page_pending == 1, "the sender's page 1 is in doubt");
    check(pair, pair->other_to.done.result == T30_RESULT_LIMIT, "a page too many is not taken");
    check(pair, pair->other_to.done.pages == 1 && pair->other_to.sealed == 1, "nor stored");
    check(pair, pair->other_from.done.pages == 1, "and the sender knows about the first");
    stop_lines(pair, false);
}

static bool is_trained(void *user)
{
    const struct driver_call *call = user;

    return call->trained > 0;
}

static bool is_over(void *user)
{
    const struct driver_call *call = user;

    return call->is_done;
}

/* The sending line dies in the middle: its calls have nobody, the receiver ends by itself. */
static void run_kill(struct pair *pair)
{
    prepare(pair, &pair->from, &pair->to, 3);
    prepare(pair, &pair->other_from, &pair->other_to, 1);
    pair->to.start.no_media_timeout_ms = 8000;
    start_all(pair);
    driver_connect(&pair->from, &pair->to);
    check(pair, line_driver_run(&pair->driver, is_trained, &pair->to, 30000), "they train");
    kill(pair->sending.pid, SIGKILL);
    check(pair, line_driver_run(&pair->driver, is_over, &pair->to, 20000), "the receiver ends");
    check(pair, pair->to.done.result == T30_RESULT_MEDIA_SILENT, "because nothing came any more");
    check(pair, pair->sending.channel < 0, "the end of the line is seen");
    check(pair, pair->to.done.pages <= pair->to.sealed, "nothing is confirmed that is not sealed");
    driver_call_stop(&pair->other_to, "the caller gave up");
    check(pair, run_to_end(pair, 5000), "a stopped call ends");
    check(pair,
          pair->other_to.done.result == T30_RESULT_HANGUP &&
              strcmp(pair->other_to.done.text, "the caller gave up") == 0,
          "and reports the reason it was given");
    stop_lines(pair, true);
}

/* Control goes away in the middle of a call: the line ends by itself, cleanly and at once; SIGTERM
 * alone does not end it. */
static void run_gone(struct pair *pair)
{
    int status;

    prepare(pair, &pair->from, &pair->to, 3);
    start_all(pair);
    driver_connect(&pair->from, &pair->to);
    kill(pair->receiving.pid, SIGTERM);
    check(pair, line_driver_run(&pair->driver, is_trained, &pair->to, 30000), "they train");
    status = line_process_stop(&pair->receiving);
    check(pair, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the receiving line ends cleanly");
    driver_call_stop(&pair->from, "");
    check(pair, run_to_end(pair, 5000), "the sender's call ends");
    check(pair, pair->from.done.pages == 0 && pair->from.dones == 1, "without any page");
    status = line_process_stop(&pair->sending);
    check(pair, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sending line ends cleanly");
}

/* What cannot be sent or stored is known before anybody is called. */
static void run_wrong_key(struct pair *pair)
{
    prepare(pair, &pair->from, &pair->to, 2);
    pair->from.start.data_key[0] ^= 1;
    prepare(pair, &pair->other_from, &pair->other_to, 1);
    vault_file_flip_bit(pair->other_from.vault_fd, 700);
    prepare(pair, &pair->third_from, &pair->third_to, 1);
    pair->third_to.start.fax_id[3] ^= 1; /* the vault file of another fax */
    start_all(pair);
    check(pair, line_driver_run(&pair->driver, is_over, &pair->from, 5000), "the call ends");
    check(pair, line_driver_run(&pair->driver, is_over, &pair->other_from, 5000), "this one too");
    check(pair, line_driver_run(&pair->driver, is_over, &pair->third_to, 5000), "and this");
    check(pair, pair->from.ready.status == -EBADMSG, "a wrong key is noticed");
    check(pair, strstr(pair->from.ready.reason, "page 1") != NULL, "with the page's number");
    check(pair, pair->from.done.result == T30_RESULT_SOURCE, "and the result says it");
    check(pair, pair->other_from.ready.status == -EBADMSG, "so is a flipped bit");
    check(pair, pair->third_to.ready.status == -EBADMSG, "so is the file of another fax");
    check(pair, pair->to.ready.status == 0, "a receiver with its own file is ready");
    driver_call_stop(&pair->to, "");
    driver_call_stop(&pair->other_to, "");
    driver_call_stop(&pair->third_from, "");
    check(pair, run_to_end(pair, 5000), "all ends");
    check(pair, pair->to.done.result == T30_RESULT_HANGUP && pair->to.done.text[0] != '\0',
          "a stopped call has a result in words");
    stop_lines(pair, false);
}

static void run_without_ecm(struct pair *pair)
{
    pair->without_ecm = true;
    pair->first_page = 2; /* the first is there already */
    run_delivery(pair, 4, 1000);
}

static void run_resume(struct pair *pair)
{
    pair->first_page = 3;
    pair->t38_version = 3;
    run_delivery(pair, 4, 0);
}

static void run_superfine(struct pair *pair)
{
    pair->y_dpi = 391;
    pair->t38_version = 1;
    run_delivery(pair, 1, 0);
}

static void run_standard(struct pair *pair)
{
    pair->y_dpi = 98;
    pair->t38_version = 2;
    pair->without_ecm = true;
    run_delivery(pair, 1, 0);
}

static bool peak_is_over(void *user)
{
    const struct line_driver *driver = user;

    return driver->done_count >= PEAK_CALLS;
}

/* Calls that are over at last give their memory back, though the one that came last lives on above
 * them. */
static void run_peak(struct pair *pair)
{
    static struct driver_call calls[PEAK_CALLS];
    long before_kb = udp_replay_memory_kb(pair->receiving.pid), peak_kb, after_kb = 0;

    for (int i = 0; i < PEAK_CALLS; i++)
        driver_call_prepare(&pair->driver, &calls[i], &pair->receiving, false);
    driver_call_prepare(&pair->driver, &pair->to, &pair->receiving, false);
    start_all(pair);
    for (int i = 0; i < PEAK_CALLS; i++)
        driver_call_media(&calls[i], &pair->to.address);
    driver_call_media(&pair->to, &calls[0].address);
    (void)line_driver_run(&pair->driver, peak_is_over, &pair->driver, 1500);
    peak_kb = udp_replay_memory_kb(pair->receiving.pid);
    for (int i = 0; i < PEAK_CALLS; i++)
        driver_call_stop(&calls[i], "the peak is over");
    check(pair, line_driver_run(&pair->driver, peak_is_over, &pair->driver, 10000), "they end");
    for (int i = 0; i < 20; i++) { /* the pool takes its time */
        after_kb = udp_replay_memory_kb(pair->receiving.pid);
        if (after_kb - before_kb <= (peak_kb - before_kb) / PEAK_REST)
            break;
        (void)line_driver_run(&pair->driver, driver_all_done, &pair->driver, 250);
    }
    printf("   %d calls took %ld kB, %ld of them are left\n", PEAK_CALLS, peak_kb - before_kb,
           after_kb - before_kb);
    check(pair, peak_kb - before_kb > PEAK_CALLS * 15L, "calls take memory");
    check(pair, after_kb - before_kb <= (peak_kb - before_kb) / PEAK_REST, "and give it back");
    driver_call_stop(&pair->to, "");
    check(pair, run_to_end(pair, 5000), "all ends");
    stop_lines(pair, false);
}

static void run_one(struct pair *pair)
{
    run_delivery(pair, 1, 0);
}

static void run_five(struct pair *pair)
{
    run_delivery(pair, 5, 0);
}

/* RNR several times before each confirmation. */
static void run_hold(struct pair *pair)
{
    run_delivery(pair, 2, 7000);
}

/* Ten pages ahead of the clock, beside calls where one end alone believes that it was agreed: those
 * go on paced. */
static void run_express(struct pair *pair)
{
    uint64_t began_ms;

    prepare(pair, &pair->from, &pair->to, 10);
    prepare(pair, &pair->other_from, &pair->other_to, 1);
    prepare(pair, &pair->third_from, &pair->third_to, 1);
    pair->from.express = pair->to.express = true;
    pair->other_from.express = pair->third_to.express = true;
    start_all(pair);
    driver_connect(&pair->other_from, &pair->other_to);
    driver_connect(&pair->third_from, &pair->third_to);
    began_ms = driver_now_ms();
    driver_connect(&pair->from, &pair->to);
    check(pair, line_driver_run(&pair->driver, is_over, &pair->from, CALL_MS), "it ends");
    printf("   10 pages in %llu ms\n", (unsigned long long)(driver_now_ms() - began_ms));
    check(pair, !pair->other_to.is_done, "before a single page that is paced");
    check(pair, run_to_end(pair, CALL_MS), "all end");
    check_delivered(pair, 10);
    check(pair, pair->from.done.express && pair->to.done.express, "ahead of the clock");
    check(pair,
          pair->other_from.done.result == 0 && pair->other_to.done.result == 0 &&
              pair->third_from.done.result == 0 && pair->third_to.done.result == 0,
          "the others succeed as well");
    check(pair, !pair->other_from.done.express && !pair->third_to.done.express, "paced");
    stop_lines(pair, false);
}

struct scenario {
    const char *name;
    void (*run)(struct pair *pair);
};

static const struct scenario scenarios[] = {
    {"one", run_one},
    {"five", run_five},
    {"hold", run_hold},
    {"refuse", run_refuse},
    {"kill", run_kill},
    {"gone", run_gone},
    {"wrongkey", run_wrong_key},
    {"withoutecm", run_without_ecm},
    {"slow", run_slow_without_ecm},
    {"resume", run_resume},
    {"superfine", run_superfine},
    {"standard", run_standard},
    {"express", run_express},
    {"peak", run_peak},
};

int main(int argc, char **argv)
{
    static struct pair pair;
    int status = line_driver_child(argc, argv);
    const struct scenario *scenario = NULL;

    if (status >= 0)
        return status;
    for (size_t i = 0; argc == 3 && i < sizeof scenarios / sizeof scenarios[0]; i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            scenario = &scenarios[i];
    if (scenario == NULL) {
        fprintf(stderr, "use: %s SCENARIO DIRECTORY\n", argv[0]);
        return 2;
    }
    line_driver_init(&pair.driver, argv[2]);
    line_driver_start_line(&pair.driver, &pair.sending);
    line_driver_start_line(&pair.driver, &pair.receiving);
    scenario->run(&pair);
    printf("%s: %s\n", argv[1], pair.failures == 0 ? "as it must be" : "FAILED");
    return pair.failures == 0 ? 0 : 1;
}
