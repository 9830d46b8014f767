#include "gateway/render/document_kind.h"

#include <string.h>

enum { PDF_MAGIC_WITHIN = 1024 };

enum document_kind document_kind_detect(const uint8_t *data, size_t length)
{
    static const char pdf[] = "%PDF-";

    if (length >= 4 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0))
        return DOCUMENT_TIFF;
    if (length > PDF_MAGIC_WITHIN)
        length = PDF_MAGIC_WITHIN;
    if (memmem(data, length, pdf, sizeof pdf - 1) != NULL)
        return DOCUMENT_PDF;
    return DOCUMENT_UNKNOWN;
}
