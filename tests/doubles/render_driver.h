/* render_driver.h: plays control for one real render process: sends a request, keeps the answer. */
#ifndef TESTS_DOUBLES_RENDER_DRIVER_H
#define TESTS_DOUBLES_RENDER_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/process/messages.h"

struct render_answer {
    uint16_t type; /* MSG_RENDERED, MSG_EXPORTED, MSG_RENDER_FAILED; 0: it died */
    struct msg_rendered rendered;
    struct msg_render_failed failed;
    int descriptor; /* the caller's; -1: none */
    unsigned progress;
    int wait_status;
    size_t told_length; /* of an answer of any other type: its body */
    uint8_t told[8192];
};

/* To be called first in main(): the program starts itself again as a render process. Returns the
 * exit status of one, or -1 in the program proper. */
int render_driver_child(int argc, char **argv);

/* Starts a process with this configuration (YAML text) and lets it do one request with one
 * descriptor. */
void render_driver_run(const char *configuration, uint16_t type, const void *body, size_t length,
                       int descriptor, struct render_answer *answer);

/* The same with several descriptors. */
void render_driver_ask(const char *configuration, uint16_t type, const void *body, size_t length,
                       const int *descriptors, int count, struct render_answer *answer);

/* Reads a file into a new memfd, the caller's; *octets gets its length. Aborts on failure. */
int render_driver_document(const char *path, uint64_t *octets);

#endif
