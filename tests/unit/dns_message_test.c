/* DNS responses, octet by octet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/dns/dns_message.h"

#define QUESTION                                                                                   \
    "\x07"                                                                                         \
    "example"                                                                                      \
    "\x04"                                                                                         \
    "test"                                                                                         \
    "\x00"
#define HEADER(code, answers, authorities)                                                         \
    "\x12\x34\x81" code "\x00\x01\x00" answers "\x00" authorities "\x00\x00"

static void read_bytes(const char *bytes, size_t length, enum dns_type type,
                       struct dns_answer *answer)
{
    memset(answer, 0xa5, sizeof *answer);
    dns_message_read((const uint8_t *)bytes, length, type, answer);
}

#define READ(type, answer, ...)                                                                    \
    do {                                                                                           \
        static const char bytes[] = __VA_ARGS__;                                                   \
        read_bytes(bytes, sizeof bytes - 1, type, answer);                                         \
    } while (0)

static void addresses_behind_an_alias(void **state)
{
    struct dns_answer a;
    (void)state;
    READ(DNS_A, &a,
         HEADER("\x80", "\x03", "\x00") QUESTION
         "\x00\x01\x00\x01"
         "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x04\x01"
         "x\xc0\x14"
         "\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x00\x00\x04\xc0\x00\x02\x01"
         "\xc0\x0c\x00\x01\x00\x01\x00\x00\x02\x00\x00\x04\xc0\x00\x02\x02");
    assert_int_equal(a.status, 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl_s, 5); /* that of the alias */
    assert_int_equal(ntohl(a.records[1].u.a.s_addr), 0xc0000202);
}

static void servers(void **state)
{
    struct dns_answer a;
    (void)state;
    READ(DNS_SRV, &a,
         HEADER("\x80", "\x02", "\x00") QUESTION
         "\x00\x21\x00\x01"
         "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x0b\x00\x01\x00\x0a\x13\xc4\x02"
         "Pa\xc0\x0c"
         "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x1e\x00\x07\x00\x02\x00\x00\x13\xc5\x00");
    assert_int_equal(a.status, 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl_s, 30);
    assert_string_equal(a.records[0].u.srv.target, "pa.example.test");
    assert_int_equal(a.records[0].u.srv.port, 5060);
    assert_int_equal(a.records[0].u.srv.weight, 10);
    assert_string_equal(a.records[1].u.srv.target, "");
}

static void services(void **state)
{
    struct dns_answer a;
    (void)state;
    READ(DNS_NAPTR, &a,
         HEADER("\x80", "\x02", "\x00") QUESTION
         "\x00\x23\x00\x01"
         "\xc0\x0c\x00\x23\x00\x01\x00\x00\x00\x3c\x00\x13\x00\x0a\x00\x14\x01s\x07SIP+D2U\x00\x01"
         "u\xc0\x0c"
         /* a regular expression: not for us */
         "\xc0\x0c\x00\x23\x00\x01\x00\x00\x00\x3c\x00\x12\x00\x0a\x00\x14\x01u\x07SIP+D2U\x02!!"
         "\x00");
    assert_int_equal(a.status, 0);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.records[0].u.naptr.order, 10);
    assert_int_equal(a.records[0].u.naptr.preference, 20);
    assert_string_equal(a.records[0].u.naptr.flags, "s");
    assert_string_equal(a.records[0].u.naptr.service, "SIP+D2U");
    assert_string_equal(a.records[0].u.naptr.replacement, "u.example.test");
}

static void texts(void **state)
{
    struct dns_answer a;
    (void)state;
    READ(DNS_TXT, &a,
         HEADER("\x80", "\x02", "\x00") QUESTION
         "\x00\x10\x00\x01"
         "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x07\x03"
         "v=D\x02"
         "KI"
         "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x03\x02\x01\x02");
    assert_int_equal(a.status, 0);
    assert_int_equal(a.count, 1); /* the other one is not printable */
    assert_string_equal(a.records[0].u.txt, "v=DKI");
    /* A string that is longer than its record. */
    READ(DNS_TXT, &a,
         HEADER("\x80", "\x01", "\x00") QUESTION
         "\x00\x10\x00\x01"
         "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x03\x09"
         "ab");
    assert_int_equal(a.count, 0);
}

static void nothing(void **state)
{
    struct dns_answer a;
    (void)state;
    /* No such name, for the lesser of 60 and 7 s. */
    READ(DNS_A, &a,
         HEADER("\x83", "\x00", "\x01") QUESTION
         "\x00\x01\x00\x01"
         "\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x16\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02"
         "\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x07");
    assert_int_equal(a.status, -ENOENT);
    assert_int_equal(a.ttl_s, 7);
    READ(DNS_A, &a, HEADER("\x82", "\x00", "\x00") QUESTION "\x00\x01\x00\x01");
    assert_int_equal(a.status, -EIO);
    READ(DNS_A, &a, HEADER("\x80", "\x00", "\x00") QUESTION "\x00\x01\x00\x01");
    assert_int_equal(a.status, -ENOENT);
    assert_int_equal(a.ttl_s, 0);
}

static void damaged(void **state)
{
    struct dns_answer a;
    (void)state;
    READ(DNS_A, &a, "\x12\x34\x81\x80");
    assert_int_equal(a.status, -EBADMSG);
    READ(DNS_A, &a, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION "\x00\x01\x00\x01");
    assert_int_equal(a.status, -EBADMSG); /* a question */
    /* A name that points to itself, one that points ahead, one beyond the end. */
    READ(DNS_A, &a, HEADER("\x80", "\x01", "\x00") "\xc0\x0c\x00\x01\x00\x01");
    assert_int_equal(a.count, 0);
    READ(DNS_A, &a, HEADER("\x80", "\x01", "\x00") "\xc0\x20\x00\x01\x00\x01");
    assert_int_equal(a.count, 0);
    READ(DNS_A, &a,
         HEADER("\x80", "\x01", "\x00") "\x3f"
                                        "abc");
    assert_int_equal(a.count, 0);
    /* An address of three octets. */
    READ(DNS_A, &a,
         HEADER("\x80", "\x01", "\x00") QUESTION
         "\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x03\xc0\x00\x02");
    assert_int_equal(a.status, -ENOENT);
    /* A target of characters that no host has, and port 0. */
    READ(DNS_SRV, &a,
         HEADER("\x80", "\x02", "\x00") QUESTION
         "\x00\x21\x00\x01"
         "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x0a\x00\x01\x00\x0a\x13\xc4\x02"
         "a\n\x00"
         "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x0a\x00\x01\x00\x0a\x00\x00\x02"
         "aa\x00");
    assert_int_equal(a.count, 0);
    assert_int_equal(a.status, -ENOENT);
    /* Data that says it is longer than the message. */
    READ(DNS_A, &a,
         HEADER("\x80", "\x01", "\x00") QUESTION
         "\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\x00");
    assert_int_not_equal(a.status, 0);
}

/* RFC 1035 §2.3.4; pointers within a longer one would make reading it work without end. */
static void names_have_an_end(void **state)
{
    struct dns_answer a;
    (void)state;
    for (size_t labels = 3; labels <= 4; labels++) {
        char message[512] = HEADER("\x80", "\x01", "\x00") QUESTION "\x00\x01\x00\x01";
        size_t n = sizeof(HEADER("\x80", "\x01", "\x00") QUESTION "\x00\x01\x00\x01") - 1;
        for (size_t i = 0; i < labels; i++) {
            message[n++] = 63;
            memset(message + n, 'x', 63);
            n += 63;
        }
        static const char record[] = "\0\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\x00\x02\x01";
        memcpy(message + n, record, sizeof record - 1);
        read_bytes(message, n + sizeof record - 1, DNS_A, &a);
        assert_int_equal(a.count, labels == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_behind_an_alias),
        cmocka_unit_test(servers),
        cmocka_unit_test(services),
        cmocka_unit_test(texts),
        cmocka_unit_test(nothing),
        cmocka_unit_test(damaged),
        cmocka_unit_test(names_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
