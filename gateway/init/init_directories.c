#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/cluster/cluster.h"
#include "gateway/init/init_private.h"
#include "gateway/process/spawn.h"

static int run_adduser(const char *name)
{
    static const char program[] = "/usr/sbin/adduser";
    char account[64];
    int status = 0;
    snprintf(account, sizeof account, "%s", name);
    char *const arguments[] = {(char[]){"adduser"},
                               (char[]){"--system"},
                               (char[]){"--group"},
                               (char[]){"--no-create-home"},
                               (char[]){"--home"},
                               (char[]){"/nonexistent"},
                               (char[]){"--quiet"},
                               account,
                               NULL};
    const struct spawn_program start = {program, arguments, "/", NULL, -1, -1, 0};
    pid_t pid = spawn_program(&start);
    if (pid < 0)
        return pid;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return status == 0 ? 0 : -ECHILD;
}

int init_make_accounts(const struct config *config)
{
    const char *const names[] = {config->accounts.control, config->accounts.keeper,
                                 config->accounts.line, config->accounts.database};
    char what[96];
    if (geteuid() != 0)
        return 0; /* all processes will run as the caller */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool there = getpwnam(names[i]) != NULL;
        int status = there ? 0 : run_adduser(names[i]);
        if (status < 0) {
            init_complain("account %s: adduser failed: %s", names[i], strerror(-status));
            return status;
        }
        snprintf(what, sizeof what, "account %s", names[i]);
        init_say(what, there ? "there already" : "made");
    }
    return 0;
}

/* Parents above the state directory get 0755 for root (others have to pass) and 0700 else. */
int init_make_root(const struct state_paths *paths)
{
    char path[STATE_PATH_MAX];
    const mode_t parent_mode = geteuid() == 0 ? 0755 : 0700;
    const mode_t mode = geteuid() == 0 ? 0711 : 0700;
    snprintf(path, sizeof path, "%s", paths->root);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(path, parent_mode) == 0)
            (void)chmod(path, parent_mode); /* past the umask */
        else if (errno != EEXIST)
            goto fail;
        *at = '/';
    }
    bool made = mkdir(path, mode) == 0;
    if (!made && errno != EEXIST)
        goto fail;
    if (made && chmod(path, mode) < 0)
        goto fail;
    init_say(path, made ? "made" : "there already");
    return 0;
fail:
    init_complain("%s: %s", path, strerror(errno));
    return -errno;
}

static int make_directory(const char *path, const struct account *account, mode_t mode)
{
    struct stat about = {0};
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        init_complain("%s: %s", path, strerror(errno));
        return -errno;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int status = fd < 0 ? -errno : 0;
    if (status == 0 && made && account && fchown(fd, account->uid, account->gid) < 0)
        status = -errno;
    if (status == 0 && made && fchmod(fd, mode) < 0)
        status = -errno;
    if (status == 0 && fstat(fd, &about) < 0)
        status = -errno;
    if (fd >= 0)
        close(fd);
    if (status < 0) {
        init_complain("%s: %s", path, strerror(-status));
        return status;
    }
    if (account && about.st_uid != account->uid) {
        init_complain("%s belongs to uid %ld; expected %s (uid %ld)", path, (long)about.st_uid,
                      account->name[0] ? account->name : "the caller", (long)account->uid);
        return -EPERM;
    }
    if (about.st_mode & 07777 & ~mode) {
        init_complain("%s has mode %04o; expected %04o at most", path,
                      (unsigned)about.st_mode & 07777, (unsigned)mode);
        return -EPERM;
    }
    init_say(path, made ? "made" : "there already");
    return 0;
}

/* Whoever made the state directory passable, as the image for containers does, wants other accounts
 * to reach the API. */
static bool others_may_pass(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && (about.st_mode & S_IXOTH);
}

int init_make_directories(const struct config *config, const struct state_paths *paths,
                          const struct accounts *accounts)
{
    const mode_t passable = accounts->privileged || others_may_pass(paths->root) ? 0711 : 0700;
    const struct {
        const char *path;
        const struct account *account;
        mode_t mode;
    } directories[] = {{paths->vault, &accounts->control, 0700},
                       {paths->journal, &accounts->control, 0700},
                       {paths->keeper, &accounts->keeper, 0700},
                       {paths->run, &accounts->control, passable},
                       {paths->secrets, NULL, 0700}};
    size_t count = sizeof directories / sizeof directories[0];
    if (!cluster_is_private(config))
        count--;
    for (size_t i = 0; i < count; i++) {
        int status =
            make_directory(directories[i].path, directories[i].account, directories[i].mode);
        if (status < 0)
            return status;
    }
    return 0;
}
