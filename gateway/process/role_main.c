#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/role_package.h"
#include "gateway/process/roles.h"

enum { EXIT_USAGE = 2, REASON_MAX = 400 };

static const struct role_entry *find_role(const struct role_entry *roles, const char *name)
{
    for (; roles->name; roles++)
        if (strcmp(roles->name, name) == 0)
            return roles;
    return NULL;
}

/* A role must not outlive its supervisor: nobody would restart or stop it. The check after the
 * request covers a supervisor that died before it. */
static int bind_to_supervisor(pid_t supervisor)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return getppid() == supervisor ? 0 : -ESRCH;
}

static int channel_descriptor(void)
{
    int type = 0;
    socklen_t length = sizeof type;
    if (getsockopt(IPC_CHILD_DESCRIPTOR, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
        return -1;
    fcntl(IPC_CHILD_DESCRIPTOR, F_SETFD, FD_CLOEXEC);
    return IPC_CHILD_DESCRIPTOR;
}

static int run_role(const struct role_entry *role, struct role_package *package,
                    const char *config_text, uint64_t number)
{
    static struct config_errors errors;
    struct config *config = NULL;
    int status = config_load_text(config_text, package->config_length, package->config_name,
                                  &config, &errors);
    if (status < 0) {
        log_write(LOG_LEVEL_ERROR, "configuration: %s",
                  errors.count ? errors.items[0].text : strerror(-status));
        return ROLE_EXIT_PERMANENT;
    }
    log_start(role->name, (enum log_level)log_level_parse(config->log.level));
    const struct role_context context = {
        .role = role->name,
        .config = config,
        .paths = &package->paths,
        .conninfo = package->conninfo[0] ? package->conninfo : NULL,
        .reader_conninfo = package->reader_conninfo[0] ? package->reader_conninfo : NULL,
        .number = number,
    };
    int exit_status = role->main(channel_descriptor(), &context);
    config_free(config);
    return exit_status;
}

int role_main(int argc, char **argv, const struct role_entry *roles)
{
    const struct role_entry *role = argc >= 2 ? find_role(roles, argv[1]) : NULL;
    char *config_text = NULL, name[16];
    int exit_status = ROLE_EXIT_FAILED;
    struct role_package *package = calloc(1, sizeof *package);
    if (!role || !package ||
        role_package_read(ROLE_PACKAGE_DESCRIPTOR, package, &config_text) < 0) {
        fputs("sealfax role: started by sealfax serve, not by hand\n", stderr);
        free(package);
        return EXIT_USAGE;
    }
    close(ROLE_PACKAGE_DESCRIPTOR);
    syscall(SYS_close_range, ROLE_PACKAGE_DESCRIPTOR, ~0U, 0);
    log_start(role->name, LOG_LEVEL_NOTICE);
    snprintf(name, sizeof name, "sealfax-%s", role->name);
    prctl(PR_SET_NAME, name, 0, 0, 0); /* exec from a descriptor leaves a number there */
    int status = sandbox_start_process();
    if (status == 0)
        status = bind_to_supervisor(package->supervisor);
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "cannot start: %s", strerror(-status));
    else
        exit_status =
            run_role(role, package, config_text, argc >= 3 ? strtoull(argv[2], NULL, 10) : 0);
    OPENSSL_cleanse(package, sizeof *package);
    free(package);
    free(config_text);
    return exit_status;
}

int role_enter_sandbox(const struct role_context *context, enum role_sandbox_step step)
{
    static const char *const names[] = {[SANDBOX_KEEPER] = "keeper",
                                        [SANDBOX_CONTROL] = "control",
                                        [SANDBOX_LINE] = "line",
                                        [SANDBOX_RENDER] = "render"};
    struct sandbox_spec spec;
    char reason[REASON_MAX] = "";
    size_t role = 0;
    while (role < sizeof names / sizeof names[0] && strcmp(names[role], context->role) != 0)
        role++;
    if (role == sizeof names / sizeof names[0])
        return -EINVAL;
    sandbox_spec_fill(&spec, (enum sandbox_role)role, context->config, context->paths);
    if (context->office && context->office->directory[0])
        sandbox_spec_add_office(&spec, context->office->directory);
    int status = 0;
    int version = sandbox_landlock_version(); /* the filter of a line does not let it be asked */
    if (step != ROLE_SANDBOX_AFTER_THREADS)
        status = sandbox_enter_landlock(&spec, reason, sizeof reason);
    if (status == 0 && step != ROLE_SANDBOX_BEFORE_THREADS)
        status = sandbox_enter_seccomp(&spec, reason, sizeof reason);
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "sandbox: %s", reason);
    else if (step != ROLE_SANDBOX_AFTER_THREADS && version == 0)
        log_write(LOG_LEVEL_WARNING, "sandbox without Landlock (sandbox.landlock is optional)");
    return status;
}
