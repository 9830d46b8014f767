#include "gateway/smtp/smtp_machine.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine_private.h"

enum { DROPPED_MAX = 64 * 1024 };

static const char cut_off[] = "Too many mistakes";

int smtp_machine_new(const struct smtp_terms *terms, const struct smtp_handlers *handlers,
                     const char *peer, bool trusted_relay, struct smtp_machine **out)
{
    struct smtp_machine *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    m->terms = terms;
    m->handlers = handlers;
    m->envelope.trusted_relay = trusted_relay;
    m->envelope.lmtp = terms->lmtp;
    (void)snprintf(m->envelope.peer, sizeof m->envelope.peer, "%s", peer);
    *out = m;
    return 0;
}

void smtp_machine_free(struct smtp_machine *m)
{
    if (!m)
        return;
    free(m->envelope.recipients);
    OPENSSL_cleanse(m, sizeof *m);
    free(m);
}

/* --- replies --- */

static void send_line(struct smtp_machine *m, char *line, int length, size_t size)
{
    size_t end = length < 0 ? 0 : (size_t)length;
    if (end > size - 3)
        end = size - 3;
    /* What a client said must not make lines of its own. */
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] >= 127)
            line[i] = '?';
    line[end++] = '\r';
    line[end++] = '\n';
    m->handlers->reply(m->handlers->user, line, end);
}

void smtp_say(struct smtp_machine *m, int code, const char *enhanced, const char *format, ...)
{
    char line[512]; /* RFC 5321 §4.5.3.1.5 */
    va_list arguments;
    int used = snprintf(line, sizeof line, "%03d %s%s", code, enhanced, enhanced[0] ? " " : "");
    if (used < 0 || m->phase == SMTP_CLOSED)
        return;
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
    va_end(arguments);
    send_line(m, line, used + (more > 0 ? more : 0), sizeof line);
}

void smtp_say_verdict(struct smtp_machine *m, const struct mail_verdict *verdict)
{
    smtp_say(m, verdict->code, verdict->enhanced, "%s", verdict->text);
}

static void finish(struct smtp_machine *m, const char *reason)
{
    if (m->phase == SMTP_CLOSED)
        return;
    smtp_reset(m);
    m->phase = SMTP_CLOSED;
    m->awaits = SMTP_AWAITS_NOTHING;
    m->handlers->close(m->handlers->user, reason);
}

void smtp_cut(struct smtp_machine *m, int code, const char *enhanced, const char *text,
              const char *reason)
{
    smtp_say(m, code, enhanced, "%s", text);
    finish(m, reason);
}

void smtp_complain(struct smtp_machine *m, int code, const char *enhanced, const char *text)
{
    if (m->errors++ >= m->terms->max_errors)
        smtp_cut(m, 421, "4.7.0", cut_off, "too many mistakes");
    else
        smtp_say(m, code, enhanced, "%s", text);
}

void smtp_machine_end(struct smtp_machine *m, int code, const char *enhanced, const char *text)
{
    smtp_cut(m, code, enhanced, text, NULL);
}

void smtp_machine_greet(struct smtp_machine *m)
{
    if (m->phase != SMTP_GREETING)
        return;
    m->phase = SMTP_COMMANDS;
    smtp_say(m, 220, "", "%.200s %s sealfax", m->terms->host, m->terms->lmtp ? "LMTP" : "ESMTP");
}

/* --- state --- */

void smtp_wait(struct smtp_machine *m, enum smtp_awaited what)
{
    m->phase = SMTP_WAITING;
    m->awaits = what;
}

void smtp_reset(struct smtp_machine *m)
{
    struct mail_envelope *e = &m->envelope;
    if (m->octets_seen > 0 || m->chunking || m->trouble)
        m->handlers->discard(m->handlers->user);
    m->has_sender = m->utf8 = m->chunking = false;
    m->octets = m->octets_seen = 0;
    m->trouble = SMTP_NO_TROUBLE;
    m->line_state = SMTP_LINE_START;
    m->content_line = 0;
    e->from[0] = e->envid[0] = '\0';
    e->return_full = false;
    e->recipient_count = 0;
    free(e->recipients);
    e->recipients = NULL;
    m->recipient_room = 0;
}

bool smtp_machine_waits(const struct smtp_machine *m)
{
    return m->phase == SMTP_WAITING;
}

bool smtp_machine_in_content(const struct smtp_machine *m)
{
    return m->phase == SMTP_TEXT || m->phase == SMTP_CHUNK || m->chunking;
}

bool smtp_machine_in_message(const struct smtp_machine *m)
{
    return m->has_sender;
}

void smtp_machine_signed_in(struct smtp_machine *m, enum smtp_sign_in_result result,
                            const char *principal)
{
    if (m->awaits != SMTP_AWAITS_SIGN_IN)
        return;
    m->awaits = SMTP_AWAITS_NOTHING;
    m->phase = SMTP_COMMANDS;
    switch (result) {
    case SMTP_SIGNED_IN:
        (void)snprintf(m->envelope.principal, sizeof m->envelope.principal, "%s", principal);
        smtp_say(m, 235, "2.7.0", "Welcome");
        break;
    case SMTP_SIGN_IN_WRONG:
        if (++m->sign_ins_wrong >= SMTP_SIGN_INS_MAX)
            smtp_cut(m, 421, "4.7.0", "Too many wrong passwords", "too many wrong passwords");
        else
            smtp_say(m, 535, "5.7.8", "The name or the password is wrong");
        break;
    case SMTP_SIGN_IN_LATER:
        smtp_say(m, 454, "4.7.0", "Nobody can sign in at the moment; try again later");
        break;
    }
}

void smtp_machine_secured(struct smtp_machine *m, const char *principal, const char *host)
{
    struct mail_envelope *e = &m->envelope;
    e->secured = true;
    m->extended = m->greeted = false;
    (void)snprintf(e->principal, sizeof e->principal, "%s", principal);
    (void)snprintf(e->host, sizeof e->host, "%s", host);
    m->certified = host[0] != '\0';
    if (m->awaits == SMTP_AWAITS_TLS) {
        m->awaits = SMTP_AWAITS_NOTHING;
        m->phase = SMTP_COMMANDS;
    }
}

void smtp_machine_answered(struct smtp_machine *m, const struct mail_verdict *verdict)
{
    if (m->awaits != SMTP_AWAITS_ANSWER)
        return;
    m->awaits = SMTP_AWAITS_NOTHING;
    m->phase = SMTP_COMMANDS;
    smtp_say_of_message(m, verdict);
    /* The content belongs to somebody else now, or to nobody. */
    m->octets_seen = 0;
    m->chunking = false;
    m->trouble = SMTP_NO_TROUBLE;
    if (verdict->code == 250)
        m->idle_commands = 0;
    smtp_reset(m);
}

/* --- lines --- */

static void take_line(struct smtp_machine *m, bool more)
{
    size_t length = m->line_length;
    bool too_long = m->line_too_long, control = false;
    m->line[length] = '\0';
    m->line_length = m->line_dropped = 0;
    m->line_too_long = false;
    for (size_t i = 0; i < length; i++)
        control = control || (unsigned char)m->line[i] < ' ' || m->line[i] == 127;
    if (too_long) {
        m->phase = SMTP_COMMANDS;
        smtp_complain(m, 500, "5.5.6", "The line is too long");
    } else if (control) {
        m->phase = SMTP_COMMANDS;
        smtp_complain(m, 500, "5.5.2", "Control characters are not understood");
    } else if (m->phase == SMTP_SIGN_IN_RESPONSE) {
        smtp_auth_response(m, m->line);
    } else {
        smtp_take_command(m, m->line, more);
    }
    OPENSSL_cleanse(m->line, sizeof m->line); /* it may have been a password */
}

static void cut_bare(struct smtp_machine *m)
{
    smtp_cut(m, 550, "5.6.11", "Lines must end in CR LF", "a bare CR or LF in a command");
}

/* Takes octets up to the end of a line. */
static size_t take_line_octets(struct smtp_machine *m, const char *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = octets[i];
        if ((c == '\n') != m->line_cr) {
            cut_bare(m);
            return i + 1;
        }
        if (c == '\n') {
            m->line_cr = false;
            take_line(m, i + 1 < length);
            return i + 1;
        }
        m->line_cr = c == '\r';
        if (m->line_cr)
            continue;
        if (m->line_length < SMTP_COMMAND_MAX - 2) {
            m->line[m->line_length++] = c;
        } else {
            m->line_too_long = true;
            if (++m->line_dropped > DROPPED_MAX) {
                smtp_cut(m, 500, "5.5.6", "The line is too long", "an endless line");
                return i + 1;
            }
        }
    }
    return length;
}

size_t smtp_machine_feed(struct smtp_machine *m, const char *octets, size_t length)
{
    size_t at = 0;
    while (at < length) {
        switch (m->phase) {
        case SMTP_GREETING:
            smtp_cut(m, 554, "5.5.0", "You spoke before the greeting", "spoke before the greeting");
            break;
        case SMTP_COMMANDS:
        case SMTP_SIGN_IN_RESPONSE:
            at += take_line_octets(m, octets + at, length - at);
            break;
        case SMTP_TEXT:
            at += smtp_take_text(m, octets + at, length - at);
            break;
        case SMTP_CHUNK:
            at += smtp_take_chunk(m, octets + at, length - at);
            break;
        case SMTP_WAITING:
        case SMTP_CLOSED:
            return at;
        }
    }
    return at;
}
