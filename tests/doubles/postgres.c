#include "tests/doubles/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BINARIES "/usr/lib/postgresql/15/bin/"

enum { START_TRIES = 300, STEP_MS = 50 };

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* PostgreSQL refuses root, so the child becomes nobody. It dies with the test. */
static pid_t spawn(const struct postgres *server, const char *command)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setpgid(0, 0);
    struct passwd *account = geteuid() == 0 ? getpwnam("nobody") : NULL;
    if (account && (setgid(account->pw_gid) != 0 || setuid(account->pw_uid) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    char path[128];
    snprintf(path, sizeof(path), "%s/log", server->directory);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
        chdir(server->directory) != 0)
        _exit(126);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static int run(const struct postgres *server, const char *command)
{
    pid_t pid = spawn(server, command);
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "%s failed, see %s/log\n", command, server->directory);
        return -EIO;
    }
    return 0;
}

static int make_directory(struct postgres *server)
{
    snprintf(server->directory, sizeof(server->directory), "/tmp/sealfax-pg-XXXXXX");
    if (!mkdtemp(server->directory))
        return -errno;
    struct passwd *account = geteuid() == 0 ? getpwnam("nobody") : NULL;
    if (account && chown(server->directory, account->pw_uid, account->pw_gid) != 0)
        return -errno;
    return 0;
}

int postgres_restart(struct postgres *server)
{
    char command[512];
    snprintf(command, sizeof(command),
             "rm -f data/postmaster.pid; exec " BINARIES "postgres -D data -k %s "
             "-c listen_addresses= -c max_connections=40 -c shared_buffers=32MB",
             server->directory);
    server->pid = spawn(server, command);
    for (int i = 0; i < START_TRIES; i++) {
        PGPing ping = PQping(server->superuser);
        if (ping == PQPING_OK)
            return 0;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            break;
        pause_ms(STEP_MS);
    }
    fprintf(stderr, "postgres does not start, see %s/log\n", server->directory);
    return -EIO;
}

static int make_roles(const struct postgres *server)
{
    char message[256];
    const char *const sql[] = {
        "CREATE ROLE sealfax_owner LOGIN",
        "CREATE ROLE sealfax_app LOGIN",
        "CREATE ROLE sealfax_reader LOGIN",
        "CREATE DATABASE sealfax OWNER sealfax_owner ENCODING 'UTF8' TEMPLATE template0",
    };
    for (size_t i = 0; i < sizeof(sql) / sizeof(*sql); i++)
        if (postgres_sql(server, sql[i], message, sizeof(message)) != 0) {
            fprintf(stderr, "%s: %s\n", sql[i], message);
            return -EIO;
        }
    return 0;
}

static void write_conninfo(const struct postgres *server, char text[192], const char *user,
                           const char *database)
{
    snprintf(text, 192, "host=%s user=%s dbname=%s connect_timeout=5", server->directory, user,
             database);
}

int postgres_start(struct postgres *server)
{
    *server = (struct postgres){0};
    int error = make_directory(server);
    if (error)
        return error;
    write_conninfo(server, server->superuser, "postgres", "postgres");
    write_conninfo(server, server->owner, "sealfax_owner", "sealfax");
    write_conninfo(server, server->app, "sealfax_app", "sealfax");
    write_conninfo(server, server->reader, "sealfax_reader", "sealfax");
    error = run(server, BINARIES "initdb -D data -U postgres -A trust -E UTF8 "
                                 "--locale=C.UTF-8 --no-sync");
    if (!error)
        error = postgres_restart(server);
    if (!error)
        error = make_roles(server);
    if (error) {
        postgres_stop(server);
        return error;
    }
    write_conninfo(server, server->superuser, "postgres", "sealfax");
    return 0;
}

void postgres_kill(struct postgres *server)
{
    if (server->pid <= 0)
        return;
    /* Its children have sessions of their own. */
    char path[64];
    char children[4096] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server->pid, server->pid);
    FILE *list = fopen(path, "re");
    if (list) {
        children[fread(children, 1, sizeof(children) - 1, list)] = '\0';
        fclose(list);
    }
    kill(server->pid, SIGKILL);
    char *rest = children;
    for (long child = strtol(rest, &rest, 10); child > 0; child = strtol(rest, &rest, 10))
        kill((pid_t)child, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
    pause_ms(200);
}

static int remove_entry(const char *path, const struct stat *state, int kind, struct FTW *walk)
{
    (void)state;
    (void)kind;
    (void)walk;
    return remove(path);
}

void postgres_stop(struct postgres *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGINT);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
    if (strncmp(server->directory, "/tmp/sealfax-pg-", 16) == 0)
        nftw(server->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int postgres_sql(const struct postgres *server, const char *sql, char *buffer, size_t size)
{
    PGconn *connection = PQconnectdb(server->superuser);
    PGresult *result = NULL;
    int error = -EIO;
    if (PQstatus(connection) == CONNECTION_OK) {
        PQclear(PQexec(connection, "SET search_path = sealfax, pg_temp"));
        result = PQexec(connection, sql);
        ExecStatusType status = PQresultStatus(result);
        error = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : -EIO;
    }
    if (error)
        snprintf(buffer, size, "%s", PQerrorMessage(connection));
    else
        snprintf(buffer, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
    return error;
}
