/* many_pages_test.c: a document of a thousand pages costs spandsp no more steps from page to page
 * when it is opened than one of two, and still goes out page by page. Every step of the libraries
 * is counted, by standing in the way. */
#include "tests/doubles/virtual_call.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { PAGES = 1000, SENT = 3, LIMIT_S = 240, AT_DIS_MAX = 8 };

static unsigned long directory_calls, directory_steps;

/* In the place of libtiff's, for spandsp as well. */
int TIFFSetDirectory(TIFF *tiff, tdir_t number)
{
    int (*real)(TIFF *, tdir_t);
    void *found = dlsym(RTLD_NEXT, "TIFFSetDirectory");

    memcpy(&real, &found, sizeof real);
    directory_calls++;
    directory_steps += number;
    return real(tiff, number);
}

static struct fax_page pages[PAGES];

static int make_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SENT; i++)
        pages[i] = t6_page_make(T6_PAGE_SHORT, i + 1);
    for (uint32_t i = SENT; i < PAGES; i++)
        pages[i] = pages[SENT - 1];
    return 0;
}

static int free_pages(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SENT; i++)
        fax_page_wipe(&pages[i]);
    return 0;
}

/* Runs until the sender has begun a page. */
static void run_to_page(struct virtual_call *call, uint32_t page)
{
    while (call->end[LOSSY_SENDER].begun < page && !call->end[LOSSY_SENDER].finished &&
           call->link.now_ms < LIMIT_S * 1000)
        virtual_call_step(call);
    assert_int_equal(call->end[LOSSY_SENDER].begun, page);
}

static void opening_takes_no_longer(bool without_ecm)
{
    struct virtual_call call;

    directory_calls = directory_steps = 0;
    virtual_call_begin(&call, &(struct virtual_call_config){.pages = pages,
                                                            .page_count = PAGES,
                                                            .receiver_without_ecm = without_ecm});
    run_to_page(&call, 1);
    print_message("   at the first page: %lu times to a page, %lu steps\n", directory_calls,
                  directory_steps);
    assert_in_range(directory_calls, 1, AT_DIS_MAX);
    assert_in_range(directory_steps, 0, AT_DIS_MAX);
    /* The others are there when they are due. */
    run_to_page(&call, SENT);
    assert_true(call.identical >= SENT - 1);
    assert_in_range(directory_calls, 1, AT_DIS_MAX * SENT);
    virtual_call_end(&call);
}

static void with_ecm(void **state)
{
    (void)state;
    opening_takes_no_longer(false);
}

static void without_ecm(void **state)
{
    (void)state;
    opening_takes_no_longer(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_ecm), cmocka_unit_test(without_ecm)};

    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
