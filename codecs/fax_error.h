/* fax_error.h: the error codes of codecs and t38. Functions return 0 or one of these. */
#ifndef CODECS_FAX_ERROR_H
#define CODECS_FAX_ERROR_H

enum fax_error {
    FAX_OK = 0,
    FAX_ENOMEM = -1,       /* memory could not be had */
    FAX_ETRUNCATED = -2,   /* the input ends too early */
    FAX_EFORMAT = -3,      /* the input breaks its format */
    FAX_ELIMIT = -4,       /* a limit given by the caller was reached */
    FAX_EUNSUPPORTED = -5, /* well-formed, but not a kind that is handled */
    FAX_ESTATE = -6,       /* the call does not fit the object's state */
    FAX_EINVAL = -7,       /* an argument is out of its range */
    FAX_EENGINE = -8,      /* the T.30 engine refused or failed */
    FAX_EEMPTY = -9,       /* a document or page without content */
    FAX_EENCRYPTED = -10,  /* a document that needs a password */
};

/* Returns a short English text for a code of enum fax_error; never NULL. Static storage. */
const char *fax_error_text(int error);

#endif
