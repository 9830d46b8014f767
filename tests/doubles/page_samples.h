/* page_samples.h: grey pages as scanners and cameras make them, the same ones at each call, and PDF
 * documents of them. All content is synthetic. */
#ifndef TESTS_DOUBLES_PAGE_SAMPLES_H
#define TESTS_DOUBLES_PAGE_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "codecs/grey_page.h"

enum { SAMPLE_DPI = 200, SAMPLE_WIDTH = 1654, SAMPLE_HEIGHT = 2339 }; /* A4 */

/* Draws a photograph into a box of the page (left, top, right, bottom): a hazy landscape with a
 * lit sphere, fine texture, deep shadows and a white sky. */
void sample_draw_photo(struct grey_page *page, const uint32_t box[4]);

/* Makes the page what a scanner sees: turned by about half a degree, blurred, on paper that is
 * darker towards one edge, grey ink, noise, and a dark border where the lid ends. Replaces *page.
 */
void sample_scan(struct grey_page *page);

/* A white page of A4 at SAMPLE_DPI; the caller frees it with grey_page_free. Aborts without memory.
 */
struct grey_page sample_blank(void);

/* The first page of a PDF of A4 at SAMPLE_DPI, by pdftoppm. Returns whether that went well; the
 * caller frees *page then. */
bool sample_render(const char *pdf, struct grey_page *page);

/* Writes a PDF of one A4 page that is this image. Returns whether it is written. */
bool sample_write_pdf(const struct grey_page *page, const char *path);

/* Writes a PDF of one A4 page: a business letter of 1,800 characters in Helvetica 11. */
bool sample_write_letter(const char *path);

#endif
