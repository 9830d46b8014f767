/* fax_id.h: identifiers of faxes, attempts and events: UUID version 7 (RFC 9562 §5.7). */
#ifndef GATEWAY_FAX_ID_H
#define GATEWAY_FAX_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { FAX_ID_OCTETS = 16, FAX_ID_TEXT = 37 };

struct fax_id {
    uint8_t octets[FAX_ID_OCTETS];
};

/* Makes a new identifier from the wall clock in milliseconds and 74 random bits.
 * Returns 0, or -EIO when the random source fails. */
int fax_id_make(struct fax_id *id, uint64_t now_ms) __attribute__((warn_unused_result));

/* Writes the canonical lower-case text (36 characters and a NUL) to text. */
void fax_id_text(const struct fax_id *id, char text[FAX_ID_TEXT]);

/* Reads the canonical text, upper or lower case. Returns 0, or -EINVAL for anything else. */
int fax_id_parse(struct fax_id *id, const char *text) __attribute__((warn_unused_result));

/* Compares two identifiers (they are no secrets). */
bool fax_id_equal(const struct fax_id *a, const struct fax_id *b);

#endif
