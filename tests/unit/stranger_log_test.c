#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/control/stranger_log.h"

/* The log is handed NULL for the audit log: events then fail and are only reported, the counting is
 * what is looked at. */
static struct sockaddr_in address(uint32_t host)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5060)};
    a.sin_addr.s_addr = htonl(host);
    return a;
}

static void note(struct stranger_log *log, uint32_t host, uint64_t now_ms)
{
    struct sockaddr_in a = address(host);
    stranger_log_note(log, (struct sockaddr *)&a, now_ms);
}

static void same_source_is_counted(void **state)
{
    static struct stranger_log log;
    (void)state;
    memset(&log, 0, sizeof log);
    for (int i = 0; i < 1000; i++)
        note(&log, 0x7F000009, 5000);
    assert_string_equal(log.strangers[0].address, "127.0.0.9");
    assert_int_equal(log.strangers[0].count, 999);
    assert_string_equal(log.strangers[1].address, "");
    stranger_log_flush(&log, 5000 + STRANGER_PERIOD_MS - 1);
    assert_int_equal(log.strangers[0].count, 999);
    stranger_log_flush(&log, 5000 + STRANGER_PERIOD_MS);
    assert_int_equal(log.strangers[0].count, 0);
    assert_string_equal(log.strangers[0].address, "127.0.0.9");
    stranger_log_flush(&log, 5000 + 2 * STRANGER_PERIOD_MS);
    assert_string_equal(log.strangers[0].address, "");
}

static void the_table_is_bounded(void **state)
{
    static struct stranger_log log;
    (void)state;
    memset(&log, 0, sizeof log);
    for (uint32_t i = 0; i < STRANGERS_MAX + 50; i++)
        note(&log, 0x0A000000 + i, 1);
    assert_int_equal(log.others, 50);
    stranger_log_flush(&log, 1 + STRANGER_PERIOD_MS);
    assert_int_equal(log.others, 0);
}

/* The same account for another reason is another stranger: it was a principal until now. */
static void accounts_are_counted(void **state)
{
    static struct stranger_log log = {.accounts = true};
    (void)state;
    for (int i = 0; i < 100; i++)
        stranger_log_note_account(&log, 4294967294u, "the local account is no principal", 1);
    stranger_log_note_account(&log, 4294967294u, "the principal is disabled", 1);
    assert_string_equal(log.strangers[0].address, "4294967294 the local account is no principal");
    assert_int_equal(log.strangers[0].count, 99);
    assert_int_equal(log.strangers[1].count, 0);
    stranger_log_flush(&log, 1 + STRANGER_PERIOD_MS);
    assert_int_equal(log.strangers[0].count, 0);
}

/* The same source over two limits is told apart, and all of it is counted. */
static void limits_are_counted(void **state)
{
    static struct stranger_log log = {.limits = true};
    struct sockaddr_in a = address(0x7F000009);
    (void)state;
    for (int i = 0; i < 500; i++) {
        stranger_log_note_limit(&log, "carrier", (struct sockaddr *)&a, "calls a second", 1);
        stranger_log_note_limit(&log, "", (struct sockaddr *)&a, "requests", 1);
    }
    assert_string_equal(log.strangers[0].text, "carrier calls a second");
    assert_string_equal(log.strangers[1].text, " requests");
    assert_int_equal(log.strangers[0].count, 499);
    assert_int_equal(log.strangers[1].count, 499);
    stranger_log_flush(&log, 1 + STRANGER_PERIOD_MS);
    assert_int_equal(log.strangers[1].count, 0);
}

/* What comes again and again is one place, whatever it is about. */
static void what_happens_again_is_counted(void **state)
{
    static struct stranger_log log;
    (void)state;
    memset(&log, 0, sizeof log);
    log.again = "mail.bounced_again";
    for (int i = 0; i < 5000; i++) {
        stranger_log_note_again(&log, "01935f00-0000-7000-8000-000000000001", 10);
        stranger_log_note_again(&log, "anna@example.com", 10);
    }
    assert_int_equal(log.strangers[0].count, 4999);
    assert_string_equal(log.strangers[1].address, "anna@example.com");
    assert_int_equal(log.strangers[1].count, 4999);
    assert_string_equal(log.strangers[2].address, "");
    stranger_log_flush(&log, 10 + STRANGER_PERIOD_MS);
    stranger_log_flush(&log, 10 + 2 * STRANGER_PERIOD_MS);
    assert_string_equal(log.strangers[0].address, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_source_is_counted),        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(accounts_are_counted),          cmocka_unit_test(limits_are_counted),
        cmocka_unit_test(what_happens_again_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
