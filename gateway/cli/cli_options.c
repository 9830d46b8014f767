#include "gateway/cli/cli_options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/cli_output.h"

static const struct cli_option global_options[] = {
    {"socket", "PATH", "the socket of the gateway (else $SEALFAX_SOCKET)"},
    {"json", NULL, "print JSON"},
    {"help", NULL, "show this"},
    {NULL, NULL, NULL},
};

static void print_name(FILE *to, const struct cli_command *command)
{
    fprintf(to, "sealfax %s%s%s", command->word, command->sub ? " " : "",
            command->sub ? command->sub : "");
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "sealfax: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nsee '");
    if (cli->command)
        print_name(stderr, cli->command);
    else
        fprintf(stderr, "sealfax");
    fprintf(stderr, " --help'\n");
    return CLI_USAGE;
}

static void print_options(const struct cli_option *options)
{
    for (; options && options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        printf("  %-26s %s\n", left, options->help);
    }
}

void cli_print_help(const struct cli_command *command)
{
    printf("usage: ");
    print_name(stdout, command);
    printf("%s%s%s\n%s.\n\n", command->options ? " [OPTIONS]" : "", command->arguments ? " " : "",
           command->arguments ? command->arguments : "", command->summary);
    print_options(command->options);
    print_options(global_options);
    printf("\nexample: %s\n", command->example);
}

static int set_value(const struct cli *cli, const char *name, const char **place, const char *value)
{
    if (*place) {
        cli_usage(cli, "--%s is given twice", name);
        return -1;
    }
    *place = value;
    return 0;
}

/* Compares argv[at] with "--name" or "--name=value". Returns 1 with the value when it is this
 * option, 0 when not, -1 after having complained. */
static int match(const struct cli *cli, const struct cli_option *option, int argc, char **argv,
                 int *at, const char **value)
{
    const char *text = argv[*at];
    size_t length = strlen(option->name);
    if (strncmp(text, "--", 2) != 0 || strncmp(text + 2, option->name, length) != 0)
        return 0;
    const char *rest = text + 2 + length;
    if (*rest != '\0' && *rest != '=')
        return 0;
    if (*rest == '=' && !option->value) {
        cli_usage(cli, "--%s takes no value", option->name);
        return -1;
    }
    *value = *rest == '=' ? rest + 1 : "";
    if (option->value && *rest == '\0') {
        if (*at + 1 >= argc) {
            cli_usage(cli, "--%s needs a value (%s)", option->name, option->value);
            return -1;
        }
        *value = argv[++*at];
    }
    ++*at;
    return 1;
}

int cli_read_global(struct cli *cli, int argc, char **argv, int *at)
{
    const char *value;
    if (strcmp(argv[*at], "-h") == 0) {
        cli->help = true;
        ++*at;
        return 1;
    }
    for (size_t i = 0; global_options[i].name; i++) {
        int found = match(cli, &global_options[i], argc, argv, at, &value);
        if (found == 0)
            continue;
        if (found < 0)
            return -1;
        if (i == 1)
            cli->json = true;
        else if (i == 2)
            cli->help = true;
        else if ((size_t)snprintf(cli->socket_path, sizeof cli->socket_path, "%s", value) >=
                     sizeof cli->socket_path ||
                 !*value) {
            cli_usage(cli, "--socket: the path is empty or too long");
            return -1;
        }
        return 1;
    }
    return 0;
}

static int read_one(struct cli *cli, int argc, char **argv, int *at)
{
    const struct cli_option *options = cli->command->options;
    const char *value;
    int found = cli_read_global(cli, argc, argv, at);
    for (size_t i = 0; found == 0 && options && options[i].name; i++) {
        const char *name = options[i].name;
        found = match(cli, &options[i], argc, argv, at, &value);
        if (found > 0)
            return set_value(cli, name, &cli->values[i], value);
    }
    if (found == 0)
        cli_usage(cli, "unknown option '%s'", argv[*at]);
    return found > 0 ? 0 : -1;
}

static size_t most_arguments(const struct cli_command *command)
{
    size_t length = command->arguments ? strlen(command->arguments) : 0;
    if (length >= 3 && strcmp(command->arguments + length - 3, "...") == 0)
        return CLI_ARGUMENTS_MAX;
    return command->argument_count;
}

int cli_read_options(struct cli *cli, int argc, char **argv, int at)
{
    bool only_arguments = false;
    while (at < argc) {
        const char *text = argv[at];
        if (!only_arguments && strcmp(text, "--") == 0) {
            only_arguments = true;
            at++;
        } else if (!only_arguments && text[0] == '-' && text[1] != '\0') {
            if (read_one(cli, argc, argv, &at) < 0)
                return -1;
        } else if (cli->argument_count == most_arguments(cli->command)) {
            cli_usage(cli, "'%s' is too much", text);
            return -1;
        } else {
            cli->arguments[cli->argument_count++] = text;
            at++;
        }
    }
    if (!cli->help && cli->argument_count < cli->command->argument_count) {
        cli_usage(cli, "%s is missing", cli->command->arguments);
        return -1;
    }
    return 0;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->command->options;
    for (size_t i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return cli->values[i];
    return NULL;
}

int cli_option_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
                      int64_t *value)
{
    const char *text = cli_option(cli, name);
    char *end;
    if (!text)
        return 0;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (errno || !*text || *end || strspn(text, "-0123456789") != strlen(text) || *value < min ||
        *value > max) {
        cli_usage(cli, "--%s must be a number from %lld to %lld", name, (long long)min,
                  (long long)max);
        return -1;
    }
    return 1;
}

int cli_option_list(const struct cli *cli, const char *name, json_t *object, const char *key)
{
    const char *text = cli_option(cli, name);
    if (!text)
        return 0;
    json_t *list = json_array();
    for (;;) {
        size_t length = strcspn(text, ",");
        if (length == 0 || json_array_append_new(list, json_stringn(text, length)) < 0) {
            json_decref(list);
            cli_usage(cli, "--%s has an empty or unreadable item", name);
            return -1;
        }
        if (!text[length])
            break;
        text += length + 1;
    }
    return json_object_set_new(object, key, list);
}

int cli_option_time(const struct cli *cli, const char *name, char out[32])
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
    const char *text = cli_option(cli, name);
    if (!text)
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm t = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &t);
        if (!end || (*end && strcmp(end, "Z") != 0))
            continue;
        time_t when = *end ? timegm(&t) : mktime(&t);
        if (when == (time_t)-1 || !gmtime_r(&when, &t))
            continue;
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &t);
        return 1;
    }
    cli_usage(cli, "--%s must be a date such as 2026-11-21 or 2026-11-21T09:30", name);
    return -1;
}
