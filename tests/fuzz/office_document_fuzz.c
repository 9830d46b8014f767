/* Archives, compound files and RTF: what is said of them agrees, and nothing is read beyond them.
 */
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/document_kind.h"
#include "gateway/render/office_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum office_format format, again = office_document_format(data, size);
    char reason[OFFICE_DOCUMENT_REASON_MAX] = "";
    int error = office_document_examine(data, size, &format, reason);

    if (format != again || (error == 0) != (reason[0] == '\0') ||
        (error == 0 && (format == OFFICE_NONE || office_format_extension(format)[0] == '\0')))
        abort();
    if (error == 0 && document_kind_detect(data, size) != DOCUMENT_OFFICE &&
        document_kind_detect(data, size) != DOCUMENT_PDF)
        abort(); /* an archive may hold '%PDF-' in front: then poppler judges it */
    return 0;
}
