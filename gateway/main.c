/* main.c: one program: the gateway, its processes, and its command line. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/config/config.h"
#include "gateway/init/first_admin.h"
#include "gateway/init/init.h"
#include "gateway/process/roles.h"

static const struct role_entry roles[] = {
    {"keeper", keeper_main}, {"control", control_main}, {"line", line_main},
    {"render", render_main}, {"migrate", migrate_main}, {NULL, NULL},
};

static bool is_process(const char *word)
{
    for (const struct role_entry *role = roles; role->name; role++)
        if (strcmp(role->name, word) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    const struct init_hooks hooks = {first_admin_migrate, first_admin_record};
    const char *command = argc > 1 ? argv[1] : "";
    /* 'role' is a command of the user's too: only the names of processes are ours. */
    if (strcmp(command, "role") == 0 && is_process(argc > 2 ? argv[2] : ""))
        return role_main(argc - 1, argv + 1, roles);
    if (strcmp(command, "serve") == 0)
        return serve_main(argc - 1, argv + 1);
    if (strcmp(command, "init") == 0)
        return init_main(argc - 1, argv + 1, &hooks);
    if (strcmp(command, "config") == 0)
        return config_main(argc - 1, argv + 1);
    if (strcmp(command, "--version") == 0) {
        puts("sealfax " SEALFAX_VERSION);
        return 0;
    }
    return cli_main(argc, argv);
}
