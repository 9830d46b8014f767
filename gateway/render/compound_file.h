/* compound_file.h: the names in a compound file (OLE2, MS-CFB), as far as it stands in memory. */
#ifndef GATEWAY_RENDER_COMPOUND_FILE_H
#define GATEWAY_RENDER_COMPOUND_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { COMPOUND_NAME_MAX = 32 };

/* Takes a stream's or storage's name, NUL-terminated; characters beyond ASCII are '?'. */
typedef void compound_name_cb(void *user, const char name[COMPOUND_NAME_MAX]);

/* Walks the directory (MS-CFB 2.6), at most as many sectors as the file has. Names may be on
 * entries that nothing refers to. Returns 0, or FAX_EFORMAT: no compound file, or damaged. */
int compound_file_names(const uint8_t *data, size_t length, compound_name_cb *name, void *user)
    __attribute__((warn_unused_result));

#endif
