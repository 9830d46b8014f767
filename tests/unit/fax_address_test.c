/* Fax numbers and options in addresses; relays and certificates of clients. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/smtp/fax_address.h"
#include "gateway/smtp/relay_list.h"
#include "gateway/socket_address.h"

static const char domains[] = "fax.example,  Other.Example";

static void describe(const struct mail_recipient *r, char *out, size_t size)
{
    const struct mail_fax_options *o = &r->options;
    snprintf(out, size, "%s|%s|%s|%s|%u|%u|%u|%lld", r->number, r->name, o->class_name, o->from,
             o->y_dpi, o->cover, o->priority, (long long)o->not_before);
}

static void good_addresses(void **state)
{
    static const struct {
        const char *address, *expected;
    } all[] = {
        {"+498912345@fax.example", "+498912345||||0|0|0|0"},
        {"498912345@OTHER.EXAMPLE", "498912345||||0|0|0|0"},
        {"+49-89-123.45@fax.example", "+498912345||||0|0|0|0"},
        {"\"+49 89 12345\"@fax.example", "+498912345||||0|0|0|0"},
        {"\"+49\\ 89 (12345)\"@fax.example", "+498912345||||0|0|0|0"},
        {"+498912345+fine+cover@fax.example", "+498912345||||196|1|0|0"},
        {"+498912345/FINE/NoCover/high@fax.example", "+498912345||||196|2|2|0"},
        {"+498912345+standard+low@fax.example", "+498912345||||98|0|1|0"},
        {"+498912345+superfine+normal@fax.example", "+498912345||||391|0|0|0"},
        {"name=J_Smith/number=+498912345@fax.example", "+498912345|J Smith|||0|0|0|0"},
        {"/name=J.Smith/fax=+498912345/fine/@fax.example", "+498912345|J.Smith|||196|0|0|0"},
        {"FAX=498912345@fax.example", "498912345||||0|0|0|0"},
        {"number=+498912345+class=secret+from=+4930111@fax.example",
         "+498912345||secret|+4930111|0|0|0|0"},
        {"+498912345/at=20261122T1800Z@fax.example", "+498912345||||0|0|0|1795370400"},
        {"+498912345+at=20261122T180030z@fax.example", "+498912345||||0|0|0|1795370430"},
        {"+498912345+at=20261122T1900@fax.example", "+498912345||||0|0|0|1795370400"},
    };
    (void)state;
    setenv("TZ", "Europe/Zurich", 1);
    tzset();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct mail_recipient r = {.notify = 4};
        struct mail_verdict why;
        char text[300];
        if (fax_address_read(all[i].address, domains, &r, &why) != 0)
            fail_msg("%s: %s", all[i].address, why.text);
        describe(&r, text, sizeof text);
        assert_string_equal(text, all[i].expected);
        assert_string_equal(r.address, all[i].address);
        assert_int_equal(r.notify, 4);
    }
}

static void bad_addresses(void **state)
{
    static const struct {
        const char *address, *enhanced;
    } all[] = {
        {"+498912345@elsewhere.example", "5.7.1"},
        {"+498912345@fax.example.org", "5.7.1"},
        {"+498912345@ax.example", "5.7.1"},
        {"+498912345@[127.0.0.1]", "5.7.1"},
        {"+498912345%elsewhere.example@fax.example", "5.1.3"},
        {"\"+498912345@elsewhere.example\"@fax.example", "5.1.3"},
        {"elsewhere.example!+498912345@fax.example", "5.1.3"},
        {"anna@fax.example", "5.1.3"},
        {"+498912345", "5.1.3"},
        {"+@fax.example", "5.1.3"},
        {"++498912345@fax.example", "5.1.3"},
        {"4@fax.example", "5.1.3"},
        {"+123456789012345678901@fax.example", "5.1.3"},
        {"name=Smith@fax.example", "5.1.1"},
        {"fine@fax.example", "5.1.1"},
        {"number=@fax.example", "5.1.3"},
        {"+498912345/+498912346@fax.example", "5.1.3"},
        {"+498912345/number=+498912346@fax.example", "5.1.3"},
        {"+498912345+fine+standard@fax.example", "5.1.3"},
        {"+498912345+cover+cover@fax.example", "5.1.3"},
        {"+498912345+purple@fax.example", "5.1.3"},
        {"+498912345+size=4@fax.example", "5.1.3"},
        {"+498912345+class=@fax.example", "5.1.3"},
        {"+498912345+class=../x@fax.example", "5.1.3"},
        {"+498912345+from=anna@fax.example", "5.1.3"},
        {"+498912345+at=20261122@fax.example", "5.1.3"},
        {"+498912345+at=20260231T1200Z@fax.example", "5.1.3"},
        {"+498912345+at=20261122T2500Z@fax.example", "5.1.3"},
        {"+498912345+at=20261122T1800ZZ@fax.example", "5.1.3"},
        {"+498912345+at=T@fax.example", "5.1.3"},
        {"+498912345+name=@fax.example", "5.1.3"},
        {"+49891234\303\266@fax.example", "5.1.3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct mail_recipient r = {0};
        struct mail_verdict why = {0};
        if (fax_address_read(all[i].address, domains, &r, &why) == 0 ||
            strcmp(why.enhanced, all[i].enhanced) != 0)
            fail_msg("%s: %s", all[i].address, why.enhanced);
        assert_int_equal(why.code, 550);
        assert_true(strlen(why.text) > 10);
    }
    assert_false(fax_address_is_ours("", ""));
    assert_false(fax_address_is_ours("", "fax.example"));
    assert_false(fax_address_is_ours("a,b", "a,b"));
}

static bool has(const char *list, const char *host)
{
    struct sockaddr_storage address;
    assert_int_equal(socket_address_parse(host, 25, &address), 0);
    return relay_list_has(list, (const struct sockaddr *)&address);
}

static void relays(void **state)
{
    struct sockaddr_storage none = {0};
    (void)state;
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("10.0.0.0/8, 192.0.2.128/25", "192.0.2.200"));
    assert_false(has("10.0.0.0/8, 192.0.2.128/25", "192.0.2.127"));
    assert_true(has("0.0.0.0/0", "192.0.2.127"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_false(has("", "192.0.2.1"));
    assert_false(relay_list_has("0.0.0.0/0", (const struct sockaddr *)&none));
    assert_true(relay_list_valid(""));
    assert_true(relay_list_valid("::1,127.0.0.1/32"));
    assert_false(relay_list_valid("localhost"));
    assert_false(relay_list_valid("127.0.0.1/33"));
    assert_false(relay_list_valid("127.0.0.1/"));
    assert_false(relay_list_valid("127.0.0.1/-1"));
}

static void clients(void **state)
{
    static const char list[] = "scan.example=scanner, anna@b.example=anna";
    char principal[16];
    (void)state;
    assert_int_equal(client_list_find(list, "SCAN.example", principal, sizeof principal), 0);
    assert_string_equal(principal, "scanner");
    assert_int_equal(client_list_find(list, "anna@b.example", principal, sizeof principal), 0);
    assert_string_equal(principal, "anna");
    assert_int_equal(client_list_find(list, "scan.exampl", principal, sizeof principal), -ENOENT);
    assert_int_equal(client_list_find("", "x", principal, sizeof principal), -ENOENT);
    assert_int_equal(client_list_find("a", "", principal, sizeof principal), -EINVAL);
    assert_int_equal(client_list_find("=b", "", principal, sizeof principal), -EINVAL);
    assert_int_equal(client_list_find("a=", "", principal, sizeof principal), -EINVAL);
    assert_int_equal(client_list_find("a=0123456789012345", "", principal, sizeof principal),
                     -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(relays),
        cmocka_unit_test(clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
