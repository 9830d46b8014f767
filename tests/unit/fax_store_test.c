#include <errno.h>
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

#include "codecs/page_set.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/submission_seal.h"
#include "policy/vault.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/fax_store.XXXXXX");
    return mkdtemp(folder) && fax_store_prepare(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct fax_id new_id(void)
{
    struct fax_id id;
    assert_int_equal(fax_id_make(&id, 1790000000000ull), 0);
    return id;
}

static void count_found(void *user, const struct fax_id *fax)
{
    (void)fax;
    ++*(int *)user;
}

static void files_are_made_admitted_and_removed(void **state)
{
    struct fax_id id = new_id();
    struct stat st;
    int fd, other, found = 0;
    (void)state;
    assert_int_equal(fax_store_prepare(folder), 0); /* again: nothing to do */
    assert_int_equal(fax_store_create(folder, &id, "default", "default/undated/1", true, &fd), 0);
    assert_int_equal(fax_store_create(folder, &id, "default", "default/undated/1", true, &other),
                     -EEXIST);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(fd);
    assert_int_equal(fax_store_open(folder, &id, false, &fd), -ENOENT);
    assert_int_equal(fax_store_list_incoming(folder, count_found, &found), 0);
    assert_int_equal(found, 1);
    assert_int_equal(fax_store_admit(folder, &id), 0);
    assert_int_equal(fax_store_admit(folder, &id), -ENOENT);
    assert_int_equal(fax_store_open(folder, &id, false, &fd), 0);
    close(fd);
    found = 0;
    assert_int_equal(fax_store_list_incoming(folder, count_found, &found), 0);
    assert_int_equal(found, 0);
    assert_int_equal(fax_store_remove(folder, &id, false), 0);
    assert_int_equal(fax_store_remove(folder, &id, false), -ENOENT);
}

/* A page set in a memfd, as a renderer passes it. */
static int page_set_memfd(const uint8_t *data, size_t length, uint32_t pages, uint64_t *octets)
{
    struct page_set_writer writer;
    uint8_t digest[RASTER_DIGEST_OCTETS] = {1, 2, 3};
    uint8_t *set, copy[64];
    size_t set_length;
    memset(&writer, 0, sizeof writer);
    assert_true(length <= sizeof copy);
    memcpy(copy, data, length);
    struct coded_page page = {.format = {.width = 1728,
                                         .height = 100,
                                         .x_dpi = 204,
                                         .y_dpi = 196,
                                         .coding = PAGE_CODING_T6},
                              .data = copy,
                              .length = length};
    for (uint32_t i = 0; i < pages; i++)
        assert_int_equal(page_set_write(&writer, &page, digest), 0);
    assert_int_equal(page_set_finish(&writer, &set, &set_length), 0);
    int fd = memfd_create("set", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, set, set_length), (ssize_t)set_length);
    wiped_free(set, set_length);
    *octets = set_length;
    return fd;
}

static void pages_are_sealed_and_open_again(void **state)
{
    static const uint8_t content[] = "page content";
    struct seal_request request = {.vault = folder, .fax = new_id(), .max_pages = 10};
    struct sealed_page *pages;
    struct vault_opener *opener;
    uint8_t frame[512], plain[512];
    uint32_t count;
    size_t length;
    int fd;
    (void)state;
    memset(request.data_key, 0x5A, sizeof request.data_key);
    snprintf(request.class_name, sizeof request.class_name, "default");
    snprintf(request.kek_id, sizeof request.kek_id, "default/undated/1");
    request.page_set = page_set_memfd(content, sizeof content, 2, &request.octets);
    assert_int_equal(submission_seal(&request, &pages, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(pages[1].offset, pages[0].offset + pages[0].length);
    assert_int_equal(fax_store_admit(folder, &request.fax), 0);
    assert_int_equal(fax_store_open(folder, &request.fax, false, &fd), 0);
    assert_int_equal(pread(fd, frame, pages[1].length, (off_t)pages[1].offset), pages[1].length);
    assert_null(memmem(frame, pages[1].length, content, sizeof content - 1));
    assert_int_equal(vault_opener_new(request.data_key, request.fax.octets, &opener), 0);
    assert_int_equal(vault_open_frame(opener, frame, pages[1].length, plain, sizeof plain, &length),
                     0);
    assert_memory_equal(plain + VAULT_PAGE_META_OCTETS, content, sizeof content);
    vault_opener_free(opener);
    close(fd);
    close(request.page_set);
    free(pages);
}

static void a_malformed_page_set_leaves_nothing(void **state)
{
    static const uint8_t content[] = "x";
    struct seal_request request = {.vault = folder, .fax = new_id(), .max_pages = 1};
    struct sealed_page *pages;
    uint32_t count;
    int found = 0;
    (void)state;
    snprintf(request.class_name, sizeof request.class_name, "default");
    snprintf(request.kek_id, sizeof request.kek_id, "default/undated/1");
    request.page_set = page_set_memfd(content, sizeof content, 2, &request.octets);
    assert_int_equal(submission_seal(&request, &pages, &count), -EBADMSG); /* more than max_pages */
    assert_null(pages);
    request.max_pages = 10;
    assert_int_equal(pwrite(request.page_set, "X", 1, 0), 1);
    assert_int_equal(submission_seal(&request, &pages, &count), -EBADMSG);
    assert_int_equal(fax_store_list_incoming(folder, count_found, &found), 0);
    assert_int_equal(found, 0);
    close(request.page_set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_made_admitted_and_removed),
        cmocka_unit_test(pages_are_sealed_and_open_again),
        cmocka_unit_test(a_malformed_page_set_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
