#include "gateway/init/init.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/init/init_private.h"
#include "gateway/keeper/keeper.h"
#include "gateway/process/log.h"
#include "gateway/process/serve_options.h"
#include "gateway/process/state_format.h"

enum { EXIT_USAGE = 2 };

void init_say(const char *what, const char *state)
{
    printf("%-15s %s\n", state, what);
    fflush(stdout);
}

void init_complain(const char *format, ...)
{
    va_list arguments;
    fputs("sealfax init: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static bool parse_uid(const char *text, uid_t *uid)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || number >= UINT_MAX)
        return false;
    *uid = (uid_t)number;
    return true;
}

static int parse_options(int argc, char **argv, struct init_options *options)
{
    const char *admin_uid = getenv("SUDO_UID");
    options->admin = "admin";
    options->admin_uid = getuid();
    for (int i = 1; i < argc; i++) {
        const char **value = NULL;
        if (strcmp(argv[i], "--create-accounts") == 0) {
            options->create_accounts = true;
            continue;
        }
        if (strcmp(argv[i], "--config") == 0)
            value = &options->config_path;
        else if (strcmp(argv[i], "--state") == 0)
            value = &options->state_dir;
        else if (strcmp(argv[i], "--admin") == 0)
            value = &options->admin;
        else if (strcmp(argv[i], "--admin-uid") == 0)
            value = &admin_uid;
        if (!value || i + 1 == argc)
            return -EINVAL;
        *value = argv[++i];
    }
    /* The log calls the gateway itself "system" and strangers "nobody". */
    if (options->admin[0] == '\0' || strlen(options->admin) > 60 ||
        strcmp(options->admin, "system") == 0 || strcmp(options->admin, "nobody") == 0)
        return -EINVAL;
    return admin_uid && !parse_uid(admin_uid, &options->admin_uid) ? -EINVAL : 0;
}

static int make_master_key(const struct state_paths *paths, const struct accounts *accounts)
{
    bool made = false;
    const uid_t nobody = (uid_t)-1;
    int status = keeper_make_master_key(paths->master_key,
                                        accounts->privileged ? accounts->keeper.uid : nobody,
                                        accounts->keeper.gid, &made);
    char what[STATE_PATH_MAX + 80];
    if (status < 0) {
        init_complain("master key %s: %s", paths->master_key, strerror(-status));
        return status;
    }
    snprintf(what, sizeof what, "master key %s%s", paths->master_key,
             made ? " (keep a copy of it apart from this machine)" : "");
    init_say(what, made ? "made" : "there already");
    return 0;
}

static int make_all(const struct config *config, const struct state_paths *paths,
                    const struct init_options *options, const struct init_hooks *hooks)
{
    struct accounts accounts = {0};
    char reason[INIT_REASON_MAX];
    int status = 0;
    if (options->create_accounts)
        status = init_make_accounts(config);
    if (status == 0) {
        status = accounts_find(&accounts, config, reason, sizeof reason);
        if (status < 0)
            init_complain("%s", reason);
    }
    if (status == 0)
        status = init_make_root(paths);
    if (status < 0)
        return status;
    status = state_format_check(paths->root, reason, sizeof reason);
    if (status < 0) {
        init_complain("%s", reason);
        return status;
    }
    int lock = serve_lock_state(paths);
    if (lock < 0)
        return lock;
    status = init_make_directories(config, paths, &accounts);
    if (status == 0)
        status = make_master_key(paths, &accounts);
    if (status == 0)
        status = init_make_database(config, paths, &accounts, options, hooks);
    close(lock);
    return status;
}

static const char usage[] =
    "usage: sealfax init [--config FILE] [--state DIR] [--admin NAME] [--admin-uid UID]\n"
    "                    [--create-accounts]\n"
    "Make what is missing of state directory, keys, database and first administrator.\n"
    "--admin-uid is the local account of the administrator; --create-accounts, as root: make the\n"
    "accounts that the processes run as.\n";

int init_main(int argc, char **argv, const struct init_hooks *hooks)
{
    struct init_options options = {0};
    struct config *config = NULL;
    struct state_paths *paths = NULL;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (parse_options(argc, argv, &options) < 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (config_load_path(options.config_path, &config, NULL, NULL) < 0)
        return 1;
    log_start("init", (enum log_level)log_level_parse(config->log.level));
    umask(077);
    paths = calloc(1, sizeof *paths);
    int status = paths ? state_paths_fill(paths, config, options.state_dir) : -ENOMEM;
    if (status < 0)
        init_complain("state directory: %s", strerror(-status));
    else
        status = make_all(config, paths, &options, hooks);
    free(paths);
    config_free(config);
    return status < 0 ? 1 : 0;
}
