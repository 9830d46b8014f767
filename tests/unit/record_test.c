#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/event_types.h"
#include "policy/policy_error.h"
#include "policy/record.h"

static const uint8_t salt[RECORD_SALT_OCTETS] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                 9, 10, 11, 12, 13, 14, 15, 16};
static const struct record_head head = {.node = "node-1",
                                        .index = 41,
                                        .time_us = 1790000000123456,
                                        .event = "fax.submitted",
                                        .actor = "anna",
                                        .outcome = "ok",
                                        .fax = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"};

static struct record record, parsed;
static uint8_t bytes[RECORD_MAX + 1];

static void record_bytes(void **state)
{
    (void)state;
    size_t length;
    record_begin(&record, &head);
    record_add_int(&record, "pages", 5);
    record_add_string(&record, "document", "a \"b\" \\ \t\x01 /\xC3\xA4");
    record_add_string(&record, "nothing", NULL);
    record_add_int(&record, "loss", -3);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    static const char expected[] =
        "{\"actor\":\"anna\",\"document\":\"a \\\"b\\\" \\\\ \\t\\u0001 /\xC3\xA4\","
        "\"event\":\"fax.submitted\",\"fax\":\"0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\","
        "\"index\":41,\"loss\":-3,\"node\":\"node-1\",\"outcome\":\"ok\",\"pages\":5,"
        "\"time\":1790000000123456,\"v\":1}";
    assert_int_equal(length, sizeof expected - 1);
    assert_memory_equal(bytes, expected, length);
    record_set_index(&record, 42);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    assert_int_equal(record_parse(bytes, length, &parsed), 0);
    struct record_head found;
    record_head_get(&parsed, &found);
    assert_true(found.index == 42);
    assert_true(found.time_us == head.time_us);
    assert_string_equal(found.node, head.node);
    assert_string_equal(found.event, head.event);
    assert_string_equal(found.actor, head.actor);
    assert_string_equal(found.outcome, head.outcome);
    assert_string_equal(found.fax, head.fax);
    int64_t number;
    assert_true(record_int(&parsed, "loss", &number));
    assert_true(number == -3);
    assert_false(record_int(&parsed, "document", &number));
    assert_null(record_string(&parsed, "loss"));
    assert_null(record_string(&parsed, "absent"));
    assert_string_equal(record_string(&parsed, "document"), "a \"b\" \\ \t\x01 /\xC3\xA4");
}

/* SHA-256(salt || 0 || "to" || 0 || "+4930123456"), computed by sha256sum. */
static void commitment(void **state)
{
    (void)state;
    size_t length;
    uint8_t other[RECORD_SALT_OCTETS] = {0};
    record_begin(&record, &head);
    record_add_personal(&record, "to", "+4930123456", salt);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    assert_int_equal(record_parse(bytes, length, &parsed), 0);
    assert_string_equal(record_string(&parsed, "to"),
                        "sha256:e88c071eeb5e8ef4f7ed17aa6d9ea3dbd4342d32decb65ba7e0042b56aa388bf");
    assert_int_equal(record_check_personal(&parsed, "to", "+4930123456", salt), 0);
    assert_int_equal(record_check_personal(&parsed, "to", "+4930123457", salt), FAX_EP_MISMATCH);
    assert_int_equal(record_check_personal(&parsed, "to", "+4930123456", other), FAX_EP_MISMATCH);
    assert_int_equal(record_check_personal(&parsed, "from", "+4930123456", salt), FAX_EP_MISMATCH);
}

static void bad_heads_are_refused(void **state)
{
    (void)state;
    struct record_head bad[12];
    size_t length;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        bad[i] = head;
    bad[0].node = "";
    bad[1].node = "Node";
    bad[2].node = NULL;
    bad[3].event = "fax..x";
    bad[4].event = "fax.";
    bad[5].actor = "";
    bad[6].outcome = "OK";
    bad[7].fax = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5B";
    bad[8].index = (uint64_t)RECORD_INT_MAX + 1;
    bad[9].time_us = -1;
    bad[10].actor = "\xC0\x80";
    bad[11].event = ".x";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        record_begin(&record, &bad[i]);
        assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_INVAL);
    }
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "", "A", "1a", "a-b", "v", "index", "fax", "pages", "abcdefghijklmnopqrstuvwxyz0123456"};
    size_t length;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        record_begin(&record, &head);
        record_add_int(&record, "pages", 1);
        record_add_string(&record, keys[i], "x");
        assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_INVAL);
    }
    record_begin(&record, &head);
    record_add_int(&record, "pages", RECORD_INT_MAX + 1);
    record_add_string(&record, "more", "x");
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_INVAL);
    record_begin(&record, &head);
    record_add_string(&record, "text", "\xED\xA0\x80");
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_INVAL);
}

static void size_is_bounded(void **state)
{
    (void)state;
    static char big[RECORD_MAX + 10];
    size_t length;
    char key[16];
    memset(big, 'x', sizeof big - 1);
    record_begin(&record, &head);
    record_add_string(&record, "text", big);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_LIMIT);
    big[15000] = '\0';
    memset(big, '\x01', 15000); /* each becomes six octets */
    record_begin(&record, &head);
    record_add_string(&record, "text", big);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_LIMIT);
    record_begin(&record, &head);
    for (int i = 0; i < RECORD_FIELDS_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        record_add_int(&record, key, i);
    }
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), FAX_EP_LIMIT);
    record_begin(&record, &head);
    assert_int_equal(record_finish(&record, bytes, 20, &length), FAX_EP_LIMIT);
    assert_int_equal(record_parse(bytes, RECORD_MAX + 1, &parsed), FAX_EP_LIMIT);
    /* As large as can be. */
    record_begin(&record, &head);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    size_t room = RECORD_MAX - length - strlen(",\"text\":\"\"");
    memset(big, 'x', room);
    big[room] = '\0';
    record_add_string(&record, "text", big);
    assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    assert_int_equal(length, RECORD_MAX);
    assert_int_equal(record_parse(bytes, length, &parsed), 0);
}

#define TAIL "\"event\":\"a.b\",\"index\":0,\"node\":\"n\",\"outcome\":\"ok\",\"time\":0,\"v\":1}"

static void only_canonical_is_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
    } cases[] = {
        {"{\"actor\":\"x\"," TAIL, 0},
        {"{\"a\":-1,\"actor\":\"x\"," TAIL, 0},
        {"{\"a\":\"\\u001f\",\"actor\":\"x\"," TAIL, 0},
        {"", FAX_EP_FORMAT},
        {"{}", FAX_EP_FORMAT},
        {"[]", FAX_EP_FORMAT},
        {"{\"actor\":\"x\", " TAIL, FAX_EP_FORMAT},
        {" {\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"actor\":\"x\"," TAIL "\n", FAX_EP_FORMAT},
        {"{\"actor\":\"x\"," TAIL "}", FAX_EP_FORMAT},
        {"{\"actor\":\"x\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"b\":1,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{" TAIL, FAX_EP_FORMAT},
        {"{\"actor\":1," TAIL, FAX_EP_FORMAT},
        {"{\"a\":01,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":-0,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":1.0,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":1e3,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":9007199254740992,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":99999999999999999999,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":-,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":true,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":null,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":{},\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\\/\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\\u0041\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\\u001F\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\\u0009\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\\u0000\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\t\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"a\":\"\x80\",\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"A\":1,\"actor\":\"x\"," TAIL, FAX_EP_FORMAT},
        {"{\"actor\":\"x\",\"event\":\"a.b\",\"index\":0,\"node\":\"n\",\"outcome\":\"ok\","
         "\"time\":0,\"v\":2}",
         FAX_EP_VERSION},
        {"{\"actor\":\"x\",\"event\":\"a.b\",\"fax\":1,\"index\":0,\"node\":\"n\","
         "\"outcome\":\"ok\",\"time\":0,\"v\":1}",
         FAX_EP_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = record_parse((const uint8_t *)cases[i].text, strlen(cases[i].text), &parsed);
        if (rc != cases[i].error)
            print_message("%s\n", cases[i].text);
        assert_int_equal(rc, cases[i].error);
    }
    static const char whole[] = "{\"actor\":\"x\"," TAIL;
    for (size_t n = 0; n < sizeof whole - 1; n++)
        assert_int_equal(record_parse((const uint8_t *)whole, n, &parsed), FAX_EP_FORMAT);
}

static void event_table(void **state)
{
    (void)state;
    const struct event_type *type;
    size_t count = 0;
    for (const char *last = ""; (type = event_type_at(count)); last = type->name, count++) {
        assert_true(strcmp(last, type->name) < 0);
        assert_ptr_equal(event_type_find(type->name), type);
        assert_string_not_equal(event_category_text(type->category), "unknown");
        /* Every name and every personal key can stand in a record. */
        struct record_head h = head;
        size_t length;
        h.event = type->name;
        record_begin(&record, &h);
        for (size_t i = 0; i < EVENT_PERSONAL_KEYS_MAX && type->personal_keys[i]; i++) {
            record_add_personal(&record, type->personal_keys[i], "x", salt);
            assert_true(event_key_is_personal(type, type->personal_keys[i]));
        }
        assert_int_equal(record_finish(&record, bytes, sizeof bytes, &length), 0);
    }
    assert_true(count >= 57); /* types are added, never taken away: old records name them */
    assert_null(event_type_find("fax"));
    assert_null(event_type_find("zzz"));
    assert_null(event_type_find(NULL));
    assert_false(event_key_is_personal(event_type_find("fax.submitted"), "pages"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_bytes),          cmocka_unit_test(commitment),
        cmocka_unit_test(bad_heads_are_refused), cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(size_is_bounded),       cmocka_unit_test(only_canonical_is_parsed),
        cmocka_unit_test(event_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
