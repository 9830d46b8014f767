/* bridge_capture.h: pages of a bridged call that are sealed as they pass. Listens only: whatever
 * goes wrong here is counted and told, and changes nothing of the call. Private to gateway/line/.
 */
#ifndef GATEWAY_LINE_BRIDGE_CAPTURE_H
#define GATEWAY_LINE_BRIDGE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "gateway/line/received_page.h"
#include "gateway/process/messages.h"

enum { BRIDGE_CAPTURE_WAITING = 8 }; /* pages that may wait for the pool */

struct line_bridge;

/* All zero but vault_fd -1: off. */
struct bridge_capture {
    bool on;
    struct line_bridge *bridge;
    int vault_fd;
    struct received_pages vault;
    uv_work_t work;
    bool running; /* a page is being sealed: the call cannot be freed */
    struct fax_page page;
    enum fax_copy copy;
    struct msg_page_sealed sealed;
    struct fax_page waiting[BRIDGE_CAPTURE_WAITING];
    unsigned waiting_count;
    uint32_t pages, missed;
    char text[MSG_REASON_MAX]; /* why one was missed: the first time */
};

/* Begins with the vault file, which is taken over also on failure. Returns 0 or a negative errno.
 */
int bridge_capture_open(struct bridge_capture *capture, struct line_bridge *bridge, int vault_fd,
                        const struct msg_bridge_start *start) __attribute__((warn_unused_result));

/* Callbacks of the observer; user is the capture. */
void bridge_capture_page(void *user, uint32_t number, struct fax_page *page);
void bridge_capture_missed(void *user, uint32_t number, const char *why);

/* Whether pages are still being sealed. */
bool bridge_capture_busy(const struct bridge_capture *capture);

/* Wipes and closes; nothing may be running. */
void bridge_capture_close(struct bridge_capture *capture);

#endif
