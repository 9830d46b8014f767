/* office_document.h: what an Office document is, and whether LibreOffice may see it. By its content
 * only; bounded. */
#ifndef GATEWAY_RENDER_OFFICE_DOCUMENT_H
#define GATEWAY_RENDER_OFFICE_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

enum office_format {
    OFFICE_NONE,
    OFFICE_DOCX,
    OFFICE_XLSX,
    OFFICE_PPTX,
    OFFICE_ODT,
    OFFICE_ODS,
    OFFICE_ODP,
    OFFICE_DOC,
    OFFICE_XLS,
    OFFICE_PPT,
    OFFICE_RTF,
};

enum {
    OFFICE_PARTS_MAX = 10000,      /* files in the archive */
    OFFICE_UNPACKED_MIB_MAX = 256, /* all of them together */
    OFFICE_RATIO_MAX = 200,        /* unpacked to packed, where that is more than a MiB */
    OFFICE_DOCUMENT_REASON_MAX = 160,
};

/* Office Open XML: an archive with [Content_Types].xml and a part below word/, xl/ or ppt/ (ISO/IEC
 * 29500-2). OpenDocument: an archive that begins with a file mimetype (ODF 1.2 part 3 §3.3). Word,
 * Excel and PowerPoint 97 to 2003: a compound file with their main stream. RTF: '{\rtf'. */
enum office_format office_document_format(const uint8_t *data, size_t length);

/* The ending by which LibreOffice chooses its reader: 'docx'. */
const char *office_format_extension(enum office_format format);

/* The library of LibreOffice that reads it ('libswlo.so') and the package that has it. */
const char *office_format_library(enum office_format format);
const char *office_format_package(enum office_format format);

/* Returns 0 with *format, or a negative error with a sentence in reason
 * (OFFICE_DOCUMENT_REASON_MAX): FAX_EFORMAT: damaged; FAX_EUNSUPPORTED: another kind of file, or it
 * has macros; FAX_EENCRYPTED; FAX_ELIMIT: a bomb. */
int office_document_examine(const uint8_t *data, size_t length, enum office_format *format,
                            char *reason) __attribute__((warn_unused_result));

#endif
