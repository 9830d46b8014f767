/* key_master.h: the text form of the master key, one line that fits a file, a printout or an
 * environment variable:  sealfax-master-1 <64 hex digits> <8 hex digits of check sum>  */
#ifndef POLICY_KEY_MASTER_H
#define POLICY_KEY_MASTER_H

#include <stddef.h>
#include <stdint.h>

#include "policy/key_wrap.h"

enum {
    KEY_MASTER_TEXT = 92,   /* capacity of the text with newline and NUL */
    KEY_MASTER_REASON = 120 /* capacity of a reason */
};

/* Writes the text with a newline and a NUL; it is a secret, to be wiped by the caller.
 * Errors: FAX_EP_CRYPTO. */
int key_master_write(const uint8_t master[KEY_OCTETS], char text[KEY_MASTER_TEXT])
    __attribute__((warn_unused_result));

/* Reads the text (length octets; trailing white space is allowed). On failure master is zeroed and
 * reason says in English what is wrong without repeating any of the text.
 * Errors: FAX_EP_FORMAT (not this form, wrong length, not hex), FAX_EP_VERSION, FAX_EP_TRUNCATED
 * (empty or cut), FAX_EP_MISMATCH (the check sum differs: altered or mistyped), FAX_EP_CRYPTO. */
int key_master_parse(const char *text, size_t length, uint8_t master[KEY_OCTETS],
                     char reason[KEY_MASTER_REASON]) __attribute__((warn_unused_result));

#endif
