/* received_page.h: makes a received page safe: it must decode, then it is sealed, appended to the
 * fax's vault file and synced. Blocking: for the thread pool. */
#ifndef GATEWAY_LINE_RECEIVED_PAGE_H
#define GATEWAY_LINE_RECEIVED_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "gateway/process/messages.h"
#include "policy/vault.h"
#include "t38/fax_engine.h"
#include "t38/fax_page.h"

enum { RECEIVED_PAGE_ROWS_MAX = 20000 }; /* 1.3 m at 391 rows an inch */

/* The vault file of one receiving call. One page at a time. */
struct received_pages {
    int fd; /* stays the owner's */
    struct vault_sealer *sealer;
    uint64_t end; /* where the next frame goes */
};

/* Prepares for appending: the file must hold a vault header of this fax. Returns 0, -EBADMSG,
 * -ENOMEM or another negative errno. */
int received_pages_open(struct received_pages *pages, int fd, const struct msg_call_start *start)
    __attribute__((warn_unused_result));

/* Wipes the key; safe on a struct that is all zero. */
void received_pages_close(struct received_pages *pages);

/* Checks, seals, writes and syncs page `number` (from 1) and fills *sealed in (but for `call`):
 * status 0 and where the frame lies, or why not with a sentence in reason: -EBADMSG when the page
 * does not decode (no rows, a damaged or overlong row, more than RECEIVED_PAGE_ROWS_MAX rows),
 * otherwise the errno of storing. The page's octets are only read.
 *
 * Of a page without ECM damaged rows are replaced by the one above; it is then coded anew in T.6,
 * so that it decodes everywhere to these pixels. Returns what the page is worth: FAX_COPY_BAD with
 * status 0 means that nothing was sealed. */
enum fax_copy received_page_store(struct received_pages *pages, const struct fax_page *page,
                                  uint32_t number, struct msg_page_sealed *sealed)
    __attribute__((warn_unused_result));

/* The T.30 engine's coding as the one that vault files and messages use. */
enum page_coding received_page_coding(enum fax_page_coding coding);

#endif
