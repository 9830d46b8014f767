/* adapted_pages.h: what gateway/line does for a sender whose peer does not take its pages in T.6:
 * the same ones in T.4, given to the engine when it asks for them. All zero: none yet.
 */
#ifndef TESTS_DOUBLES_ADAPTED_PAGES_H
#define TESTS_DOUBLES_ADAPTED_PAGES_H

#include "t38/fax_engine.h"

struct adapted_pages {
    struct fax_page *pages;
    uint32_t count; /* 0: the pages are used as they are */
    bool wanted;    /* something else than what was given last */
    enum fax_page_coding coding;
};

/* For every event of the sender. */
void adapted_pages_note(struct adapted_pages *a, const struct fax_engine_event *event);

/* Not inside a callback: codes the pages (T.6) as they are wanted, if they are, and gives them to
 * the engine. Returns what fax_engine_pages_changed said, 0 when there was nothing to do. Ends the
 * program when they cannot be coded. */
int adapted_pages_give(struct adapted_pages *a, struct fax_engine *engine,
                       const struct fax_page *pages, uint32_t count);

/* The page that the source gives now. */
struct fax_page_view adapted_pages_get(const struct adapted_pages *a, const struct fax_page *pages,
                                       uint32_t page);

void adapted_pages_free(struct adapted_pages *a);

/* One page in T.4. Ends the program when that fails; the caller wipes it. */
struct fax_page adapted_page_make(const struct fax_page_view *page, enum fax_page_coding coding);

#endif
