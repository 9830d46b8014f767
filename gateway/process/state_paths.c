#include "gateway/process/state_paths.h"

#include <errno.h>
#include <grp.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/text_code.h"

enum { SHORT_NAME_DIGITS = 12, SHORT_NAME_MAX = 40 };

static int join(char out[STATE_PATH_MAX], const char *directory, const char *name)
{
    int length = snprintf(out, STATE_PATH_MAX, "%s/%s", directory, name);
    return length < 0 || length >= STATE_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int default_root(char out[STATE_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (geteuid() == 0)
        return join(out, "/var/lib", "sealfax");
    if (state && state[0] == '/')
        return join(out, state, "sealfax");
    if (home && home[0] == '/')
        return join(out, home, ".local/state/sealfax");
    return -ENOENT;
}

static int fill_root(char out[STATE_PATH_MAX], const char *chosen)
{
    char here[STATE_PATH_MAX];
    int status = 0;
    if (!chosen || !chosen[0])
        return default_root(out);
    if (chosen[0] == '/')
        status = snprintf(out, STATE_PATH_MAX, "%s", chosen) >= STATE_PATH_MAX ? -ENAMETOOLONG : 0;
    else if (!getcwd(here, sizeof here))
        return -errno;
    else
        status = join(out, here, chosen);
    size_t length = strnlen(out, STATE_PATH_MAX);
    while (status == 0 && length > 1 && out[length - 1] == '/')
        out[--length] = '\0';
    return status;
}

/* The same state directory always gives the same short directory, so that the next start finds what
 * this one leaves. Below /tmp the name alone gives nobody else access: the directory is
 * made with mode 0700 and refused when it is another's. */
static int short_directory(char out[STATE_PATH_MAX], const char *parent, const char *prefix,
                           const char *root)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char name[SHORT_NAME_MAX];
    if (EVP_Digest(root, strlen(root), digest, NULL, EVP_sha256(), NULL) != 1)
        return -EIO;
    int used = snprintf(name, sizeof name - SHORT_NAME_DIGITS, "%s", prefix);
    hex_encode(digest, SHORT_NAME_DIGITS / 2, name + used);
    return join(out, parent, name);
}

static int fill_sockets(struct state_paths *paths, const struct config *config)
{
    static const char server_socket[] = "/.s.PGSQL.5432.lock";
    int status = join(paths->database_socket, paths->run, "db");
    if (status == 0 &&
        strlen(paths->database_socket) + sizeof server_socket > STATE_SOCKET_PATH_MAX)
        status = short_directory(paths->database_socket, geteuid() == 0 ? "/run" : "/tmp",
                                 "sealfax-", paths->root);
    if (status < 0)
        return status;
    if (config->api.socket[0])
        return snprintf(paths->api_socket, STATE_PATH_MAX, "%s", config->api.socket) < 0 ? -EINVAL
                                                                                         : 0;
    status = join(paths->api_socket, paths->run, "api.sock");
    return status == 0 && strlen(paths->api_socket) > STATE_SOCKET_PATH_MAX ? -ENAMETOOLONG
                                                                            : status;
}

int state_paths_fill(struct state_paths *paths, const struct config *config, const char *state_dir)
{
    memset(paths, 0, sizeof *paths);
    int status = fill_root(paths->root, state_dir ? state_dir : config->state_dir);
    const struct {
        char *out;
        const char *name;
    } places[] = {
        {paths->lock, "lock"},     {paths->vault, "vault"},       {paths->journal, "journal"},
        {paths->keeper, "keeper"}, {paths->database, "database"}, {paths->secrets, "secrets"},
        {paths->run, "run"}};
    for (size_t i = 0; status == 0 && i < sizeof places / sizeof places[0]; i++)
        status = join(places[i].out, paths->root, places[i].name);
    if (status == 0 && config->keys.master_key_file[0])
        status = snprintf(paths->master_key, STATE_PATH_MAX, "%s", config->keys.master_key_file) >=
                         STATE_PATH_MAX
                     ? -ENAMETOOLONG
                     : 0;
    else if (status == 0)
        status = join(paths->master_key, paths->keeper, "master.key");
    if (status == 0 && config->render.office_tmpfs[0])
        status = short_directory(paths->office, config->render.office_tmpfs, "sealfax-office-",
                                 paths->root);
    return status < 0 ? status : fill_sockets(paths, config);
}

static bool find_account(struct account *account, const char *name)
{
    const struct passwd *entry = getpwnam(name);
    if (!entry || entry->pw_uid == 0)
        return false;
    snprintf(account->name, sizeof account->name, "%s", name);
    account->uid = entry->pw_uid;
    account->gid = entry->pw_gid;
    return true;
}

int accounts_find(struct accounts *accounts, const struct config *config, char *reason,
                  size_t reason_size)
{
    const struct {
        struct account *account;
        const char *name;
    } wanted[] = {{&accounts->control, config->accounts.control},
                  {&accounts->keeper, config->accounts.keeper},
                  {&accounts->line, config->accounts.line},
                  {&accounts->database, config->accounts.database}};
    memset(accounts, 0, sizeof *accounts);
    accounts->privileged = geteuid() == 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!accounts->privileged) {
            wanted[i].account->uid = geteuid();
            wanted[i].account->gid = getegid();
        } else if (!find_account(wanted[i].account, wanted[i].name)) {
            snprintf(reason, reason_size,
                     "there is no account '%s' other than root's; make it with: adduser --system "
                     "--group --no-create-home --home /nonexistent %s (or run sealfax init "
                     "--create-accounts)",
                     wanted[i].name, wanted[i].name);
            return -ENOENT;
        }
    }
    return 0;
}
