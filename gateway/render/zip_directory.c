#include "gateway/render/zip_directory.h"

#include <string.h>
#include <zlib.h>

#include "codecs/fax_error.h"

enum {
    END_OCTETS = 22,   /* of the record at the end, without its comment */
    ENTRY_OCTETS = 46, /* of a directory entry, without its names */
    LOCAL_OCTETS = 30, /* of a local header, likewise */
    COMMENT_MAX = 65535,
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* The last one that fits, as readers look for it from the end. */
static const uint8_t *find_end(const uint8_t *data, size_t length)
{
    size_t at, first;

    if (length < END_OCTETS)
        return NULL;
    at = length - END_OCTETS;
    first = at > COMMENT_MAX ? at - COMMENT_MAX : 0;
    for (;; at--) {
        if (memcmp(data + at, "PK\5\6", 4) == 0 &&
            get16(data + at + 20) <= length - at - END_OCTETS)
            return data + at;
        if (at == first)
            return NULL;
    }
}

int zip_directory_open(struct zip_directory *directory, const uint8_t *data, size_t length)
{
    const uint8_t *end = find_end(data, length);
    uint32_t octets, offset;

    memset(directory, 0, sizeof *directory);
    if (end == NULL)
        return FAX_EFORMAT;
    octets = get32(end + 12);
    offset = get32(end + 16);
    if (get16(end + 10) == UINT16_MAX || octets == UINT32_MAX || offset == UINT32_MAX)
        return FAX_ELIMIT;
    /* In one part, and nothing in front: then offsets mean what they say. */
    if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != get16(end + 10) ||
        offset > (size_t)(end - data) || octets > (size_t)(end - data) - offset)
        return FAX_EFORMAT;
    directory->data = data;
    directory->length = length;
    directory->at = offset;
    directory->end = (size_t)offset + octets;
    directory->left = get16(end + 10);
    return 0;
}

int zip_directory_next(struct zip_directory *directory, struct zip_entry *entry)
{
    const uint8_t *at = directory->data + directory->at;
    size_t room = directory->end - directory->at, octets;

    if (directory->left == 0)
        return room == 0 ? 0 : FAX_EFORMAT;
    if (room < ENTRY_OCTETS || memcmp(at, "PK\1\2", 4) != 0)
        return FAX_EFORMAT;
    octets = (size_t)ENTRY_OCTETS + get16(at + 28) + get16(at + 30) + get16(at + 32);
    if (octets > room)
        return FAX_EFORMAT;
    *entry = (struct zip_entry){
        .name = (const char *)at + ENTRY_OCTETS,
        .name_length = get16(at + 28),
        .encrypted = (get16(at + 8) & FLAG_ENCRYPTED) != 0,
        .method = get16(at + 10),
        .packed_octets = get32(at + 20),
        .octets = get32(at + 24),
        .offset = get32(at + 42),
    };
    if (entry->packed_octets == UINT32_MAX || entry->octets == UINT32_MAX ||
        entry->offset == UINT32_MAX)
        return FAX_ELIMIT;
    directory->at += octets;
    directory->left--;
    return 1;
}

static int inflate_all(const uint8_t *packed, size_t length, uint8_t *out, size_t capacity,
                       size_t *octets)
{
    z_stream stream = {0};
    int status;

    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return FAX_ENOMEM;
    stream.next_in = (Bytef *)(uintptr_t)packed;
    stream.avail_in = (uInt)length;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    status = inflate(&stream, Z_FINISH);
    *octets = capacity - stream.avail_out;
    (void)inflateEnd(&stream);
    if (status == Z_STREAM_END)
        return 0;
    return status == Z_MEM_ERROR                             ? FAX_ENOMEM
           : stream.avail_out == 0 && status != Z_DATA_ERROR ? FAX_ELIMIT
                                                             : FAX_EFORMAT;
}

int zip_entry_unpack(const struct zip_directory *directory, const struct zip_entry *entry,
                     uint8_t *out, size_t capacity, size_t *octets)
{
    const uint8_t *local;
    size_t room, head;

    *octets = 0;
    if (entry->offset > directory->length || directory->length - entry->offset < LOCAL_OCTETS)
        return FAX_EFORMAT;
    local = directory->data + entry->offset;
    room = directory->length - entry->offset;
    head = (size_t)LOCAL_OCTETS + get16(local + 26) + get16(local + 28);
    if (memcmp(local, "PK\3\4", 4) != 0 || head > room || entry->packed_octets > room - head)
        return FAX_EFORMAT;
    if (entry->method == METHOD_DEFLATED)
        return inflate_all(local + head, entry->packed_octets, out, capacity, octets);
    if (entry->method != METHOD_STORED)
        return FAX_EUNSUPPORTED;
    if (entry->packed_octets > capacity)
        return FAX_ELIMIT;
    memcpy(out, local + head, entry->packed_octets);
    *octets = entry->packed_octets;
    return 0;
}
