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

#include "gateway/file_octets.h"
#include "gateway/mail/mail_file.h"

static char vault[64];
static int folder = -1;

static int make_vault(void **state)
{
    (void)state;
    snprintf(vault, sizeof vault, "/tmp/mail_file.XXXXXX");
    return mkdtemp(vault) && mail_folder_open(vault, &folder) == 0 ? 0 : -1;
}

static int remove_vault(void **state)
{
    char command[100];
    (void)state;
    close(folder);
    snprintf(command, sizeof command, "rm -rf %s", vault);
    return system(command);
}

static struct mail_file new_file(size_t octets, uint8_t seed)
{
    struct mail_file file = {.message = memfd_create("test", MFD_CLOEXEC), .octets = octets};
    uint8_t *text = malloc(octets + 1);
    assert_non_null(text);
    for (size_t i = 0; i < octets; i++)
        text[i] = (uint8_t)(i * 7 + seed + i / 1000);
    assert_int_equal(file_write_all(file.message, text, octets), 0);
    free(text);
    assert_int_equal(fax_id_make(&file.mail, 1790000000000ull), 0);
    memset(file.data_key, seed, sizeof file.data_key);
    snprintf(file.kek_id, sizeof file.kek_id, "mail/undated/1");
    return file;
}

static void assert_opens(const struct mail_file *file)
{
    int message = -1;
    uint64_t octets = 0;
    assert_int_equal(mail_file_open(folder, &file->mail, file->data_key, &message, &octets), 0);
    assert_int_equal(octets, file->octets);
    assert_int_equal(lseek(message, 0, SEEK_CUR), 0);
    uint8_t *is = malloc(file->octets + 1), *should = malloc(file->octets + 1);
    assert_non_null(is);
    assert_non_null(should);
    assert_int_equal(file_read_all_at(message, is, file->octets, 0), 0);
    assert_int_equal(file_read_all_at(file->message, should, file->octets, 0), 0);
    assert_memory_equal(is, should, file->octets);
    free(is);
    free(should);
    close(message);
}

static void count_found(void *user, const struct fax_id *mail)
{
    (void)mail;
    ++*(int *)user;
}

static void messages_of_all_lengths_come_back(void **state)
{
    static const size_t lengths[] = {
        0, 1, 50000, MAIL_PIECE_OCTETS, MAIL_PIECE_OCTETS + 1, 3 * MAIL_PIECE_OCTETS + 17};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    struct mail_file files[COUNT];
    int found = 0;
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        files[i] = new_file(lengths[i], (uint8_t)i);
    mail_files_seal(folder, files, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(files[i].status, 0);
        assert_opens(&files[i]);
    }
    assert_int_equal(mail_folder_list(folder, count_found, &found), 0);
    assert_int_equal(found, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        int message;
        uint64_t octets;
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        assert_int_equal(mail_file_remove(folder, &files[i].mail), -ENOENT);
        assert_int_equal(
            mail_file_open(folder, &files[i].mail, files[i].data_key, &message, &octets), -ENOENT);
        close(files[i].message);
    }
}

static void one_that_fails_leaves_the_others(void **state)
{
    struct mail_file files[3];
    (void)state;
    for (size_t i = 0; i < 3; i++)
        files[i] = new_file(1000, (uint8_t)i);
    mail_files_seal(folder, &files[1], 1);
    struct mail_file again = files[1];
    files[1].octets = 10; /* what is there must stay as it is */
    mail_files_seal(folder, files, 3);
    assert_int_equal(files[0].status, 0);
    assert_int_equal(files[1].status, -EEXIST);
    assert_int_equal(files[2].status, 0);
    assert_opens(&files[0]);
    assert_opens(&again);
    assert_opens(&files[2]);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        close(files[i].message);
    }
}

static void read_altered(const struct mail_file *file, off_t at, int expected)
{
    char id[FAX_ID_TEXT], path[160];
    uint8_t octet;
    int message = -1;
    uint64_t octets;
    fax_id_text(&file->mail, id);
    snprintf(path, sizeof path, "%s/mail/%s.sfm", vault, id);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    assert_int_equal(mail_file_open(folder, &file->mail, file->data_key, &message, &octets),
                     expected);
    assert_int_equal(message, -1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    close(fd);
}

static void damage_and_other_keys_are_noticed(void **state)
{
    struct mail_file file = new_file(5000, 9);
    int message = -1;
    uint64_t octets;
    (void)state;
    mail_files_seal(folder, &file, 1);
    assert_int_equal(file.status, 0);
    read_altered(&file, 9, -EBADMSG);    /* the id in the header */
    read_altered(&file, 2000, -EBADMSG); /* the text */
    struct mail_file other = file;
    other.data_key[0] ^= 1;
    assert_int_equal(mail_file_open(folder, &file.mail, other.data_key, &message, &octets),
                     -EBADMSG);
    assert_opens(&file);
    assert_int_equal(mail_file_remove(folder, &file.mail), 0);
    close(file.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_all_lengths_come_back),
        cmocka_unit_test(one_that_fails_leaves_the_others),
        cmocka_unit_test(damage_and_other_keys_are_noticed),
    };
    return cmocka_run_group_tests(tests, make_vault, remove_vault);
}
