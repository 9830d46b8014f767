/* The list of a trunk's peers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/routing/trunk_peers.h"

static void lists(void **state)
{
    struct trunk_peer p[TRUNK_PEERS_MAX];
    (void)state;
    assert_int_equal(trunk_peers_read("", p, TRUNK_PEERS_MAX), 0);
    assert_int_equal(trunk_peers_read("a.example, 192.0.2.7:5062;priority=0;weight=10,"
                                      "[2001:db8::7]:5070,2001:db8::8,b.example:5061;weight=3",
                                      p, TRUNK_PEERS_MAX),
                     5);
    assert_string_equal(p[0].host, "a.example");
    assert_int_equal(p[0].port, 0);
    assert_int_equal(p[0].priority, 1);
    assert_string_equal(p[1].host, "192.0.2.7");
    assert_int_equal(p[1].port, 5062);
    assert_int_equal(p[1].priority, 0);
    assert_int_equal(p[1].weight, 10);
    assert_string_equal(p[2].host, "2001:db8::7");
    assert_int_equal(p[2].port, 5070);
    assert_string_equal(p[3].host, "2001:db8::8");
    assert_int_equal(p[3].port, 0);
    assert_int_equal(p[4].port, 5061);
    assert_int_equal(p[4].priority, 5);
    assert_int_equal(p[4].weight, 3);
}

static void wrong_ones(void **state)
{
    static const char *const wrong[] = {
        "a b.",
        "a:0",
        "a:65536",
        "a:x",
        "a;weight",
        "a;weight=-1",
        "a;weight=65536",
        "a;cost=1",
        "[2001:db8::7",
        "[::1]x",
        "192.0.2.300",
        "a_b",
        "a,b,c,d,e,f,g,h,i",
    };
    struct trunk_peer p[TRUNK_PEERS_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(trunk_peers_read(wrong[i], p, TRUNK_PEERS_MAX), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(wrong_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
