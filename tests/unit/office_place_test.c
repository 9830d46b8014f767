#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/process/office_place.h"
#include "gateway/process/swap_check.h"

/* --- a directory with what sysfs would say --- */

struct fixture {
    char root[40];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    snprintf(f->root, sizeof f->root, "/tmp/sealfax-office.XXXXXX");
    *state = f;
    return mkdtemp(f->root) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char reason[OFFICE_REASON_MAX];
    const struct account owner = {"", geteuid(), getegid()};
    int fd = office_base_open(f->root, &owner, NULL, NULL, reason);

    office_base_close(fd, f->root);
    fd = access(f->root, F_OK);
    free(f);
    return fd == 0 ? -1 : 0;
}

static void make_directory(const struct fixture *f, const char *path)
{
    char whole[256];

    snprintf(whole, sizeof whole, "%s/%s", f->root, path);
    for (char *slash = whole + strlen(f->root); (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    (void)mkdir(whole, 0700);
}

static void write_text(const struct fixture *f, const char *path, const char *text)
{
    char whole[256];
    int fd;

    snprintf(whole, sizeof whole, "%s/%s", f->root, path);
    fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static bool is_safe(const struct fixture *f, const char *text, char *reason)
{
    reason[0] = '\0';
    return swap_text_is_safe(text, strlen(text), f->root, reason);
}

#define HEAD "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static void test_swap(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", ""},
        {HEAD, ""},
        {HEAD "/dev/dm-70                    partition\t1000\t0\t-2\n", ""},
        {HEAD "/dev/dm-70 partition 1 0 -2", ""},
        {HEAD "/dev/zram70 partition 1 0 100\n/dev/dm-72 partition 1 0 -2\n", ""},
        {HEAD "/dev/dm-71 partition 1 0 -2\n", "/dev/dm-71 is not known to be encrypted"},
        {HEAD "/dev/dm-70 partition 1 0 -2\n/dev/vda70 partition 1 0 -3\n",
         "/dev/vda70 is not known to be encrypted"},
        {HEAD "/dev/zram71 partition 1 0 100\n", "/dev/zram71 is not known to be encrypted"},
        {HEAD "/dev/dm-73 partition 1 0 100\n", "/dev/dm-73 is not known to be encrypted"},
        {HEAD "/dev/dm-74 partition 1 0 100\n", "/dev/dm-74 is not known to be encrypted"},
        {HEAD "/dev/dm-75 partition 1 0 100\n", "/dev/dm-75 is not known to be encrypted"},
        {HEAD "/dev/../dm-70 partition 1 0 100\n", "/dev/../dm-70 is not known to be encrypted"},
        {HEAD "/swap\\040file file 1 0 -2\n",
         "/swap\\040file is a file, which may lie on a disk in clear"},
        {HEAD "/dev/dm-70\n", "a line of /proc/swaps cannot be read"},
        {"garbage\n", "the first line of /proc/swaps cannot be read"},
    };
    const struct fixture *f = *state;
    char reason[SWAP_REASON_MAX], *long_text;

    make_directory(f, "class/block/dm-70/dm");
    write_text(f, "class/block/dm-70/dm/uuid", "CRYPT-LUKS2-0123456789abcdef-swap\n");
    make_directory(f, "class/block/dm-71/dm");
    write_text(f, "class/block/dm-71/dm/uuid", "LVM-abc\n");
    make_directory(f, "class/block/dm-71/slaves/vda70");
    make_directory(f, "class/block/vda70");
    make_directory(f, "class/block/dm-72/dm"); /* LVM on LUKS */
    write_text(f, "class/block/dm-72/dm/uuid", "LVM-abc\n");
    make_directory(f, "class/block/dm-72/slaves/dm-70");
    make_directory(f, "class/block/dm-73/slaves/dm-70"); /* half of it in clear */
    make_directory(f, "class/block/dm-73/slaves/vda70");
    make_directory(f, "class/block/dm-74/slaves/dm-74"); /* on itself */
    make_directory(f, "class/block/dm-75/dm");
    write_text(f, "class/block/dm-75/dm/uuid", "CRYPT-INTEGRITY-abc\n");
    make_directory(f, "class/block/zram70");
    write_text(f, "class/block/zram70/backing_dev", "none\n");
    make_directory(f, "class/block/zram71");
    write_text(f, "class/block/zram71/backing_dev", "/dev/vda5\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(is_safe(f, cases[i].text, reason), cases[i].reason[0] == '\0');
        assert_string_equal(reason, cases[i].reason);
    }
    long_text = calloc(1, SWAP_TEXT_MAX + 2);
    assert_non_null(long_text);
    memset(long_text, 'x', SWAP_TEXT_MAX + 1);
    assert_false(is_safe(f, long_text, reason));
    long_text[SWAP_TEXT_MAX] = '\0'; /* one line */
    memcpy(long_text, HEAD, strlen(HEAD));
    assert_false(is_safe(f, long_text, reason));
    assert_false(swap_text_is_safe("Filename\0", 9, f->root, reason));
    free(long_text);
}

static bool is_seven_cb(void *user, pid_t pid)
{
    (void)user;
    return pid == 7;
}

static bool is_there(const struct fixture *f, const char *path)
{
    char whole[256];
    struct stat status;

    snprintf(whole, sizeof whole, "%s/%s", f->root, path);
    return lstat(whole, &status) == 0;
}

/* Whatever shape it was left in. */
static void test_sweep(void **state)
{
    const struct fixture *f = *state;
    const struct account owner = {"", geteuid(), getegid()};
    char reason[OFFICE_REASON_MAX], deep[256] = "9", link[64];
    int fd;

    make_directory(f, "7/profile");
    write_text(f, "7/profile/a", "kept");
    write_text(f, "7/document.docx", "kept");
    for (int i = 0; i < 80; i++)
        strcat(deep, "/d");
    make_directory(f, deep);
    make_directory(f, "8/closed/inner");
    write_text(f, "8/closed/inner/a", "gone");
    snprintf(link, sizeof link, "%s/8/closed", f->root);
    assert_int_equal(chmod(link, 0), 0);
    snprintf(link, sizeof link, "%s/8/link", f->root);
    assert_int_equal(symlink("../7", link), 0);
    write_text(f, "10", "a file");
    fd = office_base_open(f->root, &owner, is_seven_cb, NULL, reason);
    assert_true(fd >= 0);
    assert_true(is_there(f, "7/profile/a") && is_there(f, "7/document.docx"));
    assert_false(is_there(f, "8") || is_there(f, "9") || is_there(f, "10"));
    assert_int_equal(office_base_sweep(fd, is_seven_cb, NULL), 0);
    assert_true(is_there(f, "7/profile/a"));
    office_base_close(fd, f->root);
    assert_true(is_there(f, "7/profile/a")); /* not empty, so it stays */

    fd = office_base_open(f->root, &owner, NULL, NULL, reason);
    assert_true(fd >= 0);
    assert_false(is_there(f, "7"));
    assert_int_equal(office_base_open(f->root, &owner, NULL, NULL, reason), -16 /* EBUSY */);
    assert_non_null(strstr(reason, "in use by another gateway"));
    close(fd);
}

static void test_bases_that_are_refused(void **state)
{
    const struct fixture *f = *state;
    const struct account owner = {"", geteuid(), getegid()}, other = {"", geteuid() + 1, 0};
    char path[128], reason[OFFICE_REASON_MAX];

    assert_true(office_base_open("relative", &owner, NULL, NULL, reason) < 0);
    assert_true(office_base_open("/tmp/with blank", &owner, NULL, NULL, reason) < 0);
    assert_true(office_base_open("/nonexistent/a", &owner, NULL, NULL, reason) < 0);
    assert_string_equal(reason, "/nonexistent/a cannot be made: No such file or directory");
    snprintf(path, sizeof path, "%s/link", f->root);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_true(office_base_open(path, &owner, NULL, NULL, reason) < 0);
    snprintf(path, sizeof path, "%s/of_another", f->root);
    assert_int_equal(mkdir(path, 0755), 0);
    if (geteuid() != 0) {
        assert_true(office_base_open(path, &other, NULL, NULL, reason) < 0);
        assert_non_null(strstr(reason, "belongs to another account"));
    }
}

static void test_places_that_are_refused(void **state)
{
    const struct fixture *f = *state;
    struct office_place place;

    office_place_make(&place, "");
    assert_string_equal(place.directory, "");
    assert_true(place.refusal[0] != '\0');
    office_place_make(&place, "/nonexistent/a");
    assert_string_equal(place.directory, "");
    office_place_make(&place, f->root); /* private, but perhaps on a disk */
    if (place.directory[0] == '\0')
        assert_true(place.refusal[0] != '\0');
    assert_int_equal(office_place_empty(&place), 0);
    assert_int_equal(chmod(f->root, 0755), 0);
    office_place_make(&place, f->root);
    assert_string_equal(place.directory, "");
    assert_true(place.refusal[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_swap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bases_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places_that_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
