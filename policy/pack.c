#include "policy/pack.h"

#include <stdbool.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/wire.h"

enum { MAGIC_OCTETS = 7, HEADER_OCTETS = 16, ITEM_OCTETS = 32, CHECK_OCTETS = 4 };

static const char magic[MAGIC_OCTETS + 1] = "SEALPAK"; /* the version octet follows */

_Static_assert(HEADER_OCTETS + PACK_ITEMS_MAX * ITEM_OCTETS + CHECK_OCTETS == PACK_TABLE_MAX,
               "every table fits");

size_t pack_table_octets(uint32_t count)
{
    return HEADER_OCTETS + (size_t)count * ITEM_OCTETS + CHECK_OCTETS;
}

uint64_t pack_table_place(struct pack_table *table, uint64_t alignment)
{
    uint64_t end = pack_table_octets(table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        table->items[i].offset = (end + alignment - 1) & ~(alignment - 1);
        end = table->items[i].offset + table->items[i].length;
    }
    return end;
}

static bool is_family(const struct pack_table *table, uint32_t number)
{
    enum { OWN_OCTETS = PACK_ID_OCTETS - PACK_FAMILY_OCTETS };
    const uint8_t *id = table->items[number].id;
    for (uint32_t i = 0; i < number; i++)
        if (memcmp(table->items[i].id + OWN_OCTETS, id + OWN_OCTETS, PACK_FAMILY_OCTETS) != 0 ||
            memcmp(table->items[i].id, id, OWN_OCTETS) == 0)
            return false;
    return true;
}

static bool is_sound(const struct pack_table *table, uint64_t file_octets)
{
    if (table->count == 0 || table->count > PACK_ITEMS_MAX)
        return false;
    uint64_t end = pack_table_octets(table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct pack_item *item = &table->items[i];
        if (item->offset < end || item->offset > file_octets || item->length == 0 ||
            item->length > file_octets - item->offset || !is_family(table, i))
            return false;
        end = item->offset + item->length;
    }
    return true;
}

int pack_table_encode(const struct pack_table *table, uint8_t *out, size_t capacity, size_t *length)
{
    struct wire_writer writer;
    if (!is_sound(table, INT64_MAX))
        return FAX_EP_INVAL;
    wire_writer_init(&writer, out, capacity);
    wire_put_octets(&writer, magic, MAGIC_OCTETS);
    wire_put_u8(&writer, PACK_VERSION);
    wire_put_u32(&writer, (uint32_t)table->kind);
    wire_put_u32(&writer, table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        wire_put_octets(&writer, table->items[i].id, sizeof table->items[i].id);
        wire_put_u64(&writer, table->items[i].offset);
        wire_put_u64(&writer, table->items[i].length);
    }
    if (!writer.error)
        wire_put_u32(&writer, wire_crc32c(0, out, writer.length));
    *length = writer.length;
    return writer.error;
}

int pack_table_decode(const uint8_t *bytes, size_t available, uint64_t file_octets,
                      enum pack_kind wanted, struct pack_table *table)
{
    struct wire_reader reader;
    wire_reader_init(&reader, bytes, available);
    const uint8_t *start = wire_take(&reader, MAGIC_OCTETS);
    if (!start)
        return FAX_EP_TRUNCATED;
    if (memcmp(start, magic, MAGIC_OCTETS) != 0)
        return FAX_EP_FORMAT;
    uint8_t version = wire_get_u8(&reader);
    if (!reader.error && version != PACK_VERSION)
        return FAX_EP_VERSION;
    uint32_t kind = wire_get_u32(&reader), count = wire_get_u32(&reader);
    if (!reader.error && (kind != (uint32_t)wanted || count == 0 || count > PACK_ITEMS_MAX))
        return FAX_EP_FORMAT;
    memset(table, 0, sizeof *table);
    table->kind = wanted;
    table->count = reader.error ? 0 : count;
    for (uint32_t i = 0; i < table->count; i++) {
        wire_get_octets(&reader, table->items[i].id, sizeof table->items[i].id);
        table->items[i].offset = wire_get_u64(&reader);
        table->items[i].length = wire_get_u64(&reader);
    }
    size_t checked = reader.offset;
    uint32_t check = wire_get_u32(&reader);
    if (reader.error)
        return reader.error;
    return check == wire_crc32c(0, bytes, checked) && is_sound(table, file_octets) ? 0
                                                                                   : FAX_EP_FORMAT;
}

const struct pack_item *pack_table_find(const struct pack_table *table,
                                        const uint8_t id[PACK_ID_OCTETS])
{
    for (uint32_t i = 0; i < table->count; i++)
        if (memcmp(table->items[i].id, id, PACK_ID_OCTETS) == 0)
            return &table->items[i];
    return NULL;
}
