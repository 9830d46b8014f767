/* vault_pages.h: the sealed pages of one stream in a vault file that is open as a descriptor.
 *
 * Blocking; for worker threads and processes without a loop. The file is read by position, so the
 * descriptor's offset is not moved. Every buffer is wiped. */
#ifndef GATEWAY_LINE_VAULT_PAGES_H
#define GATEWAY_LINE_VAULT_PAGES_H

#include <stdint.h>

#include "codecs/page.h"
#include "codecs/raster.h"
#include "policy/vault.h"

struct vault_pages;

/* Which pages of which fax. */
struct vault_pages_source {
    int fd; /* stays the caller's */
    const uint8_t *fax_id;
    const uint8_t *data_key; /* copied into the opener; may be wiped after opening */
    enum vault_stream stream;
    uint16_t attempt;
};

/* Checks the file's header and starts before page 1. On failure *out is NULL. Returns 0; -EBADMSG
 * (damaged header, or the file of another fax); -ENOMEM; another negative errno of reading. */
int vault_pages_open(struct vault_pages **out, const struct vault_pages_source *source)
    __attribute__((warn_unused_result));

/* Counts the pages from here to the end of the file by what the frames say in clear, without
 * opening them; vault_pages_next() continues where it would have. Returns 0 with *count; -EBADMSG
 * when a frame is torn, damaged or out of order (*count: pages before it); another negative errno.
 */
int vault_pages_count(struct vault_pages *pages, uint32_t *count)
    __attribute__((warn_unused_result));

/* Passes over `count` pages without opening them. Returns 0, -EBADMSG (fewer are there, or a frame
 * is torn, damaged or out of order), or another negative errno. */
int vault_pages_skip(struct vault_pages *pages, uint32_t count) __attribute__((warn_unused_result));

/* Opens and decodes the next page; frames of other streams and attempts are passed over. Returns 1
 * with *page (raster_free) and *format as it was stored; 0 at the end of a whole file; -EBADMSG
 * when a page is altered, missing, out of order, torn or does not decode to the size it was stored
 * with; -ENOMEM; another negative errno of reading. vault_pages_number() then tells which. */
int vault_pages_next(struct vault_pages *pages, struct raster *page, struct page_format *format)
    __attribute__((warn_unused_result));

/* Opens the next page as it is coded; its contents are what was sealed and are not looked at.
 * Returns 1 with *page (coded_page_free), the rest as vault_pages_next. */
int vault_pages_next_coded(struct vault_pages *pages, struct coded_page *page)
    __attribute__((warn_unused_result));

/* Decodes such a page. Returns 0 with *out (raster_free), -EBADMSG when it does not decode to the
 * size it was stored with, or -ENOMEM. */
int vault_page_decode(const struct coded_page *page, struct raster *out)
    __attribute__((warn_unused_result));

/* Number, from 1, of the page that vault_pages_next gave or failed at last. */
uint32_t vault_pages_number(const struct vault_pages *pages);

/* Wipes keys and buffers. Safe on NULL. */
void vault_pages_close(struct vault_pages *pages);

#endif
