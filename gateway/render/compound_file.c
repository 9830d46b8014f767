#include "gateway/render/compound_file.h"

#include <string.h>

#include "codecs/fax_error.h"

/* MS-CFB 2.2 (header) and 2.6.1 (directory entry). */
enum {
    HEADER_OCTETS = 512,
    AT_SECTOR_SHIFT = 30,
    AT_DIRECTORY = 48,
    AT_FIRST_DIFAT = 68,
    AT_DIFAT = 76,
    DIFAT_IN_HEADER = 109,
    ENTRY_OCTETS = 128,
    AT_NAME_LENGTH = 64,
    AT_TYPE = 66,
};

static const uint32_t largest_sector = 0xFFFFFFFA; /* above it: marks */

struct compound_file {
    const uint8_t *data;
    size_t length;
    unsigned sector_shift; /* 9 or 12 */
    uint32_t sectors;
};

static uint32_t get32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Sector 0 follows the one of the header. NULL: outside of the file. */
static const uint8_t *find_sector(const struct compound_file *file, uint32_t sector)
{
    return sector < file->sectors ? file->data + (((size_t)sector + 1) << file->sector_shift)
                                  : NULL;
}

/* The sector with the FAT entries of index index, by the DIFAT (MS-CFB 2.5). */
static const uint8_t *find_fat(const struct compound_file *file, uint32_t index)
{
    uint32_t per_sector = (1u << file->sector_shift) / 4 - 1;
    uint32_t next = get32(file->data + AT_FIRST_DIFAT);

    if (index < DIFAT_IN_HEADER)
        return find_sector(file, get32(file->data + AT_DIFAT + (size_t)4 * index));
    index -= DIFAT_IN_HEADER;
    for (uint32_t steps = 0; steps <= file->sectors; steps++) {
        const uint8_t *difat = find_sector(file, next);

        if (difat == NULL)
            return NULL;
        if (index < per_sector)
            return find_sector(file, get32(difat + (size_t)4 * index));
        index -= per_sector;
        next = get32(difat + (size_t)4 * per_sector);
    }
    return NULL;
}

/* The sector that follows in its chain, or a mark. */
static uint32_t follow(const struct compound_file *file, uint32_t sector)
{
    unsigned bits = file->sector_shift - 2;
    const uint8_t *fat = find_fat(file, sector >> bits);

    return fat != NULL ? get32(fat + (size_t)4 * (sector & ((1u << bits) - 1))) : UINT32_MAX;
}

static void tell_entry(const uint8_t *entry, compound_name_cb *name, void *user)
{
    size_t octets = entry[AT_NAME_LENGTH] | (size_t)entry[AT_NAME_LENGTH + 1] << 8;
    char text[COMPOUND_NAME_MAX];
    size_t used = 0;

    if (entry[AT_TYPE] == 0 || octets < 2 || octets > (size_t)2 * COMPOUND_NAME_MAX)
        return;
    for (size_t i = 0; i + 2 < octets && used < sizeof text - 1; i += 2)
        text[used++] = entry[i + 1] == 0 && entry[i] < 128 ? (char)entry[i] : '?';
    text[used] = '\0';
    name(user, text);
}

int compound_file_names(const uint8_t *data, size_t length, compound_name_cb *name, void *user)
{
    static const uint8_t magic[] = {0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1};
    struct compound_file file = {data, length, 0, 0};
    uint32_t sector;

    if (length < HEADER_OCTETS || memcmp(data, magic, sizeof magic) != 0)
        return FAX_EFORMAT;
    file.sector_shift = data[AT_SECTOR_SHIFT] | (unsigned)data[AT_SECTOR_SHIFT + 1] << 8;
    if (file.sector_shift != 9 && file.sector_shift != 12)
        return FAX_EFORMAT;
    file.sectors =
        (uint32_t)((length >> file.sector_shift) < largest_sector ? length >> file.sector_shift
                                                                  : largest_sector);
    file.sectors -= file.sectors > 0; /* the header's own; a last one that is cut does not count */
    sector = get32(data + AT_DIRECTORY);
    for (uint32_t steps = 0; sector <= largest_sector; steps++) {
        const uint8_t *entries = find_sector(&file, sector);

        if (entries == NULL || steps >= file.sectors)
            return FAX_EFORMAT;
        for (size_t at = 0; at < (size_t)1 << file.sector_shift; at += ENTRY_OCTETS)
            tell_entry(entries + at, name, user);
        sector = follow(&file, sector);
    }
    return 0;
}
