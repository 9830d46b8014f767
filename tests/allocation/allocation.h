/* allocation.h: unit tests with failing allocations (private to tests/allocation).
 *
 * Linked to every unit test of a build with sanitizers; does nothing unless SEALFAX_ALLOCATION is
 * set. Then cmocka's runner is replaced: each test runs once in a child that lists the places that
 * allocate (a place is a stack of calls), and once more for each place, in a child where the first
 * allocation there fails. The test may fail then, by an assertion; it may not crash, hang, or leave
 * memory behind that nobody points to.
 *
 * What fails are calls in our own code: of malloc and its relatives, for memory files, and of what
 * makes an object in libcrypto, libjansson and libosip2. Inside, libraries get their memory
 * (jansson 2.14 crashes without, libosip2 5.3 leaks), and so do the tests themselves. */
#ifndef TESTS_ALLOCATION_ALLOCATION_H
#define TESTS_ALLOCATION_ALLOCATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALLOCATION_FRAMES_MAX = 16,
    ALLOCATION_PLACES_MAX = 8192,
    ALLOCATION_PATHS_MAX = 64,
    ALLOCATION_PATH_MAX = 128,
};

/* Functions that call a test: stacks are looked at up to here. */
#define ALLOCATION_OUTERMOST __attribute__((noinline, section("allocation_outermost")))

struct allocation_place {
    uint64_t hash;
    void *frames[ALLOCATION_FRAMES_MAX]; /* innermost first */
    int frame_count;
    size_t test;      /* the quickest one that comes by; of those of the program */
    uint64_t wall_ms; /* of that test */
    bool cut;         /* that test takes long, and is not waited for */
};

/* What a child tells; in memory that it shares with the runner and with children of its own. */
struct allocation_run {
    atomic_bool armed;  /* inside a test */
    atomic_bool failed; /* the allocation has failed */
    atomic_bool asserted;
    atomic_bool leaked;
    atomic_bool died; /* a sanitizer ended the child or a child of it */
    bool lists;       /* lists places instead of failing */
    uint64_t target;  /* hash of the place that fails */
    size_t test;
    atomic_flag busy; /* for the lists below */
    size_t place_count;
    struct allocation_place places[ALLOCATION_PLACES_MAX];
    size_t path_count;
    char paths[ALLOCATION_PATHS_MAX][ALLOCATION_PATH_MAX]; /* temporary files to be removed */
};

/* The run of this process, or NULL when allocations are left alone. */
struct allocation_run *allocation_current(void);

/* Makes the memory for runs, and libraries allocate through us. Returns NULL without memory. */
struct allocation_run *allocation_start(void);

#endif
