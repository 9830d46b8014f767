/* file_octets.h: all octets of a piece to or from a descriptor, through interruptions and short
 * counts. They block: loops call them on memory files or from the thread pool only. */
#ifndef GATEWAY_FILE_OCTETS_H
#define GATEWAY_FILE_OCTETS_H

#include <stddef.h>
#include <stdint.h>

/* Writes length octets at the descriptor's own offset. On an error some may have been written.
 * Errors: a negative errno; -EIO when nothing more is taken. */
int file_write_all(int fd, const void *octets, size_t length) __attribute__((warn_unused_result));

/* The same from the given offset, in octets, without moving the descriptor's own. */
int file_write_all_at(int fd, const void *octets, size_t length, uint64_t offset)
    __attribute__((warn_unused_result));

/* Reads exactly length octets from the given offset, without moving the descriptor's own (which
 * processes that share the file share too). Errors: -EBADMSG when the file ends before; otherwise a
 * negative errno. */
int file_read_all_at(int fd, void *octets, size_t length, uint64_t offset)
    __attribute__((warn_unused_result));

#endif
