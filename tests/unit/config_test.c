#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config/config.h"

static struct config_errors errors;

static struct config *load_good(const char *text)
{
    struct config *config = NULL;
    int status = config_load_text(text, strlen(text), "t.yaml", &config, &errors);
    if (status != 0)
        print_message("%s\n", errors.items[0].text);
    assert_int_equal(status, 0);
    return config;
}

static void empty_text_gives_defaults(void **state)
{
    (void)state;
    static const char *const empty[] = {"",     "# nothing\n",       "---\n",
                                        "{}\n", "sip:\nmedia: {}\n", "sip: ~\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct config *config = load_good(empty[i]);
        assert_string_equal(config->sip.listen, "127.0.0.1:5060");
        assert_string_equal(config->database.dsn, "");
        assert_int_equal(config->media.port_first, 20000);
        assert_true(config->fax.ecm);
        config_free(config);
    }
}

static void values_are_read(void **state)
{
    (void)state;
    struct config *config =
        load_good("node: gw-2\nfax:\n  ident: '+41 44 123'\n  ecm: false\n  max_rate: 9600\n"
                  "  time_zone: Europe/Zurich\nsip: {listen: '[::1]:5070'}\n"
                  "database:\n  dsn: postgresql://sealfax@db.example/fax?sslmode=verify-full\n"
                  "  password_file: /etc/sealfax/db.password\n");
    assert_string_equal(config->node, "gw-2");
    assert_string_equal(config->fax.ident, "+41 44 123");
    assert_false(config->fax.ecm);
    assert_int_equal(config->fax.max_rate, 9600);
    assert_string_equal(config->sip.listen, "[::1]:5070");
    assert_string_equal(config->database.password_file, "/etc/sealfax/db.password");
    config_free(config);
}

static const struct {
    const char *text, *error;
} bad_texts[] = {
    {"sip:\n  lisen: 127.0.0.1:5060\n",
     "t.yaml:2:3: key 'sip.lisen': unknown key; expected one of listen, listen_tcp"},
    {"spi: {}\n",
     "t.yaml:1:1: key 'spi': unknown key; expected one of node, state_dir, database, "},
    {"fax:\n  ecm: maybe\n", "t.yaml:2:8: key 'fax.ecm': expected true or false, found 'maybe'"},
    {"fax:\n  ecm: 'true'\n", "t.yaml:2:8: key 'fax.ecm': expected true or false, found 'true' (q"},
    {"fax:\n  max_pages: 0\n",
     "t.yaml:2:14: key 'fax.max_pages': expected a whole number from 1 to 10000, found '0'"},
    {"fax:\n  max_pages: 12x\n", "found '12x'"},
    {"fax:\n  max_pages: 99999999999999999999\n", "found '99999999999999999999'"},
    {"fax:\n  max_pages:\n", "t.yaml:2:13: key 'fax.max_pages': expected a whole number from"},
    {"fax:\n  max_pages: [1]\n", "found a sequence"},
    {"fax:\n  max_pages: {a: 1}\n", "found a mapping"},
    {"fax:\n  max_rate: 14401\n", "expected one of 2400|4800|7200|9600|12000|14400, found '14401'"},
    {"fax:\n  max_rate: 1440\n", "found '1440'"},
    {"fax: yes\n", "t.yaml:1:6: key 'fax': expected a mapping of keys, found 'yes'"},
    {"fax: []\n", "key 'fax': expected a mapping of keys, found a sequence"},
    {"fax:\n  ident: 'A+41'\n", "expected at most 20 digits, spaces and '+', found 'A+41'"},
    {"fax:\n  time_zone: Europe/Nowhere\n", "expected a time zone such as Europe/Zurich"},
    {"fax:\n  time_zone: ../../../etc/passwd\n", "expected a time zone such as Europe/Zurich"},
    {"node: a\nnode: b\n", "t.yaml:2:1: key 'node': expected once, found again"},
    {"sip: {}\nsip: {}\n", "t.yaml:2:1: key 'sip': expected once, found again"},
    {"sip.listen: 127.0.0.1:1\n", "key 'sip.listen': unknown key"},
    {"sip:\n  listen: localhost:5060\n", "expected address:port"},
    {"sip:\n  listen: 127.0.0.1:70000\n", "expected address:port"},
    {"media:\n  address: nowhere\n", "expected an IPv4 or IPv6 address, found 'nowhere'"},
    {"state_dir: relative/dir\n", "expected an absolute path"},
    {"state_dir: /var/../etc\n", "expected an absolute path"},
    {"accounts:\n  keeper: -rf\n", "expected a name"},
    {"node: &a x\n", "t.yaml:1:7: key 'node': expected a plain value, found an anchor"},
    {"media: *a\n", "t.yaml:1:8: key 'media': expected a plain value, found an alias"},
    {"node: !!str x\n", "key 'node': expected a plain value, found a tag"},
    {"- a\n", "t.yaml:1:1: expected a mapping of keys, found a sequence"},
    {"hello\n", "t.yaml:1:1: expected a mapping of keys, found 'hello'"},
    {"node: a\n---\nnode: b\n", "t.yaml:2:1: expected one document, found another"},
    {"]\n", "expected YAML, found: did not find expected node content"},
    {"node: a\n\tsip: b\n", "t.yaml:2:1: expected YAML, found: found a tab character"},
    {"? [a]\n: b\n", "t.yaml:1:3: expected the name of a key, found another node"},
    {"node: \"a\\0b\"\n", "key 'node': expected a name"},
    {"fax:\n  header: \"a\\nb\"\n", "key 'fax.header': expected text"},
    {"mail:\n  out_relay: http://mx.example.com\n", "expected smtp://HOST[:PORT] or smtps://"},
    {"mail:\n  out_relay: smtp://\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_relay: smtp://a:0\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_relay: smtp://a:65536\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_relay: smtp://a/b\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_relay: smtp://user@a\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_relay: 'smtp://[::1'\n", "expected smtp://HOST[:PORT]"},
    {"mail:\n  out_from: fax\n", "expected a mail address such as fax@example.com"},
    {"mail:\n  out_from: a b@c\n", "expected a mail address"},
    {"mail:\n  out_from: a@b@c\n", "expected a mail address"},
    {"mail:\n  out_user: anna\n", "expected together with 'mail.out_password_file'"},
    {"mail:\n  sign_certificate: /x\n", "expected together with 'mail.sign_key_file'"},
    {"media: {port_first: 30000, port_last: 30000}\n",
     "t.yaml:1:39: key 'media.port_last': expected more than media.port_first (30000), found "
     "30000"},
    {"database: {password_file: /x}\n",
     "key 'database.password_file': expected together with 'database.dsn', found alone"},
    {"node: \xff\xfe\xff\n", "expected"},
};

static void errors_name_place_and_expectation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_texts / sizeof bad_texts[0]; i++) {
        struct config *config = NULL;
        const char *text = bad_texts[i].text;
        int status = config_load_text(text, strlen(text), "t.yaml", &config, &errors);
        assert_int_equal(status, -EINVAL);
        assert_null(config);
        assert_true(errors.count >= 1);
        if (!strstr(errors.items[0].text, bad_texts[i].error)) {
            print_error("%s\n  gives    %s\n  expected %s\n", text, errors.items[0].text,
                        bad_texts[i].error);
            fail();
        }
    }
}

static void passwords_in_connection_strings_are_refused_and_not_shown(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "database: {dsn: 'host=x password=hunter2'}\n",
        "database: {dsn: 'postgresql://me:hunter2@db/fax'}\n",
        "database: {dsn: 'nonsense hunter2'}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config *config = NULL;
        assert_int_equal(config_load_text(texts[i], strlen(texts[i]), "t", &config, &errors),
                         -EINVAL);
        assert_non_null(strstr(errors.items[0].text, "key 'database.dsn'"));
        assert_null(strstr(errors.items[0].text, "hunter2"));
    }
}

static void several_errors_are_reported(void **state)
{
    (void)state;
    static const char text[] = "nod: x\nfax:\n  ecm: 1\n  nope: [1, {a: b}]\n  max_pages: x\n"
                               "? {a: b}\n: c\nsip:\n  t1_ms: 5\n";
    struct config *config = NULL;
    assert_int_equal(config_load_text(text, strlen(text), "t", &config, &errors), -EINVAL);
    assert_int_equal(errors.count, 6);
    static const size_t lines[] = {1, 3, 4, 5, 6, 9};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(errors.items[i].line, lines[i]);
}

static void many_errors_and_depth_are_bounded(void **state)
{
    (void)state;
    struct config *config = NULL;
    char *text = malloc(CONFIG_TEXT_MAX + 2);
    assert_non_null(text);
    size_t used = 0;
    for (int i = 0; i < 1000; i++)
        used += (size_t)sprintf(text + used, "key%d: [[[[1]]]]\n", i);
    assert_int_equal(config_load_text(text, used, "t", &config, &errors), -EINVAL);
    assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
    memset(text, '{', 50000);
    assert_int_equal(config_load_text(text, 50000, "t", &config, &errors), -EINVAL);
    memset(text, '#', CONFIG_TEXT_MAX + 1);
    assert_int_equal(config_load_text(text, CONFIG_TEXT_MAX + 1, "t", &config, &errors), -EINVAL);
    assert_non_null(strstr(errors.items[0].text, "expected at most 262144 octets"));
    assert_int_equal(config_load_text(text, CONFIG_TEXT_MAX, "t", &config, &errors), 0);
    config_free(config);
    free(text);
}

static char *print_to_text(const struct config *config)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    if (config)
        config_print(config, out);
    else
        config_help(out);
    fclose(out);
    return text;
}

static void print_and_help_load_again(void **state)
{
    (void)state;
    struct config *first = load_good("fax: {header: 'Praxis \"A\\B\" Zürich: #1', ecm: false}\n"
                                     "database: {dsn: \"host='/tmp/a b' user=x\"}\n");
    char *text = print_to_text(first);
    struct config *second = load_good(text);
    assert_string_equal(second->fax.header, "Praxis \"A\\B\" Zürich: #1");
    char *again = print_to_text(second);
    assert_string_equal(text, again);
    struct config *defaults = load_good("");
    char *help = print_to_text(NULL), *plain = print_to_text(defaults);
    struct config *from_help = load_good(help);
    char *help_printed = print_to_text(from_help);
    assert_string_equal(plain, help_printed);
    free(text);
    free(again);
    free(help);
    free(plain);
    free(help_printed);
    config_free(first);
    config_free(second);
    config_free(defaults);
    config_free(from_help);
}

static void endpoints_are_parsed(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    assert_int_equal(config_parse_endpoint("192.0.2.1:5061", &address), 0);
    assert_int_equal(((struct sockaddr_in *)&address)->sin_port, htons(5061));
    assert_int_equal(config_parse_endpoint("[2001:db8::1]:1", &address), 0);
    assert_int_equal(address.ss_family, AF_INET6);
    static const char *const bad[] = {
        "",     ":5060",         "1.2.3.4",    "1.2.3.4:",    "::1:5060",   "[::1]",
        "[]:1", "1.2.3.4:65536", "1.2.3.4:+1", "[1.2.3.4]:1", "1.2.3.4:1x", "1.2.3.4:0000001"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(config_parse_endpoint(bad[i], &address), -EINVAL);
}

static int load_with(const char *text, char *const environment[], struct config **config)
{
    size_t taken = 0;
    *config = NULL;
    int status =
        config_load_text_with(text, strlen(text), "t.yaml", environment, config, &taken, &errors);
    return status < 0 ? status : (int)taken;
}

static void the_environment_goes_over_the_file(void **state)
{
    (void)state;
    struct config *config;
    char node[] = "SEALFAX_NODE=gw-7", listen[] = "SEALFAX_SIP_LISTEN=[::1]:5080";
    char file[] = "SEALFAX_DATABASE_PASSWORD_FILE=/run/secrets/db", ecm[] = "SEALFAX_FAX_ECM=false";
    char dsn[] = "SEALFAX_DATABASE_DSN=postgresql://sealfax@db/fax", other[] = "PATH=/bin";
    char socket[] = "SEALFAX_SOCKET=/run/s", none[] = "SEALFAX_FAX_IDENT=";
    char *const all[] = {node, other, listen, socket, file, ecm, dsn, none, NULL};
    assert_int_equal(load_with("node: gw-2\nfax: {ident: '1', max_pages: 7}\n", all, &config), 6);
    assert_string_equal(config->node, "gw-7");
    assert_string_equal(config->sip.listen, "[::1]:5080");
    assert_string_equal(config->database.password_file, "/run/secrets/db");
    assert_string_equal(config->fax.ident, "");
    assert_int_equal(config->fax.max_pages, 7);
    assert_false(config->fax.ecm);
    config_free(config);
    /* What no single key can tell is asked of the whole. */
    assert_int_equal(
        load_with("database: {password_file: /x}\n", (char *const[]){dsn, NULL}, &config), 1);
    config_free(config);
    assert_int_equal(load_with("", (char *const[]){file, NULL}, &config), -EINVAL);
}

static void what_the_environment_cannot_mean_is_refused(void **state)
{
    (void)state;
    struct config *config;
    char typing[] = "SEALFAX_SIP_LISTN=127.0.0.1:5060", value[] = "SEALFAX_FAX_MAX_PAGES=0";
    char dsn[] = "SEALFAX_DATABASE_DSN=postgresql://sealfax:secret@db/fax", cut[] = "SEALFAX_SIP_";
    assert_int_equal(load_with("", (char *const[]){typing, value, dsn, cut, NULL}, &config),
                     -EINVAL);
    assert_int_equal(errors.count, 3);
    assert_string_equal(errors.items[0].text,
                        "environment: SEALFAX_SIP_LISTN: no such setting (sealfax config help)");
    assert_non_null(strstr(errors.items[1].text, "SEALFAX_FAX_MAX_PAGES: expected a whole number"));
    assert_null(strstr(errors.items[2].text, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_gives_defaults),
        cmocka_unit_test(the_environment_goes_over_the_file),
        cmocka_unit_test(what_the_environment_cannot_mean_is_refused),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(errors_name_place_and_expectation),
        cmocka_unit_test(passwords_in_connection_strings_are_refused_and_not_shown),
        cmocka_unit_test(several_errors_are_reported),
        cmocka_unit_test(many_errors_and_depth_are_bounded),
        cmocka_unit_test(print_and_help_load_again),
        cmocka_unit_test(endpoints_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
