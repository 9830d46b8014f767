/* fax_address.h: fax numbers, and what is wanted of the fax, in addresses of mail (RFC 3191, RFC
 * 3192 in spirit). Pure.
 *
 *   +498912345@fax.example                         a number
 *   498912345@fax.example                          an internal one
 *   +498912345+fine+cover@fax.example              with options
 *   name=J_Smith/number=+498912345/fine@fax.example
 *   fax=+498912345/at=20261122T1800Z@fax.example
 *
 * Options: class=NAME, from=NUMBER, at=YYYYMMDDThhmm (with Z: UTC; else in the time zone of the
 * process), name=TEXT ('_' for a space); standard, fine, superfine; cover, nocover; high, normal,
 * low. Each group once. */
#ifndef GATEWAY_SMTP_FAX_ADDRESS_H
#define GATEWAY_SMTP_FAX_ADDRESS_H

#include <stdbool.h>

#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_intake.h"

/* Whether the list (names separated by commas) has the domain; case does not matter (RFC 5321
 * §2.4). */
bool fax_address_is_ours(const char *domains, const char *domain);

/* Reads the address of a recipient, without <>, into address, number, name and options of out; the
 * rest of out stays. Returns 0; -EINVAL with the answer to the client in why. */
int fax_address_read(const char *address, const char *domains, struct mail_recipient *out,
                     struct mail_verdict *why) __attribute__((warn_unused_result));

#endif
