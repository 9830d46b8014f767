/* The order of servers (RFC 2782). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/dns/srv_order.h"

/* Numbers as written down, then 0. */
struct script {
    const uint32_t *numbers;
    size_t left;
    uint32_t limits[8];
    size_t asked;
};

static uint32_t scripted(void *user, uint32_t limit)
{
    struct script *s = user;
    if (s->asked < 8)
        s->limits[s->asked] = limit;
    s->asked++;
    if (s->left == 0)
        return 0;
    s->left--;
    return *s->numbers++;
}

static void priorities_come_first(void **state)
{
    (void)state;
    const struct srv_item items[] = {{20, 100}, {10, 0}, {30, 65535}, {10, 1}};
    size_t order[4];
    struct script s = {(const uint32_t[]){1}, 1, {0}, 0};
    srv_order(items, 4, order, scripted, &s);
    assert_int_equal(order[0], 3);
    assert_int_equal(order[1], 1);
    assert_int_equal(order[2], 0);
    assert_int_equal(order[3], 2);
    assert_int_equal(s.limits[0], 1);
    assert_int_equal(s.limits[1], 0);
}

/* The running sum that is equal to or more than the number drawn. */
static void weights_are_drawn(void **state)
{
    static const struct {
        uint32_t drawn;
        size_t first;
    } cases[] = {{0, 1}, {1, 0}, {60, 0}, {61, 2}, {100, 2}};
    const struct srv_item items[] = {{1, 60}, {1, 0}, {1, 40}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t order[3];
        struct script s = {&cases[i].drawn, 1, {0}, 0};
        srv_order(items, 3, order, scripted, &s);
        assert_int_equal(s.limits[0], 100);
        assert_int_equal(order[0], cases[i].first);
        assert_int_equal(order[0] + order[1] + order[2], 3);
    }
}

static void shares_are_those_of_the_weights(void **state)
{
    const struct srv_item items[] = {{1, 3}, {1, 1}};
    size_t first[2] = {0, 0}, order[2];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        srv_order(items, 2, order, srv_random, NULL);
        first[order[0]]++;
    }
    /* 0 to 4 are drawn, 0 to 3 mean the first: 80 %, as RFC 2782 words it. */
    assert_in_range(first[0], 15500, 16500);
}

static void none_and_many(void **state)
{
    struct srv_item items[SRV_ORDER_MAX] = {{0, 0}};
    size_t order[SRV_ORDER_MAX], sum = 0;
    (void)state;
    srv_order(items, 0, order, srv_random, NULL);
    for (size_t i = 0; i < SRV_ORDER_MAX; i++)
        items[i] = (struct srv_item){(uint16_t)(i % 3), 65535};
    srv_order(items, SRV_ORDER_MAX, order, srv_random, NULL);
    for (size_t i = 0; i < SRV_ORDER_MAX; i++)
        sum += order[i];
    assert_int_equal(sum, SRV_ORDER_MAX * (SRV_ORDER_MAX - 1) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priorities_come_first),
        cmocka_unit_test(weights_are_drawn),
        cmocka_unit_test(shares_are_those_of_the_weights),
        cmocka_unit_test(none_and_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
