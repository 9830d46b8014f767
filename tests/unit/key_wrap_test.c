#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/key_master.h"
#include "policy/key_wrap.h"
#include "policy/policy_error.h"

static const uint8_t master[KEY_OCTETS] = {7, 7, 7};
static const uint8_t kek[KEY_OCTETS] = {1, 1};
static const uint8_t data_key[KEY_OCTETS] = {2, 2, 2, 2};
static const uint8_t fax[KEY_FAX_ID_OCTETS] = {0x0A, 0x0B};

static void data_key_round_trip(void **state)
{
    (void)state;
    struct key_data_record in = {.class_name = "medical", .kek_id = "medical/2027-03/2"}, out;
    uint8_t bytes[KEY_RECORD_MAX], back[KEY_OCTETS], other[KEY_OCTETS] = {3};
    size_t length, again;
    memcpy(in.fax_id, fax, sizeof fax);
    assert_int_equal(key_wrap_data(kek, &in, data_key, bytes, sizeof bytes, &length), 0);
    assert_int_equal(key_data_record_decode(bytes, length, &out), 0);
    assert_memory_equal(out.fax_id, fax, sizeof fax);
    assert_string_equal(out.class_name, "medical");
    assert_string_equal(out.kek_id, "medical/2027-03/2");
    assert_int_equal(key_unwrap_data(kek, fax, bytes, length, back), 0);
    assert_memory_equal(back, data_key, sizeof back);
    assert_int_equal(key_unwrap_data(other, fax, bytes, length, back), FAX_EP_AUTH);
    assert_int_equal(back[0], 0);
    assert_int_equal(key_unwrap_data(kek, other, bytes, length, back), FAX_EP_MISMATCH);
    uint8_t second[KEY_RECORD_MAX];
    assert_int_equal(key_wrap_data(kek, &in, data_key, second, sizeof second, &again), 0);
    assert_memory_not_equal(bytes, second, length); /* a nonce of its own */
    assert_int_equal(key_wrap_data(kek, &in, data_key, bytes, 40, &again), FAX_EP_LIMIT);
    strcpy(in.class_name, "other");
    assert_int_equal(key_wrap_data(kek, &in, data_key, bytes, 200, &again), FAX_EP_MISMATCH);
    strcpy(in.kek_id, "other/2027-13/2");
    assert_int_equal(key_wrap_data(kek, &in, data_key, bytes, 200, &again), FAX_EP_INVAL);
}

static void damaged_data_records_are_refused(void **state)
{
    (void)state;
    struct key_data_record in = {.class_name = "a", .kek_id = "a/undated/1"};
    uint8_t bytes[KEY_RECORD_MAX + 1], back[KEY_OCTETS];
    size_t length;
    memcpy(in.fax_id, fax, sizeof fax);
    assert_int_equal(key_wrap_data(kek, &in, data_key, bytes, sizeof bytes, &length), 0);
    for (size_t bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(key_unwrap_data(kek, fax, bytes, length, back), 0);
        for (size_t i = 0; i < sizeof back; i++)
            assert_int_equal(back[i], 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < length; n++)
        assert_int_equal(key_unwrap_data(kek, fax, bytes, n, back), FAX_EP_TRUNCATED);
    assert_int_equal(key_unwrap_data(kek, fax, bytes, length + 1, back), FAX_EP_FORMAT);
    bytes[7] = 2;
    assert_int_equal(key_unwrap_data(kek, fax, bytes, length, back), FAX_EP_VERSION);
}

static void kek_round_trip(void **state)
{
    (void)state;
    struct key_kek_record in = {.kek_id = "a/2027-03/1", .created_us = 1790000000000000}, out;
    uint8_t bytes[KEY_RECORD_MAX], back[KEY_OCTETS], other[KEY_OCTETS] = {8};
    uint8_t id[KEY_MASTER_ID_OCTETS];
    size_t length;
    assert_int_equal(key_wrap_kek(master, &in, kek, bytes, sizeof bytes, &length), 0);
    assert_int_equal(key_kek_record_decode(bytes, length, &out), 0);
    assert_string_equal(out.kek_id, in.kek_id);
    assert_true(out.created_us == in.created_us);
    assert_int_equal(key_master_id(master, id), 0);
    assert_memory_equal(id, out.master_id, sizeof id);
    assert_int_equal(key_unwrap_kek(master, "a/2027-03/1", bytes, length, back), 0);
    assert_memory_equal(back, kek, sizeof back);
    assert_int_equal(key_unwrap_kek(other, "a/2027-03/1", bytes, length, back), FAX_EP_AUTH);
    assert_int_equal(key_unwrap_kek(master, "a/2027-03/2", bytes, length, back), FAX_EP_MISMATCH);
    for (size_t bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(key_unwrap_kek(master, "a/2027-03/1", bytes, length, back), 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    in.created_us = -1;
    assert_int_equal(key_wrap_kek(master, &in, kek, bytes, sizeof bytes, &length), FAX_EP_INVAL);
}

static void signing_key_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[KEY_RECORD_MAX], back[KEY_OCTETS];
    size_t length;
    assert_int_equal(key_wrap_signing(master, "node-1", kek, bytes, sizeof bytes, &length), 0);
    assert_int_equal(key_unwrap_signing(master, "node-1", bytes, length, back), 0);
    assert_memory_equal(back, kek, sizeof back);
    assert_int_equal(key_unwrap_signing(kek, "node-1", bytes, length, back), FAX_EP_AUTH);
    assert_int_equal(key_unwrap_signing(master, "node-2", bytes, length, back), FAX_EP_MISMATCH);
    assert_int_equal(key_unwrap_kek(master, "node-1", bytes, length, back), FAX_EP_FORMAT);
    bytes[length - 1] ^= 1;
    assert_int_equal(key_unwrap_signing(master, "node-1", bytes, length, back), FAX_EP_AUTH);
    assert_int_equal(key_wrap_signing(master, "", kek, bytes, sizeof bytes, &length), FAX_EP_INVAL);
}

static void kek_ids(void **state)
{
    (void)state;
    struct kek_id id = {.class_name = "a-1", .month = "2027-03", .version = 12};
    char text[KEK_ID_TEXT];
    assert_int_equal(kek_id_make(&id, text), 0);
    assert_string_equal(text, "a-1/2027-03/12");
    static const char *const good[] = {"a/undated/1", "abc/1999-12/4294967295",
                                       "abcdefghijklmnopqrstuvwxyz012345/undated/4294967295"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(kek_id_parse(good[i], &id), 0);
        assert_int_equal(kek_id_make(&id, text), 0);
        assert_string_equal(text, good[i]);
    }
    static const char *const bad[] = {NULL,
                                      "",
                                      "a",
                                      "a/",
                                      "a/undated",
                                      "a/undated/",
                                      "a/undated/0",
                                      "a/undated/01",
                                      "a/undated/1 ",
                                      "a/undated/4294967296",
                                      "A/undated/1",
                                      "a/2027-00/1",
                                      "a/2027-13/1",
                                      "a/2027_01/1",
                                      "/undated/1",
                                      "1a/undated/1",
                                      "a/undatedd/1",
                                      "a/202-033/1",
                                      "abcdefghijklmnopqrstuvwxyz0123456/undated/1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kek_id_parse(bad[i], &id), FAX_EP_FORMAT);
    id = (struct kek_id){.class_name = "a", .month = "undated"};
    assert_int_equal(kek_id_make(&id, text), FAX_EP_INVAL);
}

static void master_text_round_trip(void **state)
{
    (void)state;
    char text[KEY_MASTER_TEXT], reason[KEY_MASTER_REASON];
    uint8_t back[KEY_OCTETS];
    assert_int_equal(key_master_write(master, text), 0);
    size_t length = strlen(text);
    assert_int_equal(length, 17 + 64 + 1 + 8 + 1);
    assert_int_equal(key_master_parse(text, length, back, reason), 0);
    assert_memory_equal(back, master, sizeof back);
    assert_string_equal(reason, "");
    assert_int_equal(key_master_parse(text, length - 1, back, reason), 0);
    for (size_t i = 0; i < length - 1; i++) {
        char altered[KEY_MASTER_TEXT];
        memcpy(altered, text, sizeof altered);
        altered[i] = altered[i] == '1' ? '2' : '1';
        assert_int_not_equal(key_master_parse(altered, length, back, reason), 0);
        assert_string_not_equal(reason, "");
        assert_int_equal(back[0] | back[2], 0);
    }
    for (size_t n = 0; n < length - 1; n++)
        assert_int_not_equal(key_master_parse(text, n, back, reason), 0);
}

static void master_text_errors_are_clear(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        const char *word;
    } cases[] = {
        {"", FAX_EP_TRUNCATED, "empty"},
        {" \n", FAX_EP_TRUNCATED, "empty"},
        {"hello, this is no key", FAX_EP_FORMAT, "begin"},
        {"sealfax-master-2 00", FAX_EP_VERSION, "version"},
        {"sealfax-master-1 00", FAX_EP_TRUNCATED, "19 characters"},
        {"sealfax-master-1 "
         "00000000000000000000000000000000000000000000000000000000000000zz 00000000",
         FAX_EP_FORMAT, "hex"},
        {"sealfax-master-1 "
         "0000000000000000000000000000000000000000000000000000000000000000 00000000",
         FAX_EP_MISMATCH, "altered"},
        {"sealfax-master-1 "
         "0000000000000000000000000000000000000000000000000000000000000000 00000000 x",
         FAX_EP_FORMAT, "92 characters"},
    };
    char reason[KEY_MASTER_REASON];
    uint8_t back[KEY_OCTETS];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = key_master_parse(cases[i].text, strlen(cases[i].text), back, reason);
        assert_int_equal(rc, cases[i].error);
        assert_non_null(strstr(reason, cases[i].word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_key_round_trip),
        cmocka_unit_test(damaged_data_records_are_refused),
        cmocka_unit_test(kek_round_trip),
        cmocka_unit_test(signing_key_round_trip),
        cmocka_unit_test(kek_ids),
        cmocka_unit_test(master_text_round_trip),
        cmocka_unit_test(master_text_errors_are_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
