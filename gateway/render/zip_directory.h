/* zip_directory.h: the list of files of a ZIP archive, as far as it stands in memory (APPNOTE 4.3).
 * Nothing is unpacked but one small file at a time. No ZIP64, no archives in several parts. */
#ifndef GATEWAY_RENDER_ZIP_DIRECTORY_H
#define GATEWAY_RENDER_ZIP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zip_directory {
    const uint8_t *data; /* the archive; borrowed */
    size_t length;
    size_t at, end; /* of the directory that is left */
    uint32_t left;  /* entries */
};

struct zip_entry {
    const char *name; /* not ended by NUL; as it stands in the archive */
    size_t name_length;
    bool encrypted;
    uint16_t method;                /* 0: stored, 8: deflated */
    uint32_t packed_octets, octets; /* as announced */
    uint32_t offset;                /* of its local header */
};

/* Finds the directory by the record at the end. Returns 0; FAX_EFORMAT: no archive, or damaged;
 * FAX_ELIMIT: an archive with 65,535 files or 4 GiB. */
int zip_directory_open(struct zip_directory *directory, const uint8_t *data, size_t length)
    __attribute__((warn_unused_result));

/* Returns 1 with the next entry, 0 at the end, FAX_EFORMAT or FAX_ELIMIT as above. */
int zip_directory_next(struct zip_directory *directory, struct zip_entry *entry)
    __attribute__((warn_unused_result));

/* Unpacks an entry to out, at most capacity octets. Returns 0 with *octets; FAX_ELIMIT: it is
 * longer; FAX_EFORMAT; FAX_EUNSUPPORTED: another method. */
int zip_entry_unpack(const struct zip_directory *directory, const struct zip_entry *entry,
                     uint8_t *out, size_t capacity, size_t *octets)
    __attribute__((warn_unused_result));

#endif
