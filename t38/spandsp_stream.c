/* spandsp_stream.c: sends pages without error correction past spandsp.
 *
 * spandsp has coded its dummy and gives the modem, or T.38, octets out of a buffer of its own.
 * While it sends a page's image, the next octets of ours are put there, some hundred at a time,
 * with the fill that the rate in use calls for; before and after that the buffer is empty. So the
 * dummy is never sent, nothing of spandsp's memory is replaced, and a page is neither coded nor
 * copied as a whole.
 */
#include "t38/spandsp_session.h"

#include <string.h>

enum {
    WINDOW_OCTETS = 1024, /* spandsp's buffer has 21,600 */
    LEAST_OCTETS = 512,   /* a step takes 132 at most (express), 36 over audio */
};

/* The transmitter, if spandsp has a document open that goes without ECM. */
static t4_tx_state_t *transmitter(struct fax_engine *e)
{
    t30_state_t *t = &e->terminal.t30;
    return t->operation_in_progress == OPERATION_T4_TX && !t->error_correcting_mode ? &t->t4.tx
                                                                                    : NULL;
}

/* As its t4_tx_start_page() begins with. */
static void show_nothing(t4_tx_state_t *tx)
{
    tx->image_size = 0;
    tx->t4_t6_tx.bit_ptr = 0;
    tx->t4_t6_tx.bit_pos = 7;
}

/* Every DCS and every page that follows has spandsp reckon what the rate takes. */
static bool open_page(struct fax_engine *e, t4_tx_state_t *tx)
{
    struct spandsp_stream *s = &e->stream;
    uint32_t number = (uint32_t)tx->current_page;
    int least_bits = tx->t4_t6_tx.min_bits_per_row;
    if (number >= e->out.page_count || tx->image_buffer_size < WINDOW_OCTETS || least_bits < 0)
        return false;
    const struct fax_page_view *page = &e->out.pages[number];
    const struct page_format format = {.coding = page->coding == FAX_PAGE_T4_2D ? PAGE_CODING_T4_2D
                                                                                : PAGE_CODING_T4_1D,
                                       .lsb_first = page->lsb_first};
    if (page->coding != FAX_PAGE_T4_1D && page->coding != FAX_PAGE_T4_2D)
        return false;
    t4_fill_begin(&s->fill, page->data, page->length, &format, (uint32_t)least_bits);
    s->page = tx->current_page;
    s->open = true;
    show_nothing(tx);
    return true;
}

static void show_more(struct fax_engine *e, t4_tx_state_t *tx)
{
    size_t left = (size_t)(tx->image_size - tx->t4_t6_tx.bit_ptr);
    if (left >= LEAST_OCTETS || t4_fill_ended(&e->stream.fill))
        return;
    memmove(tx->image_buffer, tx->image_buffer + tx->t4_t6_tx.bit_ptr, left);
    left += t4_fill_read(&e->stream.fill, tx->image_buffer + left, WINDOW_OCTETS - left);
    tx->image_size = (int)left;
    tx->t4_t6_tx.bit_ptr = 0;
}

void spandsp_stream_check(struct fax_engine *e)
{
    t4_tx_state_t *tx = transmitter(e);
    bool sending = tx && e->terminal.t30.state == STATE_I;
    if (e->stream.open && !sending)
        spandsp_stream_wipe(e);
    if (tx && !sending)
        show_nothing(tx);
    if (!sending)
        return;
    if (e->stream.open || open_page(e, tx))
        show_more(e, tx);
    else
        spandsp_stop(e, T30_RESULT_GUARD);
}

bool spandsp_stream_is_sent(const struct fax_engine *e, int number)
{
    const t4_tx_state_t *tx = &e->terminal.t30.t4.tx;
    return e->stream.open && e->stream.page == number && t4_fill_ended(&e->stream.fill) &&
           tx->t4_t6_tx.bit_ptr >= tx->image_size;
}

void spandsp_stream_wipe(struct fax_engine *e)
{
    t4_tx_state_t *tx = transmitter(e);
    if (e->stream.open && tx && tx->image_buffer)
        explicit_bzero(tx->image_buffer, WINDOW_OCTETS);
    explicit_bzero(&e->stream, sizeof e->stream);
}
