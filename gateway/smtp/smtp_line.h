/* smtp_line.h: arguments of MAIL and RCPT: a path and parameters. Pure, on texts without line ends.
 */
#ifndef GATEWAY_SMTP_SMTP_LINE_H
#define GATEWAY_SMTP_SMTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_intake.h"

/* Reads "<path>" (RFC 5321 §4.1.2; without source route) from the start of *text and moves it
 * behind. address is without <>; "" of the null path. Checked are form, lengths and UTF-8;
 * international tells that there are octets beyond ASCII. Returns 0; -EINVAL with why filled in. */
int smtp_path_read(const char **text, char address[MAIL_ADDRESS_TEXT], bool *international,
                   struct mail_verdict *why) __attribute__((warn_unused_result));

/* What parameters of MAIL say. */
struct smtp_mail_terms {
    uint64_t size; /* RFC 1870; 0: not said */
    bool utf8;     /* RFC 6531 */
};

/* Reads the parameters of MAIL (RFC 1870, 3461, 4954, 6152, 6531) from text, which begins behind
 * the path: into terms, and envid and return_full of the envelope. Errors: as above. */
int smtp_mail_parameters(const char *text, struct smtp_mail_terms *terms,
                         struct mail_envelope *envelope, struct mail_verdict *why)
    __attribute__((warn_unused_result));

/* Those of RCPT (RFC 3461): into notify and orcpt. Errors: as above. */
int smtp_rcpt_parameters(const char *text, struct mail_recipient *recipient,
                         struct mail_verdict *why) __attribute__((warn_unused_result));

/* Decodes xtext (RFC 3461 §4). Returns 0 or -EINVAL: form, control characters, or too long. */
int smtp_xtext_decode(const char *text, size_t length, char *out, size_t size)
    __attribute__((warn_unused_result));

/* Fills in an answer. */
void smtp_verdict(struct mail_verdict *verdict, int code, const char *enhanced, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

#endif
