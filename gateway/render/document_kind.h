/* document_kind.h: what a document is, by its first octets; names and declared types do not count.
 */
#ifndef GATEWAY_RENDER_DOCUMENT_KIND_H
#define GATEWAY_RENDER_DOCUMENT_KIND_H

#include <stddef.h>
#include <stdint.h>

enum document_kind {
    DOCUMENT_UNKNOWN,
    DOCUMENT_PDF,
    DOCUMENT_TIFF,
    DOCUMENT_PNG,
    DOCUMENT_JPEG,
    DOCUMENT_TEXT,      /* perhaps damaged: whoever reads it judges every character */
    DOCUMENT_CONTAINER, /* holds files, or is a program: see document_container_name() */
    DOCUMENT_OFFICE,    /* or looks like one: office_document_examine() judges */
    DOCUMENT_MARKUP,    /* text that is not meant to be read as it is: see document_markup_name() */
};

enum { DOCUMENT_HEAD_OCTETS = 1024 }; /* of which the kind is told */

/* PDF: '%PDF-' within the first 1,024 octets (ISO 32000-1 annex H, implementation note 13), TIFF:
 * either byte order, not BigTIFF. Office documents: by the directory of an archive, which stands at
 * its end, or the first names in it; compound files and RTF. Text: UTF-8 without NUL, or anything
 * without control characters. data may be shorter than any magic. */
enum document_kind document_kind_detect(const uint8_t *data, size_t length);

/* 'an Office document', 'a ZIP archive', 'a program' and the like; NULL: none of them. */
const char *document_container_name(const uint8_t *data, size_t length);

/* 'a PostScript document', 'an HTML document', 'an XML document', 'an RTF document' that does not
 * begin at once; NULL: none. */
const char *document_markup_name(const uint8_t *data, size_t length);

#endif
