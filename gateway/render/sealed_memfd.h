/* sealed_memfd.h: octets in a memfd that nobody can change any more, to hand them to control. */
#ifndef GATEWAY_RENDER_SEALED_MEMFD_H
#define GATEWAY_RENDER_SEALED_MEMFD_H

#include <stddef.h>
#include <stdint.h>

/* Copies the octets into a new memfd with all seals on (no write, no growing, no shrinking, no
 * further sealing). Returns a close-on-exec descriptor, the caller's, or a negative errno. */
int sealed_memfd_new(const char *name, const uint8_t *data, size_t length)
    __attribute__((warn_unused_result));

#endif
