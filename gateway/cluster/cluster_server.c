#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cluster/cluster_private.h"
#include "gateway/process/spawn.h"

enum { PID_FILE_MAX = 2048, STATUS_LINE = 8, POLL_MS = 20 };

/* Reads postmaster.pid. Returns the pid, 0 when there is none; *ready from the status line. */
static pid_t read_pid_file(const struct state_paths *paths, bool *ready)
{
    char path[STATE_PATH_MAX + 32], text[PID_FILE_MAX + 1];
    snprintf(path, sizeof path, "%s/postmaster.pid", paths->database);
    *ready = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, PID_FILE_MAX);
    close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    const char *line = text;
    for (int i = 1; i < STATUS_LINE && line; i++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    *ready = line && strncmp(line, "ready", 5) == 0;
    long pid = strtol(text, NULL, 10);
    return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

bool cluster_is_ready(const struct state_paths *paths, pid_t pid)
{
    bool ready;
    return read_pid_file(paths, &ready) == pid && ready;
}

/* A number in a file may long belong to another process: a server works in its data directory. */
static bool is_server_of(pid_t pid, const struct state_paths *paths)
{
    char path[64];
    struct stat there, here;
    snprintf(path, sizeof path, "/proc/%ld/cwd", (long)pid);
    return stat(path, &there) == 0 && stat(paths->database, &here) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static bool wait_gone(pid_t pid, const struct state_paths *paths, int timeout_ms)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    for (int waited = 0; waited <= timeout_ms; waited += POLL_MS) {
        if (kill(pid, 0) < 0 || !is_server_of(pid, paths))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static int make_socket_directory(const struct state_paths *paths, const struct accounts *accounts,
                                 char *reason, size_t reason_size)
{
    struct stat about = {0};
    const char *path = paths->database_socket;
    const mode_t mode = accounts->privileged ? 0710 : 0700;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        snprintf(reason, reason_size, "%s: %s", path, strerror(errno));
        return -errno;
    }
    /* By descriptor and without following links: below /tmp the name is anybody's to take. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int status = fd < 0 || fstat(fd, &about) < 0 ? -errno : 0;
    if (status == 0 && about.st_uid != geteuid() && about.st_uid != accounts->database.uid)
        status = -EPERM;
    if (status == 0 && accounts->privileged &&
        fchown(fd, accounts->database.uid, accounts->control.gid) < 0)
        status = -errno;
    if (status == 0 && fchmod(fd, mode) < 0)
        status = -errno;
    if (fd >= 0)
        close(fd);
    if (status < 0)
        snprintf(reason, reason_size, "%s: %s", path, strerror(-status));
    return status;
}

int cluster_stop_orphan(const struct state_paths *paths, const struct accounts *accounts,
                        int timeout_ms, char *reason, size_t reason_size)
{
    bool ready;
    pid_t pid = read_pid_file(paths, &ready);
    if (pid > 0 && is_server_of(pid, paths)) {
        kill(pid, SIGINT);
        if (!wait_gone(pid, paths, timeout_ms / 2)) {
            kill(pid, SIGQUIT);
            if (!wait_gone(pid, paths, timeout_ms / 2)) {
                snprintf(reason, reason_size,
                         "a PostgreSQL server (pid %ld) of an earlier run does not end", (long)pid);
                return -ETIMEDOUT;
            }
        }
    }
    return make_socket_directory(paths, accounts, reason, reason_size);
}

pid_t cluster_start(const struct config *config, const struct state_paths *paths,
                    const struct accounts *accounts)
{
    /* Errors of statements reach the client; in a log, their values would be personal data. LOG
     * ranks between ERROR and FATAL, so the usual chatter goes with them. */
    static const char *const settings[] = {
        "listen_addresses=",
        "unix_socket_permissions=0777",
        "password_encryption=scram-sha-256",
        "fsync=on",
        "full_page_writes=on",
        "synchronous_commit=on",
        "max_wal_size=256MB", /* bounds what is replayed after a crash */
        "logging_collector=off",
        "log_destination=stderr",
        "log_min_messages=fatal",
        "log_error_verbosity=terse",
        "log_min_error_statement=panic",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
        "timezone=UTC",
        "log_timezone=UTC",
    };
    enum { SETTINGS = sizeof settings / sizeof settings[0], FIXED = 5 };
    char path[STATE_PATH_MAX], data[STATE_PATH_MAX], sockets[STATE_PATH_MAX + 32];
    char words[SETTINGS][64];
    char option[] = "-c", data_option[] = "-D";
    char *arguments[FIXED + 2 * SETTINGS + 1];
    size_t count = 0;
    snprintf(path, sizeof path, "%.*s/postgres", STATE_PATH_MAX - 16,
             config->database.programs_dir);
    snprintf(data, sizeof data, "%s", paths->database);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=\"%s\"", paths->database_socket);
    arguments[count++] = path;
    arguments[count++] = data_option;
    arguments[count++] = data;
    arguments[count++] = option;
    arguments[count++] = sockets;
    for (size_t i = 0; i < SETTINGS; i++) {
        snprintf(words[i], sizeof words[i], "%s", settings[i]);
        arguments[count++] = option;
        arguments[count++] = words[i];
    }
    arguments[count] = NULL;
    const struct spawn_program start = {path, arguments, paths->database, &accounts->database,
                                        -1,   -1,        SIGINT};
    return spawn_program(&start);
}
