/* process_prog.c: the program of the process tests: the real supervisor, keeper, configuration,
 * init and private PostgreSQL, and small roles that stand where control, line and render will be.
 * What the roles do is written to the log, which the scripts read.
 *
 * Orders to control come as lines in <state>/run/orders: "line", "render", "kill TAG", "key",
 * "exit N". */
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/init/init.h"
#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/messages.h"
#include "gateway/process/roles.h"

enum { CHILDREN_MAX = 16, POLL_MS = 50 };

struct control {
    const struct role_context *context;
    int supervisor, keeper, orders;
    int children[CHILDREN_MAX];
    uint64_t next_tag;
    bool stopping;
};

static int run_sql(const char *conninfo, const char *sql, char *value, size_t value_size)
{
    PGconn *connection = PQconnectdb(conninfo);
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        log_write(LOG_LEVEL_ERROR, "sql: %s", PQerrorMessage(connection));
    if (good && value)
        snprintf(value, value_size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
    return good ? 0 : -EIO;
}

static int migrate_with(const char *owner_conninfo, const char *application, const char *reader)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "SET client_min_messages = warning;"
             "CREATE TABLE IF NOT EXISTS seen (at timestamptz DEFAULT now(), who text);"
             "CREATE TABLE IF NOT EXISTS administrators (name text, uid bigint);"
             "GRANT SELECT, INSERT ON seen TO %s; GRANT SELECT ON seen TO %s",
             application, reader);
    return run_sql(owner_conninfo, sql, NULL, 0) == 0 ? 0 : 1;
}

static int first_admin(const char *owner_conninfo, const char *name, uid_t uid, char *existing,
                       size_t existing_size)
{
    char sql[200];
    if (run_sql(owner_conninfo, "SELECT name FROM administrators", existing, existing_size) < 0)
        return -EIO;
    if (existing[0])
        return 1;
    snprintf(sql, sizeof sql, "INSERT INTO administrators VALUES ('%s', %ld)", name, (long)uid);
    return run_sql(owner_conninfo, sql, NULL, 0);
}

static int migrate_role(int fd, const struct role_context *context)
{
    log_write(LOG_LEVEL_NOTICE, "migrating as uid %ld, channel %d", (long)getuid(), fd);
    return migrate_with(context->conninfo, "sealfax_app", "sealfax_reader") == 0 ? ROLE_EXIT_OK
                                                                                 : ROLE_EXIT_FAILED;
}

/* A line or render: says hello from inside its sandbox, then waits for the end of its channel. */
static int child_role(int fd, const struct role_context *context)
{
    static struct ipc_message message;
    struct rlimit core;
    if (role_enter_sandbox(context, ROLE_SANDBOX_ALL) < 0)
        return ROLE_EXIT_PERMANENT;
    getrlimit(RLIMIT_CORE, &core);
    log_write(LOG_LEVEL_NOTICE, "child %llu uid %ld passwd %s database %s core %ld",
              (unsigned long long)context->number, (long)getuid(),
              open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 ? "closed" : "OPEN",
              context->conninfo ? "KNOWN" : "unknown", (long)core.rlim_max);
    if (ipc_send(fd, MSG_LINE_HELLO, 0, NULL, 0, NULL, 0) < 0)
        return ROLE_EXIT_FAILED;
    while (ipc_receive(fd, &message) > 0)
        ipc_message_drop(&message);
    return ROLE_EXIT_OK;
}

static void ask_keeper(struct control *control)
{
    static struct ipc_message message;
    struct msg_key_create create = {.class_name = "general", .disposal_month = "2027-03"};
    if (getrandom(create.fax_id, sizeof create.fax_id, 0) < 0 ||
        ipc_send(control->keeper, MSG_KEY_CREATE, 1, &create, sizeof create, NULL, 0) < 0 ||
        ipc_receive(control->keeper, &message) <= 0) {
        log_write(LOG_LEVEL_ERROR, "the keeper does not answer");
        return;
    }
    const struct msg_key_result *result =
        ipc_message_body(&message, MSG_KEY_RESULT, sizeof *result);
    log_write(LOG_LEVEL_NOTICE, "key status %d kek %s", result ? result->status : -1,
              result ? result->kek_id : "");
    ipc_message_drop(&message);
}

static int obey(struct control *control, const char *order)
{
    struct msg_spawn spawn = {.kind = strncmp(order, "line", 4) == 0 ? CHILD_LINE : CHILD_RENDER};
    if (strncmp(order, "exit ", 5) == 0)
        return atoi(order + 5);
    if (strncmp(order, "key", 3) == 0)
        ask_keeper(control);
    else if (strncmp(order, "kill ", 5) == 0)
        return ipc_send(control->supervisor, MSG_KILL, strtoull(order + 5, NULL, 10), NULL, 0, NULL,
                        0) < 0;
    else if (strncmp(order, "line", 4) == 0 || strncmp(order, "render", 6) == 0)
        return ipc_send(control->supervisor, MSG_SPAWN, control->next_tag++, &spawn, sizeof spawn,
                        NULL, 0) < 0;
    return -1;
}

static int read_orders(struct control *control)
{
    char path[STATE_PATH_MAX + 16], text[256], *rest = NULL;
    snprintf(path, sizeof path, "%s/orders", control->context->paths->run);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    unlink(path);
    text[length > 0 ? length : 0] = '\0';
    for (char *order = strtok_r(text, "\n", &rest); order; order = strtok_r(NULL, "\n", &rest)) {
        int status = obey(control, order);
        if (status >= 0 && strncmp(order, "exit ", 5) == 0)
            return status;
    }
    return -1;
}

static void keep_child(struct control *control, struct ipc_message *message)
{
    const struct msg_spawned *spawned = ipc_message_body(message, MSG_SPAWNED, sizeof *spawned);
    if (!spawned)
        return;
    log_write(LOG_LEVEL_NOTICE, "spawned %llu status %d pid %d",
              (unsigned long long)message->header.tag, spawned->status, spawned->pid);
    for (int i = 0; i < CHILDREN_MAX && message->descriptor_count; i++) {
        if (control->children[i] >= 0)
            continue;
        control->children[i] = message->descriptors[0];
        message->descriptors[0] = -1;
        return;
    }
}

static void take_keeper(struct control *control, struct ipc_message *message)
{
    static struct ipc_message hello;
    if (control->keeper >= 0)
        close(control->keeper);
    control->keeper = message->descriptors[0];
    message->descriptors[0] = -1;
    const struct msg_keeper_hello *body =
        ipc_receive(control->keeper, &hello) > 0
            ? ipc_message_body(&hello, MSG_KEEPER_HELLO, sizeof *body)
            : NULL;
    log_write(LOG_LEVEL_NOTICE, "keeper up %s", body ? body->verifier_key : "WITHOUT HELLO");
}

static void handle(struct control *control, struct ipc_message *message)
{
    const struct msg_exited *exited = (const struct msg_exited *)message->body;
    switch ((int)message->header.type) {
    case MSG_KEEPER_UP:
        take_keeper(control, message);
        break;
    case MSG_KEEPER_DOWN:
        log_write(LOG_LEVEL_NOTICE, "keeper down %d", exited->wait_status);
        break;
    case MSG_SPAWNED:
        keep_child(control, message);
        break;
    case MSG_EXITED:
        log_write(LOG_LEVEL_NOTICE, "exited %llu status %d",
                  (unsigned long long)message->header.tag, exited->wait_status);
        break;
    case MSG_STOP:
        log_write(LOG_LEVEL_NOTICE, "asked to stop");
        control->stopping = true;
        break;
    default:
        log_write(LOG_LEVEL_ERROR, "unknown message %u", message->header.type);
    }
}

static void greet_children(struct control *control)
{
    static struct ipc_message message;
    for (int i = 0; i < CHILDREN_MAX; i++) {
        struct pollfd one = {control->children[i], POLLIN, 0};
        if (one.fd < 0 || poll(&one, 1, 0) <= 0)
            continue;
        if (ipc_receive(one.fd, &message) > 0) {
            log_write(LOG_LEVEL_NOTICE, "hello of a child");
            ipc_message_drop(&message);
        } else {
            close(one.fd);
            control->children[i] = -1;
        }
    }
}

static int control_loop(struct control *control)
{
    static struct ipc_message message;
    while (!control->stopping) {
        struct pollfd one = {control->supervisor, POLLIN, 0};
        if (poll(&one, 1, POLL_MS) > 0) {
            if (ipc_receive(control->supervisor, &message) <= 0)
                return ROLE_EXIT_FAILED;
            handle(control, &message);
            ipc_message_drop(&message);
        }
        greet_children(control);
        int status = read_orders(control);
        if (status >= 0)
            return status;
    }
    return ROLE_EXIT_OK;
}

static int control_role(int fd, const struct role_context *context)
{
    struct control control = {.context = context, .supervisor = fd, .keeper = -1, .next_tag = 1};
    char value[64] = "";
    for (int i = 0; i < CHILDREN_MAX; i++)
        control.children[i] = -1;
    if (role_enter_sandbox(context, ROLE_SANDBOX_ALL) < 0)
        return ROLE_EXIT_PERMANENT;
    if (run_sql(context->conninfo, "INSERT INTO seen (who) VALUES (current_user)", NULL, 0) == 0 &&
        run_sql(context->reader_conninfo, "SELECT count(*) FROM seen", value, sizeof value) == 0)
        log_write(LOG_LEVEL_NOTICE, "control uid %ld started %s times", (long)getuid(), value);
    if (ipc_send(fd, MSG_READY, 0, NULL, 0, NULL, 0) < 0)
        return ROLE_EXIT_FAILED;
    return control_loop(&control);
}

int main(int argc, char **argv)
{
    static const struct role_entry roles[] = {{"keeper", keeper_main},   {"control", control_role},
                                              {"line", child_role},      {"render", child_role},
                                              {"migrate", migrate_role}, {NULL, NULL}};
    static const struct init_hooks hooks = {migrate_with, first_admin};
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "config") == 0)
        return config_main(argc - 1, argv + 1);
    if (strcmp(word, "init") == 0)
        return init_main(argc - 1, argv + 1, &hooks);
    if (strcmp(word, "serve") == 0)
        return serve_main(argc - 1, argv + 1);
    if (strcmp(word, "role") == 0)
        return role_main(argc - 1, argv + 1, roles);
    return 2;
}
