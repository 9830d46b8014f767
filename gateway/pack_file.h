/* pack_file.h: packs (policy/pack.h) as files of a directory. A pack is whole or not there: it is
 * written beside its place. Blocking. */
#ifndef GATEWAY_PACK_FILE_H
#define GATEWAY_PACK_FILE_H

#include <stdbool.h>

#include "policy/pack.h"

enum { PACK_FILE_NAME = 2 * PACK_FAMILY_OCTETS + 6 };

/* The pack in which an item of this id lies, when it lies in one: "0123456789abcdef.pack". */
void pack_file_name(const uint8_t id[PACK_ID_OCTETS], char name[PACK_FILE_NAME]);

/* Whether a name is that of a pack. */
bool pack_file_is_name(const char *name);

/* Begins a pack, mode 0600, with its table (offsets given by pack_table_place()). Returns a
 * descriptor to write the items with, at their offsets, or a negative errno. */
int pack_file_begin(int directory, const struct pack_table *table)
    __attribute__((warn_unused_result));

/* Ends it and closes the descriptor. status 0: all is written, the pack is made durable. Otherwise
 * it is removed. Returns status, or what went wrong then: a negative errno, -EEXIST when there is
 * one of this name; then nothing of it is left. */
int pack_file_end(int directory, const struct pack_table *table, int fd, int status)
    __attribute__((warn_unused_result));

/* Removes what crashes left between begin and end. */
int pack_file_remove_unfinished(int directory) __attribute__((warn_unused_result));

/* Opens a pack with O_RDONLY or O_RDWR and reads its table. On success *fd is the caller's. Errors:
 * -ENOENT; -EBADMSG: it is damaged; another negative errno. */
int pack_file_open(int directory, const char *name, int flags, enum pack_kind kind,
                   struct pack_table *table, int *fd) __attribute__((warn_unused_result));

/* The same for the pack of an id; *item is its item, not destroyed. Errors: -ENOENT also when the
 * pack has no such item, or it was destroyed. */
int pack_file_open_item(int directory, const uint8_t id[PACK_ID_OCTETS], int flags,
                        enum pack_kind kind, struct pack_table *table,
                        const struct pack_item **item, int *fd) __attribute__((warn_unused_result));

/* Returns 1 when the item is there, 0 when it was destroyed, or a negative errno. */
int pack_file_has(int fd, const struct pack_item *item) __attribute__((warn_unused_result));

/* How an item is destroyed. */
enum pack_file_end {
    PACK_OVERWRITE, /* zeros are written over it: small items */
    PACK_RELEASE    /* its blocks are given back, where the file system can do that */
};

/* Destroys the item of an id; with the last one goes the pack. Durable on return. Errors: -ENOENT
 * when there is none, or it was destroyed before; -EBADMSG; another negative errno. */
int pack_file_destroy(int directory, const uint8_t id[PACK_ID_OCTETS], enum pack_kind kind,
                      enum pack_file_end how) __attribute__((warn_unused_result));

/* Removes the pack when all its items are destroyed: the last step of pack_file_destroy(), which a
 * crash may have left out. fd: the pack. Returns 1 when it was removed, 0, or a negative errno. */
int pack_file_remove_empty(int directory, const char *name, int fd, const struct pack_table *table)
    __attribute__((warn_unused_result));

#endif
