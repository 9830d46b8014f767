/* t38_loss_test.c: how many calls succeed over a bad network, as a table: 30 one-page calls of an
 * A4 text page for each cell, in virtual time. With LOSS_TABLE=1 in the environment all columns of
 * it, else those in which every call has to succeed; LOSS_TEST_DETAILS=1 names the calls that fail.
 */
#include "tests/doubles/virtual_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CALLS = 30, CALL_LIMIT_S = 900 };

static struct fax_page page;

struct network {
    const char *name;
    double loss, reorder, duplicate;
    unsigned burst_ms, burst_every_ms;
};

static const struct network networks[] = {
    {"1 % lost", .loss = 0.01},
    {"5 % lost", .loss = 0.05},
    {"10 % lost", .loss = 0.10},
    {"20 % lost", .loss = 0.20},
    {"5 % late", .reorder = 0.05},
    {"200 ms burst each 5 s", .burst_ms = 200, .burst_every_ms = 5000},
    {"10 % lost, 5 % late, 2 % twice", .loss = 0.10, .reorder = 0.05, .duplicate = 0.02},
};

enum { NETWORKS = sizeof networks / sizeof networks[0] };

struct recovery {
    const char *name;
    unsigned redundancy, fec_packets, fec_fields;
};

static const struct recovery recoveries[] = {{"none", 0, 0, 0},         {"redundancy 1", 1, 0, 0},
                                             {"redundancy 2", 2, 0, 0}, {"redundancy 3", 3, 0, 0},
                                             {"FEC 2x2", 0, 2, 2},      {"FEC 3x3", 0, 3, 3}};

enum { RECOVERIES = sizeof recoveries / sizeof recoveries[0], MUST_ALL = 3, MUST_FEC = 5 };

static unsigned successes(const struct network *n, const struct recovery *r, bool ecm)
{
    unsigned good = 0;
    for (uint64_t seed = 0; seed < CALLS; seed++) {
        struct virtual_call call;
        virtual_call_begin(
            &call, &(struct virtual_call_config){.pages = &page,
                                                 .page_count = 1,
                                                 .sender_without_ecm = !ecm,
                                                 .receiver_without_ecm = !ecm,
                                                 .link = {.loss = n->loss,
                                                          .reorder = n->reorder,
                                                          .duplicate = n->duplicate,
                                                          .burst_ms = n->burst_ms,
                                                          .burst_every_ms = n->burst_every_ms,
                                                          .redundancy = r->redundancy,
                                                          .fec_packets = r->fec_packets,
                                                          .fec_fields = r->fec_fields,
                                                          .seed = 1000 + seed}});
        (void)virtual_call_run(&call, CALL_LIMIT_S);
        bool ok = call.end[0].result == 0 && call.end[1].result == 0 && call.received == 1 &&
                  (!ecm || call.identical == 1);
        if (getenv("LOSS_TEST_DETAILS") && !ok)
            print_message("   %s, %s: seed %u: results %d %d after %u s, ppr %u\n", n->name,
                          r->name, (unsigned)seed, call.end[0].result, call.end[1].result,
                          (unsigned)(call.link.now_ms / 1000),
                          call.end[1].statistics.ecm_retransmissions);
        good += ok;
        virtual_call_end(&call);
    }
    return good;
}

static bool is_wanted(unsigned column)
{
    return column == MUST_ALL || column == MUST_FEC || getenv("LOSS_TABLE");
}

static void print_table(unsigned table[NETWORKS][RECOVERIES], const char *title)
{
    char line[160];
    int at = snprintf(line, sizeof line, "%-32s", title);
    for (unsigned r = 0; r < RECOVERIES; r++)
        if (is_wanted(r))
            at += snprintf(line + at, sizeof line - (size_t)at, " | %s", recoveries[r].name);
    print_message("   %s\n", line);
    for (unsigned n = 0; n < NETWORKS; n++) {
        at = snprintf(line, sizeof line, "%-32s", networks[n].name);
        for (unsigned r = 0; r < RECOVERIES; r++)
            if (is_wanted(r))
                at += snprintf(line + at, sizeof line - (size_t)at, " | %u", table[n][r]);
        print_message("   %s\n", line);
    }
}

static void fill(unsigned table[NETWORKS][RECOVERIES], bool ecm)
{
    for (unsigned n = 0; n < NETWORKS; n++)
        for (unsigned r = 0; r < RECOVERIES; r++)
            if (is_wanted(r))
                table[n][r] = successes(&networks[n], &recoveries[r], ecm);
    print_table(table, ecm ? "ECM: calls of 30" : "without ECM: calls of 30");
}

static void with_ecm_calls_succeed(void **state)
{
    (void)state;
    unsigned table[NETWORKS][RECOVERIES];
    fill(table, true);
    for (unsigned n = 0; n < NETWORKS; n++) {
        assert_int_equal(table[n][MUST_ALL], CALLS);
        assert_int_equal(table[n][MUST_FEC], CALLS);
    }
}

static void without_ecm_too(void **state)
{
    (void)state;
    unsigned table[NETWORKS][RECOVERIES];
    fill(table, false);
    for (unsigned n = 0; n < NETWORKS; n++)
        assert_int_equal(table[n][MUST_ALL], CALLS);
}

/* T38FaxMaxDatagram, from the smallest that a gateway believes: what would not fit is left out, the
 * packet itself never; the less is repeated, the less loss is borne. */
static void small_datagrams_cost_repetitions_alone(void **state)
{
    (void)state;
    static const struct {
        size_t most;
        double loss;
    } cases[] = {{72, 0}, {100, 0.002}, {200, 0.02}, {400, 0.1}, {1472, 0.1}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct virtual_call call;
        unsigned fec = i % 2 ? 3 : 0;
        virtual_call_begin(&call,
                           &(struct virtual_call_config){.pages = &page,
                                                         .page_count = 1,
                                                         .link = {.loss = cases[i / 2].loss,
                                                                  .max_datagram = cases[i / 2].most,
                                                                  .redundancy = 3,
                                                                  .fec_packets = fec,
                                                                  .fec_fields = fec,
                                                                  .seed = 2000 + i}});
        assert_true(virtual_call_run(&call, CALL_LIMIT_S));
        print_message("   at most %zu octets%s: the longest was %zu\n", cases[i / 2].most,
                      fec ? ", FEC" : "", call.link.longest);
        assert_int_equal(call.end[LOSSY_SENDER].result, 0);
        assert_int_equal(call.identical, 1);
        assert_in_range(call.link.longest, 60, cases[i / 2].most);
        virtual_call_end(&call);
    }
}

static int make_page(void **state)
{
    (void)state;
    page = t6_page_make(T6_PAGE_TEXT, 1);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    fax_page_wipe(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_ecm_calls_succeed),
        cmocka_unit_test(without_ecm_too),
        cmocka_unit_test(small_datagrams_cost_repetitions_alone),
    };
    return cmocka_run_group_tests(tests, make_page, free_page);
}
