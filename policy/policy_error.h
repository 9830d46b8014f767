/* policy_error.h: the error codes of policy. Functions return 0 or one of these. */
#ifndef POLICY_POLICY_ERROR_H
#define POLICY_POLICY_ERROR_H

enum policy_error {
    POLICY_OK = 0,
    FAX_EP_NOMEM = -101,     /* memory could not be had */
    FAX_EP_FORMAT = -102,    /* the input breaks its format */
    FAX_EP_VERSION = -103,   /* a format version that this program does not know */
    FAX_EP_AUTH = -104,      /* authentication failed: altered data or the wrong key */
    FAX_EP_LIMIT = -105,     /* a limit was reached */
    FAX_EP_INVAL = -106,     /* an argument is out of its range */
    FAX_EP_CRYPTO = -107,    /* the cryptographic library failed */
    FAX_EP_MISMATCH = -108,  /* two things that must agree do not */
    FAX_EP_TRUNCATED = -109, /* the input ends too early */
};

/* Returns a short English text for a code of enum policy_error; never NULL. Static storage. */
const char *policy_error_text(int error);

#endif
