#include "gateway/render/document_kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/http_utf8.h"
#include "gateway/render/office_document.h"

static const char office_name[] = "an Office document";

static bool begins_with(const uint8_t *data, size_t length, const char *magic, size_t octets)
{
    return length >= octets && memcmp(data, magic, octets) == 0;
}

const char *document_markup_name(const uint8_t *data, size_t length)
{
    static const struct {
        const char *start, *name;
    } known[] = {
        {"{\\rtf", "an RTF document"},          {"%!PS", "a PostScript document"},
        {"<!DOCTYPE html", "an HTML document"}, {"<html", "an HTML document"},
        {"<?xml", "an XML document"},           {"<svg", "an SVG image"},
    };
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};

    if (length >= sizeof mark && memcmp(data, mark, sizeof mark) == 0) {
        data += sizeof mark;
        length -= sizeof mark;
    }
    while (length > 0 && *data != '\0' && strchr(" \t\r\n", *data) != NULL) {
        data++;
        length--;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (length >= strlen(known[i].start) &&
            strncasecmp((const char *)data, known[i].start, strlen(known[i].start)) == 0)
            return known[i].name;
    return NULL;
}

/* Of a ZIP file the names of its first members say what it is (ISO/IEC 29500-2, ODF 1.2 part 3
 * §3.3).
 */
static const char *zip_name(const uint8_t *data, size_t length)
{
    static const char *const office[] = {
        "[Content_Types].xml",           "_rels/.rels", "word/", "xl/", "ppt/", "docProps/",
        "mimetypeapplication/vnd.oasis."};

    if (length > DOCUMENT_HEAD_OCTETS)
        length = DOCUMENT_HEAD_OCTETS;
    for (size_t i = 0; i < sizeof office / sizeof office[0]; i++)
        if (memmem(data, length, office[i], strlen(office[i])) != NULL)
            return office_name;
    return "a ZIP archive";
}

const char *document_container_name(const uint8_t *data, size_t length)
{
    if (begins_with(data, length, "PK\3\4", 4) || begins_with(data, length, "PK\5\6", 4))
        return zip_name(data, length);
    if (begins_with(data, length, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8))
        return office_name;
    if (begins_with(data, length, "Rar!", 4) ||
        begins_with(data, length, "7z\xBC\xAF\x27\x1C", 6) ||
        begins_with(data, length, "\x1F\x8B", 2))
        return "an archive";
    if (begins_with(data, length, "MZ", 2) || begins_with(data, length,
                                                          "\x7F"
                                                          "ELF",
                                                          4))
        return "a program";
    return NULL;
}

static bool is_office(const uint8_t *data, size_t length)
{
    const char *name = document_container_name(data, length);

    return name == office_name || office_document_format(data, length) != OFFICE_NONE;
}

static bool has_controls(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((data[i] < ' ' && (data[i] == '\0' || strchr("\t\n\f\r", data[i]) == NULL)) ||
            data[i] == 127)
            return true;
    return false;
}

static bool is_utf8(const uint8_t *data, size_t length)
{
    size_t at = 0;

    while (at < length) {
        uint32_t character;
        size_t octets = http_utf8_next((const char *)data + at, length - at, &character);

        if (octets == 0) /* the head may end inside a character */
            return length == DOCUMENT_HEAD_OCTETS && length - at < 4;
        at += octets;
    }
    return true;
}

static bool is_text(const uint8_t *data, size_t length)
{
    if (begins_with(data, length, "\xff\xfe", 2) || begins_with(data, length, "\xfe\xff", 2))
        return true; /* UTF-16, to be told so */
    if (length == 0 || memchr(data, '\0', length) != NULL)
        return false;
    return !has_controls(data, length) || is_utf8(data, length);
}

enum document_kind document_kind_detect(const uint8_t *data, size_t length)
{
    const size_t whole = length;

    if (length > DOCUMENT_HEAD_OCTETS)
        length = DOCUMENT_HEAD_OCTETS;
    if (begins_with(data, length, "II*\0", 4) || begins_with(data, length, "MM\0*", 4))
        return DOCUMENT_TIFF;
    if (begins_with(data, length, "\x89PNG\r\n\x1a\n", 8))
        return DOCUMENT_PNG;
    if (begins_with(data, length, "\xff\xd8\xff", 3))
        return DOCUMENT_JPEG;
    if (memmem(data, length, "%PDF-", 5) != NULL)
        return DOCUMENT_PDF;
    if (is_office(data, whole))
        return DOCUMENT_OFFICE;
    if (!is_text(data, length))
        return document_container_name(data, length) != NULL ? DOCUMENT_CONTAINER
                                                             : DOCUMENT_UNKNOWN;
    return document_markup_name(data, length) != NULL ? DOCUMENT_MARKUP : DOCUMENT_TEXT;
}
