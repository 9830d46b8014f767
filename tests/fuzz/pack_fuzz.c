/* The table of a pack: what is taken is sound, and written again it is the same octets. */
#include <stdlib.h>
#include <string.h>

#include "policy/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size, enum pack_kind kind)
{
    struct pack_table table;
    uint8_t again[PACK_TABLE_MAX];
    size_t length = 0;
    /* Items may lie behind what is given of the file. */
    if (pack_table_decode(data, size, (uint64_t)size + (1 << 16), kind, &table) != 0)
        return;
    if (pack_table_encode(&table, again, sizeof again, &length) != 0 || length > size ||
        memcmp(again, data, length) != 0)
        abort();
    uint64_t end = length;
    for (uint32_t i = 0; i < table.count; i++) {
        if (table.items[i].offset < end || table.items[i].length == 0 ||
            pack_table_find(&table, table.items[i].id) != &table.items[i])
            abort();
        end = table.items[i].offset + table.items[i].length;
    }
    if (end > (uint64_t)size + (1 << 16))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size, PACK_KEYS);
    check(data, size, PACK_MESSAGES);
    return 0;
}
