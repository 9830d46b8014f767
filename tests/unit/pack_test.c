#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/pack.h"
#include "policy/policy_error.h"
#include "policy/wire.h"

static struct pack_table new_table(uint32_t count)
{
    struct pack_table table = {.kind = PACK_MESSAGES, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        table.items[i].id[7] = (uint8_t)i;
        memset(table.items[i].id + 8, 0xAB, 8);
        table.items[i].length = 100 + i;
    }
    return table;
}

static void tables_come_back(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= PACK_ITEMS_MAX; count += 21) {
        struct pack_table table = new_table(count), back;
        uint8_t octets[PACK_TABLE_MAX];
        size_t length = 0;
        uint64_t end = pack_table_place(&table, 4096);
        assert_int_equal(end, (uint64_t)4096 * count + 100 + count - 1);
        assert_int_equal(pack_table_encode(&table, octets, sizeof octets, &length), 0);
        assert_int_equal(length, pack_table_octets(count));
        assert_int_equal(pack_table_decode(octets, length, end, PACK_MESSAGES, &back), 0);
        assert_memory_equal(&back, &table, sizeof back);
        assert_ptr_equal(pack_table_find(&back, table.items[count - 1].id), &back.items[count - 1]);
        table.items[0].id[0] = 1;
        assert_null(pack_table_find(&back, table.items[0].id));
        /* The file is shorter than its last item, or of another kind; or the table is torn. */
        assert_int_equal(pack_table_decode(octets, length, end - 1, PACK_MESSAGES, &back),
                         FAX_EP_FORMAT);
        assert_int_equal(pack_table_decode(octets, length, end, PACK_KEYS, &back), FAX_EP_FORMAT);
        for (size_t i = 0; i < length; i++)
            assert_int_equal(pack_table_decode(octets, i, end, PACK_MESSAGES, &back),
                             FAX_EP_TRUNCATED);
        assert_int_equal(pack_table_encode(&table, octets, length - 1, &length), FAX_EP_LIMIT);
    }
}

static void every_damaged_octet_is_noticed(void **state)
{
    struct pack_table table = new_table(3), back;
    uint8_t octets[PACK_TABLE_MAX];
    size_t length = 0;
    uint64_t end = pack_table_place(&table, 1);
    (void)state;
    assert_int_equal(pack_table_encode(&table, octets, sizeof octets, &length), 0);
    for (size_t i = 0; i < length; i++) {
        octets[i] ^= 0x40;
        assert_int_not_equal(pack_table_decode(octets, length, end, PACK_MESSAGES, &back), 0);
        octets[i] ^= 0x40;
    }
    octets[7] = PACK_VERSION + 1;
    assert_int_equal(pack_table_decode(octets, length, end, PACK_MESSAGES, &back), FAX_EP_VERSION);
}

static void assert_refused(const struct pack_table *table)
{
    uint8_t octets[PACK_TABLE_MAX];
    size_t length;
    assert_int_equal(pack_table_encode(table, octets, sizeof octets, &length), FAX_EP_INVAL);
}

static void tables_that_are_not_sound_are_refused(void **state)
{
    struct pack_table table = new_table(3), wrong;
    (void)state;
    (void)pack_table_place(&table, 1);
    wrong = table;
    wrong.count = 0;
    assert_refused(&wrong);
    wrong.count = PACK_ITEMS_MAX + 1;
    assert_refused(&wrong);
    wrong = table;
    wrong.items[0].offset = pack_table_octets(3) - 1; /* within the table */
    assert_refused(&wrong);
    wrong = table;
    wrong.items[1].offset--; /* within the item before */
    assert_refused(&wrong);
    wrong = table;
    wrong.items[2].length = UINT64_MAX - 5;
    assert_refused(&wrong);
    wrong = table;
    wrong.items[2].length = 0;
    assert_refused(&wrong);
    wrong = table;
    wrong.items[2].id[15] ^= 1; /* of another family */
    assert_refused(&wrong);
    wrong = table;
    wrong.items[2].id[7] = 0; /* twice */
    assert_refused(&wrong);
}

/* As another program might write it: sound check sum, items that overlap. */
static void a_right_check_sum_is_not_enough(void **state)
{
    struct pack_table table = new_table(2), back;
    uint8_t octets[PACK_TABLE_MAX];
    size_t length = 0;
    (void)state;
    uint64_t end = pack_table_place(&table, 1);
    assert_int_equal(pack_table_encode(&table, octets, sizeof octets, &length), 0);
    memset(octets + 16 + 32 + 16, 0, 7);
    octets[16 + 32 + 16 + 7] = (uint8_t)(table.items[0].offset + 1);
    uint32_t check = wire_crc32c(0, octets, length - 4);
    for (int i = 0; i < 4; i++)
        octets[length - 4 + (size_t)i] = (uint8_t)(check >> (24 - 8 * i));
    assert_int_equal(pack_table_decode(octets, length, end, PACK_MESSAGES, &back), FAX_EP_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_come_back),
        cmocka_unit_test(every_damaged_octet_is_noticed),
        cmocka_unit_test(tables_that_are_not_sound_are_refused),
        cmocka_unit_test(a_right_check_sum_is_not_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
