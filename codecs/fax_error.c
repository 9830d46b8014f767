#include "codecs/fax_error.h"

const char *fax_error_text(int error)
{
    switch ((enum fax_error)error) {
    case FAX_OK:
        return "no error";
    case FAX_ENOMEM:
        return "out of memory";
    case FAX_ETRUNCATED:
        return "input ends too early";
    case FAX_EFORMAT:
        return "input breaks its format";
    case FAX_ELIMIT:
        return "a limit was reached";
    case FAX_EUNSUPPORTED:
        return "not supported";
    case FAX_ESTATE:
        return "called in the wrong state";
    case FAX_EINVAL:
        return "argument out of range";
    case FAX_EENGINE:
        return "the T.30 engine failed";
    case FAX_EEMPTY:
        return "empty document or page";
    case FAX_EENCRYPTED:
        return "document needs a password";
    }
    return "unknown error";
}
