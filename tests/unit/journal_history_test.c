/* A long past: the start reads from the last checkpoint on, the rest is checked while running. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/audit/audit_verify.h"
#include "gateway/audit/checkpoint_file.h"
#include "gateway/audit/journal_history.h"
#include "gateway/audit/journal_segment.h"
#include "tests/doubles/audit_log.h"

enum { SEGMENT = 65536, FAXES = 150 };

struct fixture {
    char directory[64];
    uint64_t size, begun;
    uint64_t first[64]; /* of the segments */
    size_t segments;
    struct audit_log log;
    int status, answers;
    bool closed;
    uint64_t records;
    char message[256];
};

static void list_segments(struct fixture *f)
{
    struct journal_list list;
    int fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(journal_list_read(fd, &list), 0);
    close(fd);
    assert_in_range(list.count, 4, 64);
    f->segments = list.count;
    memcpy(f->first, list.first, list.count * sizeof(*list.first));
    journal_list_free(&list);
}

static int open_log(struct fixture *f)
{
    int error = audit_log_open(&f->log, f->directory, NULL, SEGMENT);
    f->begun = f->log.recovery.begun;
    return error;
}

/* Some hundred kilobytes of records under a checkpoint, and a few more. */
static int start(void **state)
{
    static struct fixture f;
    f = (struct fixture){.status = 1};
    *state = &f;
    snprintf(f.directory, sizeof(f.directory), "/tmp/sealfax-history-XXXXXX");
    if (!mkdtemp(f.directory))
        return -1;
    setenv("D", f.directory, 1);
    int error = open_log(&f);
    for (unsigned i = 0; i < FAXES && !error; i++)
        error = audit_log_fax(&f.log, i) || audit_log_flush(&f.log);
    error = error || audit_log_checkpoint(&f.log) || audit_log_fax(&f.log, FAXES) ||
            audit_log_flush(&f.log);
    audit_log_close(&f.log);
    list_segments(&f);
    return error;
}

static int stop(void **state)
{
    (void)state;
    return system("rm -r $D");
}

static void path_of(const struct fixture *f, uint64_t first, const char *suffix, char path[128])
{
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(first, suffix, name);
    snprintf(path, 128, "%s/%s", f->directory, name);
}

static void flip(const struct fixture *f, uint64_t first, const char *suffix, long offset)
{
    char path[128];
    uint8_t octet;
    path_of(f, first, suffix, path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, offset), 1);
    octet ^= 4;
    assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
    close(fd);
}

static void remove_segment(const struct fixture *f, uint64_t first)
{
    static const char *const suffixes[] = {".journal", ".side", ".tree"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        path_of(f, first, suffixes[i], path);
        assert_true(unlink(path) == 0 || errno == ENOENT);
    }
}

static void on_history(void *user, int status, uint64_t records, const char *message)
{
    struct fixture *f = user;
    f->status = status;
    f->answers++;
    f->records = records;
    snprintf(f->message, sizeof(f->message), "%s", message);
}

static void on_closed(void *user)
{
    ((struct fixture *)user)->closed = true;
}

/* Checks what lies before `begun`; the result is in f->status, records, message. */
static void check_history(struct fixture *f)
{
    const struct journal_history_config config = {
        .directory = f->directory, .node = "test", .end = f->begun};
    struct journal_history *history = NULL;
    uv_loop_t loop;
    uv_loop_init(&loop);
    f->status = 1;
    f->answers = 0;
    f->closed = false;
    assert_int_equal(journal_history_start(&loop, &config, on_history, f, &history), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(f->answers, 1);
    journal_history_close(history, on_closed, f);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_the_start_reads_from_the_last_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct audit_verify_result result;
    assert_int_equal(open_log(f), 0);
    assert_in_range(f->begun, f->first[1], 6 * FAXES);
    assert_int_equal(f->log.recovery.first_index, 0);
    uint64_t size = f->log.recovery.size;
    assert_true(size > 6 * FAXES + 6);
    assert_int_equal(audit_log_fax(&f->log, FAXES + 1), 0);
    assert_int_equal(audit_log_flush(&f->log), 0);
    assert_int_equal(audit_log_checkpoint(&f->log), 0);
    const struct audit_verify_config config = {.directory = f->directory,
                                               .node = "test",
                                               .verifier_key = f->log.verifier_key,
                                               .applied = UINT64_MAX,
                                               .size = size + 6};
    assert_int_equal(audit_verify_run(&config, &result), 0);
    assert_int_equal(result.finding, AUDIT_INTACT);
    assert_true(result.covered >= size + 6);
    audit_log_close(&f->log);
    check_history(f);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->records, f->begun);
}

static void test_damage_after_the_begin_is_found_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_log(f), 0);
    audit_log_close(&f->log);
    flip(f, f->begun, ".journal", 400);
    assert_int_equal(open_log(f), -EBADMSG);
    assert_non_null(strstr(f->log.recovery.message, "is damaged"));
    flip(f, f->begun, ".journal", 400);
    /* A frontier that can be read but is another one. */
    uint64_t begun = f->begun;
    flip(f, begun, ".tree", 60);
    int error = open_log(f);
    if (error)
        assert_non_null(strstr(f->log.recovery.message, "not those of the checkpoint"));
    else
        assert_true(f->begun < begun);
    if (!error)
        audit_log_close(&f->log);
}

static void test_without_its_frontier_an_older_segment_begins(void **state)
{
    struct fixture *f = *state;
    char path[128];
    assert_int_equal(open_log(f), 0);
    audit_log_close(&f->log);
    uint64_t begun = f->begun;
    path_of(f, begun, ".tree", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_log(f), 0);
    assert_true(f->begun < begun && f->begun > 0);
    audit_log_close(&f->log);
}

static void test_damage_in_the_past_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_log(f), 0);
    audit_log_close(&f->log);
    char name[JOURNAL_NAME_TEXT];
    journal_name_make(f->first[1], ".journal", name);
    flip(f, f->first[1], ".journal", 5000);
    assert_int_equal(open_log(f), 0);
    audit_log_close(&f->log);
    check_history(f);
    assert_int_equal(f->status, -EBADMSG);
    assert_non_null(strstr(f->message, name));
    flip(f, f->first[1], ".journal", 5000);
    flip(f, f->first[0], ".side", 3000);
    check_history(f);
    assert_int_equal(f->status, -EBADMSG);
    assert_non_null(strstr(f->message, "0000000000000000.side"));
}

static void test_segments_that_are_gone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_log(f), 0);
    audit_log_close(&f->log);
    /* The oldest may be removed, by age. */
    remove_segment(f, f->first[0]);
    check_history(f);
    assert_int_equal(f->status, 0);
    assert_int_equal(f->records, f->begun - f->first[1]);
    remove_segment(f, f->first[2]);
    check_history(f);
    assert_int_equal(f->status, -EBADMSG);
    assert_non_null(strstr(f->message, "is missing"));
}

static void test_the_end_of_a_long_checkpoint_file(void **state)
{
    struct fixture *f = *state;
    struct checkpoint_list all, end;
    assert_int_equal(checkpoint_file_read(f->directory, &all), 0);
    assert_true(all.count >= 1);
    for (int i = 0; i < 400; i++)
        assert_int_equal(checkpoint_file_append(f->directory, all.notes[0].note), 0);
    assert_int_equal(checkpoint_file_append(f->directory, all.notes[all.count - 1].note), 0);
    checkpoint_list_free(&all);
    assert_int_equal(checkpoint_file_read(f->directory, &all), 0);
    assert_int_equal(checkpoint_file_read_end(f->directory, &end), 0);
    assert_true(all.file_bytes > 65536 && end.file_bytes == all.file_bytes);
    assert_int_equal(end.whole_bytes, all.whole_bytes);
    assert_in_range(end.count, 100, all.count - 1);
    assert_string_equal(end.notes[end.count - 1].note, all.notes[all.count - 1].note);
    checkpoint_list_free(&end);
    /* A torn end is known as one. */
    char path[128];
    snprintf(path, sizeof(path), "%s/checkpoints", f->directory);
    assert_int_equal(truncate(path, (off_t)all.file_bytes - 5), 0);
    assert_int_equal(checkpoint_file_read_end(f->directory, &end), 0);
    assert_true(end.whole_bytes < end.file_bytes && end.count > 100);
    assert_int_equal(checkpoint_file_cut(f->directory, &end), 0);
    checkpoint_list_free(&end);
    assert_int_equal(checkpoint_file_read_end(f->directory, &end), 0);
    assert_int_equal(end.whole_bytes, end.file_bytes);
    checkpoint_list_free(&end);
    checkpoint_list_free(&all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_start_reads_from_the_last_checkpoint),
        TEST(test_damage_after_the_begin_is_found_at_once),
        TEST(test_without_its_frontier_an_older_segment_begins),
        TEST(test_damage_in_the_past_is_named),
        TEST(test_segments_that_are_gone),
        TEST(test_the_end_of_a_long_checkpoint_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
