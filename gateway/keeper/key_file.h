/* key_file.h: small files that must survive a crash whole, in a directory of the keeper (private to
 * gateway/keeper). Names are relative to a directory descriptor. */
#ifndef GATEWAY_KEEPER_KEY_FILE_H
#define GATEWAY_KEEPER_KEY_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { KEY_FILE_NAME_MAX = 96 };

/* Writes a new file, mode 0600: beside its place, fsync, rename without replacing, fsync of the
 * directory. Returns 0 when it is durable; -EEXIST when there is one; another negative errno. */
int key_file_create(int directory, const char *name, const uint8_t *octets, size_t length)
    __attribute__((warn_unused_result));

/* Reads a whole file of at most capacity octets. Returns 0; -ENOENT; -EFBIG; another errno. */
int key_file_read(int directory, const char *name, uint8_t *octets, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Overwrites the contents, fsync, removes the name, fsync of the directory. The overwriting is no
 * promise on storage that writes elsewhere; what destroys is that the KEK goes too (DESIGN: vault
 * and key store). What a crash has left of making the file goes as well. Returns 0 when durable;
 * -ENOENT; another negative errno. */
int key_file_destroy(int directory, const char *name) __attribute__((warn_unused_result));

/* Opens a sub-directory, made with mode 0700 (and durable) when it is missing. Returns the
 * descriptor or a negative errno. */
int key_file_open_directory(int directory, const char *name) __attribute__((warn_unused_result));

/* Removes what a crash left half-written in a directory (names that end in ".new"). */
int key_file_remove_unfinished(int directory) __attribute__((warn_unused_result));

#endif
