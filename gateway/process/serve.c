#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gateway/cluster/cluster.h"
#include "gateway/process/log.h"
#include "gateway/process/role_package.h"
#include "gateway/process/serve_options.h"
#include "gateway/process/spawn.h"
#include "gateway/process/state_format.h"
#include "gateway/process/supervisor.h"

enum { EXIT_USAGE = 2, REASON_MAX = 600, ORPHAN_STOP_MS = 20000 };

int serve_parse_options(int argc, char **argv, struct serve_options *options)
{
    memset(options, 0, sizeof *options);
    for (int i = 1; i < argc; i++) {
        const char **value = NULL;
        if (strcmp(argv[i], "--config") == 0)
            value = &options->config_path;
        else if (strcmp(argv[i], "--state") == 0)
            value = &options->state_dir;
        if (!value || i + 1 == argc)
            return -EINVAL;
        *value = argv[++i];
    }
    return 0;
}

int serve_lock_state(const struct state_paths *paths)
{
    char text[32];
    int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int status = -errno;
        log_write(LOG_LEVEL_ERROR, "%s: %s%s", paths->lock, strerror(errno),
                  errno == ENOENT ? " (run sealfax init first)" : "");
        return status;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t length = pread(fd, text, sizeof text - 1, 0);
        text[length > 0 ? length : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        log_write(LOG_LEVEL_ERROR, "%s: a gateway (pid %s) runs with this state directory already",
                  paths->root, text);
        close(fd);
        return -EBUSY;
    }
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) != length)
        log_write(LOG_LEVEL_WARNING, "%s: %s", paths->lock, strerror(errno));
    return fd;
}

/* What init makes must be there; each missing part would otherwise show as a crash of a role. */
static int check_state(const struct config *config, const struct state_paths *paths)
{
    const char *const needed[] = {
        paths->vault, paths->journal,    paths->keeper,
        paths->run,   paths->master_key, cluster_is_private(config) ? paths->database : paths->run};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (access(needed[i], F_OK) < 0) {
            log_write(LOG_LEVEL_ERROR, "%s: %s (run sealfax init first)", needed[i],
                      strerror(errno));
            return -ENOENT;
        }
    }
    return 0;
}

/* conninfo roles: -1 for none. */
static int make_package(const struct supervisor *supervisor, const char *config_text,
                        uint64_t config_length, int main_role, int reader_role)
{
    char reason[REASON_MAX] = "";
    int status = 0;
    struct role_package *package = calloc(1, sizeof *package);
    if (!package)
        return -ENOMEM;
    package->magic = ROLE_PACKAGE_MAGIC;
    package->supervisor = (int32_t)getpid();
    package->paths = *supervisor->paths;
    package->config_length = config_length;
    snprintf(package->config_name, sizeof package->config_name, "configuration");
    if (main_role >= 0)
        status =
            cluster_conninfo(supervisor->config, supervisor->paths, (enum cluster_role)main_role,
                             package->conninfo, sizeof package->conninfo, reason, sizeof reason);
    if (status == 0 && reader_role >= 0) {
        status = cluster_conninfo(supervisor->config, supervisor->paths,
                                  (enum cluster_role)reader_role, package->reader_conninfo,
                                  sizeof package->reader_conninfo, reason, sizeof reason);
        if (status == -ENOENT && !cluster_is_private(supervisor->config))
            status = 0; /* a configured database may do without */
    }
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "database access: %s", reason);
    else
        status = role_package_make(package, config_text);
    OPENSSL_cleanse(package, sizeof *package);
    free(package);
    return status;
}

static int make_packages(struct supervisor *supervisor, const char *text, size_t length)
{
    bool private_cluster = cluster_is_private(supervisor->config);
    supervisor->package_plain = make_package(supervisor, text, length, -1, -1);
    supervisor->package_control =
        make_package(supervisor, text, length, CLUSTER_APPLICATION, CLUSTER_READER);
    supervisor->package_migrate =
        private_cluster ? make_package(supervisor, text, length, CLUSTER_OWNER, -1) : -1;
    if (supervisor->package_plain < 0 || supervisor->package_control < 0)
        return -EINVAL;
    return private_cluster && supervisor->package_migrate < 0 ? -EINVAL : 0;
}

/* Without it the gateway does all but Office documents, and says so to who sends one. */
static int open_office_base(struct state_paths *paths, const struct account *owner)
{
    char reason[OFFICE_REASON_MAX];
    int fd;
    if (!paths->office[0])
        return -1;
    fd = office_base_open(paths->office, owner, NULL, NULL, reason);
    if (fd >= 0)
        return fd;
    log_write(LOG_LEVEL_WARNING, "Office documents cannot be taken: %s", reason);
    paths->office[0] = '\0';
    return -1;
}

static int serve(const struct config *config, struct state_paths *paths, const char *text,
                 size_t length)
{
    char reason[REASON_MAX] = "";
    struct accounts accounts;
    int exit_status = 1;
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    int lock = -1;
    if (supervisor)
        supervisor->office_base = -1;
    if (!supervisor || state_format_check(paths->root, reason, sizeof reason) < 0) {
        log_write(LOG_LEVEL_ERROR, "%s", supervisor ? reason : strerror(ENOMEM));
        goto done;
    }
    lock = serve_lock_state(paths);
    if (lock < 0)
        goto done;
    if (check_state(config, paths) < 0)
        goto done;
    if (accounts_find(&accounts, config, reason, sizeof reason) < 0) {
        log_write(LOG_LEVEL_ERROR, "%s", reason);
        goto done;
    }
    supervisor->config = config;
    supervisor->paths = paths;
    supervisor->accounts = &accounts;
    supervisor->program = spawn_open_self();
    if (supervisor->program < 0) {
        log_write(LOG_LEVEL_ERROR, "/proc/self/exe: %s", strerror(-supervisor->program));
        goto done;
    }
    supervisor->office_base = open_office_base(paths, &accounts.line);
    if (make_packages(supervisor, text, length) < 0)
        goto done;
    if (cluster_is_private(config) &&
        cluster_stop_orphan(paths, &accounts, ORPHAN_STOP_MS, reason, sizeof reason) < 0) {
        log_write(LOG_LEVEL_ERROR, "%s", reason);
        goto done;
    }
    log_write(LOG_LEVEL_NOTICE, "sealfax %s, state in %s%s", SEALFAX_VERSION, paths->root,
              accounts.privileged ? "" : ", all processes under one account");
    exit_status = supervisor_run(supervisor);
done:
    if (supervisor) {
        (void)office_base_sweep(supervisor->office_base, NULL, NULL);
        office_base_close(supervisor->office_base, paths->office);
    }
    free(supervisor);
    if (lock >= 0)
        close(lock);
    return exit_status;
}

static const char usage[] =
    "usage: sealfax serve [--config FILE] [--state DIR]\n"
    "Run the gateway until SIGTERM; --state goes over state_dir of the configuration.\n";

int serve_main(int argc, char **argv)
{
    struct serve_options options;
    struct config *config = NULL;
    struct state_paths *paths = NULL;
    char *text = NULL;
    size_t length = 0;
    int exit_status = 1;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (serve_parse_options(argc, argv, &options) < 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (config_load_path(options.config_path, &config, &text, &length) < 0)
        return 1;
    log_start("supervisor", (enum log_level)log_level_parse(config->log.level));
    int status = sandbox_start_process();
    paths = calloc(1, sizeof *paths);
    if (status == 0)
        status = paths ? state_paths_fill(paths, config, options.state_dir) : -ENOMEM;
    if (!paths || status < 0)
        log_write(LOG_LEVEL_ERROR, "state directory: %s%s", strerror(-status),
                  status == -ENAMETOOLONG ? " (choose a shorter state_dir, or set api.socket)"
                                          : "");
    else
        exit_status = serve(config, paths, text, length);
    free(paths);
    free(text);
    config_free(config);
    return exit_status;
}
