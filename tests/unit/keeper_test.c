#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/keeper/keeper.h"
#include "gateway/keeper/key_store.h"
#include "policy/key_master.h"
#include "tests/doubles/key_store_fixture.h"

static void fax_file(const struct fixture *f, uint8_t last, char path[160])
{
    snprintf(path, 160, "%s/fax/%02x/000000000000000000000000000000%02x.key", f->root, last, last);
}

static int create(struct fixture *f, uint8_t last, const char *month, struct key_store_key *key)
{
    const uint8_t fax_id[16] = {[15] = last};
    return key_store_create(f->store, fax_id, "general", month, 1790000000000000, key);
}

static int read_key(struct fixture *f, uint8_t last, struct key_store_key *key)
{
    const uint8_t fax_id[16] = {[15] = last};
    return key_store_read(f->store, fax_id, key);
}

static int destroy(struct fixture *f, uint8_t last, char kek_id[KEK_ID_TEXT])
{
    const uint8_t fax_id[16] = {[15] = last};
    return key_store_destroy(f->store, fax_id, kek_id);
}

static void keys_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    struct key_store_key made, other, again;
    struct stat about;
    char path[160];
    assert_int_equal(create(f, 1, "2027-03", &made), 0);
    assert_true(made.kek_created);
    assert_string_equal(made.kek_id, "general/2027-03/1");
    assert_int_equal(create(f, 2, "2027-03", &other), 0);
    assert_false(other.kek_created);
    assert_memory_not_equal(made.data_key, other.data_key, KEY_OCTETS);
    assert_int_equal(reopen(f), 0);
    assert_int_equal(read_key(f, 1, &again), 0);
    assert_memory_equal(made.data_key, again.data_key, KEY_OCTETS);
    assert_string_equal(again.kek_id, made.kek_id);
    assert_int_equal(create(f, 3, "2027-03", &other), 0);
    assert_false(other.kek_created);
    assert_int_equal(create(f, 4, "undated", &other), 0);
    assert_true(other.kek_created);
    fax_file(f, 1, path);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void a_fax_has_one_key(void **state)
{
    struct fixture *f = *state;
    static const struct key_store_key none;
    struct key_store_key first, second;
    assert_int_equal(create(f, 1, "2027-03", &first), 0);
    assert_int_equal(create(f, 1, "2027-04", &second), -EEXIST);
    assert_memory_equal(&second, &none, sizeof none);
    assert_int_equal(read_key(f, 1, &second), 0);
    assert_memory_equal(first.data_key, second.data_key, KEY_OCTETS);
    assert_int_equal(create(f, 2, "2027-13", &second), -EINVAL);
    assert_int_equal(create(f, 2, "../../x", &second), -EINVAL);
    const uint8_t fax_id[16] = {9};
    assert_int_equal(key_store_create(f->store, fax_id, "../x", "undated", 1, &second), -EINVAL);
    assert_int_equal(key_store_create(f->store, fax_id, "", "undated", 1, &second), -EINVAL);
}

static void destroyed_keys_are_gone(void **state)
{
    struct fixture *f = *state;
    struct key_store_key key;
    char kek_id[KEK_ID_TEXT], path[160], octets[256];
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    fax_file(f, 1, path);
    int kept = open(path, O_RDONLY | O_CLOEXEC); /* what lies on the disk blocks afterwards */
    assert_int_equal(destroy(f, 1, kek_id), 0);
    assert_string_equal(kek_id, "general/2027-03/1");
    assert_int_equal(access(path, F_OK), -1);
    ssize_t length = read(kept, octets, sizeof octets);
    assert_true(length > 32);
    for (ssize_t i = 0; i < length; i++)
        assert_int_equal(octets[i], 0);
    close(kept);
    assert_int_equal(read_key(f, 1, &key), -ENOENT);
    assert_int_equal(destroy(f, 1, kek_id), -ENOENT);
    assert_string_equal(kek_id, "");
    assert_int_equal(reopen(f), 0);
    assert_int_equal(read_key(f, 1, &key), -ENOENT);
}

static void flip(const char *path, off_t at)
{
    unsigned char octet;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &octet, 1, at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    close(fd);
}

static void every_altered_octet_is_seen(void **state)
{
    struct fixture *f = *state;
    static const struct key_store_key none;
    struct key_store_key key;
    struct stat about;
    char path[160], kek_id[KEK_ID_TEXT];
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    fax_file(f, 1, path);
    assert_int_equal(stat(path, &about), 0);
    for (off_t at = 0; at < about.st_size; at++) {
        flip(path, at);
        assert_int_equal(read_key(f, 1, &key), -EBADMSG);
        assert_memory_equal(&key, &none, sizeof none);
        flip(path, at);
    }
    assert_int_equal(read_key(f, 1, &key), 0);
    assert_int_equal(truncate(path, about.st_size - 1), 0);
    assert_int_equal(read_key(f, 1, &key), -EBADMSG);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(read_key(f, 1, &key), -EBADMSG);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(read_key(f, 1, &key), -EBADMSG);
    assert_int_equal(destroy(f, 1, kek_id), 0);
    assert_int_equal(read_key(f, 1, &key), -ENOENT);
}

/* A record copied over another fax's does not open. */
static void records_are_bound_to_their_fax(void **state)
{
    struct fixture *f = *state;
    struct key_store_key key;
    char one[160], two[160];
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    assert_int_equal(create(f, 2, "2027-03", &key), 0);
    fax_file(f, 1, one);
    fax_file(f, 2, two);
    assert_int_equal(rename(one, two), 0);
    assert_int_equal(read_key(f, 2, &key), -EBADMSG);
}

static void sealed_secrets_open_for_their_owner_only(void **state)
{
    struct fixture *f = *state;
    static const struct key_store_secret none;
    const struct secret_owner owner = {"trunk:one", "sip.example", "4989"};
    const struct secret_owner others[] = {{"trunk:two", "sip.example", "4989"},
                                          {"trunk:one", "sip.example4", "989"},
                                          {"trunk:one", "sip.example", "4988"},
                                          {"", "sip.example", "4989"}};
    const uint8_t secret[49] = {3, 1, 4};
    struct key_store_secret sealed, again, opened;
    struct key_store_key key;
    assert_int_equal(
        key_store_seal_secret(f->store, &owner, secret, sizeof secret, 1790000000000000, &sealed),
        0);
    assert_true(sealed.kek_created);
    assert_string_equal(sealed.kek_id, SECRET_KEK_CLASS "/undated/1");
    assert_null(memmem(sealed.octets, sealed.length, secret, 8));
    assert_int_equal(reopen(f), 0);
    assert_int_equal(
        key_store_seal_secret(f->store, &owner, secret, sizeof secret, 1790000000000000, &again),
        0);
    assert_false(again.kek_created);
    assert_memory_not_equal(sealed.octets, again.octets, sealed.length);
    assert_int_equal(key_store_open_secret(f->store, &owner, sealed.octets, sealed.length, &opened),
                     0);
    assert_int_equal(opened.length, sizeof secret);
    assert_memory_equal(opened.octets, secret, sizeof secret);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_true(
            key_store_open_secret(f->store, &others[i], sealed.octets, sealed.length, &opened) < 0);
        assert_memory_equal(&opened, &none, sizeof none);
    }
    for (size_t i = 0; i < sealed.length * 8; i++) {
        sealed.octets[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(
            key_store_open_secret(f->store, &owner, sealed.octets, sealed.length, &opened),
            -EBADMSG);
        assert_memory_equal(&opened, &none, sizeof none);
        sealed.octets[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = 0; n < sealed.length; n++)
        assert_int_equal(key_store_open_secret(f->store, &owner, sealed.octets, n, &opened),
                         -EBADMSG);
    assert_int_equal(key_store_seal_secret(f->store, &owner, secret, 0, 1, &again), -EINVAL);
    assert_int_equal(key_store_seal_secret(f->store, &others[3], secret, 8, 1, &again), -EINVAL);
    /* No fax comes under the key of secrets. */
    const uint8_t fax_id[16] = {1};
    assert_int_equal(
        key_store_create(f->store, fax_id, SECRET_KEK_CLASS, "undated", 1790000000000000, &key),
        -EINVAL);
}

static void wrong_master_key_is_told(void **state)
{
    struct fixture *f = *state;
    struct key_store_key key;
    char path[160];
    /* Before there is a KEK the signing key tells it, afterwards the KEKs do. */
    f->master[0] ^= 1;
    assert_int_equal(reopen(f), -EKEYREJECTED);
    assert_non_null(strstr(f->reason, "signing.key"));
    f->master[0] ^= 1;
    assert_int_equal(reopen(f), 0);
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    f->master[0] ^= 1;
    assert_int_equal(reopen(f), -EKEYREJECTED);
    assert_non_null(strstr(f->reason, "another master key"));
    f->master[0] ^= 1;
    snprintf(path, sizeof path, "%s/kek/general.2027-03.1.kek", f->root);
    flip(path, 100);
    assert_int_equal(reopen(f), -EBADMSG);
    assert_non_null(strstr(f->reason, "kek/general.2027-03.1.kek: altered or damaged"));
}

static void unfinished_files_of_a_crash_are_removed(void **state)
{
    struct fixture *f = *state;
    struct key_store_key key;
    char path[160], unfinished[200], kek_id[KEK_ID_TEXT];
    fax_file(f, 1, path);
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    assert_int_equal(unlink(path), 0);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_int_equal(read_key(f, 1, &key), -ENOENT);
    assert_int_equal(create(f, 1, "2027-03", &key), 0);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(destroy(f, 1, kek_id), 0);
    close(open(unfinished, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(destroy(f, 1, kek_id), -ENOENT); /* there never was a key */
    assert_int_equal(access(unfinished, F_OK), -1);
    snprintf(unfinished, sizeof unfinished, "%s/kek/x.kek.new", f->root);
    close(open(unfinished, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(reopen(f), 0);
    assert_int_equal(access(unfinished, F_OK), -1);
}

static void inventory_counts_living_keys(void **state)
{
    struct fixture *f = *state;
    struct key_store_key key;
    struct key_store_kek keks[4];
    char kek_id[KEK_ID_TEXT];
    size_t total = 99;
    assert_int_equal(key_store_list(f->store, 0, keks, 4, &total), 0);
    assert_int_equal(total, 0);
    for (uint8_t i = 1; i <= 5; i++)
        assert_int_equal(create(f, i, i % 2 ? "2027-03" : "undated", &key), 0);
    for (int round = 0; round < 2; round++) { /* counted along, then from the files */
        assert_int_equal(key_store_list(f->store, 0, keks, 4, &total), 2);
        assert_int_equal(total, 2);
        assert_string_equal(keks[0].kek_id, "general/2027-03/1");
        assert_int_equal(keks[0].data_keys, 3);
        assert_int_equal(keks[0].created_us, 1790000000000000);
        assert_int_equal(keks[1].data_keys, 2);
        assert_int_equal(reopen(f), 0);
    }
    assert_int_equal(key_store_list(f->store, 1, keks, 4, &total), 1);
    assert_int_equal(destroy(f, 1, kek_id), 0);
    assert_int_equal(key_store_list(f->store, 0, keks, 4, &total), 2);
    assert_int_equal(keks[0].data_keys, 2);
    assert_int_equal(key_store_list(f->store, 5, keks, 4, &total), 0);
}

static void checkpoints_verify_and_only_for_this_node(void **state)
{
    struct fixture *f = *state;
    struct checkpoint checkpoint = {
        .origin = "sealfax/gw-1", .size = 42, .time_us = 1790000000000000};
    struct checkpoint read_back;
    struct checkpoint_key verifier = *key_store_verifier(f->store);
    char note[CHECKPOINT_TEXT];
    memset(&checkpoint.root, 5, sizeof checkpoint.root);
    assert_int_equal(key_store_sign(f->store, &checkpoint, note), 0);
    assert_int_equal(checkpoint_verify(note, strlen(note), &verifier, 1, &read_back), 0);
    assert_int_equal(read_back.size, 42);
    assert_int_equal(read_back.time_us, checkpoint.time_us);
    assert_int_equal(reopen(f), 0);
    assert_memory_equal(&verifier, key_store_verifier(f->store), sizeof verifier);
    snprintf(checkpoint.origin, sizeof checkpoint.origin, "sealfax/gw-2");
    assert_int_equal(key_store_sign(f->store, &checkpoint, note), -EINVAL);
}

static void master_key_file_is_made_once(void **state)
{
    struct fixture *f = *state;
    char path[160], text[128] = "", again[128] = "", reason[KEY_MASTER_REASON];
    uint8_t master[KEY_OCTETS];
    struct stat about;
    bool made = false;
    snprintf(path, sizeof path, "%s/master.key", f->root);
    assert_int_equal(keeper_make_master_key(path, (uid_t)-1, 0, &made), 0);
    assert_true(made);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof text);
    close(fd);
    assert_int_equal(key_master_parse(text, (size_t)length, master, reason), 0);
    assert_int_equal(keeper_make_master_key(path, (uid_t)-1, 0, &made), 0);
    assert_false(made);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, again, sizeof again), length);
    close(fd);
    assert_string_equal(text, again);
    assert_int_equal(keeper_make_master_key("/nonexistent/x", (uid_t)-1, 0, &made), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_survive_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fax_has_one_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(destroyed_keys_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_altered_octet_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sealed_secrets_open_for_their_owner_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(records_are_bound_to_their_fax, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_master_key_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unfinished_files_of_a_crash_are_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inventory_counts_living_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checkpoints_verify_and_only_for_this_node, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(master_key_file_is_made_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
