/* trace_store_test.c: traces behind the pages of a vault file, also after a crash. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/control/fax_store.h"
#include "gateway/control/trace_store.h"
#include "gateway/trace/call_trace.h"

static const uint8_t key[VAULT_KEY_OCTETS] = {1, 2, 3};

struct place {
    char top[64];
    struct fax_id fax;
    int fd;
};

static int begin(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    snprintf(p->top, sizeof p->top, "/tmp/trace_store.XXXXXX");
    p->fax.octets[15] = 0x5A;
    *state = p;
    return mkdtemp(p->top) && fax_store_prepare(p->top) == 0 &&
                   fax_store_create(p->top, &p->fax, "letters", "letters/undated/1", false,
                                    &p->fd) == 0
               ? 0
               : -1;
}

static int end(void **state)
{
    struct place *p = *state;
    char command[128];
    if (p->fd >= 0)
        close(p->fd);
    snprintf(command, sizeof command, "rm -rf %s", p->top);
    int rc = system(command); // NOLINT(cert-env33-c): a folder of this test
    free(p);
    return rc;
}

static int append(struct place *p, uint16_t attempt, const char *text, bool may_cut)
{
    struct vault_sealer *sealer = NULL;
    struct trace_place place;
    assert_int_equal(vault_sealer_new(key, p->fax.octets, VAULT_STREAM_TRACE, attempt, &sealer), 0);
    int rc = trace_store_append(p->top, &p->fax, sealer, (const uint8_t *)text, strlen(text),
                                may_cut, &place);
    vault_sealer_free(sealer);
    return rc;
}

static int read_back(struct place *p, uint16_t *attempt, char text[64])
{
    uint8_t octets[TRACE_OCTETS_MAX];
    size_t length = 0;
    int rc = trace_store_read(p->top, &p->fax, key, attempt, octets, sizeof octets, &length);
    memset(text, 0, 64);
    if (rc == 0)
        memcpy(text, octets, length < 63 ? length : 63);
    return rc;
}

static void attempts_are_told_apart(void **state)
{
    struct place *p = *state;
    char text[64];
    uint16_t attempt = 0;
    assert_int_equal(read_back(p, &attempt, text), -ENODATA);
    assert_int_equal(append(p, 1, "first", true), 0);
    assert_int_equal(append(p, 2, "second", true), 0);
    assert_int_equal(read_back(p, &attempt, text), 0);
    assert_int_equal(attempt, 2);
    assert_string_equal(text, "second");
    attempt = 1;
    assert_int_equal(read_back(p, &attempt, text), 0);
    assert_string_equal(text, "first");
    attempt = 3;
    assert_int_equal(read_back(p, &attempt, text), -ENODATA);
}

static void what_a_crash_left_is_written_over(void **state)
{
    static const off_t cuts[] = {1, 7, 20};
    struct place *p = *state;
    struct stat status;
    char text[64];
    uint16_t attempt;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        uint16_t number = (uint16_t)(2 * i + 1);
        assert_int_equal(append(p, number, "this one is cut", true), 0);
        assert_int_equal(fstat(p->fd, &status), 0);
        assert_int_equal(ftruncate(p->fd, status.st_size - cuts[i]), 0);
        attempt = number;
        assert_int_equal(read_back(p, &attempt, text), -ENODATA);
        assert_int_equal(append(p, (uint16_t)(number + 1), "after it", false), -EBADMSG);
        assert_int_equal(append(p, (uint16_t)(number + 1), "after it", true), 0);
        attempt = 0;
        assert_int_equal(read_back(p, &attempt, text), 0);
        assert_int_equal(attempt, number + 1);
        assert_string_equal(text, "after it");
    }
    /* Space that was never written. */
    assert_int_equal(fstat(p->fd, &status), 0);
    assert_int_equal(ftruncate(p->fd, status.st_size + 4096), 0);
    assert_int_equal(append(p, 9, "once more", true), 0);
    attempt = 9;
    assert_int_equal(read_back(p, &attempt, text), 0);
    assert_int_equal(fstat(p->fd, &status), 0);
    assert_true(status.st_size < 4096);
}

static void damage_and_absence_are_told_apart(void **state)
{
    struct place *p = *state;
    struct stat status;
    char text[64];
    uint16_t attempt = 1;
    assert_int_equal(append(p, 1, "text", true), 0);
    assert_int_equal(fstat(p->fd, &status), 0);
    assert_int_equal(pwrite(p->fd, "x", 1, status.st_size - 3), 1);
    assert_int_equal(read_back(p, &attempt, text), -EBADMSG);
    assert_int_equal(fax_store_remove(p->top, &p->fax, false), 0);
    assert_int_equal(read_back(p, &attempt, text), -ENOENT);
    assert_int_equal(append(p, 2, "text", true), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(attempts_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_written_over, begin, end),
        cmocka_unit_test_setup_teardown(damage_and_absence_are_told_apart, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
