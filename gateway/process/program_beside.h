/* program_beside.h: the other programs of this package, which stand where ours does. */
#ifndef GATEWAY_PROCESS_PROGRAM_BESIDE_H
#define GATEWAY_PROCESS_PROGRAM_BESIDE_H

#include <stddef.h>

/* Draws pages of a PDF; see gateway/draw_pdf/. */
#define PROGRAM_DRAW_PDF "sealfax-draw-pdf"

/* The path of the program called name in the folder of the running one, whether it is there or not.
 * Returns 0, -ENAMETOOLONG or another negative errno, with path "". */
int program_beside(const char *name, char *path, size_t size) __attribute__((warn_unused_result));

#endif
