/* key_store_fixture.h: a key store in a folder of its own, for the tests of one; cmocka's fixture.
 */
#ifndef TESTS_DOUBLES_KEY_STORE_FIXTURE_H
#define TESTS_DOUBLES_KEY_STORE_FIXTURE_H

#include <ftw.h>
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

struct fixture {
    char root[64];
    uint8_t master[KEY_OCTETS];
    struct key_store *store;
    char reason[300];
};

/* Closes the store and opens it again. Returns as key_store_open(). */
static inline int reopen(struct fixture *f)
{
    key_store_close(f->store);
    f->store = NULL;
    return key_store_open(f->root, "gw-1", f->master, &f->store, f->reason, sizeof f->reason);
}

/* Makes the folder and opens the store; *state is the fixture. */
static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->root, sizeof f->root, "/tmp/keeper_test.XXXXXX");
    assert_non_null(mkdtemp(f->root));
    memset(f->master, 7, sizeof f->master);
    *state = f;
    return reopen(f);
}

static inline int remove_cb(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

/* Closes the store and removes the folder. */
static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    key_store_close(f->store);
    assert_int_equal(nftw(f->root, remove_cb, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

#endif
