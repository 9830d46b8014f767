/* The journal: group commit, crashes of the writer, torn and damaged files, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/audit/journal.h"
#include "gateway/audit/journal_cursor.h"

enum { SEGMENT = 65536 };

struct fixture {
    char directory[64];
    uv_loop_t loop;
    struct journal *journal;
    struct journal_recovery recovery;
    uint64_t done, failed;
    int status, closed, pipe;
};

static int start(void **state)
{
    static struct fixture f;
    f = (struct fixture){.pipe = -1};
    *state = &f;
    snprintf(f.directory, sizeof(f.directory), "/tmp/sealfax-journal-XXXXXX");
    if (!mkdtemp(f.directory))
        return -1;
    setenv("D", f.directory, 1);
    return uv_loop_init(&f.loop);
}

static int stop(void **state)
{
    struct fixture *f = *state;
    return system("rm -r $D") || uv_loop_close(&f->loop);
}

static int open_journal(struct fixture *f)
{
    struct journal_config config = {.directory = f->directory,
                                    .node = "test",
                                    .segment_bytes = SEGMENT,
                                    .reserve_bytes = SEGMENT};
    return journal_open(&f->loop, &config, NULL, NULL, &f->recovery, &f->journal);
}

static void on_closed(void *user)
{
    ((struct fixture *)user)->closed = 1;
}

static void close_journal(struct fixture *f)
{
    f->closed = 0;
    journal_close(f->journal, on_closed, f);
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
}

/* In order, without a gap, and told to the parent of a writer that will be killed. */
static void on_done(void *user, int status, uint64_t index)
{
    struct fixture *f = user;
    f->status = status;
    *(status ? &f->failed : &f->done) += 1;
    if (status == 0 && f->pipe >= 0)
        (void)!write(f->pipe, &index, sizeof(index));
}

static int append(struct fixture *f, size_t length, size_t sides)
{
    uint8_t record[4096];
    uint64_t index = journal_next_index(f->journal);
    memset(record, 'a' + (int)(index % 26), length);
    memcpy(record, &index, sizeof(index));
    struct journal_side values[2] = {{.key = "from", .value = "+4930123", .value_length = 8},
                                     {.key = "to", .value = "+4989", .value_length = 5}};
    struct journal_entry entry = {.index = index,
                                  .record = record,
                                  .record_length = length,
                                  .sides = values,
                                  .side_count = sides};
    return journal_append(f->journal, &entry, on_done, f);
}

static void run_until(struct fixture *f, uint64_t count)
{
    uint64_t end = uv_hrtime() + UINT64_C(30000000000);
    while (f->done + f->failed < count && uv_hrtime() < end)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done + f->failed, count);
}

/* Reads all records and checks that they are what append() wrote. */
static uint64_t count_records(const struct fixture *f, size_t sides)
{
    struct journal_cursor *cursor = NULL;
    struct journal_entry entry;
    assert_int_equal(journal_cursor_open(f->directory, 0, &cursor), 0);
    uint64_t count = 0;
    while (journal_cursor_next(cursor, UINT64_MAX, &entry) == 1) {
        uint64_t index;
        memcpy(&index, entry.record, sizeof(index));
        assert_int_equal(index, count);
        assert_int_equal(entry.index, count);
        assert_int_equal(entry.record[entry.record_length - 1], 'a' + (int)(index % 26));
        assert_int_equal(entry.side_count, sides);
        if (sides)
            assert_memory_equal(entry.sides[0].value, "+4930123", 8);
        count++;
    }
    journal_cursor_close(cursor);
    return count;
}

static void test_records_come_back_over_many_segments(void **state)
{
    struct fixture *f = *state;
    for (uint64_t round = 0; round < 3; round++) {
        assert_int_equal(open_journal(f), 0);
        assert_int_equal(f->recovery.size, round * 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(append(f, 200 + (size_t)i % 300, 2), 0);
        run_until(f, (round + 1) * 1000);
        assert_int_equal(journal_size(f->journal), (round + 1) * 1000);
        assert_int_equal(journal_tree(f->journal)->size, (round + 1) * 1000);
        close_journal(f);
    }
    assert_int_equal(f->failed, 0);
    assert_int_equal(count_records(f, 2), 3000);
    assert_int_equal(system("test $(ls $D/*.journal | wc -l) -gt 10"), 0);
}

static void test_one_writer_and_bad_arguments(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_journal(f), 0);
    struct fixture other = *f;
    assert_int_equal(open_journal(&other), -EBUSY);
    struct journal_entry entry = {.index = 7, .record = (const uint8_t *)"x", .record_length = 1};
    assert_int_equal(journal_append(f->journal, &entry, NULL, NULL), -EINVAL);
    entry.index = 0;
    entry.record_length = RECORD_MAX + 1;
    assert_int_equal(journal_append(f->journal, &entry, NULL, NULL), -EINVAL);
    close_journal(f);
    journal_close(NULL, on_closed, f);
}

/* Whatever was acknowledged before SIGKILL is there, in order, and nothing else is between. */
static void test_a_killed_writer_loses_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    srand(20261121);
    for (int round = 0; round < 25; round++) {
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0) {
            struct fixture writer = *f;
            writer.pipe = ends[1];
            uv_loop_init(&writer.loop);
            if (open_journal(&writer) != 0)
                _exit(1);
            for (;;) {
                while (journal_next_index(writer.journal) < journal_size(writer.journal) + 500)
                    if (append(&writer, 300, 1) != 0)
                        _exit(2);
                uv_run(&writer.loop, UV_RUN_ONCE);
            }
        }
        close(ends[1]);
        uint64_t last = UINT64_MAX;
        assert_int_equal(read(ends[0], &last, sizeof(last)), sizeof(last));
        usleep((useconds_t)(rand() % 20000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t expected = size;
        do
            assert_int_equal(last, expected++);
        while (read(ends[0], &last, sizeof(last)) == sizeof(last));
        close(ends[0]);
        assert_int_equal(open_journal(f), 0);
        assert_true(f->recovery.size >= expected);
        size = f->recovery.size;
        close_journal(f);
        assert_int_equal(count_records(f, 1), size);
    }
}

static int cut_copy(const char *from, const char *to, off_t length)
{
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %s && cp -a %s %s", to, from, to);
    if (system(command) != 0)
        return -1;
    snprintf(command, sizeof(command), "%s/0000000000000000.journal", to);
    return truncate(command, length);
}

/* A crash may leave any beginning of the last write: what was whole stays, the rest goes. */
static void test_a_tail_torn_anywhere_is_cut(void **state)
{
    struct fixture *f = *state;
    char kept[80];
    snprintf(kept, sizeof(kept), "%s.kept", f->directory);
    assert_int_equal(open_journal(f), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(append(f, 40, 1), 0);
    run_until(f, 8);
    close_journal(f);
    assert_int_equal(system("mv $D $D.kept"), 0);
    off_t frame = (off_t)journal_frame_length(40);
    for (off_t length = 0; length <= JOURNAL_HEADER_OCTETS + 8 * frame; length += 3) {
        assert_int_equal(cut_copy(kept, f->directory, length), 0);
        int error = open_journal(f);
        if (length > 0 && length < JOURNAL_HEADER_OCTETS) {
            /* The header was durable before any record: this is no torn write. */
            assert_int_equal(error, -EBADMSG);
            continue;
        }
        assert_int_equal(error, 0);
        uint64_t whole = length < JOURNAL_HEADER_OCTETS
                             ? 0
                             : (uint64_t)((length - JOURNAL_HEADER_OCTETS) / frame);
        assert_int_equal(f->recovery.size, whole);
        /* What is written next takes the place of what was torn, with its own values. */
        assert_int_equal(append(f, 50, 2), 0);
        uint64_t seen = f->done + 1;
        run_until(f, seen);
        close_journal(f);
        struct journal_cursor *cursor = NULL;
        struct journal_entry entry;
        assert_int_equal(journal_cursor_open(f->directory, whole, &cursor), 0);
        assert_int_equal(journal_cursor_next(cursor, UINT64_MAX, &entry), 1);
        assert_int_equal(entry.index, whole);
        assert_int_equal(entry.side_count, 2);
        journal_cursor_close(cursor);
    }
    assert_int_equal(system("rm -r $D.kept"), 0);
}

static void test_damage_in_the_middle_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_journal(f), 0);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(append(f, 100, 0), 0);
        run_until(f, i + 1); /* a commit each */
    }
    close_journal(f);
    char name[128];
    snprintf(name, sizeof(name), "%s/0000000000000000.journal", f->directory);
    off_t place = (off_t)(JOURNAL_HEADER_OCTETS + 4 * journal_frame_length(100) + 60);
    int fd = open(name, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "!", 1, place), 1);
    close(fd);
    assert_int_equal(open_journal(f), -EBADMSG);
    assert_non_null(strstr(f->recovery.message, "0000000000000000.journal: record 4 at octet"));
    /* A reader goes on behind it. */
    struct journal_cursor *cursor = NULL;
    struct journal_entry entry;
    assert_int_equal(journal_cursor_open(f->directory, 4, &cursor), 0);
    assert_int_equal(journal_cursor_next(cursor, UINT64_MAX, &entry), -EBADMSG);
    assert_int_equal(entry.index, 4);
    assert_int_equal(journal_cursor_next(cursor, UINT64_MAX, &entry), 1);
    assert_int_equal(entry.index, 5);
    journal_cursor_close(cursor);
}

static void test_old_segments_are_removed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_journal(f), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(append(f, 300, 0), 0);
    run_until(f, 2000);
    time_t later = time(NULL) + 100;
    assert_int_equal(journal_remove_before(f->journal, 2000, time(NULL) - 100), 0);
    assert_int_equal(journal_remove_before(f->journal, 0, later), 0);
    assert_true(journal_remove_before(f->journal, 1000, later) > 0);
    struct merkle_tree tree = *journal_tree(f->journal);
    close_journal(f);
    assert_int_equal(open_journal(f), 0);
    assert_int_equal(f->recovery.size, 2000);
    assert_true(f->recovery.first_index > 0 && f->recovery.first_index <= 1000);
    assert_memory_equal(journal_tree(f->journal), &tree, sizeof(tree));
    close_journal(f);
}

static void test_a_full_disk(void **state)
{
    struct fixture *f = *state;
    if (mount("sealfax-test", f->directory, "tmpfs", MS_NOSUID | MS_NODEV, "size=700k") != 0) {
        fprintf(stderr, "no tmpfs may be mounted here: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(open_journal(f), 0);
    uint64_t sent = 0;
    bool low = false;
    while (f->failed == 0 && sent < 5000) {
        if (append(f, 1000, 1) != 0)
            break;
        run_until(f, ++sent);
        low = low || journal_low_space(f->journal);
    }
    /* First the reserve was used, then everything is refused, without waiting for the disk. */
    assert_true(low);
    assert_true(f->failed >= 1);
    assert_int_equal(f->status, -ENOSPC);
    assert_int_equal(append(f, 10, 0), -ENOSPC);
    assert_int_equal(journal_failed(f->journal), -ENOSPC);
    assert_int_equal(journal_size(f->journal), f->done);
    /* With room again it goes on by itself, with the next index. */
    assert_int_equal(
        mount("none", f->directory, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, "size=2m"), 0);
    uint64_t end = uv_hrtime() + UINT64_C(20000000000);
    while (journal_failed(f->journal) && uv_hrtime() < end)
        uv_run(&f->loop, UV_RUN_ONCE);
    uint64_t before = f->done;
    assert_int_equal(append(f, 1000, 1), 0);
    run_until(f, f->done + f->failed + 1);
    assert_int_equal(f->done, before + 1);
    close_journal(f);
    assert_int_equal(count_records(f, 1), f->done);
    assert_int_equal(open_journal(f), 0);
    assert_int_equal(f->recovery.size, f->done);
    close_journal(f);
    assert_int_equal(umount(f->directory), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_records_come_back_over_many_segments),
        TEST(test_one_writer_and_bad_arguments),
        TEST(test_a_killed_writer_loses_nothing),
        TEST(test_a_tail_torn_anywhere_is_cut),
        TEST(test_damage_in_the_middle_is_named),
        TEST(test_old_segments_are_removed),
        TEST(test_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
