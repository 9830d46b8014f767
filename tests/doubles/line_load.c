#include "tests/doubles/line_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    READY_MS = 120000,
    CALL_MS = 240000,
    SAMPLE_MS = 250,
    PROGRESS_MS = 10000,
    SETTLE_MS = 500,
    STARTED_AT_ONCE = 40,
};

static double process_cpu_us(pid_t pid)
{
    clockid_t id;
    struct timespec t = {0, 0};

    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) != 0)
        return 0;
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void sample_memory(struct line_load *load)
{
    for (int i = 0; i < 2; i++) {
        struct line_load_side *side = &load->sides[i];
        long kb = udp_replay_memory_kb(load->lines[i].pid);

        if (kb > side->memory_peak_kb)
            side->memory_peak_kb = kb;
    }
}

static void connect_pair(struct line_load *load, unsigned i)
{
    struct driver_call *from = &load->pairs[i][0], *to = &load->pairs[i][1];

    if (i != 0) {
        driver_connect(from, to);
        return;
    }
    udp_relay_start(&load->relay, &from->address, &to->address);
    driver_call_media(from, &load->relay.address[0]);
    driver_call_media(to, &load->relay.address[1]);
}

static void connect_due(struct line_load *load, uint64_t now_ms)
{
    while (load->connected < load->calls &&
           now_ms >= load->media_ms + (uint64_t)load->connected * load->stagger_ms) {
        connect_pair(load, load->connected++);
        if (load->connected == load->calls)
            for (int i = 0; i < 2; i++)
                load->sides[i].memory_idle_kb = udp_replay_memory_kb(load->lines[i].pid);
    }
}

static bool all_over(void *user)
{
    struct line_load *load = user;
    uint64_t now_ms = driver_now_ms();
    unsigned running;

    connect_due(load, now_ms);
    running = load->connected > load->driver.done_count / 2
                  ? load->connected - load->driver.done_count / 2
                  : 0;
    if (running > load->most_at_once)
        load->most_at_once = running;
    if (now_ms >= load->progress_ms + PROGRESS_MS) {
        load->progress_ms = now_ms;
        fprintf(stderr, "progress: %llu s, %u calls begun, %u of %u over\n",
                (unsigned long long)(now_ms - load->media_ms) / 1000, load->connected,
                load->driver.done_count / 2, load->calls);
    }
    if (now_ms >= load->sample_ms + SAMPLE_MS) {
        load->sample_ms = now_ms;
        sample_memory(load);
    }
    return driver_all_done(&load->driver);
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static void sum_up(struct line_load *load)
{
    for (unsigned i = 0; i < load->calls; i++) {
        bool good = true;

        for (int side = 0; side < 2; side++) {
            const struct driver_call *call = &load->pairs[i][side];

            good = good && call->is_done && call->done.result == 0 && call->done.pages == 1;
            load->sides[side].call_seconds += call->done.media_ms / 1000.0;
        }
        load->failed += !good;
    }
}

static double logged_ms(const char *log, const char *name)
{
    const char *at = strstr(log, name);

    return at == NULL ? 0 : strtod(at + strlen(name), NULL) / 1000.0;
}

static unsigned logged_count(const char *log, const char *name)
{
    const char *at = strstr(log, name);

    return at == NULL ? 0 : (unsigned)strtoul(at + strlen(name), NULL, 10);
}

static void read_log(struct line_load_side *side, int log_fd)
{
    char text[8192] = "";

    (void)!pread(log_fd, text, sizeof text - 1, 0);
    side->stall_ms = logged_ms(text, "longest_stall_us=");
    side->busy_ms = logged_ms(text, "longest_busy_us=");
    side->turns = logged_count(text, " turns=");
    side->busy_turns = logged_count(text, "busy_turns=");
    side->confirm_p50_ms = logged_ms(text, "confirm_p50_us=");
    side->confirm_p99_ms = logged_ms(text, "confirm_p99_us=");
    side->confirm_longest_ms = logged_ms(text, "confirm_longest_us=");
}

/* All senders send the page of the first one's file: only they read it. */
static void prepare(struct line_load *load, const struct raster *page)
{
    for (unsigned i = 0; i < load->calls; i++) {
        struct driver_call *from = &load->pairs[i][0], *to = &load->pairs[i][1];

        driver_call_prepare(&load->driver, from, &load->lines[0], true);
        if (i == 0)
            driver_call_add_page(from, 1, page);
        else
            driver_call_share_pages(from, &load->pairs[0][0]);
        snprintf(from->start.header_left, sizeof from->start.header_left, "+49 30 1111 Praxis");
        snprintf(from->start.header_to, sizeof from->start.header_to, "+49 30 2222");
        driver_call_prepare(&load->driver, to, &load->lines[1], false);
        to->start.ecm = !load->without_ecm;
    }
}

/* Two descriptors a call here and three in each line, which inherits the limit. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool all_started_ready(void *user)
{
    const struct line_load *load = user;

    return load->driver.ready_count == load->started;
}

static bool start_all(struct line_load *load)
{
    for (int i = 0; i < 2; i++) {
        struct line_load_side *side = &load->sides[i];

        side->memory_before_kb = udp_replay_memory_kb(load->lines[i].pid);
        side->cpu_us = -process_cpu_us(load->lines[i].pid);
    }
    for (unsigned i = 0; i < load->driver.call_count; i++) {
        driver_call_start(load->driver.calls[i]);
        load->started++;
        /* A line whose messages nobody takes gives its calls up. */
        if (load->started % STARTED_AT_ONCE == 0 || load->started == load->driver.call_count)
            if (!line_driver_run(&load->driver, all_started_ready, load, READY_MS))
                return false;
    }
    for (int i = 0; i < 2; i++)
        load->sides[i].memory_prepared_kb = udp_replay_memory_kb(load->lines[i].pid);
    return true;
}

const char *line_load_run(struct line_load *load, const struct raster *page)
{
    static char why[80];
    const char *directory = getenv("TMPDIR");
    bool over;

    raise_descriptor_limit();
    load->pairs = calloc(load->calls, sizeof *load->pairs);
    if (load->pairs == NULL || load->calls * 2 > DRIVER_CALLS_MAX)
        return "too many calls";
    line_driver_init(&load->driver, directory != NULL ? directory : "/tmp");
    for (int i = 0; i < 2; i++)
        line_driver_start_line(&load->driver, &load->lines[i]);
    prepare(load, page);
    if (!start_all(load))
        return "the calls do not get ready";
    load->media_ms = driver_now_ms();
    over = line_driver_run(&load->driver, all_over, load, CALL_MS);
    load->seconds = (double)(driver_now_ms() - load->media_ms) / 1000.0;
    for (int i = 0; i < 2; i++)
        load->sides[i].cpu_us += process_cpu_us(load->lines[i].pid);
    (void)line_driver_run(&load->driver, never, NULL, SETTLE_MS);
    for (int i = 0; i < 2; i++)
        load->sides[i].memory_after_kb = udp_replay_memory_kb(load->lines[i].pid);
    udp_relay_stop(&load->relay); /* first: it has copies of the lines' channels */
    for (int i = 0; i < 2; i++) {
        (void)line_process_stop(&load->lines[i]);
        read_log(&load->sides[i], load->lines[i].log_fd);
    }
    sum_up(load);
    for (unsigned i = 0; i < load->driver.call_count; i++)
        driver_call_free(load->driver.calls[i]);
    snprintf(why, sizeof why, "%u of %u calls failed", load->failed, load->calls);
    return !over || load->failed != 0 ? why : NULL;
}
