/* mail_return.h: reverse paths that only we can have made (VERP): the mail's identifier and a keyed
 * digest of it, in base32, behind the local part of mail.out_from: fax+bTOKEN@example.com. So what
 * comes back says which mail it is about, and nobody can report mails that were never sent. */
#ifndef GATEWAY_MAIL_MAIL_RETURN_H
#define GATEWAY_MAIL_MAIL_RETURN_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/fax_id.h"

enum { MAIL_RETURN_KEY_OCTETS = 32, MAIL_RETURN_TOKEN_CHARACTERS = 39, MAIL_RETURN_TEXT = 400 };

/* Writes the reverse path for a mail. -E2BIG: the local part of from is too long for a token (more
 * than 23 characters), -EIO. */
int mail_return_make(const uint8_t key[MAIL_RETURN_KEY_OCTETS], const char *from,
                     const struct fax_id *out, char path[MAIL_RETURN_TEXT])
    __attribute__((warn_unused_result));

/* Says whether an address is one of them, and then whose. Case does not matter. */
bool mail_return_read(const uint8_t key[MAIL_RETURN_KEY_OCTETS], const char *from,
                      const char *address, struct fax_id *out);

#endif
