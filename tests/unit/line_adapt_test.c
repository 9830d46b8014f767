/* line_adapt_test.c: a sender's pages made as its peer takes them, on the pool of a line that runs
 * here: and what becomes of them when the call ends, or something else is wanted, meanwhile.
 */
#include "codecs/raster.h"
#include "t38/t30_result.h"
#include "tests/doubles/line_here.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT_MS = 10000, ROWS = 300, PAGES = 4, FIRST_PAGE = 2 };

static const struct document_form t4_1d = {1728, 204, 196, PAGE_CODING_T4_1D},
                                  t4_2d = {1728, 204, 98, PAGE_CODING_T4_2D};

static int open_line(void **state)
{
    struct line_here *here = line_here_open(true);
    for (uint32_t i = 1; i <= PAGES; i++) {
        struct raster page;
        vault_file_draw_page(&page, ROWS, i);
        driver_call_add_page(&here->call, i, &page);
        raster_free(&page);
    }
    here->call.start.first_page = FIRST_PAGE;
    *state = here;
    return 0;
}

static int close_line(void **state)
{
    line_here_close(*state);
    return 0;
}

static struct line_call *begin(struct line_here *here)
{
    driver_call_start(&here->call);
    assert_true(line_driver_run(&here->driver, line_here_is_ready, here, LIMIT_MS));
    assert_int_equal(here->call.ready.status, 0);
    driver_call_media(&here->call, &here->call.address);
    assert_true(line_driver_run(&here->driver, line_here_is_running, here, LIMIT_MS));
    return line_here_call(here);
}

static bool job_is_over(void *user)
{
    return line_here_is_done(user) || !line_here_call(user)->job.running;
}

static void expect_adapted(const struct line_call *call, const struct document_form *form)
{
    assert_int_equal(call->adapted.page_count, PAGES - FIRST_PAGE + 1);
    assert_int_equal(call->adapted.total, PAGES);
    for (uint32_t i = 0; i < call->adapted.page_count; i++) {
        assert_int_equal(call->adapted.pages[i].format.coding, form->coding);
        assert_int_equal(call->adapted.pages[i].format.y_dpi, form->y_dpi);
    }
    assert_null(call->job.adapted.pages);
}

static void the_engine_gets_what_its_peer_takes(void **state)
{
    struct line_here *here = *state;
    struct line_call *call = begin(here);
    const struct fax_engine_event event = {.kind = FAX_EVENT_PAGES_WANTED,
                                           .width = 1728,
                                           .x_dpi = 204,
                                           .y_dpi = 196,
                                           .coding = FAX_PAGE_T4_1D};
    line_call_event(call, &event);
    assert_true(call->job.running);
    assert_true(line_driver_run(&here->driver, job_is_over, here, LIMIT_MS));
    assert_false(call->finished);
    expect_adapted(call, &t4_1d);
    line_call_adapt_document(call, &t4_2d); /* and another time */
    assert_true(line_driver_run(&here->driver, job_is_over, here, LIMIT_MS));
    expect_adapted(call, &t4_2d);
    line_call_abort(call, T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&here->driver, line_here_is_done, here, LIMIT_MS));
}

static void the_latest_wish_counts(void **state)
{
    struct line_here *here = *state;
    struct line_call *call = begin(here);
    line_call_adapt_document(call, &t4_1d);
    line_call_adapt_document(call, &t4_1d);
    line_call_adapt_document(call, &t4_2d);
    assert_true(line_driver_run(&here->driver, job_is_over, here, LIMIT_MS));
    assert_false(call->finished);
    expect_adapted(call, &t4_2d);
    line_call_abort(call, T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&here->driver, line_here_is_done, here, LIMIT_MS));
}

/* As when T.38 takes the place of audio. */
static void what_a_session_wanted_goes_with_it(void **state)
{
    struct line_here *here = *state;
    struct line_call *call = begin(here);
    line_call_adapt_document(call, &t4_1d);
    line_call_forget_adapted(call);
    assert_true(line_driver_run(&here->driver, job_is_over, here, LIMIT_MS));
    assert_int_equal(call->adapted.page_count, 0);
    assert_false(call->finished);
    line_call_adapt_document(call, &t4_2d);
    assert_true(line_driver_run(&here->driver, job_is_over, here, LIMIT_MS));
    expect_adapted(call, &t4_2d);
    line_call_forget_adapted(call);
    assert_int_equal(call->adapted.page_count, 0);
    /* The session reads its pages no more. */
    line_call_abort(call, T30_RESULT_ABORTED, NULL);
    assert_true(line_driver_run(&here->driver, line_here_is_done, here, LIMIT_MS));
}

/* Its end waits for the job, and is told once. */
static void a_call_may_end_meanwhile(void **state)
{
    struct line_here *here = *state;
    struct line_call *call = begin(here);
    line_call_adapt_document(call, &t4_1d);
    line_call_adapt_document(call, &t4_2d);
    line_call_stop(call, &(struct msg_call_stop){.reason = "cancelled"});
    assert_true(call->job.running);
    assert_false(here->call.is_done);
    assert_true(line_driver_run(&here->driver, line_here_is_done, here, LIMIT_MS));
    assert_int_equal(here->call.dones, 1);
    assert_string_equal(here->call.done.text, "cancelled");
}

static void pages_that_cannot_be_adapted_end_the_call(void **state)
{
    struct line_here *here = *state;
    struct line_call *call = begin(here);
    call->document.pages[1].length /= 2; /* ends inside a row */
    line_call_adapt_document(call, &t4_1d);
    assert_true(line_driver_run(&here->driver, line_here_is_done, here, LIMIT_MS));
    assert_int_equal(here->call.done.result, T30_RESULT_SOURCE);
    assert_int_equal(here->call.dones, 1);
    assert_non_null(strstr(here->call.done.text, "cannot be made"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_engine_gets_what_its_peer_takes, open_line, close_line),
        cmocka_unit_test_setup_teardown(the_latest_wish_counts, open_line, close_line),
        cmocka_unit_test_setup_teardown(what_a_session_wanted_goes_with_it, open_line, close_line),
        cmocka_unit_test_setup_teardown(a_call_may_end_meanwhile, open_line, close_line),
        cmocka_unit_test_setup_teardown(pages_that_cannot_be_adapted_end_the_call, open_line,
                                        close_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
