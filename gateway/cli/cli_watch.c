#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli_api.h"
#include "gateway/cli/cli_commands.h"

struct watch {
    struct cli *cli;
    char *state;
    bool ended;
};

static long long number(const json_t *line, const char *key)
{
    return (long long)json_integer_value(json_object_get(line, key));
}

static void print_rate(const char *word, const json_t *line)
{
    printf("%s", word);
    if (number(line, "rate") > 0)
        printf(" at %lld bit/s ", number(line, "rate"));
    cli_print_escaped(stdout, cli_text(line, "modem"));
}

static void print_page(const json_t *line)
{
    if (number(line, "pages") > 0)
        printf("page %lld of %lld", number(line, "page"), number(line, "pages"));
    else
        printf("page %lld", number(line, "page"));
}

static void print_text(const char *word, const json_t *line)
{
    const char *text = cli_text(line, "text");
    cli_print_escaped(stdout, word);
    if (*text && strcmp(text, word) != 0) {
        fputs(": ", stdout);
        cli_print_escaped(stdout, text);
    }
}

static void print_step(const json_t *line)
{
    char time[32];
    const char *kind = cli_text(line, "kind");
    cli_local_time(cli_text(line, "time"), time);
    cli_print_escaped(stdout, strlen(time) == 19 ? time + 11 : time);
    fputs("  ", stdout);
    if (strcmp(kind, "training") == 0 || strcmp(kind, "trained") == 0) {
        print_rate(kind, line);
    } else if (strcmp(kind, "page") == 0) {
        print_page(line);
    } else if (strcmp(kind, "confirmed") == 0) {
        print_page(line);
        fputs(" confirmed", stdout);
    } else {
        const char *state = cli_text(line, "state");
        bool ended = strcmp(kind, "ended") == 0;
        print_text(ended && *state ? state : strcmp(kind, "t38") == 0 ? "T.38 agreed" : kind, line);
    }
    putchar('\n');
    fflush(stdout);
}

static int take_line(void *user, const json_t *line)
{
    struct watch *watch = user;
    if (strcmp(cli_text(line, "kind"), "ended") == 0) {
        watch->ended = true;
        snprintf(watch->state, CLI_STATE_TEXT, "%s", cli_text(line, "state"));
    }
    if (watch->cli->json)
        cli_print_json(stdout, line, 1);
    else
        print_step(line);
    return ferror(stdout) ? -1 : 0;
}

int cli_watch_fax(struct cli *cli, const char *id, char state[CLI_STATE_TEXT])
{
    struct watch watch = {.cli = cli, .state = state};
    struct http_target target;
    struct http_answer answer;
    state[0] = '\0';
    http_target_begin(&target, "/v1/faxes");
    http_target_segment(&target, id);
    http_target_plain(&target, "/watch");
    struct http_call call = {
        .method = "GET", .body_fd = -1, .answer_fd = -1, .line = take_line, .user = &watch};
    int result = cli_call(cli, &call, &target, &answer);
    http_answer_free(&answer);
    if (result == CLI_DONE && !watch.ended) {
        fprintf(stderr, "sealfax: the gateway stopped telling before the fax ended\n");
        return CLI_FAILED;
    }
    return result;
}
