#include "gateway/render/message_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "codecs/fax_error.h"
#include "policy/utf8.h"

enum { HEAD_OCTETS_MAX = 256 * 1024 };

static int fail(char reason[MESSAGE_REASON_MAX], int error, const char *text)
{
    snprintf(reason, MESSAGE_REASON_MAX, "%s", text);
    return error;
}

/* The head ends at the first empty line; one without end is a message without body. */
static int measure_head(struct message_tree *tree)
{
    size_t most = tree->length < HEAD_OCTETS_MAX ? tree->length : HEAD_OCTETS_MAX;
    const uint8_t *end = memmem(tree->octets, most, "\r\n\r\n", 4);
    size_t skip = 4;

    if (end == NULL) {
        end = memmem(tree->octets, most, "\n\n", 2);
        skip = 2;
    }
    if (end == NULL && tree->length > HEAD_OCTETS_MAX)
        return FAX_EFORMAT;
    tree->head_length = end != NULL ? (size_t)(end - tree->octets) + skip : tree->length;
    return 0;
}

static int parse(struct message_tree *tree, int descriptor, char reason[MESSAGE_REASON_MAX])
{
    const struct message_library *l = &tree->library;
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    GMimeStream *stream;
    GMimeParser *parser;

    if (copy < 0)
        return fail(reason, -errno, "the message cannot be opened");
    stream = l->g_mime_stream_mmap_new_with_bounds(copy, PROT_READ, MAP_PRIVATE, 0,
                                                   -1); /* owns the copy */
    if (stream == NULL)
        return fail(reason, -EIO, "the message cannot be mapped");
    parser = l->g_mime_parser_new_with_stream(stream);
    l->g_object_unref(stream);
    tree->message = l->g_mime_parser_construct_message(parser, NULL);
    l->g_object_unref(parser);
    return tree->message != NULL ? 0 : fail(reason, FAX_EFORMAT, "this is not a message");
}

int message_tree_open(struct message_tree *tree, int descriptor, char reason[MESSAGE_REASON_MAX])
{
    struct stat status;

    memset(tree, 0, sizeof *tree);
    if (descriptor < 0 || fstat(descriptor, &status) < 0)
        return fail(reason, -EINVAL, "no message came with the request");
    if (status.st_size == 0)
        return fail(reason, FAX_EEMPTY, "the message is empty");
    tree->length = (size_t)status.st_size;
    void *map = mmap(NULL, tree->length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED) {
        int error = -errno;
        tree->length = 0;
        return fail(reason, error, "the message cannot be mapped");
    }
    tree->octets = map;
    if (measure_head(tree) != 0)
        return fail(reason, FAX_EFORMAT, "the head of the message is larger than 256 KiB");
    if (message_library_load(&tree->library) != 0)
        return fail(reason, -ENOSYS, "messages cannot be read: libgmime-3.0-0 is not installed");
    return parse(tree, descriptor, reason);
}

void message_tree_close(struct message_tree *tree)
{
    if (tree->message != NULL)
        tree->library.g_object_unref(tree->message);
    if (tree->octets != NULL)
        munmap((void *)(uintptr_t)tree->octets, tree->length);
    tree->message = NULL;
    tree->octets = NULL;
}

bool message_field_at(const struct message_tree *tree, GMimeObject *object, int position,
                      const char **name, const char **value)
{
    const struct message_library *l = &tree->library;
    GMimeHeaderList *list = l->g_mime_object_get_header_list(object);

    if (position >= l->g_mime_header_list_get_count(list))
        return false;
    GMimeHeader *header = l->g_mime_header_list_get_header_at(list, position);
    *name = l->g_mime_header_get_name(header);
    *value = l->g_mime_header_get_value(header);
    return true;
}

const char *message_field(const struct message_tree *tree, GMimeObject *object, const char *wanted,
                          unsigned *count)
{
    const char *name, *value, *first = NULL;
    unsigned found = 0;

    for (int i = 0; message_field_at(tree, object, i, &name, &value); i++) {
        if (name == NULL || value == NULL || strcasecmp(name, wanted) != 0)
            continue;
        if (found++ == 0)
            first = value;
    }
    if (count != NULL)
        *count = found;
    return first;
}

bool message_is(const struct message_tree *tree, const void *object, GType type)
{
    return object != NULL &&
           tree->library.g_type_check_instance_is_a((GTypeInstance *)(uintptr_t)object, type);
}

void message_copy_text(char *out, size_t capacity, const char *text)
{
    size_t used = 0;

    for (text = text != NULL ? text : ""; *text != '\0' && used + 1 < capacity; text++) {
        unsigned char octet = (unsigned char)*text;
        if (octet < ' ' || octet == 0x7F) {
            if (used > 0 && out[used - 1] != ' ')
                out[used++] = ' ';
        } else {
            out[used++] = *text;
        }
    }
    /* A character that was cut goes whole. */
    if (*text != '\0')
        while (used > 0 && ((unsigned char)*text & 0xC0) == 0x80 &&
               ((unsigned char)out[used - 1] & 0x80) != 0) {
            bool first = ((unsigned char)out[used - 1] & 0xC0) == 0xC0;
            used--;
            if (first)
                break;
        }
    out[used] = '\0';
    (void)utf8_clean(out);
}
