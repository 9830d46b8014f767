/* line_driver.h: plays control for real line processes: starts them, starts calls on them, answers
 * for sealed pages as told, and keeps what they report. Single-threaded; what fails that must not
 * aborts the test program. */
#ifndef TESTS_DOUBLES_LINE_DRIVER_H
#define TESTS_DOUBLES_LINE_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "gateway/process/messages.h"
#include "tests/doubles/vault_file.h"

enum { DRIVER_LINES_MAX = 4, DRIVER_CALLS_MAX = 8192 };

struct line_process {
    pid_t pid;
    int channel; /* -1: closed */
    int log_fd;  /* what it writes to standard error, to be read after its end */
};

enum driver_answer { DRIVER_CONFIRM, DRIVER_REFUSE, DRIVER_SILENT };

struct driver_call {
    struct line_process *line;
    uint32_t number;
    bool sender;
    int media_fd, vault_fd;
    struct sockaddr_storage address; /* of the media socket */
    struct vault_file_id id;
    struct msg_call_start start; /* sent with MSG_CALL_START; the caller may change it before */

    bool express;              /* in its MSG_CALL_MEDIA, with datagrams of 1,400 octets */
    uint8_t t38_version;       /* in it as well */
    uint16_t y_dpi;            /* of pages that are added; 0: 196 */
    enum driver_answer answer; /* to sealed pages */
    uint32_t hold_ms;          /* before each answer */
    uint64_t answer_at_ms;     /* 0: nothing to answer */
    uint32_t answer_page;

    bool is_ready, is_done, media_seen;
    unsigned dones, sealed, confirmed, trained, pending;
    uint32_t last_confirmed; /* page of the last PROGRESS_PAGE_CONFIRMED */
    struct msg_call_ready ready;
    struct msg_page_sealed last_sealed;
    struct msg_call_done done;
};

struct line_driver {
    struct line_process *lines[DRIVER_LINES_MAX];
    unsigned line_count;
    struct driver_call *calls[DRIVER_CALLS_MAX];
    unsigned call_count, ready_count, done_count;
    unsigned waiting;    /* calls with an answer to give */
    char directory[512]; /* of vault files */
};

/* To be called first in main(): the program starts itself again as a line. Returns the exit status
 * of a line, or -1 in the program proper. */
int line_driver_child(int argc, char **argv);

void line_driver_init(struct line_driver *driver, const char *directory);

/* Starts a line process and waits for its MSG_LINE_HELLO. */
void line_driver_start_line(struct line_driver *driver, struct line_process *line);

/* A call that sends the same page as another sender of the same line: it has that one's vault file
 * and key. Only for a call that was just prepared, and before driver_call_start. */
void driver_call_share_pages(struct driver_call *call, const struct driver_call *with);

/* Closes the channel and waits for the end. Returns the wait status; SIGKILL after ten seconds. */
int line_process_stop(struct line_process *line);

/* Prepares a call: sockets on 127.0.0.1, an id with a key, a vault file with a header. */
void driver_call_prepare(struct line_driver *driver, struct driver_call *call,
                         struct line_process *line, bool sender);

/* Adds a page to be sent to a sender's vault file. */
void driver_call_add_page(struct driver_call *call, uint32_t number, const struct raster *page);

void driver_call_start(struct driver_call *call);
void driver_call_media(struct driver_call *call, const struct sockaddr_storage *peer);
void driver_call_stop(struct driver_call *call, const char *reason);

/* Media for both ends of a pair. */
void driver_connect(struct driver_call *a, struct driver_call *b);

/* Handles messages and answers until condition(user) is true or the time is over. Returns whether
 * it is true. */
bool line_driver_run(struct line_driver *driver, bool (*condition)(void *user), void *user,
                     uint32_t timeout_ms);

/* Conditions over all calls of the driver (user: the driver). */
bool driver_all_ready(void *driver);
bool driver_all_done(void *driver);

/* Compares what a receiver stored with `pages` rasters drawn by the caller. Returns whether all
 * are there, in order, pixel for pixel. */
bool driver_call_stored(const struct driver_call *call,
                        void (*draw)(struct raster *page, uint32_t number, void *user), void *user,
                        uint32_t pages);

void driver_call_free(struct driver_call *call);

uint64_t driver_now_ms(void);

#endif
