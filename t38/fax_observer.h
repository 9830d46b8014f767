/* fax_observer.h: listens to a fax between two machines as it passes in T.38, and takes no part in
 * it: what was negotiated, how many pages were confirmed, what was repeated; and, if wanted, the
 * pages themselves, put together from ECM frames or from the octets of pages without ECM.
 *
 * Pure; memory is bounded by one page and one block. One observer is used by one thread at a time.
 */
#ifndef T38_FAX_OBSERVER_H
#define T38_FAX_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "t38/fax_page.h"
#include "t38/ifp_packet.h"

enum { FAX_OBSERVER_PAGE_MAX = 16 * 1024 * 1024, FAX_OBSERVER_IDENT = 21 };

struct fax_observer_callbacks {
    /* A page that the receiving machine has confirmed. The callee takes it by moving *page (and
     * clearing it); what is left is wiped. NULL: no pages are wanted, none are kept. */
    void (*page)(void *user, uint32_t number, struct fax_page *page);
    /* Page `number` was confirmed, but it cannot be had: why. May be NULL. */
    void (*missed)(void *user, uint32_t number, const char *why);
    /* A control frame of that side, whole and of a kind that T.30 knows; address and control field
     * come first. Frames of an image are none. Borrowed during the call. May be NULL. */
    void (*frame)(void *user, unsigned side, const uint8_t *octets, size_t length);
    void *user;
};

struct fax_observer_statistics {
    uint32_t bit_rate; /* of the latest DCS; 0: none yet */
    bool ecm;
    bool trained;             /* a CFR has passed */
    uint32_t pages;           /* confirmed by MCF or RTP after a page */
    uint32_t rejected;        /* RTN */
    uint32_t retransmissions; /* ECM frames that came again */
    bool in_page;             /* image data have passed since the last post-page answer */
    bool dcn;
    uint32_t frames[2];                /* whole control frames, by side */
    char ident[2][FAX_OBSERVER_IDENT]; /* TSI or CSI, by side */
};

struct fax_observer;

/* Returns 0 or FAX_ENOMEM. The caller owns *out. */
int fax_observer_new(struct fax_observer **out, const struct fax_observer_callbacks *callbacks)
    __attribute__((warn_unused_result));

/* Wipes and frees; NULL is allowed. */
void fax_observer_free(struct fax_observer *o);

/* A packet of side 0 or 1 passes. sequence: its number on its way here, by which gaps are seen
 * (without ECM they are rows that are missing). */
void fax_observer_see(struct fax_observer *o, unsigned side, uint16_t sequence,
                      const struct ifp_packet *packet);

/* Borrowed; it changes with each packet. */
const struct fax_observer_statistics *fax_observer_statistics(const struct fax_observer *o);

#endif
