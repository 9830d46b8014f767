/* document_load.h: makes the pages of a fax ready for sending: opened from the vault, header line
 * drawn, coded again in T.6 as the T.30 engine wants them. Blocking: for the thread pool. */
#ifndef GATEWAY_LINE_DOCUMENT_LOAD_H
#define GATEWAY_LINE_DOCUMENT_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "gateway/process/messages.h"

enum {
    DOCUMENT_LOAD_PAGES_MAX = 1000,
    DOCUMENT_LOAD_OCTETS_MAX = 128 * 1024 * 1024, /* of all pages, coded */
};

/* All zero is an empty document. */
struct loaded_document {
    struct coded_page *pages; /* T.6, least significant bit first */
    uint32_t page_count;      /* those to be sent: from start->first_page to the last */
    uint32_t total;           /* of the whole document */
    size_t octets;
};

/* Loads the rendition (stream VAULT_STREAM_RENDITION, attempt 0) of the fax that `start` names from
 * the vault file fd, beginning with start->first_page. Where start->header_left is not empty, each
 * page gets a line with it and the time now_s on the left, header_to in the middle and the number
 * of the page and of all pages on the right. On failure *document is empty, and reason says why,
 * naming the page. Returns 0; -EBADMSG (altered, torn, missing or undecodable page); -ENODATA (no
 * page, or none from first_page on); -E2BIG (limits above); -ENOMEM; another negative errno of
 * reading. */
int document_load(struct loaded_document *document, int fd, const struct msg_call_start *start,
                  int64_t now_s, char reason[MSG_REASON_MAX]) __attribute__((warn_unused_result));

/* Wipes and frees all pages; the document is then empty. */
void document_wipe(struct loaded_document *document);

#endif
