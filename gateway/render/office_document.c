#include "gateway/render/office_document.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "gateway/render/compound_file.h"
#include "gateway/render/zip_directory.h"

enum { MIB = 1024 * 1024, TYPES_OCTETS_MAX = MIB, MIMETYPE_MAX = 100 };

/* What the names and first octets of a document tell. */
struct office_facts {
    enum office_format format;
    bool macros;
    bool encrypted;
    bool has_types;           /* [Content_Types].xml */
    struct zip_entry types;   /* valid then */
    enum office_format below; /* by the folder of its parts */
    uint64_t packed, unpacked;
    uint32_t parts;
};

static const struct {
    const char *extension, *library, *package;
} formats[] = {
    [OFFICE_NONE] = {"", "", ""},
    [OFFICE_DOCX] = {"docx", "libswlo.so", "libreoffice-writer-nogui"},
    [OFFICE_XLSX] = {"xlsx", "libsclo.so", "libreoffice-calc-nogui"},
    [OFFICE_PPTX] = {"pptx", "libsdlo.so", "libreoffice-impress-nogui"},
    [OFFICE_ODT] = {"odt", "libswlo.so", "libreoffice-writer-nogui"},
    [OFFICE_ODS] = {"ods", "libsclo.so", "libreoffice-calc-nogui"},
    [OFFICE_ODP] = {"odp", "libsdlo.so", "libreoffice-impress-nogui"},
    [OFFICE_DOC] = {"doc", "libswlo.so", "libreoffice-writer-nogui"},
    [OFFICE_XLS] = {"xls", "libsclo.so", "libreoffice-calc-nogui"},
    [OFFICE_PPT] = {"ppt", "libsdlo.so", "libreoffice-impress-nogui"},
    [OFFICE_RTF] = {"rtf", "libswlo.so", "libreoffice-writer-nogui"},
};

const char *office_format_extension(enum office_format format)
{
    return formats[format].extension;
}

const char *office_format_library(enum office_format format)
{
    return formats[format].library;
}

const char *office_format_package(enum office_format format)
{
    return formats[format].package;
}

static bool begins_with(const char *name, size_t length, const char *start)
{
    return length >= strlen(start) && strncasecmp(name, start, strlen(start)) == 0;
}

static bool contains(const char *text, size_t length, const char *word)
{
    size_t octets = strlen(word);

    for (size_t i = 0; i + octets <= length; i++)
        if (strncasecmp(text + i, word, octets) == 0)
            return true;
    return false;
}

/* --- archives --- */

static void take_name(struct office_facts *facts, const struct zip_entry *entry)
{
    static const struct {
        const char *folder;
        enum office_format format;
    } folders[] = {{"word/", OFFICE_DOCX}, {"xl/", OFFICE_XLSX}, {"ppt/", OFFICE_PPTX}};
    static const char *const macros[] = {"vbaProject", "macrosheets/", "vbaData"};

    if (entry->name_length == strlen("[Content_Types].xml") &&
        begins_with(entry->name, entry->name_length, "[Content_Types].xml")) {
        facts->has_types = true;
        facts->types = *entry;
    }
    for (size_t i = 0; facts->below == OFFICE_NONE && i < sizeof folders / sizeof folders[0]; i++)
        if (begins_with(entry->name, entry->name_length, folders[i].folder))
            facts->below = folders[i].format;
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
        if (contains(entry->name, entry->name_length, macros[i]))
            facts->macros = true;
    /* OpenDocument: modules in Basic and scripts in other languages. */
    if (begins_with(entry->name, entry->name_length, "Basic/") ||
        begins_with(entry->name, entry->name_length, "Scripts/"))
        facts->macros = true;
}

static enum office_format format_of_mimetype(const uint8_t *text, size_t length)
{
    static const char prefix[] = "application/vnd.oasis.opendocument.";
    static const struct {
        const char *kind;
        enum office_format format;
    } kinds[] = {{"text", OFFICE_ODT}, {"spreadsheet", OFFICE_ODS}, {"presentation", OFFICE_ODP}};
    const char *kind = (const char *)text + strlen(prefix);

    if (!begins_with((const char *)text, length, prefix))
        return OFFICE_NONE;
    length -= strlen(prefix);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (begins_with(kind, length, kinds[i].kind))
            return kinds[i].format;
    return OFFICE_NONE;
}

/* Walks the whole directory once. */
static int read_archive(struct office_facts *facts, const uint8_t *data, size_t length)
{
    uint8_t mimetype[MIMETYPE_MAX];
    struct zip_directory directory;
    struct zip_entry entry;
    size_t octets;
    int found = zip_directory_open(&directory, data, length);

    if (found != 0)
        return found;
    while ((found = zip_directory_next(&directory, &entry)) == 1) {
        facts->parts++;
        facts->packed += entry.packed_octets;
        facts->unpacked += entry.octets;
        facts->encrypted = facts->encrypted || entry.encrypted;
        take_name(facts, &entry);
        if (facts->parts == 1 && entry.name_length == strlen("mimetype") &&
            begins_with(entry.name, entry.name_length, "mimetype") && entry.method == 0 &&
            zip_entry_unpack(&directory, &entry, mimetype, sizeof mimetype, &octets) == 0)
            facts->format = format_of_mimetype(mimetype, octets);
    }
    if (facts->format == OFFICE_NONE && facts->has_types)
        facts->format = facts->below;
    return found;
}

/* Parts may have any name: their types are what counts (ISO/IEC 29500-2 §7.2.3). */
static int read_types(struct office_facts *facts, const uint8_t *data, size_t length)
{
    static const char *const words[] = {"macroEnabled", "vbaProject", "macrosheet"};
    struct zip_directory directory = {.data = data, .length = length};
    uint8_t *text = malloc(TYPES_OCTETS_MAX);
    size_t octets = 0;
    int error = text == NULL
                    ? FAX_ENOMEM
                    : zip_entry_unpack(&directory, &facts->types, text, TYPES_OCTETS_MAX, &octets);

    /* UTF-16 would hide every word. */
    if (error == 0 && (octets == 0 || memchr(text, '\0', octets) != NULL))
        error = FAX_EFORMAT;
    for (size_t i = 0; error == 0 && i < sizeof words / sizeof words[0]; i++)
        if (contains((const char *)text, octets, words[i]))
            facts->macros = true;
    free(text);
    return error;
}

/* --- compound files --- */

static void take_stream_cb(void *user, const char name[COMPOUND_NAME_MAX])
{
    static const struct {
        const char *stream;
        enum office_format format;
    } streams[] = {{"WordDocument", OFFICE_DOC},
                   {"Workbook", OFFICE_XLS},
                   {"Book", OFFICE_XLS},
                   {"PowerPoint Document", OFFICE_PPT}};
    struct office_facts *facts = user;

    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        if (facts->format == OFFICE_NONE && strcasecmp(name, streams[i].stream) == 0)
            facts->format = streams[i].format;
    if (strcasecmp(name, "VBA") == 0 || strcasecmp(name, "Macros") == 0 ||
        strncasecmp(name, "_VBA_PROJECT", strlen("_VBA_PROJECT")) == 0)
        facts->macros = true;
    if (strcasecmp(name, "EncryptedPackage") == 0)
        facts->encrypted = true;
}

/* --- all --- */

enum office_container { CONTAINER_NONE, CONTAINER_ARCHIVE, CONTAINER_COMPOUND, CONTAINER_RTF };

static enum office_container find_container(const uint8_t *data, size_t length)
{
    if (length >= 4 && memcmp(data, "PK\3\4", 4) == 0)
        return CONTAINER_ARCHIVE;
    if (length >= 4 && memcmp(data, "\xD0\xCF\x11\xE0", 4) == 0)
        return CONTAINER_COMPOUND;
    return begins_with((const char *)data, length, "{\\rtf") ? CONTAINER_RTF : CONTAINER_NONE;
}

static int read_facts(struct office_facts *facts, const uint8_t *data, size_t length)
{
    int error = FAX_EFORMAT;

    memset(facts, 0, sizeof *facts);
    switch (find_container(data, length)) {
    case CONTAINER_ARCHIVE:
        error = read_archive(facts, data, length);
        break;
    case CONTAINER_COMPOUND:
        error = compound_file_names(data, length, take_stream_cb, facts);
        break;
    case CONTAINER_RTF:
        facts->format = OFFICE_RTF;
        error = 0;
        break;
    case CONTAINER_NONE:
        break;
    }
    return error;
}

enum office_format office_document_format(const uint8_t *data, size_t length)
{
    struct office_facts facts;

    (void)read_facts(&facts, data, length);
    return facts.format;
}

static int refuse(char *reason, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *reason, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, OFFICE_DOCUMENT_REASON_MAX, format, arguments);
    va_end(arguments);
    return error;
}

static int check_size(const struct office_facts *facts, size_t length, char *reason)
{
    if (facts->parts > OFFICE_PARTS_MAX)
        return refuse(reason, FAX_ELIMIT, "the Office document has more than %d parts",
                      OFFICE_PARTS_MAX);
    if (facts->unpacked > (uint64_t)OFFICE_UNPACKED_MIB_MAX * MIB)
        return refuse(reason, FAX_ELIMIT, "the Office document unpacks to more than %d MiB",
                      OFFICE_UNPACKED_MIB_MAX);
    if (facts->unpacked > MIB && facts->unpacked / OFFICE_RATIO_MAX > facts->packed)
        return refuse(reason, FAX_ELIMIT,
                      "the Office document unpacks to more than %d times its size",
                      OFFICE_RATIO_MAX);
    if (facts->packed > length) /* files that share their octets */
        return refuse(reason, FAX_EFORMAT, "the Office document is damaged");
    return 0;
}

int office_document_examine(const uint8_t *data, size_t length, enum office_format *format,
                            char *reason)
{
    struct office_facts facts;
    int error = read_facts(&facts, data, length);

    *format = facts.format;
    if (error == 0 && facts.has_types && !facts.encrypted)
        error = read_types(&facts, data, length);
    if (error == FAX_ELIMIT)
        return refuse(reason, error, "the Office document has too many or too large parts");
    if (error == FAX_ENOMEM)
        return refuse(reason, error, "no memory for the Office document");
    if (error != 0)
        return refuse(reason, FAX_EFORMAT, "the Office document is damaged");
    if (facts.encrypted)
        return refuse(reason, FAX_EENCRYPTED, "the Office document needs a password");
    if (facts.macros)
        return refuse(reason, FAX_EUNSUPPORTED, "the Office document has macros");
    if (facts.format == OFFICE_NONE)
        return refuse(reason, FAX_EUNSUPPORTED,
                      "neither a text document, a spreadsheet nor a presentation");
    return check_size(&facts, length, reason);
}
