#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy/text_code.h"

#include "gateway/cluster/cluster_private.h"

enum { PASSWORD_OCTETS = 32 };

static const char *const role_names[] = {[CLUSTER_OWNER] = CLUSTER_OWNER_NAME,
                                         [CLUSTER_APPLICATION] = CLUSTER_APPLICATION_NAME,
                                         [CLUSTER_READER] = CLUSTER_READER_NAME};

bool cluster_is_private(const struct config *config)
{
    return config->database.dsn[0] == '\0';
}

void cluster_password_path(const struct state_paths *paths, enum cluster_role role,
                           char out[STATE_PATH_MAX])
{
    static const char *const files[] = {
        [CLUSTER_OWNER] = "owner", [CLUSTER_APPLICATION] = "app", [CLUSTER_READER] = "reader"};
    snprintf(out, STATE_PATH_MAX, "%.*s/%s", STATE_PATH_MAX - 16, paths->secrets, files[role]);
}

int cluster_read_password(const char *path, char password[CLUSTER_PASSWORD_MAX], char *reason,
                          size_t reason_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t length = fd < 0 ? -1 : read(fd, password, CLUSTER_PASSWORD_MAX - 1);
    int status = length < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    if (status < 0) {
        snprintf(reason, reason_size, "%s: %s", path, strerror(-status));
        return status;
    }
    password[length] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    if (password[0] == '\0') {
        snprintf(reason, reason_size, "%s: the first line should be a password, it is empty", path);
        return -EINVAL;
    }
    return 0;
}

/* " keyword='value'" with the quoting of libpq. Returns the new length, or out_size when full. */
static size_t append(char *out, size_t out_size, size_t used, const char *keyword,
                     const char *value)
{
    int more = used < out_size
                   ? snprintf(out + used, out_size - used, "%s%s='", used ? " " : "", keyword)
                   : 0;
    used += (size_t)more;
    for (; *value && used + 3 < out_size; value++) {
        if (*value == '\'' || *value == '\\')
            out[used++] = '\\';
        out[used++] = *value;
    }
    if (*value || used + 2 > out_size)
        return out_size;
    out[used++] = '\'';
    out[used] = '\0';
    return used;
}

static size_t append_dsn(char *out, size_t out_size, const char *dsn)
{
    size_t used = 0;
    PQconninfoOption *options = PQconninfoParse(dsn, NULL);
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (option->val && option->val[0])
            used = append(out, out_size, used, option->keyword, option->val);
    PQconninfoFree(options);
    return used;
}

int cluster_conninfo(const struct config *config, const struct state_paths *paths,
                     enum cluster_role role, char *out, size_t out_size, char *reason,
                     size_t reason_size)
{
    const char *const dsns[] = {[CLUSTER_OWNER] = config->database.owner_dsn,
                                [CLUSTER_APPLICATION] = config->database.dsn,
                                [CLUSTER_READER] = config->database.reader_dsn};
    const char *const files[] = {[CLUSTER_OWNER] = config->database.owner_password_file,
                                 [CLUSTER_APPLICATION] = config->database.password_file,
                                 [CLUSTER_READER] = config->database.reader_password_file};
    char password[CLUSTER_PASSWORD_MAX] = "", path[STATE_PATH_MAX];
    size_t used = 0;
    int status = 0;
    out[0] = '\0';
    if (cluster_is_private(config)) {
        cluster_password_path(paths, role, path);
        status = cluster_read_password(path, password, reason, reason_size);
        used = append(out, out_size, used, "host", paths->database_socket);
        used = append(out, out_size, used, "dbname", CLUSTER_DATABASE);
        used = append(out, out_size, used, "user", role_names[role]);
    } else if (dsns[role][0] == '\0') {
        snprintf(reason, reason_size, "no database access is configured for this role");
        return -ENOENT;
    } else {
        if (files[role][0])
            status = cluster_read_password(files[role], password, reason, reason_size);
        used = append_dsn(out, out_size, dsns[role]);
    }
    if (status == 0 && password[0])
        used = append(out, out_size, used, "password", password);
    OPENSSL_cleanse(password, sizeof password);
    if (status == 0 && used >= out_size) {
        snprintf(reason, reason_size, "the database connection string is too long");
        status = -ENAMETOOLONG;
    }
    if (status < 0)
        OPENSSL_cleanse(out, out_size);
    return status;
}

static int make_password(const char *path)
{
    unsigned char octets[PASSWORD_OCTETS];
    char text[2 * PASSWORD_OCTETS + 2];
    if (access(path, F_OK) == 0)
        return 0;
    if (RAND_bytes(octets, sizeof octets) != 1)
        return -EIO;
    hex_encode(octets, sizeof octets, text);
    text[sizeof text - 2] = '\n';
    char temporary[STATE_PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int status = fd < 0 ? -errno : 0;
    ssize_t written = fd < 0 ? 0 : write(fd, text, sizeof text - 1);
    if (status == 0 && (written != (ssize_t)sizeof text - 1 || fsync(fd) < 0))
        status = -EIO;
    if (fd >= 0)
        close(fd);
    if (status == 0 && rename(temporary, path) < 0)
        status = -errno;
    OPENSSL_cleanse(octets, sizeof octets);
    OPENSSL_cleanse(text, sizeof text);
    return status;
}

int cluster_make_passwords(const struct state_paths *paths, char *reason, size_t reason_size)
{
    char path[STATE_PATH_MAX];
    for (int role = CLUSTER_OWNER; role <= CLUSTER_READER; role++) {
        cluster_password_path(paths, (enum cluster_role)role, path);
        int status = make_password(path);
        if (status < 0) {
            snprintf(reason, reason_size, "%s: %s", path, strerror(-status));
            return status;
        }
    }
    return 0;
}
