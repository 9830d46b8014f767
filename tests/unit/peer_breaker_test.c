/* Peers that are held back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/routing/peer_breaker.h"

static int setup(void **state)
{
    struct peer_breaker *b = calloc(1, sizeof *b);
    if (!b)
        return -1;
    b->failures_allowed = 3;
    b->hold_ms = 1000;
    b->hold_most_ms = 5000;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void opens_half_opens_closes(void **state)
{
    struct peer_breaker *b = *state;
    uint64_t held = 0;
    assert_int_equal(peer_breaker_failure(b, "p", 0, 10, &held), PEER_SAME);
    assert_int_equal(peer_breaker_failure(b, "p", 0, 20, &held), PEER_SAME);
    assert_int_equal(peer_breaker_state(b, "p", 20), PEER_CLOSED);
    assert_int_equal(peer_breaker_failure(b, "p", 0, 30, &held), PEER_WENT_DOWN);
    assert_int_equal(held, 1000);
    assert_int_equal(peer_breaker_state(b, "p", 1029), PEER_OPEN);
    assert_int_equal(peer_breaker_state(b, "q", 1029), PEER_CLOSED);
    /* One that began before it was opened does not make it longer. */
    assert_int_equal(peer_breaker_failure(b, "p", 0, 500, &held), PEER_SAME);
    assert_int_equal(peer_breaker_state(b, "p", 1030), PEER_HALF_OPEN);
    peer_breaker_try(b, "p", 1030);
    assert_int_equal(peer_breaker_state(b, "p", 1031), PEER_OPEN); /* one trial only */
    assert_int_equal(peer_breaker_failure(b, "p", 0, 1100, &held), PEER_SAME);
    assert_int_equal(held, 2000);
    assert_int_equal(peer_breaker_state(b, "p", 3099), PEER_OPEN);
    peer_breaker_try(b, "p", 3100);
    assert_int_equal(peer_breaker_success(b, "p"), PEER_CAME_UP);
    assert_int_equal(peer_breaker_state(b, "p", 3100), PEER_CLOSED);
    assert_int_equal(peer_breaker_success(b, "p"), PEER_SAME);
}

static void a_success_starts_the_count_anew(void **state)
{
    struct peer_breaker *b = *state;
    uint64_t held;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(peer_breaker_failure(b, "p", 0, 1, &held), PEER_SAME);
        assert_int_equal(peer_breaker_failure(b, "p", 0, 2, &held), PEER_SAME);
        assert_int_equal(peer_breaker_success(b, "p"), PEER_SAME);
    }
}

static void a_trial_that_never_ends_is_given_up(void **state)
{
    struct peer_breaker *b = *state;
    uint64_t held;
    for (int i = 0; i < 3; i++)
        (void)peer_breaker_failure(b, "p", 0, 0, &held);
    peer_breaker_try(b, "p", 1000);
    assert_int_equal(peer_breaker_state(b, "p", 1000 + PEER_TRIAL_MS - 1), PEER_OPEN);
    assert_int_equal(peer_breaker_state(b, "p", 1000 + PEER_TRIAL_MS), PEER_HALF_OPEN);
}

static void the_peer_says_how_long(void **state)
{
    struct peer_breaker *b = *state;
    uint64_t held = 0;
    assert_int_equal(peer_breaker_failure(b, "p", 4000, 0, &held), PEER_WENT_DOWN);
    assert_int_equal(held, 4000);
    assert_int_equal(peer_breaker_failure(b, "q", 3600000, 0, &held), PEER_WENT_DOWN);
    assert_int_equal(held, 5000); /* not for ever */
    b->failures_allowed = 0;
    assert_int_equal(peer_breaker_failure(b, "r", 0, 0, &held), PEER_SAME);
    assert_int_equal(peer_breaker_failure(b, "r", 200, 0, &held), PEER_WENT_DOWN);
    assert_int_equal(held, 200);
}

static void more_peers_than_room(void **state)
{
    struct peer_breaker *b = *state;
    uint64_t held;
    char key[16];
    for (int i = 0; i < PEER_BREAKER_PEERS + 50; i++) {
        snprintf(key, sizeof key, "peer%d", i);
        for (int n = 0; n < 3; n++)
            (void)peer_breaker_failure(b, key, 0, (uint64_t)i, &held);
    }
    assert_int_equal(peer_breaker_state(b, key, PEER_BREAKER_PEERS + 50), PEER_OPEN);
    assert_int_equal(peer_breaker_state(b, "peer0", 1), PEER_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_half_opens_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_success_starts_the_count_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trial_that_never_ends_is_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_peer_says_how_long, setup, teardown),
        cmocka_unit_test_setup_teardown(more_peers_than_room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
