#include "policy/policy_error.h"

const char *policy_error_text(int error)
{
    switch ((enum policy_error)error) {
    case POLICY_OK:
        return "no error";
    case FAX_EP_NOMEM:
        return "out of memory";
    case FAX_EP_FORMAT:
        return "input breaks its format";
    case FAX_EP_VERSION:
        return "unknown format version";
    case FAX_EP_AUTH:
        return "authentication failed: altered data or the wrong key";
    case FAX_EP_LIMIT:
        return "a limit was reached";
    case FAX_EP_INVAL:
        return "argument out of range";
    case FAX_EP_CRYPTO:
        return "the cryptographic library failed";
    case FAX_EP_MISMATCH:
        return "values that must agree do not";
    case FAX_EP_TRUNCATED:
        return "input ends too early";
    }
    return "unknown error";
}
