/* Passwords on their thread, and how long who was wrong has to wait. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/control/password_check.h"
#include "gateway/control/sign_in_guard.h"

struct world {
    uv_loop_t loop;
    struct password_check *check;
    int status;
    unsigned answers;
    char encoded[PASSWORD_ENCODED_TEXT];
};

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(password_check_new(&w->loop, &w->check), 0);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;
    password_check_close(w->check);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void on_answer(void *user, int status, const char *encoded)
{
    struct world *w = user;
    w->status = status;
    w->answers++;
    (void)snprintf(w->encoded, sizeof w->encoded, "%s", encoded);
}

static int ask(struct world *w, const char *encoded, const char *password)
{
    struct password_job *job;
    unsigned before = w->answers;
    int rc = password_verify(w->check, encoded, password, on_answer, w, &job);
    assert_int_equal(rc, 0);
    while (w->answers == before)
        uv_run(&w->loop, UV_RUN_ONCE);
    return w->status;
}

static void passwords_are_hashed_and_verified(void **state)
{
    struct world *w = *state;
    struct password_job *job;
    char first[PASSWORD_ENCODED_TEXT], long_one[PASSWORD_TEXT + 1];
    assert_int_equal(password_hash(w->check, "secret", on_answer, w, &job), 0);
    while (w->answers == 0)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->status, 0);
    assert_memory_equal(w->encoded, "$argon2id$v=19$m=65536,t=3,p=1$", 31);
    memcpy(first, w->encoded, sizeof first);
    assert_int_equal(ask(w, first, "secret"), 0);
    assert_int_equal(ask(w, first, "Secret"), -EACCES);
    assert_int_equal(ask(w, first, ""), -EACCES);
    assert_int_equal(ask(w, NULL, "secret"), -EACCES);
    assert_int_equal(ask(w, "$argon2id$nonsense", "secret"), -EBADMSG);
    assert_int_equal(ask(w, "", "secret"), -EBADMSG);
    memset(long_one, 'x', PASSWORD_TEXT);
    long_one[PASSWORD_TEXT] = '\0';
    assert_int_equal(password_verify(w->check, first, long_one, on_answer, w, &job), -EINVAL);
    /* Another salt each time. */
    unsigned before = w->answers;
    assert_int_equal(password_hash(w->check, "secret", on_answer, w, &job), 0);
    while (w->answers == before)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_string_not_equal(first, w->encoded);
}

static void the_queue_is_bounded(void **state)
{
    struct world *w = *state;
    struct password_job *job, *forgotten;
    unsigned taken = 0;
    int rc;
    assert_int_equal(password_verify(w->check, NULL, "x", on_answer, w, &forgotten), 0);
    password_job_forget(forgotten);
    /* Those are quick: the hash cannot be read. */
    while ((rc = password_verify(w->check, "x", "x", on_answer, w, &job)) == 0)
        taken++;
    assert_int_equal(rc, -ENOBUFS);
    assert_int_equal(taken, PASSWORD_QUEUE_MAX - 1);
    while (w->answers < taken)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(password_verify(w->check, "x", "x", on_answer, w, &job), 0);
    assert_int_equal(password_verify(w->check, "x", "x", on_answer, w, &job), 0);
    password_check_close(w->check);
    w->check = NULL;
    assert_int_equal(w->answers, taken + 2);
    assert_int_equal(w->status, -ECANCELED);
}

static void who_is_wrong_waits(void **state)
{
    static struct sign_in_guard guard;
    static const struct sign_in_rule rule = {.free = 2, .most_ms = 10000};
    char name[32];
    (void)state;
    memset(&guard, 0, sizeof guard);
    guard.salt = 4711;
    for (int i = 0; i < 2; i++)
        sign_in_guard_wrong(&guard, 'u', "anna", &rule, 1000);
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 1000));
    sign_in_guard_wrong(&guard, 'u', "anna", &rule, 1000);
    assert_true(sign_in_guard_holds(&guard, 'u', "anna", 1999));
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 2000));
    assert_false(sign_in_guard_holds(&guard, 'p', "anna", 1999));
    assert_false(sign_in_guard_holds(&guard, 'u', "ann", 1999));
    sign_in_guard_wrong(&guard, 'u', "anna", &rule, 2000);
    assert_true(sign_in_guard_holds(&guard, 'u', "anna", 3999));
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 4000));
    for (int i = 0; i < 100; i++)
        sign_in_guard_wrong(&guard, 'u', "anna", &rule, 5000);
    assert_true(sign_in_guard_holds(&guard, 'u', "anna", 14999));
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 15000));
    /* Quiet for long enough: as new. */
    for (int i = 0; i < 2; i++)
        sign_in_guard_wrong(&guard, 'u', "anna", &rule, 30000);
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 30000));
    sign_in_guard_wrong(&guard, 'u', "anna", &rule, 30000);
    assert_true(sign_in_guard_holds(&guard, 'u', "anna", 30500));
    sign_in_guard_right(&guard, 'u', "anna");
    assert_false(sign_in_guard_holds(&guard, 'u', "anna", 30500));
    sign_in_guard_right(&guard, 'u', "nobody");
    /* Any number of names has room. */
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        for (int j = 0; j < 3; j++)
            sign_in_guard_wrong(&guard, 'p', name, &rule, 40000);
        assert_true(sign_in_guard_holds(&guard, 'p', name, 40500));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(passwords_are_hashed_and_verified, open_world, close_world),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, open_world, close_world),
        cmocka_unit_test(who_is_wrong_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
