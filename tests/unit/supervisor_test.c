/* What of the supervisor can be tested without processes; the rest is in tests/integration. */
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
#include <unistd.h>

#include <cmocka.h>

#include "gateway/cluster/cluster.h"
#include "gateway/process/log.h"
#include "gateway/process/role_package.h"
#include "gateway/process/supervisor.h"

static void backoff_doubles_and_is_forgotten(void **state)
{
    (void)state;
    static const uint64_t expected[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    uint64_t backoff_ms = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        backoff_ms = supervisor_next_backoff(backoff_ms, SUPERVISOR_ALIVE_MS - 1);
        assert_int_equal(backoff_ms, expected[i]);
    }
    assert_int_equal(supervisor_next_backoff(backoff_ms, SUPERVISOR_ALIVE_MS), 100);
}

static void packages_are_sealed_and_checked(void **state)
{
    (void)state;
    struct role_package *package = calloc(1, sizeof *package), *again = calloc(1, sizeof *again);
    char *text = NULL;
    assert_true(package && again);
    package->magic = ROLE_PACKAGE_MAGIC;
    package->config_length = 8;
    strcpy(package->conninfo, "host=x");
    int fd = role_package_make(package, "node: a\nmore");
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 3), -1);
    for (int round = 0; round < 2; round++) { /* shared by several readers */
        assert_int_equal(role_package_read(fd, again, &text), 0);
        assert_string_equal(text, "node: a\n");
        assert_string_equal(again->conninfo, "host=x");
        free(text);
    }
    close(fd);
    package->magic++;
    fd = role_package_make(package, "node: a\n");
    assert_int_equal(role_package_read(fd, again, &text), -EINVAL);
    close(fd);
    fd = memfd_create("other", MFD_CLOEXEC);
    assert_int_equal(role_package_read(fd, again, &text), -EINVAL);
    close(fd);
    assert_int_equal(role_package_read(0, again, &text), -EINVAL);
    free(package);
    free(again);
}

static struct config *load(const char *text)
{
    static struct config_errors errors;
    struct config *config = NULL;
    assert_int_equal(config_load_text(text, strlen(text), "t", &config, &errors), 0);
    return config;
}

static void paths_follow_the_state_directory(void **state)
{
    (void)state;
    struct state_paths *paths = calloc(1, sizeof *paths), *other = calloc(1, sizeof *other);
    char deep[STATE_PATH_MAX];
    struct config *config = load("keys: {master_key_file: /etc/sealfax/master}\n");
    assert_true(paths && other);
    assert_int_equal(state_paths_fill(paths, config, "/srv/fax//"), 0);
    assert_string_equal(paths->root, "/srv/fax");
    assert_string_equal(paths->vault, "/srv/fax/vault");
    assert_string_equal(paths->master_key, "/etc/sealfax/master");
    assert_string_equal(paths->database_socket, "/srv/fax/run/db");
    assert_string_equal(paths->api_socket, "/srv/fax/run/api.sock");
    memset(deep, 'd', sizeof deep);
    deep[0] = '/';
    deep[80] = '\0';
    assert_int_equal(state_paths_fill(paths, config, deep), 0);
    assert_true(strlen(paths->database_socket) < 40);
    assert_non_null(strstr(paths->database_socket, "/sealfax-"));
    assert_int_equal(state_paths_fill(other, config, deep), 0);
    assert_string_equal(paths->database_socket, other->database_socket);
    deep[79] = 'e';
    assert_int_equal(state_paths_fill(other, config, deep), 0);
    assert_string_not_equal(paths->database_socket, other->database_socket);
    assert_int_equal(strncmp(paths->office, "/dev/shm/sealfax-office-", 24), 0);
    assert_string_not_equal(paths->office, other->office);
    memset(deep + 80, 'd', 20);
    deep[99] = '\0';
    assert_int_equal(state_paths_fill(other, config, deep), -ENAMETOOLONG);
    memset(deep, 'd', sizeof deep);
    deep[0] = '/';
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(state_paths_fill(other, config, deep), -ENAMETOOLONG);
    config_free(config);
    free(paths);
    free(other);
}

static void missing_accounts_are_explained(void **state)
{
    (void)state;
    struct accounts accounts;
    char reason[400] = "";
    struct config *config = load("accounts: {control: no-such-account-x}\n");
    int status = accounts_find(&accounts, config, reason, sizeof reason);
    if (geteuid() == 0) {
        assert_int_equal(status, -ENOENT);
        assert_non_null(strstr(reason, "adduser --system --group --no-create-home"));
        assert_non_null(strstr(reason, "no-such-account-x"));
    } else {
        assert_int_equal(status, 0);
        assert_int_equal(accounts.keeper.uid, geteuid());
    }
    config_free(config);
}

static void configured_databases_get_their_password(void **state)
{
    (void)state;
    char file[] = "/tmp/supervisor_test.XXXXXX", text[400], out[500], reason[300], small[60];
    struct state_paths *paths = calloc(1, sizeof *paths);
    int fd = mkstemp(file);
    assert_int_equal(write(fd, "pa'ss\\word\nmore", 15), 15);
    close(fd);
    snprintf(text, sizeof text,
             "database: {dsn: \"postgresql://me@db.example/fax?sslmode=require\", "
             "password_file: %s}\n",
             file);
    struct config *config = load(text);
    assert_false(cluster_is_private(config));
    assert_int_equal(cluster_conninfo(config, paths, CLUSTER_APPLICATION, out, sizeof out, reason,
                                      sizeof reason),
                     0);
    assert_non_null(strstr(out, "user='me'"));
    assert_non_null(strstr(out, "sslmode='require'"));
    assert_non_null(strstr(out, "password='pa\\'ss\\\\word'"));
    assert_int_equal(cluster_conninfo(config, paths, CLUSTER_APPLICATION, small, sizeof small,
                                      reason, sizeof reason),
                     -ENAMETOOLONG);
    assert_int_equal(
        cluster_conninfo(config, paths, CLUSTER_OWNER, out, sizeof out, reason, sizeof reason),
        -ENOENT);
    unlink(file);
    assert_int_equal(cluster_conninfo(config, paths, CLUSTER_APPLICATION, out, sizeof out, reason,
                                      sizeof reason),
                     -ENOENT);
    assert_non_null(strstr(reason, file));
    config_free(config);
    free(paths);
}

static void log_lines_are_clean_and_numbers_masked(void **state)
{
    (void)state;
    char buffer[LOG_NUMBER_MAX], line[2000] = "", end[1200];
    int pipes[2], saved = dup(STDERR_FILENO);
    assert_string_equal(log_number(buffer, "+41445551234"), "*********234");
    assert_string_equal(log_number(buffer, "12345"), "***45");
    assert_string_equal(log_number(buffer, "123"), "***");
    assert_string_equal(log_number(buffer, NULL), "");
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_start("test", LOG_LEVEL_NOTICE);
    log_write(LOG_LEVEL_DEBUG, "not shown");
    log_write(LOG_LEVEL_NOTICE, "a%sb", "\n2026 forged\x1b[2J");
    memset(end, 'x', sizeof end - 1);
    end[sizeof end - 1] = '\0';
    log_write(LOG_LEVEL_ERROR, "%s", end);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t length = read(pipes[0], line, sizeof line - 1);
    assert_true(length > 0);
    assert_non_null(strstr(line, "] test notice: a?2026 forged?[2Jb\n"));
    assert_null(strstr(line, "not shown"));
    assert_int_equal(line[length - 1], '\n');
    assert_int_equal(strlen(strchr(line, '\n') + 1), LOG_LINE_MAX);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_doubles_and_is_forgotten),
        cmocka_unit_test(packages_are_sealed_and_checked),
        cmocka_unit_test(paths_follow_the_state_directory),
        cmocka_unit_test(missing_accounts_are_explained),
        cmocka_unit_test(configured_databases_get_their_password),
        cmocka_unit_test(log_lines_are_clean_and_numbers_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
