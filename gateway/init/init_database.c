#include <errno.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cluster/cluster.h"
#include "gateway/init/init_private.h"
#include "gateway/process/roles.h"

enum { POLL_MS = 20, NAME_MAX_OCTETS = 64 };

static void pause_shortly(void)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* Returns 0 when the server is ready; it may also have ended by itself. */
static int wait_ready(const struct state_paths *paths, pid_t pid)
{
    int status;
    for (int waited = 0; waited < INIT_DATABASE_START_MS; waited += POLL_MS) {
        if (cluster_is_ready(paths, pid))
            return 0;
        if (waitpid(pid, &status, WNOHANG) == pid)
            return -ECHILD;
        pause_shortly();
    }
    return -ETIMEDOUT;
}

static void stop_server(pid_t pid)
{
    int status;
    kill(pid, SIGINT);
    for (int waited = 0; waited < INIT_DATABASE_STOP_MS; waited += POLL_MS) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return;
        pause_shortly();
    }
    kill(pid, SIGQUIT);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
}

static int conninfo_of(const struct config *config, const struct state_paths *paths,
                       enum cluster_role role, char out[ROLE_CONNINFO_MAX])
{
    char reason[INIT_REASON_MAX];
    int status =
        cluster_conninfo(config, paths, role, out, ROLE_CONNINFO_MAX, reason, sizeof reason);
    if (status < 0)
        init_complain("database access: %s", reason);
    return status;
}

/* The name of the database role that a connection string logs in as. */
static void user_of(const char *conninfo, const char *otherwise, char out[NAME_MAX_OCTETS])
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    snprintf(out, NAME_MAX_OCTETS, "%s", otherwise);
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        if (strcmp(option->keyword, "user") == 0 && option->val && option->val[0])
            snprintf(out, NAME_MAX_OCTETS, "%s", option->val);
    PQconninfoFree(options);
}

static int check_connection(const char *conninfo, const char *what)
{
    PGconn *connection = PQconnectdb(conninfo);
    int status = PQstatus(connection) == CONNECTION_OK ? 0 : -ECONNREFUSED;
    if (status < 0)
        init_complain("%s: %s", what, PQerrorMessage(connection));
    else if (PQserverVersion(connection) < 150000) {
        init_complain("%s: expected PostgreSQL 15 or later, found %d", what,
                      PQserverVersion(connection) / 10000);
        status = -ENOTSUP;
    }
    PQfinish(connection);
    return status;
}

static int record_admin(const char *owner, const struct init_options *options,
                        const struct init_hooks *hooks)
{
    char existing[NAME_MAX_OCTETS] = "", what[256];
    int status = hooks->first_admin ? hooks->first_admin(owner, options->admin, options->admin_uid,
                                                         existing, sizeof existing)
                                    : -ENOSYS;
    if (status < 0) {
        init_complain("the first administrator could not be recorded: %s", strerror(-status));
        return status;
    }
    if (status == 1)
        snprintf(what, sizeof what, "administrator %s", existing);
    else
        snprintf(what, sizeof what, "administrator %s (local account with uid %ld)", options->admin,
                 (long)options->admin_uid);
    init_say(what, status == 1 ? "there already" : "made");
    return 0;
}

static int migrate(const struct config *config, const struct state_paths *paths,
                   const struct init_options *options, const struct init_hooks *hooks)
{
    char owner[ROLE_CONNINFO_MAX], application[NAME_MAX_OCTETS], reader[NAME_MAX_OCTETS];
    user_of(config->database.dsn, CLUSTER_APPLICATION_NAME, application);
    user_of(config->database.reader_dsn, CLUSTER_READER_NAME, reader);
    int status = conninfo_of(config, paths, CLUSTER_OWNER, owner);
    if (status == 0 && (!hooks->migrate || hooks->migrate(owner, application, reader) != 0)) {
        init_complain("the database could not be brought up to date");
        status = -EIO;
    }
    if (status == 0) {
        init_say("database schema", "up to date");
        status = record_admin(owner, options, hooks);
    }
    OPENSSL_cleanse(owner, sizeof owner);
    return status;
}

static int make_private(const struct config *config, const struct state_paths *paths,
                        const struct accounts *accounts, const struct init_options *options,
                        const struct init_hooks *hooks)
{
    char reason[INIT_REASON_MAX] = "";
    bool made = false;
    int status = cluster_make(config, paths, accounts, &made, reason, sizeof reason);
    if (status == 0)
        status = cluster_stop_orphan(paths, accounts, INIT_DATABASE_STOP_MS, reason, sizeof reason);
    if (status < 0) {
        init_complain("database: %s", reason);
        return status;
    }
    init_say(paths->database, made ? "made" : "there already");
    pid_t pid = cluster_start(config, paths, accounts);
    status = pid < 0 ? (int)pid : wait_ready(paths, pid);
    if (status < 0)
        init_complain("PostgreSQL does not start: %s",
                      status == -ECHILD ? "it ended (see above)" : strerror(-status));
    if (status == -ECHILD)
        return status;
    if (status == 0)
        status = migrate(config, paths, options, hooks);
    if (pid > 0)
        stop_server(pid);
    return status;
}

static int check_configured(const struct config *config, const struct state_paths *paths,
                            const struct init_options *options, const struct init_hooks *hooks)
{
    char conninfo[ROLE_CONNINFO_MAX];
    int status = conninfo_of(config, paths, CLUSTER_APPLICATION, conninfo);
    if (status == 0)
        status = check_connection(conninfo, "database.dsn");
    OPENSSL_cleanse(conninfo, sizeof conninfo);
    if (status < 0)
        return status;
    init_say("database.dsn", "reachable");
    if (config->database.owner_dsn[0])
        return migrate(config, paths, options, hooks);
    init_say("schema and administrator: database.owner_dsn is not set, run sealfax migrate",
             "not checked");
    return 0;
}

int init_make_database(const struct config *config, const struct state_paths *paths,
                       const struct accounts *accounts, const struct init_options *options,
                       const struct init_hooks *hooks)
{
    if (cluster_is_private(config))
        return make_private(config, paths, accounts, options, hooks);
    return check_configured(config, paths, options, hooks);
}
