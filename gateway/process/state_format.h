/* state_format.h: which version of sealfax a state directory was last used by: the file `format` in
 * it, one line, "sealfax state <number>, written by <version>".
 *
 * The number is raised whenever an older program could damage or misread what this one writes into
 * vault, journal or key store; the database's schema has numbers of its own. So an older program
 * refuses the directory before it touches anything. Directories of 0.1.0 have no such file. 2:
 * packs of messages and of their keys (policy/pack.h). */
#ifndef GATEWAY_PROCESS_STATE_FORMAT_H
#define GATEWAY_PROCESS_STATE_FORMAT_H

#include <stddef.h>

enum { STATE_FORMAT = 2 };

/* Reads the file below root, the state directory. Returns 0 when this program may use it (also
 * without a file); -EPROTONOSUPPORT: a newer one wrote it; -EBADMSG: not such a file; another
 * negative errno. reason gets a sentence on failure. */
int state_format_check(const char *root, char *reason, size_t reason_size)
    __attribute__((warn_unused_result));

/* Writes the file durably, if it says something else. Returns 0 or a negative errno. */
int state_format_write(const char *root) __attribute__((warn_unused_result));

#endif
