/* virtual_call.h: a whole fax call over a lossy_link, with what both ends reported; for the tests
 * of the engine.
 */
#ifndef TESTS_DOUBLES_VIRTUAL_CALL_H
#define TESTS_DOUBLES_VIRTUAL_CALL_H

#include "codecs/page.h"
#include "tests/doubles/adapted_pages.h"
#include "tests/doubles/lossy_link.h"
#include "tests/doubles/spandsp_peer.h"
#include "tests/doubles/t6_page.h"

enum { VIRTUAL_CALL_PAGES = 16, NOT_FINISHED = -1000 };

struct virtual_call_config {
    struct lossy_link_config link;
    const struct fax_page *pages;       /* stay the caller's */
    const struct coded_page *t85_pages; /* the same in T.85; NULL: the sender has none */
    bool t85_offered;                   /* the receiver offers T.85 */
    bool wide_offered;                  /* and pages wider and finer than A4 at 204 pels an inch */
    uint32_t page_count;
    uint32_t max_rate;    /* of the receiver; 0 means 14400 */
    uint32_t sender_rate; /* of the sender; 0 means 14400 */
    int t38_version;
    uint64_t
        hold_ms; /* how long a page waits until it is durable; 0: at once, inside the callback */
    int refuse_page; /* counted from 1: this page is refused */
    bool sender_without_ecm, receiver_without_ecm;
    bool sender_holds_back;       /* until fax_engine_proceed */
    uint64_t hold_without_ecm_ms; /* 0: the engine's */
    int judge_page; /* counted from 1: the received page that is said to be of quality judge_as */
    enum fax_copy judge_as;
    bool plain_sender, plain_receiver; /* that end is a plain spandsp terminal, without our guard */
    bool plain_without_ecm;
    /* Sees every page that the receiver gets, bad copies as well, with the statistics; may be NULL.
     */
    void (*see_page)(void *user, const struct fax_page *page,
                     const struct fax_statistics *statistics);
    void *see_user;
    uint64_t adapt_ms; /* how long the sender's pages take until they are as the peer takes them */
};

struct virtual_call_end {
    int result;
    bool finished;
    uint32_t confirmed, rejected, asked, begun, trained, documents, idents, wanted;
    uint32_t width_wanted;
    uint16_t x_dpi_wanted, y_dpi_wanted;
    uint32_t confirmed_pages[VIRTUAL_CALL_PAGES];
    struct fax_statistics statistics; /* at the end */
};

struct virtual_call {
    struct virtual_call_config config;
    struct lossy_link link;
    struct virtual_call_end end[2];
    struct spandsp_peer peer;       /* when one end is plain */
    uint32_t received, identical;   /* pages taken; a bad copy is not */
    uint32_t copies;                /* PAGE_RECEIVED events */
    enum fax_copy copy;             /* of the page that waits */
    uint32_t bad_rows;              /* of all pages without ECM */
    const struct fax_page *reduced; /* set by the test: given once a lower resolution is wanted */
    struct adapted_pages adapted;   /* of the sender, when the peer takes T.4 only */
    uint64_t wanted_at_ms;          /* 0: no pages are */
    bool answered;                  /* PAGES_WANTED was */
    uint64_t durable_at_ms;         /* 0: nothing waits */
    int late_answer;                /* what page_durable said when it was called late */
};

/* Makes both engines. Ends the program when that fails. */
void virtual_call_begin(struct virtual_call *call, const struct virtual_call_config *config);

/* One step of 20 ms, with the pages made durable when their time has come. */
void virtual_call_step(struct virtual_call *call);

/* Runs to the end of both engines, at most limit_s virtual seconds. Returns true when both
 * finished. */
bool virtual_call_run(struct virtual_call *call, unsigned limit_s);

void virtual_call_end(struct virtual_call *call);

#endif
