#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cluster/cluster_private.h"
#include "gateway/process/spawn.h"

enum { STATEMENTS_MAX = 4096, OPEN_DIRECTORIES_MAX = 16, OUTPUT_SHOWN = 300 };

/* No line for the superuser: nobody logs in as it; repairs are done in single-user mode. */
static const char host_based_access[] =
    "# Written by sealfax. Local connections of the three roles only.\n"
    "local " CLUSTER_DATABASE " " CLUSTER_OWNER_NAME "," CLUSTER_APPLICATION_NAME
    "," CLUSTER_READER_NAME " scram-sha-256\n";

static int remove_cb(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int remove_tree(const char *path)
{
    if (nftw(path, remove_cb, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
        errno != ENOENT)
        return -errno;
    return 0;
}

/* The end of what a program wrote, in one line, for the reason. */
static void describe_failure(const char *program, int wait_status, int output, char *reason,
                             size_t reason_size)
{
    char text[OUTPUT_SHOWN + 1];
    off_t end = lseek(output, 0, SEEK_END);
    ssize_t length = pread(output, text, OUTPUT_SHOWN, end > OUTPUT_SHOWN ? end - OUTPUT_SHOWN : 0);
    text[length > 0 ? length : 0] = '\0';
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = ' ';
    snprintf(reason, reason_size, "%s failed (%s %d): %s", program,
             WIFSIGNALED(wait_status) ? "signal" : "exit status",
             WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status), text);
}

static int run(const struct spawn_program *start, char *reason, size_t reason_size)
{
    struct spawn_program program = *start;
    int status = 0, wait_status = 0;
    int output = memfd_create("output", MFD_CLOEXEC);
    if (output < 0)
        return -errno;
    program.output = output;
    pid_t pid = spawn_program(&program);
    if (pid < 0)
        status = pid;
    while (status == 0 && waitpid(pid, &wait_status, 0) < 0)
        if (errno != EINTR)
            status = -errno;
    if (status == 0 && wait_status != 0) {
        describe_failure(start->path, wait_status, output, reason, reason_size);
        status = -ECHILD;
    } else if (status < 0) {
        snprintf(reason, reason_size, "%s: %s", start->path, strerror(-status));
    }
    close(output);
    return status;
}

static int run_initdb(const struct config *config, const char *directory,
                      const struct account *account, char *reason, size_t reason_size)
{
    char path[STATE_PATH_MAX], data[STATE_PATH_MAX];
    snprintf(path, sizeof path, "%.*s/initdb", STATE_PATH_MAX - 16, config->database.programs_dir);
    snprintf(data, sizeof data, "%.*s", STATE_PATH_MAX - 1, directory);
    char *const arguments[] = {path,
                               (char[]){"-D"},
                               data,
                               (char[]){"--username=postgres"},
                               (char[]){"--auth=reject"},
                               (char[]){"--encoding=UTF8"},
                               (char[]){"--locale=C"},
                               (char[]){"--data-checksums"},
                               (char[]){"--no-instructions"},
                               NULL};
    const struct spawn_program start = {path, arguments, directory, account, -1, -1, 0};
    return run(&start, reason, reason_size);
}

static int write_access_file(const char *directory, const struct account *account)
{
    char path[STATE_PATH_MAX + 32], temporary[STATE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/pg_hba.conf", directory);
    snprintf(temporary, sizeof temporary, "%s/pg_hba.conf.new", directory);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    ssize_t length = (ssize_t)sizeof host_based_access - 1;
    int status = write(fd, host_based_access, (size_t)length) == length ? 0 : -EIO;
    if (status == 0 && (fchown(fd, account->uid, account->gid) < 0 || fsync(fd) < 0))
        status = -errno;
    close(fd);
    if (status == 0 && rename(temporary, path) < 0)
        status = -errno;
    return status;
}

/* Statements for single-user mode, one a line. Passwords are hexadecimal by cluster_make_passwords;
 * others were put there by hand and must not end the quotes. */
static int write_statements(const struct state_paths *paths, char *out, char *reason,
                            size_t reason_size)
{
    static const char *const names[] = {CLUSTER_OWNER_NAME, CLUSTER_APPLICATION_NAME,
                                        CLUSTER_READER_NAME};
    char password[CLUSTER_PASSWORD_MAX], path[STATE_PATH_MAX];
    size_t used = 0;
    int status = 0;
    for (int role = CLUSTER_OWNER; role <= CLUSTER_READER && status == 0; role++) {
        cluster_password_path(paths, (enum cluster_role)role, path);
        status = cluster_read_password(path, password, reason, reason_size);
        if (status == 0 && strpbrk(password, "'\\;")) {
            snprintf(reason, reason_size, "%s: expected no quotes, backslashes or semicolons",
                     path);
            status = -EINVAL;
        }
        if (status == 0)
            used +=
                (size_t)snprintf(out + used, STATEMENTS_MAX - used,
                                 "CREATE ROLE %s LOGIN PASSWORD '%s';\n", names[role], password);
    }
    OPENSSL_cleanse(password, sizeof password);
    snprintf(out + used, STATEMENTS_MAX - used,
             "CREATE DATABASE " CLUSTER_DATABASE " OWNER " CLUSTER_OWNER_NAME ";\n"
             "REVOKE ALL ON DATABASE " CLUSTER_DATABASE " FROM PUBLIC;\n"
             "GRANT CONNECT ON DATABASE " CLUSTER_DATABASE " TO " CLUSTER_APPLICATION_NAME
             ", " CLUSTER_READER_NAME ";\n");
    return status;
}

static int run_statements(const struct config *config, const struct state_paths *paths,
                          const char *directory, const struct account *account, char *reason,
                          size_t reason_size)
{
    char path[STATE_PATH_MAX], data[STATE_PATH_MAX], statements[STATEMENTS_MAX];
    snprintf(path, sizeof path, "%.*s/postgres", STATE_PATH_MAX - 16,
             config->database.programs_dir);
    snprintf(data, sizeof data, "%.*s", STATE_PATH_MAX - 1, directory);
    char *const arguments[] = {path,
                               (char[]){"--single"},
                               (char[]){"-D"},
                               data,
                               (char[]){"-c"},
                               (char[]){"exit_on_error=true"},
                               (char[]){"-c"},
                               (char[]){"log_min_error_statement=panic"},
                               (char[]){"postgres"},
                               NULL};
    int status = write_statements(paths, statements, reason, reason_size);
    int input = memfd_create("statements", MFD_CLOEXEC);
    size_t length = strnlen(statements, sizeof statements);
    if (status == 0 && (input < 0 || write(input, statements, length) != (ssize_t)length ||
                        lseek(input, 0, SEEK_SET) < 0)) {
        snprintf(reason, reason_size, "memory file: %s", strerror(errno));
        status = -EIO;
    }
    OPENSSL_cleanse(statements, sizeof statements);
    if (status == 0) {
        const struct spawn_program start = {path, arguments, directory, account, input, -1, 0};
        status = run(&start, reason, reason_size);
    }
    if (input >= 0)
        close(input);
    return status;
}

static int fsync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return status;
}

__attribute__((format(printf, 4, 5))) static int
fail_with(int status, char *reason, size_t reason_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, reason_size, format, arguments);
    va_end(arguments);
    return status;
}

int cluster_make(const struct config *config, const struct state_paths *paths,
                 const struct accounts *accounts, bool *made, char *reason, size_t reason_size)
{
    char building[STATE_PATH_MAX + 8], version[STATE_PATH_MAX + 16];
    const struct account *account = &accounts->database;
    *made = false;
    snprintf(building, sizeof building, "%s.new", paths->database);
    snprintf(version, sizeof version, "%s/PG_VERSION", paths->database);
    int status = cluster_make_passwords(paths, reason, reason_size);
    if (status < 0 || access(version, F_OK) == 0)
        return status;
    status = remove_tree(building);
    if (status == 0 &&
        (mkdir(building, 0700) < 0 || chown(building, account->uid, account->gid) < 0))
        status = -errno;
    if (status < 0)
        return fail_with(status, reason, reason_size, "%s: %s", building, strerror(-status));
    status = run_initdb(config, building, account, reason, reason_size);
    if (status < 0)
        return status;
    status = write_access_file(building, account);
    if (status < 0)
        return fail_with(status, reason, reason_size, "%s/pg_hba.conf: %s", building,
                         strerror(-status));
    status = run_statements(config, paths, building, account, reason, reason_size);
    if (status < 0)
        return status;
    if (rename(building, paths->database) < 0)
        return fail_with(-errno, reason, reason_size, "%s: %s", paths->database, strerror(errno));
    *made = true;
    status = fsync_directory(paths->root);
    return status < 0
               ? fail_with(status, reason, reason_size, "%s: %s", paths->root, strerror(-status))
               : 0;
}
