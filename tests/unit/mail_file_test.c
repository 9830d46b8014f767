#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/file_octets.h"
#include "gateway/mail/mail_file.h"
#include "gateway/pack_file.h"

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

/* Messages of one batch: their ids end alike. */
static void new_files(struct mail_file *files, const size_t *lengths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        files[i] = new_file(lengths[i], (uint8_t)i);
        if (i > 0)
            files[i].mail = files[0].mail;
        files[i].mail.octets[7] = (uint8_t)i;
    }
}

static void pack_path(const struct mail_file *file, char path[160])
{
    char name[PACK_FILE_NAME];
    pack_file_name(file->mail.octets, name);
    snprintf(path, 160, "%s/mail/%s", vault, name);
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

static int found(void)
{
    int count = 0;
    assert_int_equal(mail_folder_list(folder, count_found, &count), 0);
    return count;
}

/* Blocks of 512 octets that a file has. */
static blkcnt_t blocks(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return about.st_blocks;
}

static void messages_of_all_lengths_come_back(void **state)
{
    static const size_t lengths[] = {
        0, 1, 50000, MAIL_PIECE_OCTETS, MAIL_PIECE_OCTETS + 1, 3 * MAIL_PIECE_OCTETS + 17};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    struct mail_file files[COUNT];
    char path[160];
    (void)state;
    new_files(files, lengths, COUNT);
    assert_int_equal(mail_files_seal(folder, files, COUNT), 0);
    pack_path(&files[0], path);
    for (size_t i = 0; i < COUNT; i++)
        assert_opens(&files[i]);
    for (size_t i = 0; i < COUNT; i++) {
        int message;
        uint64_t octets;
        blkcnt_t before = blocks(path);
        assert_int_equal(found(), COUNT - i);
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        assert_int_equal(mail_file_remove(folder, &files[i].mail), -ENOENT);
        assert_int_equal(
            mail_file_open(folder, &files[i].mail, files[i].data_key, &message, &octets), -ENOENT);
        for (size_t k = i + 1; k < COUNT; k++)
            assert_opens(&files[k]);
        if (i + 1 < COUNT && lengths[i] >= 50000)
            assert_true(blocks(path) < before); /* its space is free again */
        close(files[i].message);
    }
    assert_int_equal(access(path, F_OK), -1);
}

static void a_batch_is_there_as_a_whole_or_not_at_all(void **state)
{
    static const size_t lengths[] = {1000, 2000, 3000};
    struct mail_file files[3];
    char path[160], unfinished[170];
    (void)state;
    new_files(files, lengths, 3);
    pack_path(&files[0], path);
    files[1].octets = 2001; /* more than there is: it cannot be read */
    assert_int_equal(mail_files_seal(folder, files, 3), -EBADMSG);
    assert_int_equal(found(), 0);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    assert_int_equal(access(unfinished, F_OK), -1);
    files[1].octets = 2000;
    assert_int_equal(mail_files_seal(folder, files, 3), 0);
    files[0].octets = 10; /* what is there stays as it is */
    assert_int_equal(mail_files_seal(folder, files, 3), -EEXIST);
    files[0].octets = 1000;
    for (size_t i = 0; i < 3; i++)
        assert_opens(&files[i]);
    struct mail_file other = files[1];
    other.mail.octets[15] ^= 1; /* of another batch */
    files[1].mail = other.mail;
    assert_int_equal(mail_files_seal(folder, files, 3), -EINVAL);
    other.mail.octets[15] ^= 1;
    files[1].mail = other.mail;
    assert_int_equal(mail_files_seal(folder, files, 0), -EINVAL);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        close(files[i].message);
    }
    assert_int_equal(found(), 0);
}

/* As on a full disk: a write fails after others of the batch were done. */
static void a_batch_that_finds_no_space_leaves_nothing(void **state)
{
    static const size_t lengths[] = {5000, 50000, 100};
    struct mail_file files[3];
    char path[160], unfinished[170];
    struct rlimit before, little;
    (void)state;
    new_files(files, lengths, 3);
    pack_path(&files[0], path);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){20000, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int status = mail_files_seal(folder, files, 3);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, -EFBIG);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(mail_files_seal(folder, files, 3), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_opens(&files[i]);
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        close(files[i].message);
    }
}

static void reopen_folder(void)
{
    close(folder);
    assert_int_equal(mail_folder_open(vault, &folder), 0);
}

/* A crash while a batch was written, at any octet of it, before it was put in its place. */
static void half_written_batches_are_removed(void **state)
{
    static const size_t lengths[] = {5000, 100};
    struct mail_file files[2];
    char path[160], unfinished[170];
    struct stat about;
    (void)state;
    new_files(files, lengths, 2);
    pack_path(&files[0], path);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    off_t size = 1;
    for (off_t cut = 0; cut < size; cut += 1 + size / 7) {
        assert_int_equal(mail_files_seal(folder, files, 2), 0);
        assert_int_equal(stat(path, &about), 0);
        size = about.st_size;
        assert_int_equal(rename(path, unfinished), 0);
        assert_int_equal(truncate(unfinished, cut), 0);
        assert_int_equal(found(), 0);
        reopen_folder();
        assert_int_equal(access(unfinished, F_OK), -1);
    }
    for (size_t i = 0; i < 2; i++)
        close(files[i].message);
}

/* A crash between the last message of a batch and the file of it. */
static void empty_batches_are_removed(void **state)
{
    static const size_t lengths[] = {50000, 100};
    struct mail_file files[2];
    char path[160], kept[170];
    (void)state;
    new_files(files, lengths, 2);
    pack_path(&files[0], path);
    snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(mail_files_seal(folder, files, 2), 0);
    assert_int_equal(link(path, kept), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mail_file_remove(folder, &files[i].mail), 0);
        close(files[i].message);
    }
    assert_int_equal(rename(kept, path), 0);
    assert_int_equal(found(), 0);
    assert_int_equal(access(path, F_OK), -1);
}

/* As earlier versions wrote messages: a file each, with what is now an item of a pack. */
static void files_of_earlier_versions_are_read(void **state)
{
    static const size_t lengths[] = {MAIL_PIECE_OCTETS + 5};
    struct mail_file file;
    struct pack_table table;
    const struct pack_item *item;
    char id[FAX_ID_TEXT], path[160], alone[160], kept[170];
    int fd;
    (void)state;
    new_files(&file, lengths, 1);
    pack_path(&file, path);
    assert_int_equal(mail_files_seal(folder, &file, 1), 0);
    assert_int_equal(
        pack_file_open_item(folder, file.mail.octets, O_RDONLY, PACK_MESSAGES, &table, &item, &fd),
        0);
    uint8_t *octets = malloc((size_t)item->length);
    assert_non_null(octets);
    assert_int_equal(file_read_all_at(fd, octets, (size_t)item->length, item->offset), 0);
    close(fd);
    fax_id_text(&file.mail, id);
    snprintf(alone, sizeof alone, "%s/mail/%s.sfm", vault, id);
    snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(rename(path, kept), 0);
    fd = open(alone, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, octets, (size_t)item->length), 0);
    close(fd);
    free(octets);
    assert_opens(&file);
    assert_int_equal(found(), 1);
    assert_int_equal(mail_file_remove(folder, &file.mail), 0);
    assert_int_equal(access(alone, F_OK), -1);
    assert_int_equal(found(), 0);
    assert_int_equal(unlink(kept), 0);
    close(file.message);
}

static void read_altered(const struct mail_file *file, off_t at, int expected)
{
    char path[160];
    uint8_t octet;
    int message = -1;
    uint64_t octets;
    pack_path(file, path);
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
    assert_int_equal(mail_files_seal(folder, &file, 1), 0);
    read_altered(&file, 5, -EBADMSG);           /* the table */
    read_altered(&file, 20, -EBADMSG);          /* the id in it */
    read_altered(&file, 4096 + 9, -EBADMSG);    /* the id in the header */
    read_altered(&file, 4096 + 2000, -EBADMSG); /* the text */
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
        cmocka_unit_test(a_batch_is_there_as_a_whole_or_not_at_all),
        cmocka_unit_test(a_batch_that_finds_no_space_leaves_nothing),
        cmocka_unit_test(half_written_batches_are_removed),
        cmocka_unit_test(empty_batches_are_removed),
        cmocka_unit_test(files_of_earlier_versions_are_read),
        cmocka_unit_test(damage_and_other_keys_are_noticed),
    };
    return cmocka_run_group_tests(tests, make_vault, remove_vault);
}
