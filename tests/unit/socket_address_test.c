#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "gateway/socket_address.h"

static const struct sockaddr *read_as(struct sockaddr_storage *storage, const char *host,
                                      uint16_t port)
{
    assert_int_equal(socket_address_parse(host, port, storage), 0);
    return (const struct sockaddr *)storage;
}

static void literals_are_read_and_written(void **state)
{
    static const struct {
        const char *host, *again;
        int family;
        socklen_t length;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", AF_INET, sizeof(struct sockaddr_in)},
        {"255.255.255.255", "255.255.255.255", AF_INET, sizeof(struct sockaddr_in)},
        {"::", "::", AF_INET6, sizeof(struct sockaddr_in6)},
        {"2001:DB8:0::1", "2001:db8::1", AF_INET6, sizeof(struct sockaddr_in6)},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
         AF_INET6, sizeof(struct sockaddr_in6)},
    };
    char text[SOCKET_ADDRESS_HOST];
    struct sockaddr_storage storage;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sockaddr *address = read_as(&storage, rows[i].host, 65535);
        assert_int_equal(address->sa_family, rows[i].family);
        assert_int_equal(socket_address_port(address), 65535);
        assert_int_equal(socket_address_length(address), rows[i].length);
        socket_address_host(address, text);
        assert_string_equal(text, rows[i].again);
    }
}

static void names_and_other_forms_are_refused(void **state)
{
    static const char *const rows[] = {"",      "localhost", "127.0.0.1:5060", "[::1]",
                                       "1.2.3", "1.2.3.256", "::1%lo",         " 127.0.0.1"};
    struct sockaddr_storage storage;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(socket_address_parse(rows[i], 1, &storage), -EINVAL);
}

static void hosts_are_compared_without_their_ports(void **state)
{
    struct sockaddr_storage a, b;
    (void)state;
    assert_true(socket_address_same_host(read_as(&a, "10.0.0.1", 1), read_as(&b, "10.0.0.1", 2)));
    assert_false(socket_address_same_host(read_as(&a, "10.0.0.1", 1), read_as(&b, "10.0.0.2", 1)));
    assert_true(socket_address_same_host(read_as(&a, "::1", 1), read_as(&b, "0::1", 2)));
    assert_false(socket_address_same_host(read_as(&a, "::1", 1), read_as(&b, "::2", 1)));
    assert_false(
        socket_address_same_host(read_as(&a, "10.0.0.1", 1), read_as(&b, "::ffff:10.0.0.1", 1)));
}

static void other_families_have_nothing(void **state)
{
    struct sockaddr_storage local = {.ss_family = AF_UNIX};
    const struct sockaddr *address = (const struct sockaddr *)&local;
    char text[SOCKET_ADDRESS_HOST] = "x";
    (void)state;
    socket_address_host(address, text);
    assert_string_equal(text, "");
    assert_int_equal(socket_address_port(address), 0);
    assert_int_equal(socket_address_length(address), 0);
    assert_false(socket_address_same_host(address, address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_read_and_written),
        cmocka_unit_test(names_and_other_forms_are_refused),
        cmocka_unit_test(hosts_are_compared_without_their_ports),
        cmocka_unit_test(other_families_have_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
