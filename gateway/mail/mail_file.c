#include "gateway/mail/mail_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "gateway/pack_file.h"

/* Messages begin at a block, so that one that goes gives its blocks back. */
enum { NAME_OCTETS = FAX_ID_TEXT + 4, MAIL_ALIGNMENT = 4096 };

static const char suffix[] = ".sfm";

static void file_name(const struct fax_id *mail, char name[NAME_OCTETS])
{
    fax_id_text(mail, name);
    memcpy(name + FAX_ID_TEXT - 1, suffix, sizeof suffix);
}

int mail_folder_open(const char *vault, int *folder)
{
    int parent = open(vault, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return -errno;
    int status = mkdirat(parent, "mail", 0700) < 0 ? -errno : 0;
    if (status == 0 && fsync(parent) < 0)
        status = -errno;
    if (status == 0 || status == -EEXIST) {
        *folder = openat(parent, "mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        status = *folder < 0 ? -errno : pack_file_remove_unfinished(*folder);
        if (status < 0 && *folder >= 0)
            close(*folder);
    }
    close(parent);
    return status;
}

/* --- sealing --- */

/* Memory that the messages of a batch have in turn. */
struct sealing {
    int pack;
    uint8_t *plain; /* a piece */
    uint8_t *frame; /* a header and a frame */
    size_t plain_octets, frame_octets;
};

static size_t encode_header(const struct mail_file *file, uint8_t octets[VAULT_HEADER_MAX])
{
    struct vault_header header;
    size_t length = 0;
    memset(&header, 0, sizeof header);
    memcpy(header.fax_id, file->mail.octets, sizeof header.fax_id);
    snprintf(header.class_name, sizeof header.class_name, "%s", MAIL_FILE_CLASS);
    snprintf(header.key_id, sizeof header.key_id, "%s", file->kek_id);
    return vault_header_encode(&header, octets, VAULT_HEADER_MAX, &length) < 0 ? 0 : length;
}

/* Octets of all the frames of a message; one without octets is one empty piece. */
static uint64_t frames_octets(size_t octets)
{
    uint64_t whole = octets / MAIL_PIECE_OCTETS,
             all = whole * vault_frame_sealed_length(MAIL_PIECE_OCTETS);
    size_t last = octets % MAIL_PIECE_OCTETS;
    return last > 0 || whole == 0 ? all + vault_frame_sealed_length(last) : all;
}

static int make_table(const struct mail_file *files, size_t count, struct pack_table *table)
{
    uint8_t header[VAULT_HEADER_MAX];
    memset(table, 0, sizeof *table);
    table->kind = PACK_MESSAGES;
    table->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        size_t length = encode_header(&files[i], header);
        if (length == 0)
            return -EINVAL;
        memcpy(table->items[i].id, files[i].mail.octets, PACK_ID_OCTETS);
        table->items[i].length = length + frames_octets(files[i].octets);
    }
    (void)pack_table_place(table, MAIL_ALIGNMENT);
    return 0;
}

static int begin_sealing(const struct mail_file *files, size_t count, struct sealing *s)
{
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        if (files[i].octets > most)
            most = files[i].octets;
    s->plain_octets = most < MAIL_PIECE_OCTETS ? most : MAIL_PIECE_OCTETS;
    s->frame_octets = VAULT_HEADER_MAX + vault_frame_sealed_length(s->plain_octets);
    s->plain = malloc(s->plain_octets);
    s->frame = malloc(s->frame_octets);
    return s->plain && s->frame ? 0 : -ENOMEM;
}

static void end_sealing(struct sealing *s)
{
    if (s->plain)
        explicit_bzero(s->plain, s->plain_octets);
    free(s->plain);
    free(s->frame);
}

static int write_pieces(const struct sealing *s, struct mail_file *file, uint64_t offset,
                        struct vault_sealer *sealer)
{
    struct mail_digester *digester = mail_digester_new();
    size_t used = encode_header(file, s->frame); /* goes with the first piece */
    int status = 0;
    uint32_t number = 1;
    for (size_t at = 0; status == 0 && (at < file->octets || number == 1); number++) {
        size_t left = file->octets - at, length = 0;
        const struct vault_piece piece = {s->plain,
                                          left < MAIL_PIECE_OCTETS ? left : MAIL_PIECE_OCTETS};
        status = file_read_all_at(file->message, s->plain, piece.length, at);
        if (status == 0)
            mail_digester_add(digester, s->plain, piece.length);
        if (status == 0 && vault_seal_frame(sealer, number, &piece, 1, s->frame + used,
                                            s->frame_octets - used, &length) < 0)
            status = -EIO;
        if (status == 0)
            status = file_write_all_at(s->pack, s->frame, used + length, offset);
        offset += used + length;
        at += piece.length;
        used = 0;
    }
    mail_digester_end(digester, &file->digest);
    return status;
}

static int write_message(const struct sealing *s, struct mail_file *file, uint64_t offset)
{
    struct vault_sealer *sealer = NULL;
    if (vault_sealer_new(file->data_key, file->mail.octets, VAULT_STREAM_MESSAGE, 0, &sealer) < 0)
        return -EIO;
    int status = write_pieces(s, file, offset, sealer);
    vault_sealer_free(sealer);
    return status;
}

int mail_files_seal(int folder, struct mail_file *files, size_t count)
{
    struct pack_table table;
    struct sealing s = {.pack = -1};
    if (count == 0 || count > PACK_ITEMS_MAX)
        return -EINVAL;
    int status = make_table(files, count, &table);
    if (status == 0)
        status = begin_sealing(files, count, &s);
    if (status == 0) {
        s.pack = pack_file_begin(folder, &table);
        status = s.pack < 0 ? s.pack : 0;
    }
    for (size_t i = 0; status == 0 && i < count; i++)
        status = write_message(&s, &files[i], table.items[i].offset);
    if (s.pack >= 0)
        status = pack_file_end(folder, &table, s.pack, status);
    end_sealing(&s);
    return status;
}

/* --- opening --- */

struct sealed_file {
    const uint8_t *bytes;
    size_t length;
};

static int open_pieces(struct vault_opener *opener, const struct sealed_file *sealed, size_t at,
                       int message, uint64_t *octets)
{
    uint8_t *plain = malloc(MAIL_PIECE_OCTETS);
    int status = plain ? 0 : -ENOMEM;
    uint32_t number = 0;
    while (status == 0 && at < sealed->length) {
        struct vault_frame_info info;
        size_t length = 0;
        status = vault_frame_peek(sealed->bytes + at, sealed->length - at, &info) < 0 ||
                         info.stream != VAULT_STREAM_MESSAGE || info.number != number + 1 ||
                         vault_open_frame(opener, sealed->bytes + at, sealed->length - at, plain,
                                          MAIL_PIECE_OCTETS, &length) < 0
                     ? -EBADMSG
                     : file_write_all(message, plain, length);
        at += info.frame_length;
        *octets += length;
        number++;
    }
    if (plain)
        explicit_bzero(plain, MAIL_PIECE_OCTETS);
    free(plain);
    return status == 0 && number == 0 ? -EBADMSG : status;
}

struct mail_key {
    const struct fax_id *mail;
    const uint8_t *data_key;
};

static int open_sealed(const struct sealed_file *sealed, const struct mail_key *key, int message,
                       uint64_t *octets)
{
    struct vault_header header;
    struct vault_opener *opener = NULL;
    size_t begin;
    if (vault_header_decode(sealed->bytes, sealed->length, key->mail->octets, &header, &begin) < 0)
        return -EBADMSG;
    if (vault_opener_new(key->data_key, key->mail->octets, &opener) < 0)
        return -ENOMEM;
    int status = open_pieces(opener, sealed, begin, message, octets);
    vault_opener_free(opener);
    return status;
}

/* Maps the image of a message, octets at offset of the file. */
static int open_image(int fd, const struct pack_item *image, const struct mail_key *key,
                      int message, uint64_t *octets)
{
    /* Offsets in packs are multiples of MAIL_ALIGNMENT, pages may be larger. */
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), before = image->offset % page;
    size_t length = (size_t)(image->length + before);
    uint8_t *map = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, (off_t)(image->offset - before));
    if (map == MAP_FAILED)
        return -errno;
    const struct sealed_file sealed = {map + before, (size_t)image->length};
    int status = open_sealed(&sealed, key, message, octets);
    munmap(map, length);
    /* Who gets the descriptor may read from where it stands. */
    if (status == 0 && lseek(message, 0, SEEK_SET) < 0)
        status = -errno;
    return status;
}

/* A file of its own, as earlier versions wrote it. */
static int open_alone(int folder, const struct fax_id *mail, struct pack_item *image, int *fd)
{
    char name[NAME_OCTETS];
    struct stat about;
    file_name(mail, name);
    *fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return -errno;
    int status = fstat(*fd, &about) < 0 ? -errno : about.st_size == 0 ? -EBADMSG : 0;
    image->offset = 0;
    image->length = (uint64_t)about.st_size;
    if (status < 0)
        close(*fd);
    return status;
}

int mail_file_open(int folder, const struct fax_id *mail, const uint8_t data_key[VAULT_KEY_OCTETS],
                   int *message, uint64_t *octets)
{
    const struct mail_key key = {mail, data_key};
    const struct pack_item *packed = NULL;
    struct pack_item image = {.length = 0};
    struct pack_table table;
    int fd = -1;
    *octets = 0;
    *message = -1;
    int status =
        pack_file_open_item(folder, mail->octets, O_RDONLY, PACK_MESSAGES, &table, &packed, &fd);
    if (status == 0)
        image = *packed;
    else if (status == -ENOENT)
        status = open_alone(folder, mail, &image, &fd);
    if (status < 0)
        return status;
    int memory = memfd_create("message", MFD_CLOEXEC);
    status = memory < 0 ? -errno : open_image(fd, &image, &key, memory, octets);
    close(fd);
    if (status < 0 && memory >= 0)
        close(memory);
    else
        *message = memory;
    return status;
}

int mail_file_remove(int folder, const struct fax_id *mail)
{
    char name[NAME_OCTETS];
    int status = pack_file_destroy(folder, mail->octets, PACK_MESSAGES, PACK_RELEASE);
    if (status != -ENOENT)
        return status;
    file_name(mail, name);
    if (unlinkat(folder, name, 0) < 0)
        return -errno;
    return fsync(folder) < 0 ? -errno : 0;
}

/* --- listing --- */

/* A pack whose table is damaged is left: what is recorded of it is told when it is opened. */
static void list_pack(int folder, const char *name, mail_file_found_cb *found, void *user)
{
    struct pack_table table;
    struct fax_id mail;
    int fd;
    if (pack_file_open(folder, name, O_RDONLY, PACK_MESSAGES, &table, &fd) < 0)
        return;
    if (pack_file_remove_empty(folder, name, fd, &table) == 0)
        for (uint32_t i = 0; i < table.count; i++)
            if (pack_file_has(fd, &table.items[i]) == 1) {
                memcpy(mail.octets, table.items[i].id, sizeof mail.octets);
                found(user, &mail);
            }
    close(fd);
}

static void list_name(int folder, const char *name, mail_file_found_cb *found, void *user)
{
    char id[FAX_ID_TEXT];
    struct fax_id mail;
    if (pack_file_is_name(name)) {
        list_pack(folder, name, found, user);
        return;
    }
    if (strlen(name) != NAME_OCTETS - 1 || strcmp(name + FAX_ID_TEXT - 1, suffix) != 0)
        return;
    memcpy(id, name, FAX_ID_TEXT - 1);
    id[FAX_ID_TEXT - 1] = '\0';
    if (fax_id_parse(&mail, id) == 0)
        found(user, &mail);
}

int mail_folder_list(int folder, mail_file_found_cb *found, void *user)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy < 0 ? NULL : fdopendir(copy);
    if (!names) {
        int status = -errno;
        if (copy >= 0)
            close(copy);
        return status;
    }
    for (const struct dirent *e; (e = readdir(names));)
        list_name(folder, e->d_name, found, user);
    closedir(names);
    return 0;
}
