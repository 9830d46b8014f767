/* spandsp_peer.h: a plain spandsp terminal, without our guard, as the other end of a lossy_link.
 * Its frames can be altered on their way out, to play machines that behave oddly or badly.
 */
#ifndef TESTS_DOUBLES_SPANDSP_PEER_H
#define TESTS_DOUBLES_SPANDSP_PEER_H

#include "t38/spandsp_session.h"
#include "tests/doubles/lossy_link.h"
#include "tests/doubles/t6_page.h"

enum { SPANDSP_PEER_FRAME = 300 };

struct spandsp_peer {
    t38_terminal_state_t *terminal;
    struct lossy_end *end;
    /* May alter the frame and its length (at most SPANDSP_PEER_FRAME); set *length to 0 to send
     * nothing of it: it goes out with a broken address. */
    void (*alter)(void *user, uint8_t *frame, int *length);
    void *user;
    t30_send_hdlc_handler_t *next;
    int fd; /* the memfd it sends from or writes to */
    unsigned sent_in_step;
    uint64_t clock_ms;
    bool finished;
    int result;
};

/* Puts a plain terminal at an end. A sender sends the pages; a receiver writes a TIFF to peer->fd.
 */
void spandsp_peer_begin(struct spandsp_peer *peer, struct lossy_end *end, bool sender, bool ecm,
                        const struct fax_page *pages, uint32_t page_count);

/* How many pages of the TIFF it received have the same pixels as those given. */
uint32_t spandsp_peer_identical(struct spandsp_peer *peer, const struct fax_page *pages,
                                uint32_t page_count);

void spandsp_peer_end(struct spandsp_peer *peer);

#endif
