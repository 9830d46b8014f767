/* document_load.h: makes the pages of a fax ready for sending: opened from the vault, header line
 * drawn, coded again in T.6 as the T.30 engine wants them, and in T.85 when the call may use it.
 * Blocking: for the thread pool. */
#ifndef GATEWAY_LINE_DOCUMENT_LOAD_H
#define GATEWAY_LINE_DOCUMENT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"
#include "gateway/process/messages.h"

enum {
    DOCUMENT_LOAD_PAGES_MAX = 1000,
    DOCUMENT_LOAD_OCTETS_MAX = 128 * 1024 * 1024, /* of all pages, coded */
};

/* All zero is an empty document. */
struct loaded_document {
    struct coded_page *pages;     /* T.6 (adapted ones T.4), least significant bit first */
    struct coded_page *t85_pages; /* the same in T.85; NULL: not wanted */
    uint32_t page_count;          /* those to be sent: from start->first_page to the last */
    uint32_t total;               /* of the whole document */
    size_t octets;                /* of all, in both codings */
};

/* Loads the rendition (stream VAULT_STREAM_RENDITION, attempt 0) of the fax that `start` names, or
 * the pages that it received in start->source_attempt, from the vault file fd, beginning with
 * start->first_page. Where start->header_left is not empty, each page gets a line with it and the
 * time now_s on the left, header_to in the middle and the number of the page and of all pages on
 * the right. On failure *document is empty, and reason says why, naming the page. Returns 0;
 * -EBADMSG (altered, torn, missing or undecodable page); -ENODATA (no page, or none from first_page
 * on); -E2BIG (limits above); -ENOMEM; another negative errno of reading. */
int document_load(struct loaded_document *document, int fd, const struct msg_call_start *start,
                  int64_t now_s, char reason[MSG_REASON_MAX]) __attribute__((warn_unused_result));

/* Makes room for one more page in both codings (T.85 only `with_t85`). Returns 0 or -ENOMEM. */
int document_reserve(struct loaded_document *document, bool with_t85)
    __attribute__((warn_unused_result));

/* Codes a raster as the next page of the document, for which document_reserve has made room. format
 * is that of the page, with T.6 or T.4 as its coding; the order of bits is set here. Returns 0,
 * -ENOMEM, -E2BIG (limits above), or -EBADMSG. */
int document_append(struct loaded_document *document, const struct raster *raster,
                    const struct page_format *format) __attribute__((warn_unused_result));

/* Wipes and frees all pages; the document is then empty. */
void document_wipe(struct loaded_document *document);

#endif
