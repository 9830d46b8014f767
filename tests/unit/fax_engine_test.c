/* fax_engine_test.c: whole calls of two engines in virtual time. */
#include "tests/doubles/fax_call.h"

#include "codecs/fax_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct fax_page text[5], brief[5], photo;

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        text[i] = t6_page_make(T6_PAGE_TEXT, i + 1);
        brief[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    }
    photo = t6_page_make(T6_PAGE_PHOTO, 1);
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        fax_page_wipe(&text[i]);
        fax_page_wipe(&brief[i]);
    }
    fax_page_wipe(&photo);
    return 0;
}

static void expect_success(struct fax_call *call, unsigned limit_s)
{
    bool done = fax_call_run(call, limit_s);
    print_message("   %.1f s, results %d %d, %u pages, %u identical, %u retransmissions\n",
                  (double)call->link.now_ms / 1000, call->end[0].result, call->end[1].result,
                  call->received, call->identical, call->end[1].statistics.ecm_retransmissions);
    assert_true(done);
    uint32_t n = call->config.page_count;
    assert_int_equal(call->identical, n);
    assert_int_equal(call->received, n);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call->end[i].result, T30_RESULT_OK);
        assert_int_equal(call->end[i].confirmed, n);
        assert_int_equal(call->end[i].statistics.pages, n);
        assert_int_equal(call->end[i].begun, n);
        for (uint32_t page = 0; page < n; page++)
            assert_int_equal(call->end[i].confirmed_pages[page], page);
    }
    assert_int_equal(call->end[LOSSY_SENDER].asked, n);
}

static void one_page_arrives_octet_by_octet(void **state)
{
    (void)state;
    struct fax_call call;
    fax_call_begin(&call, &(struct fax_call_config){.pages = text, .page_count = 1});
    expect_success(&call, 120);
    const struct fax_statistics *s = &call.end[LOSSY_RECEIVER].statistics;
    assert_int_equal(s->bit_rate, 14400);
    assert_int_equal(s->modem, FAX_MODEM_V17);
    assert_true(s->ecm);
    assert_int_equal(s->coding, FAX_PAGE_T6);
    assert_int_equal(s->width, 1728);
    assert_int_equal(s->y_dpi, 196);
    assert_string_equal(s->remote_ident, "+49 30 5550001");
    assert_string_equal(call.end[LOSSY_SENDER].statistics.remote_ident, "+49 30 5550002");
    assert_int_equal(call.end[LOSSY_SENDER].statistics.page_octets, text[0].view.length);
    fax_call_end(&call);
}

static void five_pages_arrive(void **state)
{
    (void)state;
    struct fax_call call;
    fax_call_begin(&call, &(struct fax_call_config){.pages = text, .page_count = 5});
    expect_success(&call, 400);
    fax_call_end(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page_arrives_octet_by_octet),
        cmocka_unit_test(five_pages_arrive),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
