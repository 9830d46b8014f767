/* cli_options.h: commands, their options and arguments. */
#ifndef GATEWAY_CLI_CLI_OPTIONS_H
#define GATEWAY_CLI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { CLI_OPTIONS_MAX = 48, CLI_ARGUMENTS_MAX = 500 };

struct cli_option {
    const char *name;  /* without "--"; NULL ends a table */
    const char *value; /* what it is called in the help; NULL: a flag */
    const char *help;
};

struct cli;

struct cli_command {
    const char *word;      /* NULL ends a table */
    const char *sub;       /* second word, NULL: none */
    const char *arguments; /* "NAME", for the help; "FILE..." takes more than argument_count too */
    const char *summary;
    const char *example;
    const struct cli_option *options; /* may be NULL */
    size_t argument_count;            /* exactly, or at least */
    int (*run)(struct cli *cli);
};

/* What a command runs with. */
struct cli {
    const struct cli_command *command;
    char socket_path[108];
    bool json;
    bool help;
    const char *values[CLI_OPTIONS_MAX]; /* in the order of command->options; flags: "" */
    const char *arguments[CLI_ARGUMENTS_MAX];
    size_t argument_count;
};

/* Reads one global option (--json, --socket PATH, --help, -h) at argv[*at] and steps past it.
 * Returns 1 when it was one, 0 when not, -1 after having complained. */
int cli_read_global(struct cli *cli, int argc, char **argv, int *at);

/* Reads options and arguments from argv[at] on. Returns 0, or -1 after having complained. */
int cli_read_options(struct cli *cli, int argc, char **argv, int at)
    __attribute__((warn_unused_result));

/* The value of an option ("" for a flag), NULL when it was not given. */
const char *cli_option(const struct cli *cli, const char *name);

/* Reads an option as a number. Returns 1 when given, 0 when not, -1 after having complained. */
int cli_option_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
                      int64_t *value) __attribute__((warn_unused_result));

/* Sets object[key] to the items of an option "A,B". Returns 0 (also when it is absent; then the
 * key is not set), or -1 after having complained about an empty item. */
int cli_option_list(const struct cli *cli, const char *name, json_t *object, const char *key)
    __attribute__((warn_unused_result));

/* Reads an option as a point in time, in local time unless it ends with Z: "2026-11-21",
 * "2026-11-21 09:30", "2026-11-21T09:30:00Z". Writes RFC 3339 in UTC to out. Returns as
 * cli_option_number(). */
int cli_option_time(const struct cli *cli, const char *name, char out[32])
    __attribute__((warn_unused_result));

/* Complains on stderr about the use of the command and returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the help of one command to stdout. */
void cli_print_help(const struct cli_command *command);

#endif
