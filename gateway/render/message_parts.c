#include "gateway/render/message_parts.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "gateway/render/message_text.h"

enum { TYPE_TEXT = 160, HEADLINE_TEXT = 1200 };

static int walk(struct message_pieces *p, GMimeObject *object, uint32_t depth);

static int refuse(struct message_pieces *p, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct message_pieces *p, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(p->reason, sizeof p->reason, format, arguments);
    va_end(arguments);
    return error;
}

static struct message_piece *add(struct message_pieces *p)
{
    if (p->count == p->capacity) {
        uint32_t capacity = p->capacity == 0 ? 8 : 2 * p->capacity;
        struct message_piece *pieces = realloc(p->pieces, capacity * sizeof *pieces);
        if (pieces == NULL)
            return NULL;
        p->pieces = pieces;
        p->capacity = capacity;
    }
    struct message_piece *piece = &p->pieces[p->count++];
    memset(piece, 0, sizeof *piece);
    return piece;
}

static void type_of(const struct message_pieces *p, GMimeObject *object, char type[TYPE_TEXT])
{
    const struct message_library *l = &p->tree->library;
    GMimeContentType *content = l->g_mime_object_get_content_type(object);
    const char *major = content != NULL ? l->g_mime_content_type_get_media_type(content) : NULL;
    const char *minor = content != NULL ? l->g_mime_content_type_get_media_subtype(content) : NULL;
    char text[TYPE_TEXT];

    snprintf(text, sizeof text, "%s/%s", major != NULL ? major : "application",
             minor != NULL ? minor : "octet-stream");
    message_copy_text(type, TYPE_TEXT, text);
}

static bool type_is(const char *type, const char *const *types)
{
    for (; *types != NULL; types++)
        if (strcasecmp(type, *types) == 0)
            return true;
    return false;
}

/* Whether a list, with commas between, has the type or the ending of the name ('.exe'). */
static bool is_refused(const char *list, const char *type, const char *name)
{
    size_t named = strlen(name);

    while (*list != '\0') {
        list += strspn(list, ", ");
        size_t length = strcspn(list, ", ");
        if (length > 0 && length == strlen(type) && strncasecmp(list, type, length) == 0)
            return true;
        if (length > 0 && list[0] == '.' && length <= named &&
            strncasecmp(list, name + named - length, length) == 0)
            return true;
        list += length;
    }
    return false;
}

/* --- one part --- */

/* The octets without their transfer encoding. */
static int decode(struct message_pieces *p, GMimePart *part, struct message_piece *piece)
{
    const struct message_library *l = &p->tree->library;
    GMimeDataWrapper *content = l->g_mime_part_get_content(part);
    GByteArray *octets;

    piece->stream = l->g_mime_stream_mem_new();
    if (content != NULL && l->g_mime_data_wrapper_write_to_stream(content, piece->stream) < 0)
        return refuse(p, FAX_EFORMAT, "a part of the message cannot be decoded");
    octets = l->g_mime_stream_mem_get_byte_array((GMimeStreamMem *)piece->stream);
    piece->octets = octets != NULL && octets->data != NULL ? octets->data : (const uint8_t *)"";
    piece->length = octets != NULL ? octets->len : 0;
    return 0;
}

static bool parameter_is(const struct message_pieces *p, GMimeObject *object, const char *name,
                         const char *wanted)
{
    const char *value = p->tree->library.g_mime_object_get_content_type_parameter(object, name);
    return value != NULL && strcasecmp(value, wanted) == 0;
}

static void release(const struct message_pieces *p, struct message_piece *piece)
{
    if (piece->stream != NULL)
        p->tree->library.g_object_unref(piece->stream);
    if (piece->text != NULL)
        OPENSSL_clear_free(piece->text, piece->length);
    memset(piece, 0, sizeof *piece);
}

/* Turns the last piece into UTF-8 text; one that is blank, or not wanted, goes. */
static int make_text(struct message_pieces *p, GMimeObject *object, bool html, bool body)
{
    struct message_piece *piece = &p->pieces[p->count - 1];
    const struct message_text_form form = {
        .charset = p->tree->library.g_mime_object_get_content_type_parameter(object, "charset"),
        .html = html,
        .flowed = parameter_is(p, object, "format", "flowed"),
        .delsp = parameter_is(p, object, "delsp", "yes"),
    };
    char reason[MESSAGE_TEXT_REASON_MAX], *text;
    size_t length;
    int error = message_text_make(&form, piece->octets, piece->length, &text, &length, reason);

    if (error != 0)
        return refuse(p, error, "%s%s%s", piece->name, piece->name[0] != '\0' ? ": " : "", reason);
    p->tree->library.g_object_unref(piece->stream);
    piece->stream = NULL;
    piece->text = text;
    piece->octets = (const uint8_t *)text;
    piece->length = length;
    piece->is_body = body;
    if (body && message_text_is_blank(text, length)) {
        release(p, piece);
        p->count--;
    }
    return 0;
}

static bool is_attachment(const struct message_pieces *p, GMimeObject *object, const char *name)
{
    const char *disposition = p->tree->library.g_mime_object_get_disposition(object);
    return name[0] != '\0' || (disposition != NULL && strcasecmp(disposition, "attachment") == 0);
}

static int take_part(struct message_pieces *p, GMimeObject *object)
{
    static const char *const signatures[] = {"application/pgp-signature",
                                             "application/pkcs7-signature",
                                             "application/x-pkcs7-signature", NULL};
    static const char *const encrypted[] = {"application/pkcs7-mime", "application/x-pkcs7-mime",
                                            "application/pgp-encrypted", NULL};
    static const char *const texts[] = {"text/plain", "text/html", "application/xhtml+xml", NULL};
    char type[TYPE_TEXT], name[MULTIPART_NAME_TEXT];
    GMimePart *part = (GMimePart *)object;

    type_of(p, object, type);
    message_copy_text(name, sizeof name, p->tree->library.g_mime_part_get_filename(part));
    if (type_is(type, signatures))
        return 0;
    if (type_is(type, encrypted))
        return refuse(p, FAX_EENCRYPTED, "the message is encrypted");
    if (is_refused(p->request->refused, type, name))
        return refuse(p, FAX_EUNSUPPORTED, "attachments of the kind '%.60s' are not taken (%.60s)",
                      type, name[0] != '\0' ? name : "without a name");
    bool body = !is_attachment(p, object, name), text = type_is(type, texts);
    if (body && text && p->request->text == MESSAGE_TEXT_IGNORED)
        return 0;
    if (p->only_related && !text && body)
        return 0; /* a picture that the HTML shows */
    if (p->only_related && p->tree->library.g_mime_object_get_content_id(object) != NULL &&
        strncasecmp(type, "image/", 6) == 0)
        return 0;
    struct message_piece *piece = add(p);
    if (piece == NULL)
        return refuse(p, FAX_ENOMEM, "no memory for the parts of the message");
    memcpy(piece->name, name, sizeof piece->name);
    int error = decode(p, part, piece);
    if (error != 0 || !text)
        return error;
    return make_text(p, object, strcasecmp(type, "text/plain") != 0, body);
}

/* --- several --- */

static bool has_type(const struct message_pieces *p, GMimeObject *object, const char *wanted)
{
    char type[TYPE_TEXT];
    type_of(p, object, type);
    return strcasecmp(type, wanted) == 0;
}

/* The best of alternatives stands last (RFC 2046 §5.1.4), but plain text is what a page shows
 * exactly. */
static GMimeObject *choose(const struct message_pieces *p, GMimeMultipart *multipart, int count)
{
    const struct message_library *l = &p->tree->library;

    for (int i = 0; i < count; i++) {
        GMimeObject *part = l->g_mime_multipart_get_part(multipart, i);
        if (has_type(p, part, "text/plain"))
            return part;
    }
    for (int i = count - 1; i >= 0; i--) {
        GMimeObject *part = l->g_mime_multipart_get_part(multipart, i);
        if (has_type(p, part, "text/html") ||
            message_is(p->tree, part, l->g_mime_multipart_get_type()))
            return part;
    }
    return l->g_mime_multipart_get_part(multipart, count - 1);
}

/* An alternative in plain text that is blank stands for nothing: then the others are looked at. */
static int take_alternatives(struct message_pieces *p, GMimeMultipart *multipart, int count,
                             uint32_t depth)
{
    GMimeObject *chosen = choose(p, multipart, count);
    uint32_t before = p->count;
    int error = walk(p, chosen, depth + 1);

    for (int i = count - 1;
         error == 0 && p->count == before && p->request->text != MESSAGE_TEXT_IGNORED && i >= 0;
         i--) {
        GMimeObject *part = p->tree->library.g_mime_multipart_get_part(multipart, i);
        if (part != chosen)
            error = walk(p, part, depth + 1);
    }
    return error;
}

static int take_multipart(struct message_pieces *p, GMimeObject *object, uint32_t depth)
{
    const struct message_library *l = &p->tree->library;
    GMimeMultipart *multipart = (GMimeMultipart *)object;
    int count = l->g_mime_multipart_get_count(multipart), error = 0;
    bool related = has_type(p, object, "multipart/related"), outer = p->only_related;

    if (count == 0)
        return 0;
    if (has_type(p, object, "multipart/encrypted"))
        return refuse(p, FAX_EENCRYPTED, "the message is encrypted");
    if (has_type(p, object, "multipart/signed"))
        count = 1;
    if (has_type(p, object, "multipart/alternative"))
        return take_alternatives(p, multipart, count, depth);
    for (int i = 0; error == 0 && i < count; i++) {
        p->only_related = outer || (related && i > 0);
        error = walk(p, l->g_mime_multipart_get_part(multipart, i), depth + 1);
    }
    p->only_related = outer;
    return error;
}

/* A message within the message is shown with what says whose it is. */
static int take_message(struct message_pieces *p, GMimeMessagePart *part, uint32_t depth)
{
    static const char *const fields[] = {"From", "To", "Date", "Subject"};
    const struct message_library *l = &p->tree->library;
    GMimeMessage *message = l->g_mime_message_part_get_message(part);
    char headline[HEADLINE_TEXT] = "", value[240];
    size_t used = 0;

    if (message == NULL)
        return 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        message_copy_text(value, sizeof value,
                          message_field(p->tree, (GMimeObject *)message, fields[i], NULL));
        if (value[0] != '\0')
            used += (size_t)snprintf(headline + used, sizeof headline - used, "%s: %s\n", fields[i],
                                     value);
    }
    struct message_piece *piece =
        used > 0 && p->request->text != MESSAGE_TEXT_IGNORED ? add(p) : NULL;
    if (piece != NULL) {
        piece->text = OPENSSL_memdup(headline, used);
        piece->octets = (const uint8_t *)piece->text;
        piece->length = piece->text != NULL ? used : 0;
        piece->is_body = true;
    }
    if (l->g_mime_message_get_mime_part(message) == NULL)
        return 0;
    return walk(p, l->g_mime_message_get_mime_part(message), depth + 1);
}

static int walk(struct message_pieces *p, GMimeObject *object, uint32_t depth)
{
    const struct message_library *l = &p->tree->library;

    if (object == NULL)
        return 0;
    if (depth > p->request->depth_max)
        return refuse(p, FAX_ELIMIT, "the parts of the message are nested more than %u deep",
                      p->request->depth_max);
    if (++p->parts > p->request->parts_max)
        return refuse(p, FAX_ELIMIT, "the message has more than %u parts", p->request->parts_max);
    if (message_is(p->tree, object, l->g_mime_multipart_get_type()))
        return take_multipart(p, object, depth);
    if (message_is(p->tree, object, l->g_mime_message_part_get_type()))
        return take_message(p, (GMimeMessagePart *)object, depth);
    if (message_is(p->tree, object, l->g_mime_part_get_type()))
        return take_part(p, object);
    return refuse(p, FAX_EUNSUPPORTED, "the message has a part of a kind that cannot be shown");
}

int message_pieces_collect(struct message_pieces *pieces, const struct message_tree *tree,
                           const struct msg_render_message *request)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->tree = tree;
    pieces->request = request;
    return walk(pieces, tree->library.g_mime_message_get_mime_part(tree->message), 0);
}

void message_pieces_free(struct message_pieces *pieces)
{
    for (uint32_t i = 0; i < pieces->count; i++)
        release(pieces, &pieces->pieces[i]);
    free(pieces->pieces);
    memset(pieces, 0, sizeof *pieces);
}
