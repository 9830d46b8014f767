/* pack.h: the table at the start of a pack, a file that holds several items made together (wrapped
 * keys, sealed messages), so that making them durable costs what one file costs. The bytes are
 * described in policy/README.md. Nothing here does input or output.
 *
 * The table never changes. An item that was destroyed is zeros where it began: the items themselves
 * begin with a letter. */
#ifndef POLICY_PACK_H
#define POLICY_PACK_H

#include <stddef.h>
#include <stdint.h>

enum {
    PACK_VERSION = 1,
    PACK_ID_OCTETS = 16,
    PACK_ITEMS_MAX = 64,
    PACK_TABLE_MAX = 16 + PACK_ITEMS_MAX * 32 + 4, /* octets an encoded table takes at most */
    PACK_FAMILY_OCTETS = 8 /* the last octets of an id: alike in all items of a pack */
};

/* What the items are. The numbers stand in files: never reuse one. */
enum pack_kind {
    PACK_KEYS = 1,    /* records of data keys (key_wrap.h) */
    PACK_MESSAGES = 2 /* sealed messages: a header and frames each (vault.h) */
};

struct pack_item {
    uint8_t id[PACK_ID_OCTETS];
    uint64_t offset; /* from the start of the file */
    uint64_t length; /* octets, at least one */
};

struct pack_table {
    enum pack_kind kind;
    uint32_t count; /* 1 … PACK_ITEMS_MAX */
    struct pack_item items[PACK_ITEMS_MAX];
};

/* Octets of the table of so many items. */
size_t pack_table_octets(uint32_t count);

/* Gives the items their offsets: in order behind the table, each at a multiple of alignment (a
 * power of two). Returns the octets of the file: the end of the last item. */
uint64_t pack_table_place(struct pack_table *table, uint64_t alignment);

/* Encodes the table to out. Returns 0 and the octets written in *length; FAX_EP_INVAL for a table
 * that pack_table_decode() would refuse, FAX_EP_LIMIT when capacity is too small (PACK_TABLE_MAX
 * always suffices). */
int pack_table_encode(const struct pack_table *table, uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Decodes the table at the start of a pack of file_octets, of which available are given. Items are
 * in order, do not overlap and lie within the file; their ids end alike and differ. Errors:
 * FAX_EP_TRUNCATED, FAX_EP_VERSION, FAX_EP_FORMAT (also another kind than wanted). */
int pack_table_decode(const uint8_t *bytes, size_t available, uint64_t file_octets,
                      enum pack_kind wanted, struct pack_table *table)
    __attribute__((warn_unused_result));

/* The item of an id, or NULL. */
const struct pack_item *pack_table_find(const struct pack_table *table,
                                        const uint8_t id[PACK_ID_OCTETS]);

#endif
