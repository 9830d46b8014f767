/* Keys of messages that were taken in together: one pack of the key store. */
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

#include "gateway/keeper/key_store.h"
#include "tests/doubles/key_store_fixture.h"

enum { PACKED = 3 };

struct packed {
    uint8_t ids[KEY_STORE_BATCH_MAX + 1][16], keys[KEY_STORE_BATCH_MAX + 1][KEY_OCTETS];
};

static int create_packed(struct fixture *f, struct packed *p, size_t count)
{
    const struct key_store_kek_wanted kek = {"mail", "undated", 1790000000000000};
    char kek_id[KEK_ID_TEXT];
    bool created = false;
    return key_store_create_all(f->store, (const uint8_t(*)[16])p->ids, count, &kek, p->keys,
                                kek_id, &created);
}

static void new_ids(struct packed *p, uint8_t family)
{
    memset(p, 0, sizeof *p);
    for (uint8_t i = 0; i <= KEY_STORE_BATCH_MAX; i++) {
        p->ids[i][0] = i;
        p->ids[i][15] = family;
    }
}

static void pack_path(const struct fixture *f, uint8_t family, char path[160])
{
    snprintf(path, 160, "%s/fax/%02x/00000000000000%02x.pack", f->root, family, family);
}

static uint32_t count_keys(struct fixture *f, const char *kek_id)
{
    struct key_store_kek keks[8];
    size_t total = 0;
    int count = key_store_list(f->store, 0, keks, 8, &total);
    for (int i = 0; i < count; i++)
        if (strcmp(keks[i].kek_id, kek_id) == 0)
            return keks[i].data_keys;
    return 0;
}

static void keys_of_messages_are_made_together_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct packed made, other;
    struct key_store_key key;
    new_ids(&made, 7);
    assert_int_equal(create_packed(f, &made, PACKED), 0);
    assert_int_equal(reopen(f), 0);
    for (size_t i = 0; i < PACKED; i++) {
        assert_int_equal(key_store_read(f->store, made.ids[i], &key), 0);
        assert_memory_equal(key.data_key, made.keys[i], KEY_OCTETS);
        assert_string_equal(key.kek_id, "mail/undated/1");
    }
    assert_memory_not_equal(made.keys[0], made.keys[1], KEY_OCTETS);
    assert_int_equal(key_store_read(f->store, made.ids[PACKED], &key), -ENOENT);
    /* There are such keys: no other is made. */
    new_ids(&other, 7);
    other.ids[0][0] = 100;
    assert_int_equal(create_packed(f, &other, PACKED), -EEXIST);
    assert_int_equal(key_store_read(f->store, other.ids[0], &key), -ENOENT);
    assert_int_equal(key_store_create(f->store, made.ids[1], "general", "undated", 1, &key),
                     -EEXIST);
    for (size_t i = 0; i < PACKED; i++)
        for (size_t k = 0; k < KEY_OCTETS; k++)
            assert_int_equal(other.keys[i][k], 0);
    new_ids(&other, 8);
    other.ids[2][9] = 1; /* it ends otherwise */
    assert_int_equal(create_packed(f, &other, PACKED), -EINVAL);
    new_ids(&other, 8);
    other.ids[2][0] = 0; /* twice */
    assert_int_equal(create_packed(f, &other, PACKED), -EINVAL);
    assert_int_equal(create_packed(f, &other, 0), -EINVAL);
    new_ids(&other, 8);
    assert_int_equal(create_packed(f, &other, KEY_STORE_BATCH_MAX + 1), -EINVAL);
    assert_int_equal(create_packed(f, &other, KEY_STORE_BATCH_MAX), 0);
    assert_int_equal(key_store_read(f->store, other.ids[KEY_STORE_BATCH_MAX - 1], &key), 0);
    assert_int_equal(count_keys(f, "mail/undated/1"), PACKED + KEY_STORE_BATCH_MAX);
}

static bool holds(const char *path, const uint8_t *octets, size_t length)
{
    static uint8_t all[32768];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t size = read(fd, all, sizeof all);
    close(fd);
    return size > 0 && memmem(all, (size_t)size, octets, length) != NULL;
}

static void packed_keys_are_destroyed_one_by_one(void **state)
{
    struct fixture *f = *state;
    struct packed made;
    struct key_store_key key;
    char path[160], kek_id[KEK_ID_TEXT];
    uint8_t start[24]; /* of a record: its text, version and id */
    new_ids(&made, 7);
    assert_int_equal(create_packed(f, &made, PACKED), 0);
    pack_path(f, 7, path);
    memcpy(start, "SEALKEY\1", 8);
    memcpy(start + 8, made.ids[1], 16);
    assert_true(holds(path, start, sizeof start));
    assert_int_equal(count_keys(f, "mail/undated/1"), PACKED);
    assert_int_equal(key_store_destroy(f->store, made.ids[1], kek_id), 0);
    assert_string_equal(kek_id, "mail/undated/1");
    assert_false(holds(path, start, sizeof start));
    assert_int_equal(key_store_destroy(f->store, made.ids[1], kek_id), -ENOENT);
    assert_int_equal(count_keys(f, "mail/undated/1"), PACKED - 1);
    assert_int_equal(reopen(f), 0);
    assert_int_equal(count_keys(f, "mail/undated/1"), PACKED - 1);
    assert_int_equal(key_store_read(f->store, made.ids[1], &key), -ENOENT);
    assert_int_equal(key_store_read(f->store, made.ids[0], &key), 0);
    assert_memory_equal(key.data_key, made.keys[0], KEY_OCTETS);
    assert_int_equal(key_store_destroy(f->store, made.ids[0], kek_id), 0);
    assert_int_equal(key_store_read(f->store, made.ids[2], &key), 0);
    assert_int_equal(key_store_destroy(f->store, made.ids[2], kek_id), 0);
    assert_int_equal(access(path, F_OK), -1); /* the last one takes the file with it */
}

/* What a crash leaves: a pack that was never put in its place, or one that is empty. */
static void half_written_packs_hold_no_keys(void **state)
{
    struct fixture *f = *state;
    struct packed made;
    struct key_store_key key;
    char path[160], unfinished[170];
    new_ids(&made, 7);
    assert_int_equal(create_packed(f, &made, PACKED), 0);
    pack_path(f, 7, path);
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    assert_int_equal(rename(path, unfinished), 0);
    assert_int_equal(reopen(f), 0);
    assert_int_equal(key_store_read(f->store, made.ids[0], &key), -ENOENT);
    assert_int_equal(create_packed(f, &made, PACKED), 0); /* it stands in nobody's way */
    assert_int_equal(rename(path, unfinished), 0);
    assert_int_equal(count_keys(f, "mail/undated/1"), 0);
    assert_int_equal(access(unfinished, F_OK), -1);
    assert_int_equal(create_packed(f, &made, PACKED), 0);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(key_store_read(f->store, made.ids[0], &key), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_of_messages_are_made_together_or_not_at_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(packed_keys_are_destroyed_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_written_packs_hold_no_keys, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
