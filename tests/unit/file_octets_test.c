#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/file_octets.h"

static void octets_come_back(void **state)
{
    int fd = memfd_create("octets", MFD_CLOEXEC);
    char text[16] = "";
    (void)state;
    assert_int_equal(file_write_all(fd, "abc", 3), 0);
    assert_int_equal(file_write_all(fd, "def", 3), 0);
    assert_int_equal(file_write_all_at(fd, "XY", 2, 1), 0);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
    assert_int_equal(file_read_all_at(fd, text, 6, 0), 0);
    assert_string_equal(text, "aXYdef");
    assert_int_equal(file_read_all_at(fd, text, 0, 100), 0);
    assert_int_equal(file_read_all_at(fd, text, 3, 4), -EBADMSG); /* ends before */
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
    close(fd);
    assert_int_equal(file_write_all(fd, "a", 1), -EBADF);
    assert_int_equal(file_write_all_at(fd, "a", 1, 0), -EBADF);
    assert_int_equal(file_read_all_at(fd, text, 1, 0), -EBADF);
}

/* The first write takes what fits below the limit, the next says why no more does. */
static void a_short_write_goes_on_to_its_error(void **state)
{
    static const char octets[8192];
    const struct rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};
    char path[] = "/tmp/sealfax-octets-XXXXXX";
    int status, fd = mkostemp(path, O_CLOEXEC);
    (void)state;
    assert_true(fd >= 0);
    unlink(path);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                      file_write_all(fd, octets, sizeof octets) == -EFBIG &&
                      lseek(fd, 0, SEEK_CUR) == 5000 &&
                      file_write_all_at(fd, octets, sizeof octets, 10) == -EFBIG
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
}

static void a_pipe_takes_more_than_it_holds(void **state)
{
    enum { OCTETS = 1 << 20 };
    int ends[2], status = 1;
    (void)state;
    char *octets = malloc(OCTETS);
    assert_non_null(octets);
    memset(octets, 'x', OCTETS);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(file_write_all(ends[1], octets, OCTETS) == 0 ? 0 : 1);
    }
    close(ends[1]);
    size_t got = 0;
    ssize_t n;
    while ((n = read(ends[0], octets, OCTETS)) > 0)
        got += (size_t)n;
    close(ends[0]);
    free(octets);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(got, OCTETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_come_back),
        cmocka_unit_test(a_short_write_goes_on_to_its_error),
        cmocka_unit_test(a_pipe_takes_more_than_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
