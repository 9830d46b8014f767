#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

static const struct cli_option list_options[] = {
    {"event", "TYPE", "only this event, as fax.completed"},
    {"actor", "NAME", "only what this principal did"},
    {"fax", "ID", "only what concerns this fax"},
    {"since", "DATE", "not before"},
    {"until", "DATE", "before"},
    {"limit", "N", "at most so many (100)"},
    {"before", "MARK", "go on where the last list ended"},
    {NULL, NULL, NULL},
};

static const struct cli_column columns[] = {
    {"INDEX", "index", CELL_NUMBER},   {"TIME", "time", CELL_TIME},
    {"EVENT", "event", CELL_TEXT},     {"ACTOR", "actor", CELL_TEXT},
    {"OUTCOME", "outcome", CELL_TEXT}, {"FAX", "fax", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static int run_list(struct cli *cli)
{
    struct http_target target;
    int64_t limit;
    char since[32], until[32];
    if (cli_option_number(cli, "limit", 1, 1000, &limit) < 0)
        return CLI_USAGE;
    int has_since = cli_option_time(cli, "since", since);
    int has_until = has_since < 0 ? -1 : cli_option_time(cli, "until", until);
    if (has_until < 0)
        return CLI_USAGE;
    http_target_begin(&target, "/v1/audit/records");
    http_target_query(&target, "event", cli_option(cli, "event"));
    http_target_query(&target, "actor", cli_option(cli, "actor"));
    http_target_query(&target, "fax", cli_option(cli, "fax"));
    http_target_query(&target, "since", has_since ? since : NULL);
    http_target_query(&target, "until", has_until ? until : NULL);
    http_target_query(&target, "limit", cli_option(cli, "limit"));
    http_target_query(&target, "before", cli_option(cli, "before"));
    return cli_list(cli, &target, "records", columns, "no records");
}

struct verification {
    struct cli *cli;
    bool done;
    bool good;
    bool show_progress;
};

static long long number(const json_t *line, const char *key)
{
    return (long long)json_integer_value(json_object_get(line, key));
}

static void print_result(const json_t *line, bool good)
{
    const json_t *broken = json_object_get(line, "first_broken");
    if (good) {
        printf("ok: %lld records, %lld checkpoints\n", number(line, "records"),
               number(line, "checkpoints"));
        return;
    }
    printf("broken: record %lld in the ", number(broken, "index"));
    cli_print_escaped(stdout, cli_text(broken, "source"));
    fputs(": ", stdout);
    cli_print_escaped(stdout, cli_text(broken, "why"));
    putchar('\n');
}

static int take_line(void *user, const json_t *line)
{
    struct verification *verification = user;
    const char *result = cli_text(line, "result");
    if (*result) {
        verification->done = true;
        verification->good = strcmp(result, "ok") == 0;
    }
    if (verification->cli->json) {
        cli_print_json(stdout, line, 1);
    } else if (*result) {
        print_result(line, verification->good);
    } else if (verification->show_progress) {
        fputs("\r", stderr);
        cli_print_escaped(stderr, cli_text(line, "stage"));
        fprintf(stderr, " %lld of %lld%s", number(line, "checked"), number(line, "total"),
                number(line, "checked") == number(line, "total") ? "\n" : "");
    }
    return 0;
}

static int run_verify(struct cli *cli)
{
    struct http_target target;
    struct http_answer answer;
    struct verification verification = {.cli = cli, .show_progress = isatty(STDERR_FILENO) == 1};
    struct http_call call = {
        .method = "POST", .body_fd = -1, .answer_fd = -1, .line = take_line, .user = &verification};
    http_target_begin(&target, "/v1/audit/verify");
    int result = cli_call(cli, &call, &target, &answer);
    http_answer_free(&answer);
    if (result == CLI_DONE && !verification.done)
        fprintf(stderr, "sealfax: the gateway stopped before the verification ended\n");
    return verification.good ? result : CLI_FAILED;
}

/* Octet by octet, because it is signed; a terminal gets its lines escaped. */
static void print_note(char *note, size_t length)
{
    if (!isatty(STDOUT_FILENO)) {
        fwrite(note, 1, length, stdout);
        return;
    }
    for (char *rest = note, *line; (line = strsep(&rest, "\n"));) {
        cli_print_escaped(stdout, line);
        if (rest)
            putchar('\n');
    }
}

static int run_checkpoint(struct cli *cli)
{
    struct http_target target;
    struct http_answer answer;
    struct http_call call = {.method = "GET", .body_fd = -1, .answer_fd = -1};
    http_target_begin(&target, "/v1/audit/checkpoint");
    int result = cli_call(cli, &call, &target, &answer);
    if (result == CLI_DONE && cli->json) {
        json_t *note = json_pack("{s:s%}", "note", answer.body ? answer.body : "",
                                 answer.body ? answer.body_length_bytes : 0);
        cli_print_json(stdout, note, 0);
        json_decref(note);
    } else if (result == CLI_DONE && answer.body) {
        print_note(answer.body, answer.body_length_bytes);
    }
    http_answer_free(&answer);
    return result;
}

const struct cli_command cli_audit_commands[] = {
    {"audit", "list", NULL, "List records of the log, newest first",
     "sealfax audit list --event fax.completed --since 2026-11-01", list_options, 0, run_list},
    {"audit", "verify", NULL, "Recompute the log against its checkpoints; exit 1 when it is broken",
     "sealfax audit verify", NULL, 0, run_verify},
    {"audit", "checkpoint", NULL, "Print the newest signed checkpoint",
     "sealfax audit checkpoint > checkpoint.txt", NULL, 0, run_checkpoint},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
