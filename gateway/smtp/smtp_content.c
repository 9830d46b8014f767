/* Content, by DATA and by BDAT. A line ends in CRLF. Content with a CR or an LF alone is taken in
 * to its real end and refused there: what some other server would take for an end is none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine_private.h"

enum {
    BEYOND = 4, /* a refused message is read to its end, up to so many times the limit */
    SEARCH_WINDOW = 256
};

void smtp_say_of_message(struct smtp_machine *m, const struct mail_verdict *verdict)
{
    uint32_t count =
        m->terms->lmtp && m->envelope.recipient_count ? m->envelope.recipient_count : 1;
    for (uint32_t i = 0; i < count; i++)
        smtp_say_verdict(m, verdict);
}

/* The worst is told, not the first: that would hang on how the octets were cut. */
static void give_up(struct smtp_machine *m, enum smtp_trouble trouble)
{
    if (!m->trouble)
        m->handlers->discard(m->handlers->user);
    if (!m->trouble || trouble < m->trouble)
        m->trouble = trouble;
}

static void refuse_content(struct smtp_machine *m)
{
    struct mail_verdict v;
    switch (m->trouble) {
    case SMTP_BARE_LINE_END:
        smtp_verdict(&v, 550, "5.6.11", "Lines of the message must end in CR LF");
        break;
    case SMTP_LONG_LINE:
        smtp_verdict(&v, 550, "5.6.0", "The message has a line of more than %u octets",
                     m->terms->max_line);
        break;
    case SMTP_TOO_LARGE:
        smtp_verdict(&v, 552, "5.3.4", "The message is too large; %llu octets are taken",
                     (unsigned long long)m->terms->max_octets);
        break;
    case SMTP_NO_ROOM:
        smtp_verdict(&v, 452, "4.3.1", "Too much comes in at the moment; try again later");
        break;
    case SMTP_NOT_KEPT:
    case SMTP_NO_TROUBLE:
        smtp_verdict(&v, 451, "4.3.0", "The message could not be kept; try again later");
        break;
    }
    m->phase = SMTP_COMMANDS;
    if (m->chunking && !m->chunk_last)
        smtp_say_verdict(m, &v);
    else
        smtp_say_of_message(m, &v);
    smtp_reset(m);
}

static void end_content(struct smtp_machine *m)
{
    if (m->trouble) {
        refuse_content(m);
        return;
    }
    smtp_wait(m, SMTP_AWAITS_ANSWER);
    m->handlers->message(m->handlers->user, &m->envelope, m->octets);
}

/* Hands on a piece, unless there is trouble already. */
static void keep(struct smtp_machine *m, const char *octets, size_t length)
{
    if (length == 0)
        return;
    m->octets += length;
    if (m->octets > m->terms->max_octets) {
        give_up(m, SMTP_TOO_LARGE);
    } else if (!m->trouble) {
        int rc = m->handlers->content(m->handlers->user, octets, length);
        if (rc < 0)
            give_up(m, rc == -ENOSPC ? SMTP_NO_ROOM : SMTP_NOT_KEPT);
    }
}

/* How many of the octets are looked at now. 0: the client goes on without end, and is cut off. */
static size_t allow(struct smtp_machine *m, size_t length)
{
    uint64_t left = BEYOND * m->terms->max_octets - m->octets_seen;
    size_t allowed = left < length ? (size_t)left : length;
    if (allowed == 0)
        smtp_cut(m, 552, "5.3.4", "The message is far too large", "an endless message");
    m->octets_seen += allowed;
    return allowed;
}

static void count_line(struct smtp_machine *m, char c)
{
    m->content_line = c == '\n' ? 0 : m->content_line + 1;
    if (m->content_line > m->terms->max_line - 1)
        give_up(m, SMTP_LONG_LINE);
}

/* --- DATA --- */

void smtp_data_begin(struct smtp_machine *m)
{
    m->phase = SMTP_TEXT;
    m->line_state = SMTP_LINE_START;
    smtp_say(m, 354, "", "Go on; end with a dot alone on a line");
}

/* The state after c. A line end that is none does not begin a line. */
static enum smtp_line_state step(struct smtp_machine *m, char c)
{
    enum smtp_line_state was = m->line_state;
    if (was == SMTP_LINE_CR || was == SMTP_LINE_DOT_CR) {
        if (c == '\n')
            return SMTP_LINE_START;
        give_up(m, SMTP_BARE_LINE_END);
        return c == '\r' ? SMTP_LINE_CR : SMTP_LINE_TEXT;
    }
    if (c == '\n')
        give_up(m, SMTP_BARE_LINE_END);
    if (c == '\r')
        return was == SMTP_LINE_DOT ? SMTP_LINE_DOT_CR : SMTP_LINE_CR;
    if (was == SMTP_LINE_START && c == '.')
        return SMTP_LINE_DOT;
    return SMTP_LINE_TEXT;
}

/* Most octets are neither CR nor LF. Returns how many of them follow; no more than a window, as a
 * CR that is far behind many an LF would be searched for again from each. */
static size_t skip_text(struct smtp_machine *m, const char *octets, size_t length)
{
    size_t n = length < SEARCH_WINDOW ? length : SEARCH_WINDOW;
    const char *end = memchr(octets, '\r', n);
    n = end ? (size_t)(end - octets) : n;
    end = memchr(octets, '\n', n);
    n = end ? (size_t)(end - octets) : n;
    m->content_line = n > m->terms->max_line ? m->terms->max_line : m->content_line + (uint32_t)n;
    if (m->content_line > m->terms->max_line - 1)
        give_up(m, SMTP_LONG_LINE);
    return n;
}

size_t smtp_take_text(struct smtp_machine *m, const char *octets, size_t length)
{
    size_t start = 0; /* of what is not handed on yet */
    length = allow(m, length);
    for (size_t i = 0; i < length; i++) {
        enum smtp_line_state was = m->line_state;
        if (was == SMTP_LINE_TEXT && (i += skip_text(m, octets + i, length - i)) == length)
            break;
        m->line_state = step(m, octets[i]);
        if (was == SMTP_LINE_DOT_CR && m->line_state == SMTP_LINE_START) {
            end_content(m);
            return i + 1;
        }
        bool leading = m->line_state == SMTP_LINE_DOT, end = m->line_state == SMTP_LINE_DOT_CR;
        if (leading || end) { /* stuffing (RFC 5321 §4.5.2), or perhaps the end */
            keep(m, octets + start, i - start);
            start = i + 1;
        } else {
            count_line(m, octets[i]);
        }
    }
    keep(m, octets + start, length - start);
    return length;
}

/* --- BDAT (RFC 3030) --- */

/* "SIZE" or "SIZE LAST". */
static bool read_chunk(const char *text, uint64_t *size, bool *last)
{
    char *end;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *size = strtoull(text, &end, 10);
    *last = strcasecmp(end, " LAST") == 0;
    return *end == '\0' || *last;
}

static void end_chunk(struct smtp_machine *m)
{
    m->phase = SMTP_COMMANDS;
    if (m->chunk_unwanted) {
        m->octets_seen = 0;
        smtp_complain(m, m->has_sender ? 554 : 503, "5.5.1",
                      m->has_sender ? "There are no recipients" : "MAIL comes first");
        return;
    }
    if (m->chunk_last && m->line_state == SMTP_LINE_CR)
        give_up(m, SMTP_BARE_LINE_END);
    if (m->chunk_last)
        end_content(m);
    else if (m->trouble)
        refuse_content(m); /* further chunks are then of no message */
    else
        smtp_say(m, 250, "2.0.0", "%llu octets so far", (unsigned long long)m->octets);
}

void smtp_bdat_begin(struct smtp_machine *m, const char *arguments)
{
    if (!read_chunk(arguments, &m->chunk_left, &m->chunk_last)) {
        /* How much of what follows is content, nobody knows. */
        smtp_cut(m, 501, "5.5.4", "BDAT size [LAST] is expected", "a BDAT without size");
        return;
    }
    m->chunk_unwanted = !m->has_sender || m->envelope.recipient_count == 0;
    if (!m->chunk_unwanted && !m->chunking) {
        m->chunking = true;
        m->line_state = SMTP_LINE_START;
    }
    if (m->chunk_left > BEYOND * m->terms->max_octets) {
        smtp_cut(m, 552, "5.3.4", "The chunk is far too large", "an endless message");
        return;
    }
    m->phase = SMTP_CHUNK;
    if (m->chunk_left == 0)
        end_chunk(m);
}

/* No dots are stuffed here, but lines end as everywhere. */
static void check_lines(struct smtp_machine *m, const char *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool after_cr = m->line_state == SMTP_LINE_CR;
        if (after_cr != (octets[i] == '\n'))
            give_up(m, SMTP_BARE_LINE_END);
        m->line_state = octets[i] == '\r' ? SMTP_LINE_CR : SMTP_LINE_TEXT;
        count_line(m, octets[i]);
    }
}

size_t smtp_take_chunk(struct smtp_machine *m, const char *octets, size_t length)
{
    size_t take = allow(m, m->chunk_left < length ? (size_t)m->chunk_left : length);
    m->chunk_left -= take;
    if (!m->chunk_unwanted) {
        check_lines(m, octets, take);
        keep(m, octets, take);
    }
    if (m->chunk_left == 0)
        end_chunk(m);
    return take;
}
