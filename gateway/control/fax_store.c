#include "gateway/control/fax_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/file_octets.h"
#include "policy/vault.h"

enum { PATH_OCTETS = 1200, SUFFIX_OCTETS = 4 };

static const char suffix[] = ".sfv";

static int make_path(char path[PATH_OCTETS], const char *vault, const struct fax_id *fax,
                     bool incoming)
{
    char id[FAX_ID_TEXT];
    fax_id_text(fax, id);
    const char *folder = incoming ? "incoming" : id + FAX_ID_TEXT - 3;
    int n = snprintf(path, PATH_OCTETS, "%s/%s/%s%s", vault, folder, id, suffix);
    return n < 0 || n >= PATH_OCTETS ? -ENAMETOOLONG : 0;
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_OCTETS];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return -EINVAL;
    *slash = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int fax_store_prepare(const char *vault)
{
    char path[PATH_OCTETS];
    for (int i = -1; i < 256; i++) {
        int n = i < 0 ? snprintf(path, sizeof path, "%s/incoming", vault)
                      : snprintf(path, sizeof path, "%s/%02x", vault, (unsigned)i);
        if (n < 0 || n >= PATH_OCTETS)
            return -ENAMETOOLONG;
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
    }
    return sync_folder_of(path);
}

static int write_header(int fd, const struct fax_id *fax, const char *class_name,
                        const char *kek_id)
{
    struct vault_header header;
    uint8_t octets[VAULT_HEADER_MAX];
    size_t length;
    memset(&header, 0, sizeof header);
    memcpy(header.fax_id, fax->octets, sizeof header.fax_id);
    snprintf(header.class_name, sizeof header.class_name, "%s", class_name);
    snprintf(header.key_id, sizeof header.key_id, "%s", kek_id);
    if (vault_header_encode(&header, octets, sizeof octets, &length) < 0)
        return -EINVAL;
    int rc = file_write_all(fd, octets, length);
    if (rc < 0)
        return rc;
    return fsync(fd) < 0 ? -errno : 0;
}

int fax_store_create(const char *vault, const struct fax_id *fax, const char *class_name,
                     const char *kek_id, bool incoming, int *descriptor)
{
    char path[PATH_OCTETS];
    int rc = make_path(path, vault, fax, incoming);
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    rc = write_header(fd, fax, class_name, kek_id);
    if (rc == 0)
        rc = sync_folder_of(path);
    if (rc < 0) {
        unlink(path);
        close(fd);
        return rc;
    }
    *descriptor = fd;
    return 0;
}

int fax_store_admit(const char *vault, const struct fax_id *fax)
{
    char from[PATH_OCTETS], to[PATH_OCTETS];
    int rc = make_path(from, vault, fax, true);
    if (rc == 0)
        rc = make_path(to, vault, fax, false);
    if (rc < 0)
        return rc;
    if (rename(from, to) < 0)
        return -errno;
    rc = sync_folder_of(to);
    return rc < 0 ? rc : sync_folder_of(from);
}

int fax_store_open(const char *vault, const struct fax_id *fax, bool writable, int *descriptor)
{
    char path[PATH_OCTETS];
    int rc = make_path(path, vault, fax, false);
    if (rc < 0)
        return rc;
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    *descriptor = fd;
    return 0;
}

int fax_store_remove(const char *vault, const struct fax_id *fax, bool incoming)
{
    char path[PATH_OCTETS];
    int rc = make_path(path, vault, fax, incoming);
    if (rc < 0)
        return rc;
    if (unlink(path) < 0)
        return -errno;
    return sync_folder_of(path);
}

int fax_store_list_incoming(const char *vault, fax_store_found_cb *found, void *user)
{
    char path[PATH_OCTETS];
    int n = snprintf(path, sizeof path, "%s/incoming", vault);
    if (n < 0 || n >= PATH_OCTETS)
        return -ENAMETOOLONG;
    DIR *folder = opendir(path);
    if (!folder)
        return -errno;
    for (struct dirent *e; (e = readdir(folder));) {
        char name[FAX_ID_TEXT];
        struct fax_id fax;
        if (strlen(e->d_name) != FAX_ID_TEXT - 1 + SUFFIX_OCTETS ||
            strcmp(e->d_name + FAX_ID_TEXT - 1, suffix) != 0)
            continue;
        memcpy(name, e->d_name, FAX_ID_TEXT - 1);
        name[FAX_ID_TEXT - 1] = '\0';
        if (fax_id_parse(&fax, name) == 0)
            found(user, &fax);
    }
    closedir(folder);
    return 0;
}
