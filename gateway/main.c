/* main.c: one program: the gateway, its processes, and its command line. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/config/config.h"
#include "gateway/db/migrate_command.h"
#include "gateway/init/first_admin.h"
#include "gateway/init/init.h"
#include "gateway/process/roles.h"

static const struct role_entry roles[] = {
    {"keeper", keeper_main}, {"control", control_main}, {"line", line_main},
    {"render", render_main}, {"migrate", migrate_main}, {NULL, NULL},
};

/* 'role' is a command of the user's too: only the names of processes are ours. */
static bool is_process(const char *word)
{
    for (const struct role_entry *role = roles; role->name; role++)
        if (strcmp(role->name, word) == 0)
            return true;
    return false;
}

static int run_init(int argc, char **argv)
{
    const struct init_hooks hooks = {first_admin_migrate, first_admin_record};
    return init_main(argc, argv, &hooks);
}

static int show_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("sealfax " SEALFAX_VERSION);
    return 0;
}

static int show_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts(
        "usage: sealfax COMMAND\n\n"
        "To run a gateway:\n"
        "  init                         Make state directory, keys, database, first administrator\n"
        "  serve                        Run the gateway\n"
        "  config check FILE            Say what is wrong in a configuration\n"
        "  config show [FILE]           Print the whole configuration, defaults included\n"
        "  config help                  Every setting, its meaning, limits and default\n"
        "  migrate                      Bring the schema of a configured database up to date\n\n"
        "To use one (see 'sealfax COMMAND --help'; --json prints JSON):");
    cli_print_commands();
    return 0;
}

/* Commands that are not part of cli/, which needs a running gateway. */
static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"serve", serve_main},       {"init", run_init},
    {"config", config_main},     {"migrate", migrate_command_main},
    {"--version", show_version}, {"--help", show_help},
    {"help", show_help},
};

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "role") == 0 && is_process(argv[2]))
        return role_main(argc - 1, argv + 1, roles);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].main(argc - 1, argv + 1);
    return cli_main(argc, argv);
}
