/* office_place.h: the private directories in which LibreOffice keeps its files while it converts a
 * document: on a tmpfs, and only where swap could not bring them to a disk in clear.
 *
 * A gateway has one base directory (state_paths.office), `sealfax render` one of its own. In it
 * each render process makes one for itself before it enters its sandbox, named by its pid; it is
 * all that this process can write to. Who started the render removes it when that has ended,
 * however it ended; what a killed gateway left is removed at the next start. */
#ifndef GATEWAY_PROCESS_OFFICE_PLACE_H
#define GATEWAY_PROCESS_OFFICE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gateway/process/state_paths.h"

enum { OFFICE_REASON_MAX = 240, OFFICE_BASE_PATH_MAX = 60 /* a socket's path stands below it */ };

/* --- who starts renders --- */

/* Whether the render with this pid still runs. */
typedef bool office_in_use_cb(void *user, pid_t pid);

/* Makes the base directory, mode 0700, the owner's (or takes an earlier one that is), and removes
 * what ended renders left in it; in_use NULL: all that lies there, and a lock keeps other gateways
 * away. base has at most OFFICE_BASE_PATH_MAX octets of A-Z a-z 0-9 . _ - and /. Returns its
 * descriptor, or a negative errno with a sentence in reason (OFFICE_REASON_MAX). */
int office_base_open(const char *base, const struct account *owner, office_in_use_cb *in_use,
                     void *user, char *reason) __attribute__((warn_unused_result));

/* Removes the directories of renders that have ended (in_use NULL: all). Returns 0, or -EAGAIN when
 * something could not be removed: a process that was killed with its render may still be on its
 * way out. */
int office_base_sweep(int base_fd, office_in_use_cb *in_use, void *user);

/* Closes the descriptor, and removes the directory when nothing is in it; -1 is no error. */
void office_base_close(int base_fd, const char *base);

/* --- the render process --- */

struct office_place {
    const char *program;            /* of LibreOffice */
    char directory[STATE_PATH_MAX]; /* the process's own, empty; "": Office documents are refused */
    char
        refusal[OFFICE_REASON_MAX]; /* why, to go on after 'an Office document cannot be faxed: ' */
};

/* Makes the process's own directory. base: state_paths.office, or "" or NULL. To be called before
 * the sandbox, and for each document anew: swap may have been switched on since. */
void office_place_make(struct office_place *place, const char *base);

/* Removes everything in the directory, which is the process's own; it stays itself. Returns 0 or
 * -EAGAIN. */
int office_place_empty(const struct office_place *place);

#endif
