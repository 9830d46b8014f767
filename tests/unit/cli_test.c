#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdbool.h>

#include "gateway/cli/cli.h"
#include "tests/doubles/cli_gateway.h"

enum { TEXT_BYTES = 256 * 1024, WORDS_MAX = 24 };

struct fixture {
    char folder[64];
    char path[80];
    pid_t gateway;
    int out;
    int err;
    char *out_text;
    char *err_text;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/cli_test_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/api.sock", f->folder);
    f->gateway = cli_gateway_start(f->path, false);
    assert_true(f->gateway > 0);
    f->out_text = malloc(TEXT_BYTES);
    f->err_text = malloc(TEXT_BYTES);
    setenv("TZ", "Europe/Berlin", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("SEALFAX_SOCKET", f->path, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cli_gateway_stop(f->gateway), 0);
    unlink(f->path);
    assert_int_equal(rmdir(f->folder), 0);
    free(f->out_text);
    free(f->err_text);
    free(f);
    return 0;
}

static void slurp(int fd, char *text)
{
    ssize_t n = pread(fd, text, TEXT_BYTES - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd);
}

/* Runs a command line, cut at blanks ('~' stands for a blank in a word), with its output kept. */
static int run(struct fixture *f, const char *line)
{
    char words[1024], *argv[WORDS_MAX + 1], *rest = words;
    int argc = 0;
    snprintf(words, sizeof words, "sealfax %s", line);
    for (char *word; argc < WORDS_MAX && (word = strsep(&rest, " "));) {
        for (char *c = word; *c; c++)
            *c = *c == '~' ? ' ' : *c;
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);
    fflush(stdout);
    fflush(stderr);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    int result = cli_main(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(kept_out, STDOUT_FILENO);
    dup2(kept_err, STDERR_FILENO);
    close(kept_out);
    close(kept_err);
    slurp(out, f->out_text);
    slurp(err, f->err_text);
    return result;
}

static void expect(struct fixture *f, const char *line, int result, const char *out,
                   const char *err)
{
    int got = run(f, line);
    if (got != result || (out && !strstr(f->out_text, out)) || (err && !strstr(f->err_text, err)))
        fail_msg("%s: %d\n%s%s", line, got, f->out_text, f->err_text);
}

static const char *const commands[] = {
    "status",
    "send",
    "faxes",
    "fax show",
    "fax watch",
    "fax cancel",
    "fax trace",
    "export",
    "user list",
    "user add",
    "user disable",
    "user enable",
    "role list",
    "role add",
    "role remove",
    "grant list",
    "grant add",
    "grant revoke",
    "credential list",
    "credential set",
    "credential revoke",
    "mailbox list",
    "mailbox add",
    "mailbox change",
    "mail queue list",
    "mail queue show",
    "mail queue retry",
    "mail queue drop",
    "mail certificate list",
    "mail certificate set",
    "mail certificate remove",
    "number list",
    "number add",
    "number remove",
    "trunk list",
    "trunk add",
    "trunk remove",
    "key list",
    "audit list",
    "audit verify",
    "audit checkpoint",
    "dispose",
    "trunk show",
    "trunk credential set",
    "trunk credential remove",
    "trunk registration set",
    "trunk registration remove",
};

static void every_command_explains_itself(void **state)
{
    struct fixture *f = *state;
    char line[128];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        snprintf(line, sizeof line, "%s --help", commands[i]);
        expect(f, line, CLI_DONE, "\nexample: sealfax ", NULL);
        assert_non_null(strstr(f->out_text, commands[i]));
        assert_string_equal(f->err_text, "");
        snprintf(line, sizeof line, "%s --nonsense", commands[i]);
        expect(f, line, CLI_USAGE, NULL, "unknown option '--nonsense'");
        assert_string_equal(f->out_text, "");
        snprintf(line, sizeof line, "%s a b c d", commands[i]);
        bool many = strcmp(commands[i], "send") == 0; /* FILE... */
        expect(f, line, CLI_USAGE, NULL, many ? "--as and --to are needed" : "is too much");
        expect(f, "--help", CLI_DONE, commands[i], NULL);
    }
    expect(f, "fax --help", CLI_DONE, "fax watch ID", NULL);
    assert_true(cli_has_command("faxes") && cli_has_command("grant"));
    assert_false(cli_has_command("serve") || cli_has_command("") || cli_has_command(NULL));
}

static void wrong_use_is_told(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line;
        const char *error;
    } cases[] = {
        {"nonsense", "unknown command 'nonsense'"},
        {"", "unknown command ''"},
        {"fax", "a second word is missing after 'fax'"},
        {"fax nonsense", "unknown command 'nonsense'"},
        {"fax show", "ID is missing"},
        {"grant add ada", "PRINCIPAL ROLE is missing"},
        {"send --as 1 letter.pdf", "--as and --to are needed"},
        {"send --as 1 --as 2 --to 3 letter.pdf", "--as is given twice"},
        {"send --as", "--as needs a value"},
        {"faxes --json=1", "--json takes no value"},
        {"faxes --limit 0", "--limit must be a number from 1 to 1000"},
        {"faxes --limit 5x", "--limit must be"},
        {"faxes --limit=", "--limit must be"},
        {"faxes --direction up", "--direction must be"},
        {"faxes -x", "unknown option '-x'"},
        {"export x", "--format must be"},
        {"export --format doc x", "--format must be"},
        {"export --format pdf --out= x", "--out is empty"},
        {"user add ada --uid -1", "--uid must be"},
        {"user add ada --kind robot", "--kind must be"},
        {"role add clerk", "--actions is needed"},
        {"role add clerk --actions a,,b", "--actions has an empty"},
        {"grant add ada clerk --from ,", "--from has an empty"},
        {"grant add ada clerk --expires tomorrow", "--expires must be a date"},
        {"grant add ada clerk --expires 2026-13-01", "--expires must be a date"},
        {"mailbox change claims", "--mail-form is needed"},
        {"credential set anna", "--password-file is needed"},
        {"number add +49", "--mailbox is needed"},
        {"trunk add t --port 5060", "--host is needed"},
        {"trunk add t --host h --port 70000", "--port must be"},
        {"trunk credential", "a further word is missing after 'credential'"},
        {"trunk credential nonsense", "unknown command 'nonsense'"},
        {"trunk credential set t --user u", "--user and --password-file are needed"},
        {"trunk registration set t", "--user is needed"},
        {"trunk registration set t --user u --expires 5", "--expires must be"},
        {"audit list --since x", "--since must be a date"},
        {"status --socket=", "the path is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(f, cases[i].line, CLI_USAGE, NULL, cases[i].error);
        assert_non_null(strstr(f->err_text, "see 'sealfax"));
        assert_string_equal(f->out_text, "");
    }
}

/* What the gateway is asked; compared as JSON. */
static void options_become_requests(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line;
        const char *json;
    } cases[] = {
        {"fax show a~b", "{\"method\":\"GET\",\"path\":\"/v1/faxes/a%20b\"}"},
        {"fax cancel a", "{\"method\":\"POST\",\"path\":\"/v1/faxes/a/cancel\"}"},
        {"fax trace a", "{\"method\":\"GET\",\"path\":\"/v1/faxes/a/trace\"}"},
        {"fax trace a --attempt 2",
         "{\"method\":\"GET\",\"path\":\"/v1/faxes/a/trace\",\"attempt\":\"2\"}"},
        {"user add ada", "{\"name\":\"ada\",\"kind\":\"person\"}"},
        {"user add ada --uid 5 --kind service --full-name Ada~E.",
         "{\"name\":\"ada\",\"kind\":\"service\",\"local_uid\":5,\"full_name\":\"Ada E.\"}"},
        {"user disable ada", "{\"method\":\"POST\",\"path\":\"/v1/principals/ada/disable\"}"},
        {"user enable ada", "{\"method\":\"POST\",\"path\":\"/v1/principals/ada/enable\"}"},
        {"role add clerk --actions fax.submit,fax.view",
         "{\"name\":\"clerk\",\"actions\":[\"fax.submit\",\"fax.view\"]}"},
        {"grant add ada clerk", "{\"principal\":\"ada\",\"role\":\"clerk\"}"},
        {"grant add ada clerk --from=+1,+2 --to +49* --mailbox m --expires 2027-01-31",
         "{\"principal\":\"ada\",\"role\":\"clerk\",\"from_numbers\":[\"+1\",\"+2\"],"
         "\"to_numbers\":[\"+49*\"],\"mailboxes\":[\"m\"],\"expires\":\"2027-01-30T23:00:00Z\"}"},
        {"mailbox add m --class c --retention-days 30",
         "{\"name\":\"m\",\"class\":\"c\",\"retention_days\":30}"},
        {"mailbox change m --retention-days 0", "{\"retention_days\":0}"},
        {"number add +49 --mailbox m --ident x",
         "{\"number\":\"+49\",\"mailbox\":\"m\",\"ident\":\"x\"}"},
        {"number remove +49", "{\"method\":\"DELETE\",\"path\":\"/v1/numbers/%2B49\"}"},
        {"trunk add t --host h --port 5060 --t38-first --prefix +49",
         "{\"name\":\"t\",\"host\":\"h\",\"port\":5060,\"t38_first\":true,\"prefix\":\"+49\"}"},
        {"trunk add t --host h --port 5060",
         "{\"name\":\"t\",\"host\":\"h\",\"port\":5060,\"t38_first\":false,\"prefix\":\"\"}"},
        {"audit list --event e --actor a --fax f --since 2026-07-01T12:00 --until "
         "2026-07-02T00:00:00Z --limit 5",
         "{\"method\":\"GET\",\"path\":\"/v1/audit/records\",\"event\":\"e\",\"actor\":\"a\","
         "\"fax\":\"f\",\"since\":\"2026-07-01T10:00:00Z\",\"until\":\"2026-07-02T00:00:00Z\","
         "\"limit\":\"5\"}"},
        {"trunk registration set t --user 49 --domain d --expires 60",
         "{\"user\":\"49\",\"domain\":\"d\",\"expires\":60}"},
        {"dispose --dry-run", "{\"method\":\"POST\",\"path\":\"/v1/dispose\",\"dry_run\":\"1\"}"},
        {"key list", "{\"method\":\"GET\",\"path\":\"/v1/keys\"}"},
    };
    char line[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(line, sizeof line, "%s --json", cases[i].line);
        assert_int_equal(run(f, line), CLI_DONE);
        json_t *got = json_loads(f->out_text, 0, NULL);
        json_t *want = json_loads(cases[i].json, 0, NULL);
        assert_non_null(want);
        if (!json_equal(got, want))
            fail_msg("%s: %s", line, f->out_text);
        json_decref(got);
        json_decref(want);
    }
    expect(f, "role remove clerk", CLI_DONE, "clerk removed\n", NULL);
    expect(f, "grant revoke x", CLI_DONE, "x revoked\n", NULL);
    expect(f, "trunk remove t", CLI_DONE, "t removed\n", NULL);
    expect(f, "role remove ..", CLI_FAILED, NULL, "a name is empty");
}

/* The gateway gets HA1, never the password. */
static void passwords_stay_here(void **state)
{
    struct fixture *f = *state;
    char path[96], line[256];
    snprintf(path, sizeof path, "%s/password", f->folder);
    snprintf(line, sizeof line,
             "trunk credential set t --user u --realm r --json --password-file %s", path);
    expect(f, line, CLI_FAILED, NULL, "No such file");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("zanzi bar\r\nmore\n", file);
    fclose(file);
    expect(f, line, CLI_DONE, "59e28c48181f6c1154d2da0173719777", NULL);
    assert_non_null(
        strstr(f->out_text, "9a6501b0741fbe6dab91990fd8c6c06c6c5a1005309267cc490281c30e306efe"));
    assert_null(strstr(f->out_text, "zanzi"));
    snprintf(line, sizeof line, "trunk credential set t --user u --password-file %s", path);
    expect(f, line, CLI_FAILED, NULL, "There is no such trunk"); /* whose host the realm would be */
    snprintf(line, sizeof line, "trunk credential set t --user a:b --realm r --password-file %s",
             path);
    expect(f, line, CLI_USAGE, NULL, "cannot stand in SIP");
    assert_int_equal(truncate(path, 0), 0);
    snprintf(line, sizeof line, "trunk credential set t --user u --realm r --password-file %s",
             path);
    expect(f, line, CLI_FAILED, NULL, "the first line is empty");
    assert_int_equal(truncate(path, 5000), 0);
    expect(f, line, CLI_FAILED, NULL, "longer than a password may be");
    unlink(path);
    expect(f, "trunk credential remove t --realm r", CLI_DONE, "t credential removed\n", NULL);
    expect(f, "trunk registration remove t", CLI_DONE, "t registration removed\n", NULL);
    expect(f, "trunk show t", CLI_FAILED, NULL, "There is no such trunk");
}

/* A pipe whose writer takes its time. Returns its end to read from. */
static int slow_pipe(const char *text)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        usleep(100000);
        _exit(write(ends[1], text, strlen(text)) > 0 ? 0 : 1);
    }
    close(ends[1]);
    return ends[0];
}

static void secrets_come_by_pipes(void **state)
{
    struct fixture *f = *state;
    char line[100];
    int kept = dup(STDIN_FILENO), from = slow_pipe("a long secret\nmore\n");
    assert_true(kept >= 0 && dup2(from, STDIN_FILENO) >= 0);
    close(from);
    expect(f, "credential set anna --json --password-file -", CLI_DONE, "\"a long secret\"", NULL);
    assert_true(dup2(kept, STDIN_FILENO) >= 0);
    close(kept);
    from = slow_pipe("another secret\n");
    snprintf(line, sizeof line, "credential set anna --json --password-file /dev/fd/%d", from);
    expect(f, line, CLI_DONE, "\"another secret\"", NULL);
    close(from);
    expect(f, "credential set anna --password-file /tmp", CLI_FAILED, NULL, "Is a directory");
    expect(f, "mail certificate set a@b.test --file /dev/zero", CLI_FAILED, NULL, "File too large");
}

static void tables_are_aligned_and_harmless(void **state)
{
    struct fixture *f = *state;
    expect(f, "faxes", CLI_DONE, NULL, "there are more: --before mark\\u{1B}\n");
    assert_null(strchr(f->out_text, '\x1b'));
    char *header = f->out_text, *first = strchr(header, '\n') + 1;
    char *second = strchr(first, '\n') + 1;
    assert_non_null(strstr(first, "\xc3\x84rger \\u{1B}[31m\\u{1}"));
    assert_non_null(strstr(first, "2026-11-21 22:33:36"));
    /* columns, not octets: one letter of the first line has two */
    long pages = strstr(header, "PAGES") - header;
    assert_memory_equal(second + pages + 2, "112", 3);
    assert_memory_equal(first + pages + 1 + 4, "3", 1);
    expect(f, "faxes --json", CLI_DONE, "\"from\": \"\\u00C4rger \\u001B[31m\\u0001\"", NULL);
    expect(f, "user list", CLI_DONE, "no principals\n", NULL);
    expect(f, "status", CLI_DONE, "up         1d 01:01:01\n", NULL);
    assert_non_null(strstr(f->out_text, "you are    nobody here\n"));
}

static void a_document_is_sent(void **state)
{
    struct fixture *f = *state;
    char file[100], line[300];
    snprintf(file, sizeof file, "%s/letter.PDF", f->folder);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 200001), 0);
    close(fd);
    snprintf(line, sizeof line, "send --as +1 --to +2 --idempotency-key k:1 %s --json", file);
    expect(f, line, CLI_DONE, "\"key\": \"k:1\"", NULL);
    assert_non_null(strstr(f->out_text, "\"type\": \"application/pdf\""));
    assert_non_null(strstr(f->out_text, "\"from\": \"+1\""));
    assert_non_null(strstr(f->out_text, "\"pages\": 200001"));
    snprintf(line, sizeof line, "send --as +1 --to +2 --idempotency-key again %s", file);
    expect(f, line, CLI_DONE, "was submitted before, ", NULL);
    snprintf(line, sizeof line,
             "send --as +1 --to +2 --resolution standard --pages 1-3,5 --rotate none %s %s --json",
             file, file);
    expect(f, line, CLI_DONE, "\"type\": \"multipart/mixed; boundary=\\\"sealfax-", NULL);
    assert_non_null(strstr(f->out_text, "\"resolution\": \"standard\""));
    assert_non_null(strstr(f->out_text, "\"ranges\": \"1-3,5\""));
    assert_non_null(strstr(f->out_text, "\"rotate\": \"none\""));
    snprintf(line, sizeof line, "send --as +1 --to +666 %s", file);
    expect(f, line, CLI_FAILED, "", "sealfax: Not allowed: you may not call \"+666\"\n");
    snprintf(line, sizeof line, "send --as +1 --to +2 --wait %s", file);
    expect(f, line, CLI_DONE, "22:33:36  delivered\n", NULL);
    assert_int_equal(truncate(file, 2 << 20), 0);
    snprintf(line, sizeof line, "send --as +1 --to +2 %s", file);
    expect(f, line, CLI_FAILED, NULL, "larger than allowed");
    snprintf(line, sizeof line, "send --as +1 --to +2 --idempotency-key \xc3\xa4 %s", file);
    expect(f, line, CLI_FAILED, NULL, "characters that cannot be sent");
    unlink(file);
    expect(f, line, CLI_FAILED, NULL, "No such file");
    snprintf(line, sizeof line, "send --as +1 --to +2 %s", f->folder);
    expect(f, line, CLI_FAILED, NULL, "directory");
}

static void a_fax_is_followed(void **state)
{
    struct fixture *f = *state;
    expect(f, "fax watch x", CLI_DONE,
           "22:33:36  dialling\n"
           "22:33:36  training at 14400 bit/s V.17\n"
           "22:33:36  page 2 of 5\n"
           "22:33:36  page 2 of 5 confirmed\n"
           "22:33:36  delivered\n",
           NULL);
    expect(f, "fax watch busy", CLI_DONE, "failed\n", NULL);
    expect(f, "fax watch --json x", CLI_DONE, "\"kind\":\"ended\"", NULL);
    expect(f, "fax watch cut", CLI_FAILED, NULL, "before the fax ended");
    expect(f, "fax watch broken", CLI_FAILED, NULL, "closed the connection");
}

static void a_document_is_exported(void **state)
{
    struct fixture *f = *state;
    char file[100], line[300], octets[16];
    struct stat info;
    snprintf(file, sizeof file, "%s/out.pdf", f->folder);
    snprintf(line, sizeof line, "export --format pdf --out %s x", file);
    umask(0);
    expect(f, line, CLI_DONE, "", NULL);
    umask(022);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, octets, sizeof octets), 8);
    assert_memory_equal(octets, "%PDF-\0\1\2", 8);
    close(fd);
    expect(f, line, CLI_FAILED, NULL, "File exists");
    snprintf(line, sizeof line, "export --format pdf --force --out %s x", file);
    expect(f, line, CLI_DONE, "", NULL);
    snprintf(line, sizeof line, "export --format pdf --force --out %s gone", file);
    expect(f, line, CLI_FAILED, NULL, "sealfax: Disposed of\n");
    assert_int_equal(stat(file, &info), 0);
    unlink(file);
    snprintf(line, sizeof line, "export --format pdf --out %s gone", file);
    expect(f, line, CLI_FAILED, NULL, "Disposed of");
    assert_int_equal(stat(file, &info), -1);
    expect(f, "export --format pdf x", CLI_DONE, "%PDF-", NULL);
}

static void the_log_is_verified(void **state)
{
    struct fixture *f = *state;
    char path[90], line[200];
    expect(f, "audit verify", CLI_DONE, "ok: 9 records, 2 checkpoints\n", NULL);
    expect(f, "audit checkpoint", CLI_DONE, "node\n9\nroot\n\n\xe2\x80\x94 node sig\n", NULL);
    snprintf(path, sizeof path, "%s/broken.sock", f->folder);
    pid_t other = cli_gateway_start(path, true);
    assert_true(other > 0);
    snprintf(line, sizeof line, "audit verify --socket %s", path);
    expect(f, line, CLI_FAILED, "broken: record 7 in the database: the hash differs\n", NULL);
    snprintf(line, sizeof line, "--socket %s audit checkpoint", path);
    expect(f, line, CLI_FAILED, NULL, "sealfax: Not Found: there is nothing under this path\n");
    assert_int_equal(cli_gateway_stop(other), 0);
    expect(f, line, CLI_FAILED, NULL, "no gateway listens on ");
    unlink(path);
    expect(f, line, CLI_FAILED, NULL, "start one with 'sealfax serve'");
    expect(f, "faxes --limit 3 --json", CLI_DONE, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_explains_itself),
        cmocka_unit_test(wrong_use_is_told),
        cmocka_unit_test(options_become_requests),
        cmocka_unit_test(passwords_stay_here),
        cmocka_unit_test(secrets_come_by_pipes),
        cmocka_unit_test(tables_are_aligned_and_harmless),
        cmocka_unit_test(a_document_is_sent),
        cmocka_unit_test(a_fax_is_followed),
        cmocka_unit_test(a_document_is_exported),
        cmocka_unit_test(the_log_is_verified),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
