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

enum { PATH_OCTETS = 1200, NAME_OCTETS = FAX_ID_TEXT + 4, BATCH_MAX = 64 };

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
        status = *folder < 0 ? -errno : 0;
    }
    close(parent);
    return status;
}

/* --- sealing --- */

static int write_header(int fd, const struct mail_file *file)
{
    struct vault_header header;
    uint8_t octets[VAULT_HEADER_MAX];
    size_t length;
    memset(&header, 0, sizeof header);
    memcpy(header.fax_id, file->mail.octets, sizeof header.fax_id);
    snprintf(header.class_name, sizeof header.class_name, "%s", MAIL_FILE_CLASS);
    snprintf(header.key_id, sizeof header.key_id, "%s", file->kek_id);
    if (vault_header_encode(&header, octets, sizeof octets, &length) < 0)
        return -EINVAL;
    return file_write_all(fd, octets, length);
}

static int write_pieces(int fd, const struct mail_file *file, const uint8_t *message,
                        struct vault_sealer *sealer)
{
    size_t most = file->octets < MAIL_PIECE_OCTETS ? file->octets : MAIL_PIECE_OCTETS;
    size_t capacity = vault_frame_sealed_length(most), length;
    uint8_t *frame = malloc(capacity);
    int status = frame ? 0 : -ENOMEM;
    uint32_t number = 1;
    for (size_t at = 0; status == 0 && (at < file->octets || number == 1); number++) {
        size_t left = file->octets - at;
        const struct vault_piece piece = {message + at,
                                          left < MAIL_PIECE_OCTETS ? left : MAIL_PIECE_OCTETS};
        status =
            vault_seal_frame(sealer, number, &piece, 1, frame, capacity, &length) < 0 ? -EIO : 0;
        if (status == 0 && frame)
            status = file_write_all(fd, frame, length);
        at += piece.length;
    }
    free(frame);
    return status;
}

static int write_file(int fd, const struct mail_file *file)
{
    static const uint8_t none[1];
    struct vault_sealer *sealer = NULL;
    void *map = NULL;
    if (file->octets > 0)
        map = mmap(NULL, file->octets, PROT_READ, MAP_SHARED | MAP_POPULATE, file->message, 0);
    if (map == MAP_FAILED)
        return -errno;
    int status = write_header(fd, file);
    if (status == 0)
        status = vault_sealer_new(file->data_key, file->mail.octets, VAULT_STREAM_MESSAGE, 0,
                                  &sealer) < 0
                     ? -EIO
                     : 0;
    if (status == 0)
        status = write_pieces(fd, file, map ? map : none, sealer);
    vault_sealer_free(sealer);
    if (map)
        munmap(map, file->octets);
    /* Begun for all before any is waited for: then one commit of the file system takes them. */
    if (status == 0)
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return status;
}

static void seal_batch(int folder, struct mail_file *files, size_t count)
{
    char name[NAME_OCTETS];
    int made[BATCH_MAX], synced;
    for (size_t i = 0; i < count; i++) {
        file_name(&files[i].mail, name);
        made[i] = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        files[i].status = made[i] < 0 ? -errno : write_file(made[i], &files[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (files[i].status == 0 && fsync(made[i]) < 0)
            files[i].status = -errno;
    synced = fsync(folder) < 0 ? -errno : 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i].status == 0)
            files[i].status = synced;
        if (made[i] < 0)
            continue;
        close(made[i]);
        file_name(&files[i].mail, name);
        if (files[i].status < 0)
            unlinkat(folder, name, 0);
    }
}

void mail_files_seal(int folder, struct mail_file *files, size_t count)
{
    for (size_t at = 0; at < count; at += BATCH_MAX)
        seal_batch(folder, files + at, count - at < BATCH_MAX ? count - at : BATCH_MAX);
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

static int open_sealed(const struct sealed_file *sealed, const struct fax_id *mail,
                       const uint8_t data_key[VAULT_KEY_OCTETS], int message, uint64_t *octets)
{
    struct vault_header header;
    struct vault_opener *opener = NULL;
    size_t begin;
    if (vault_header_decode(sealed->bytes, sealed->length, mail->octets, &header, &begin) < 0)
        return -EBADMSG;
    if (vault_opener_new(data_key, mail->octets, &opener) < 0)
        return -ENOMEM;
    int status = open_pieces(opener, sealed, begin, message, octets);
    vault_opener_free(opener);
    return status;
}

int mail_file_open(int folder, const struct fax_id *mail, const uint8_t data_key[VAULT_KEY_OCTETS],
                   int *message, uint64_t *octets)
{
    char name[NAME_OCTETS];
    struct stat about;
    file_name(mail, name);
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), memory = -1;
    if (fd < 0)
        return -errno;
    int status = fstat(fd, &about) < 0 ? -errno : about.st_size == 0 ? -EBADMSG : 0;
    void *map = MAP_FAILED;
    if (status == 0) {
        map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, fd, 0);
        status = map == MAP_FAILED ? -errno : 0;
    }
    close(fd);
    *octets = 0;
    if (status == 0) {
        memory = memfd_create("message", MFD_CLOEXEC);
        status = memory < 0 ? -errno : 0;
    }
    if (status == 0) {
        const struct sealed_file sealed = {map, (size_t)about.st_size};
        status = open_sealed(&sealed, mail, data_key, memory, octets);
        /* Who gets the descriptor may read from where it stands. */
        if (status == 0 && lseek(memory, 0, SEEK_SET) < 0)
            status = -errno;
    }
    if (map != MAP_FAILED)
        munmap(map, (size_t)about.st_size);
    if (status < 0 && memory >= 0)
        close(memory);
    *message = status < 0 ? -1 : memory;
    return status;
}

int mail_file_remove(int folder, const struct fax_id *mail)
{
    char name[NAME_OCTETS];
    file_name(mail, name);
    if (unlinkat(folder, name, 0) < 0)
        return -errno;
    return fsync(folder) < 0 ? -errno : 0;
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
    for (const struct dirent *e; (e = readdir(names));) {
        char id[FAX_ID_TEXT];
        struct fax_id mail;
        if (strlen(e->d_name) != NAME_OCTETS - 1 ||
            strcmp(e->d_name + FAX_ID_TEXT - 1, suffix) != 0)
            continue;
        memcpy(id, e->d_name, FAX_ID_TEXT - 1);
        id[FAX_ID_TEXT - 1] = '\0';
        if (fax_id_parse(&mail, id) == 0)
            found(user, &mail);
    }
    closedir(names);
    return 0;
}
