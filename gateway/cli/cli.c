#include "gateway/cli/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_command *const groups[] = {
    cli_status_commands, cli_send_commands,    cli_render_commands,     cli_fax_commands,
    cli_export_commands, cli_user_commands,    cli_credential_commands, cli_role_commands,
    cli_grant_commands,  cli_mailbox_commands, cli_mail_commands,       cli_number_commands,
    cli_trunk_commands,  cli_route_commands,   cli_device_commands,     cli_key_commands,
    cli_audit_commands,  cli_dispose_commands,
};
enum { GROUP_COUNT = sizeof groups / sizeof groups[0] };

/* The first command of that word, and with it the others behind. */
static const struct cli_command *find_word(const char *word)
{
    for (size_t i = 0; i < GROUP_COUNT; i++)
        for (const struct cli_command *c = groups[i]; c->word; c++)
            if (strcmp(c->word, word) == 0)
                return c;
    return NULL;
}

/* A second word may be two, as "credential set"; *words is how many it was. */
static const struct cli_command *find_sub(const struct cli_command *first, const char *sub,
                                          const char *next, int *words)
{
    char both[64];
    snprintf(both, sizeof both, "%s %s", sub, next ? next : "");
    for (const struct cli_command *c = first; c->word && strcmp(c->word, first->word) == 0; c++) {
        *words = strchr(c->sub, ' ') ? 2 : 1;
        if (strcmp(c->sub, *words == 2 ? both : sub) == 0)
            return c;
    }
    return NULL;
}

static void print_line(const struct cli_command *c)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s%s", c->word, c->sub ? " " : "", c->sub ? c->sub : "",
             c->arguments ? " " : "", c->arguments ? c->arguments : "");
    printf("  %-34s %s\n", left, c->summary);
}

static void print_subs(const struct cli_command *first)
{
    printf("usage: sealfax %s COMMAND\n\n", first->word);
    for (const struct cli_command *c = first; c->word && strcmp(c->word, first->word) == 0; c++)
        print_line(c);
    printf("\nexample: %s\n", first->example);
}

void cli_print_commands(void)
{
    for (size_t i = 0; i < GROUP_COUNT; i++)
        for (const struct cli_command *c = groups[i]; c->word; c++)
            print_line(c);
}

bool cli_has_command(const char *word)
{
    return word && find_word(word) != NULL;
}

/* Whether there are commands of three words that begin so. */
static bool has_group(const struct cli_command *first, const char *sub)
{
    size_t length = strlen(sub);
    for (const struct cli_command *c = first; c->word && strcmp(c->word, first->word) == 0; c++)
        if (length > 0 && strncmp(c->sub, sub, length) == 0 && c->sub[length] == ' ')
            return true;
    return false;
}

/* Finds the command in argv[*at] on. Returns 0 with cli->command set; 1 when all is done with
 * *exit_code. */
static int find_command(struct cli *cli, int argc, char **argv, int *at, int *exit_code)
{
    const struct cli_command *command = *at < argc ? find_word(argv[*at]) : NULL;
    *exit_code = CLI_USAGE;
    if (!command) {
        if (*at < argc)
            cli_usage(cli, "unknown command '%s'", argv[*at]);
        else
            cli_usage(cli, "a command is missing");
        return 1;
    }
    ++*at;
    if (command->sub) {
        const char *sub = *at < argc ? argv[*at] : "";
        int words = 1;
        const struct cli_command *found =
            find_sub(command, sub, *at + 1 < argc ? argv[*at + 1] : NULL, &words);
        const char *next = *at + 1 < argc ? argv[*at + 1] : "";
        bool is_group = has_group(command, sub);
        if (!found && is_group && strcmp(next, "--help") != 0 && strcmp(next, "-h") != 0 &&
            !cli->help) {
            fprintf(stderr, "sealfax: %s '%s'\nsee 'sealfax %s --help'\n",
                    *next ? "unknown command" : "a further word is missing after",
                    *next ? next : sub, command->word);
            return 1;
        }
        if (!found &&
            (cli->help || is_group || strcmp(sub, "--help") == 0 || strcmp(sub, "-h") == 0)) {
            print_subs(command);
            *exit_code = CLI_DONE;
            return 1;
        }
        if (!found) {
            fprintf(stderr, "sealfax: %s '%s'\nsee 'sealfax %s --help'\n",
                    *sub ? "unknown command" : "a second word is missing after",
                    *sub ? sub : command->word, command->word);
            return 1;
        }
        command = found;
        *at += words;
    }
    cli->command = command;
    return 0;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {0};
    int at = 1, exit_code, found = 1;
    setlocale(LC_CTYPE, "");
    while (at < argc && argv[at][0] == '-' && (found = cli_read_global(&cli, argc, argv, &at)) > 0)
        continue;
    if (found < 0)
        return CLI_USAGE;
    if (at >= argc && cli.help) {
        printf("usage: sealfax COMMAND\n\n");
        cli_print_commands();
        return CLI_DONE;
    }
    if (find_command(&cli, argc, argv, &at, &exit_code))
        return exit_code;
    if (cli_read_options(&cli, argc, argv, at) < 0)
        return CLI_USAGE;
    if (cli.help) {
        cli_print_help(cli.command);
        return CLI_DONE;
    }
    if (cli_find_socket(&cli) < 0)
        return CLI_USAGE;
    exit_code = cli.command->run(&cli);
    if (fflush(stdout) != 0 && exit_code == CLI_DONE) {
        perror("sealfax: the output cannot be written");
        exit_code = CLI_FAILED;
    }
    return exit_code;
}
