/* mail_report_limit_test.c: storms of messages whose ends would be reported, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/mail/mail_report_limit.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, PER_HOUR = 200 };

static const uint64_t start_ms = 7777777;

/* Ten thousand failing faxes of one sender within an hour, and one of somebody else each minute. */
static void a_storm_of_one_sender_is_limited_and_counted(void **state)
{
    struct mail_report_limit *limit = NULL;
    unsigned sent = 0, refused = 0, told = 0, others = 0;
    uint32_t unreported;
    (void)state;
    if (mail_report_limit_new(&limit) < 0)
        return;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now_ms = start_ms + (uint64_t)i * HOUR / 10000;
        if (mail_report_limit_take(limit, i % 2 ? "Anna@Example.com" : "anna@example.com", true,
                                   PER_HOUR, now_ms, &unreported))
            sent++;
        else
            refused++;
        told += unreported;
        if (i % 167 == 0)
            others += mail_report_limit_take(limit, "bert@example.com", true, PER_HOUR, now_ms,
                                             &unreported);
    }
    /* What may come at once, and what an hour brings. */
    assert_true(sent >= 2 * PER_HOUR - 2 && sent <= 2 * PER_HOUR);
    assert_int_equal(sent + refused, 10000);
    assert_int_equal(others, 60);
    /* The next one that goes tells of all that did not. */
    assert_true(mail_report_limit_take(limit, "anna@example.com", true, PER_HOUR,
                                       start_ms + HOUR + MINUTE, &unreported));
    assert_int_equal(told + unreported, refused);
    assert_true(mail_report_limit_take(limit, "anna@example.com", true, PER_HOUR,
                                       start_ms + HOUR + 2 * MINUTE, &unreported));
    assert_int_equal(unreported, 0);
    mail_report_limit_free(limit);
}

/* Reverse paths that somebody made up, one a message: nobody is flooded by us, nor by turns. */
static void forged_senders_share_what_they_get(void **state)
{
    struct mail_report_limit *limit = NULL;
    char address[80];
    unsigned sent = 0;
    uint32_t unreported;
    (void)state;
    if (mail_report_limit_new(&limit) < 0)
        return;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(address, sizeof address, "victim%u@example.com", i);
        sent += mail_report_limit_take(limit, address, false, PER_HOUR, start_ms + i, &unreported);
        assert_int_equal(unreported, 0);
    }
    assert_true(sent >= MAIL_REPORT_UNPROVED_FACTOR * PER_HOUR);
    assert_true(sent <= MAIL_REPORT_UNPROVED_FACTOR * PER_HOUR * 101 / 100);
    /* Who is known does not notice, under whatever name the others wrote. */
    for (unsigned i = 0; i < 300; i++)
        sent += mail_report_limit_take(limit, "victim7@example.com", false, PER_HOUR,
                                       start_ms + 20000, &unreported);
    for (unsigned i = 0; i < PER_HOUR; i++)
        assert_true(mail_report_limit_take(limit, "victim7@example.com", true, PER_HOUR,
                                           start_ms + 20001, &unreported));
    assert_false(mail_report_limit_take(limit, "victim7@example.com", true, PER_HOUR,
                                        start_ms + 20001, &unreported));
    mail_report_limit_free(limit);
}

/* Those that lack reports are remembered up to a number, the latest of them. */
static void memory_is_bounded(void **state)
{
    struct mail_report_limit *limit = NULL;
    char address[400];
    uint32_t unreported;
    unsigned told = 0, sent = 0;
    (void)state;
    if (mail_report_limit_new(&limit) < 0)
        return;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "%0300u@example.com", i); /* alike in the first octets */
        for (unsigned k = 0; k < 4; k++)
            sent += mail_report_limit_take(limit, address, true, 1, start_ms, &unreported);
    }
    assert_true(sent >= 1000);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "%0300u@example.com", i);
        if (mail_report_limit_take(limit, address, true, 1, start_ms + 2 * HOUR, &unreported))
            told += unreported > 0;
        assert_true(unreported == 0 || unreported == 3);
    }
    assert_int_equal(told, 64);
    mail_report_limit_free(limit);
    mail_report_limit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_of_one_sender_is_limited_and_counted),
        cmocka_unit_test(forged_senders_share_what_they_get),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
