/* secret.h: the few operations on secrets: wipe, compare in constant time, make random octets. */
#ifndef POLICY_SECRET_H
#define POLICY_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Overwrites length octets at bytes with zeros in a way the compiler keeps. NULL or 0 is safe. */
void secret_wipe(void *bytes, size_t length);

/* Compares length octets in time that does not depend on their values. */
bool secret_equal(const void *a, const void *b, size_t length);

/* Fills out with length random octets of the private generator of OpenSSL.
 * Returns 0, or FAX_EP_CRYPTO; then out is zeroed. */
int secret_random(void *out, size_t length) __attribute__((warn_unused_result));

#endif
