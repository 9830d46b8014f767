/* What each command does. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/smtp/fax_address.h"
#include "gateway/smtp/smtp_line.h"
#include "gateway/smtp/smtp_machine_private.h"

static bool may_sign_in(const struct smtp_machine *m)
{
    return m->terms->offers_auth && (m->envelope.secured || m->terms->local) &&
           !m->envelope.principal[0];
}

static bool is_host(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 127)
            return false;
    return length > 0 && length < MAIL_HOST_TEXT;
}

static void say_extensions(struct smtp_machine *m)
{
    char text[SMTP_REPLY_MAX];
    int length =
        snprintf(text, sizeof text,
                 "250-%.200s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n"
                 "250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n%s%s250 ENHANCEDSTATUSCODES\r\n",
                 m->terms->host, (unsigned long long)m->terms->max_octets,
                 m->terms->offers_tls && !m->envelope.secured ? "250-STARTTLS\r\n" : "",
                 may_sign_in(m) ? "250-AUTH PLAIN LOGIN\r\n" : "");
    m->handlers->reply(m->handlers->user, text, (size_t)length);
}

static void take_hello(struct smtp_machine *m, const char *host, bool extended)
{
    if (!is_host(host)) {
        smtp_complain(m, 501, "5.5.4", "Say who you are");
        return;
    }
    smtp_reset(m);
    m->greeted = true;
    m->extended = extended;
    if (!m->certified)
        (void)snprintf(m->envelope.host, sizeof m->envelope.host, "%s", host);
    if (extended)
        say_extensions(m);
    else
        smtp_say(m, 250, "", "%.200s", m->terms->host);
}

/* "FROM:" or "TO:"; a space behind it is common though not allowed. */
static const char *skip_keyword(const char *text, const char *keyword)
{
    size_t length = strlen(keyword);
    if (strncasecmp(text, keyword, length) != 0)
        return NULL;
    text += length;
    return text + (*text == ' ');
}

/* Counts a refusal, as others are. */
static void refuse(struct smtp_machine *m, const struct mail_verdict *why)
{
    smtp_complain(m, why->code, why->enhanced, why->text);
}

static bool read_sender(struct smtp_machine *m, const char *text, struct smtp_mail_terms *terms,
                        struct mail_verdict *why)
{
    bool international;
    text = skip_keyword(text, "FROM:");
    if (!text) {
        smtp_verdict(why, 501, "5.5.4", "MAIL FROM:<address> is expected");
        return false;
    }
    if (smtp_path_read(&text, m->envelope.from, &international, why) < 0 ||
        smtp_mail_parameters(text, terms, &m->envelope, why) < 0)
        return false;
    if (international && !terms->utf8) {
        smtp_verdict(why, 553, "5.6.7", "That address needs SMTPUTF8");
        return false;
    }
    if (*text && !m->extended) {
        smtp_verdict(why, 555, "5.5.4", "Parameters need EHLO");
        return false;
    }
    if (terms->size > m->terms->max_octets) {
        smtp_verdict(why, 552, "5.3.4", "The message is too large; %llu octets are taken",
                     (unsigned long long)m->terms->max_octets);
        return false;
    }
    return true;
}

static void take_mail(struct smtp_machine *m, const char *text, bool more)
{
    struct mail_verdict verdict;
    struct smtp_mail_terms terms;
    (void)more;
    if (!m->greeted) {
        smtp_complain(m, 503, "5.5.1", "Say who you are first");
    } else if (m->has_sender) {
        smtp_complain(m, 503, "5.5.1", "There is a sender already");
    } else if (m->terms->must_sign_in && !m->envelope.trusted_relay && !m->envelope.principal[0]) {
        smtp_complain(m, 530, "5.7.0", "Sign in first; only known senders may send");
    } else if (!read_sender(m, text, &terms, &verdict)) {
        smtp_reset(m);
        refuse(m, &verdict);
    } else {
        m->handlers->judge_sender(m->handlers->user, &m->envelope, &verdict);
        m->has_sender = verdict.code == 250;
        m->utf8 = terms.utf8;
        if (!m->has_sender)
            smtp_reset(m);
        smtp_say_verdict(m, &verdict);
    }
}

static bool make_room(struct smtp_machine *m)
{
    struct mail_envelope *e = &m->envelope;
    if (e->recipient_count < m->recipient_room)
        return true;
    uint32_t room = m->recipient_room ? 2 * m->recipient_room : 4;
    struct mail_recipient *more = realloc(e->recipients, room * sizeof *more);
    if (!more)
        return false;
    e->recipients = more;
    m->recipient_room = room;
    return true;
}

static void add_recipient(struct smtp_machine *m, const struct mail_recipient *recipient)
{
    struct mail_envelope *e = &m->envelope;
    struct mail_verdict verdict;
    if (!make_room(m)) {
        smtp_say(m, 452, "4.3.1", "Out of memory");
        return;
    }
    m->handlers->judge_recipient(m->handlers->user, e, recipient, &verdict);
    if (verdict.code == 250)
        e->recipients[e->recipient_count++] = *recipient;
    if (verdict.code < 500)
        smtp_say_verdict(m, &verdict);
    else
        refuse(m, &verdict);
}

static bool read_recipient(struct smtp_machine *m, const char *text,
                           struct mail_recipient *recipient, struct mail_verdict *why)
{
    char address[MAIL_ADDRESS_TEXT];
    bool international;
    memset(recipient, 0, sizeof *recipient);
    text = skip_keyword(text, "TO:");
    if (!text) {
        smtp_verdict(why, 501, "5.5.4", "RCPT TO:<address> is expected");
        return false;
    }
    if (smtp_path_read(&text, address, &international, why) < 0)
        return false;
    if (*text && !m->extended) {
        smtp_verdict(why, 555, "5.5.4", "Parameters need EHLO");
        return false;
    }
    if (smtp_rcpt_parameters(text, recipient, why) < 0)
        return false;
    if (m->handlers->is_return && m->handlers->is_return(m->handlers->user, address)) {
        snprintf(recipient->address, sizeof recipient->address, "%s", address);
        return true;
    }
    return fax_address_read(address, m->terms->domains, recipient, why) == 0;
}

static void take_rcpt(struct smtp_machine *m, const char *text, bool more)
{
    struct mail_recipient recipient;
    struct mail_verdict why;
    (void)more;
    if (!m->has_sender || m->chunking)
        smtp_complain(m, 503, "5.5.1", m->chunking ? "BDAT is under way" : "MAIL comes first");
    else if (m->envelope.recipient_count >= m->terms->max_recipients)
        smtp_say(m, 452, "4.5.3", "Too many recipients; send the others another message");
    else if (!read_recipient(m, text, &recipient, &why))
        refuse(m, &why);
    else
        add_recipient(m, &recipient);
}

static void take_data(struct smtp_machine *m, const char *text, bool more)
{
    if (text[0])
        smtp_complain(m, 501, "5.5.4", "DATA has no arguments");
    else if (more) /* what would be content, were DATA refused, would be commands (RFC 2920 §3.1) */
        smtp_cut(m, 554, "5.5.0", "Nothing may follow DATA before its reply",
                 "sent content before it was asked for");
    else if (!m->has_sender || m->chunking)
        smtp_complain(m, 503, "5.5.1", m->chunking ? "BDAT is under way" : "MAIL comes first");
    else if (m->envelope.recipient_count == 0)
        smtp_complain(m, m->terms->lmtp ? 503 : 554, "5.5.1", "There are no recipients");
    else
        smtp_data_begin(m);
}

static void take_bdat(struct smtp_machine *m, const char *text, bool more)
{
    (void)more;
    smtp_bdat_begin(m, text);
}

static void take_starttls(struct smtp_machine *m, const char *text, bool more)
{
    if (more) /* it was not said under TLS, and must not count as if it were */
        smtp_cut(m, 554, "5.5.0", "Nothing may follow STARTTLS before its reply",
                 "sent commands behind STARTTLS");
    else if (text[0])
        smtp_complain(m, 501, "5.5.4", "STARTTLS has no arguments");
    else if (!m->terms->offers_tls || m->envelope.secured)
        smtp_complain(m, 503, "5.5.1",
                      m->envelope.secured ? "TLS is there already" : "There is no TLS");
    else {
        smtp_say(m, 220, "2.0.0", "Begin TLS");
        smtp_reset(m);
        smtp_wait(m, SMTP_AWAITS_TLS);
        m->handlers->start_tls(m->handlers->user);
    }
}

static void take_auth(struct smtp_machine *m, const char *text, bool more)
{
    (void)more;
    if (!m->terms->offers_auth)
        smtp_complain(m, 502, "5.5.1", "Nobody can sign in here");
    else if (!m->envelope.secured && !m->terms->local)
        smtp_complain(m, 538, "5.7.11", "Passwords are taken under TLS only");
    else if (!m->extended || m->has_sender || m->envelope.principal[0])
        smtp_complain(m, 503, "5.5.1", "Not now");
    else
        smtp_auth_begin(m, text);
}

static void take_rset(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_reset(m);
    smtp_say(m, 250, "2.0.0", "Forgotten");
}

static void take_noop(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_say(m, 250, "2.0.0", "So be it");
}

/* RFC 5321 §3.5.3: whom there is, is told to nobody. */
static void take_vrfy(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_say(m, 252, "2.1.5", "Send a message and see");
}

static void take_help(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_say(m, 214, "2.0.0", "Recipients are fax numbers: RCPT TO:<+498912345@domain>");
}

static void take_quit(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_cut(m, 221, "2.0.0", "Goodbye", NULL);
}

/* A web browser, or somebody who makes one talk to us. */
static void take_http(struct smtp_machine *m, const char *text, bool more)
{
    (void)text;
    (void)more;
    smtp_cut(m, 554, "5.5.1", "This is no web server", "spoke HTTP");
}

static void take_helo(struct smtp_machine *m, const char *text, bool more)
{
    (void)more;
    take_hello(m, text, false);
}

static void take_ehlo(struct smtp_machine *m, const char *text, bool more)
{
    (void)more;
    take_hello(m, text, true);
}

enum { OF_SMTP = 1, OF_LMTP = 2, OF_BOTH = 3, IDLE_COMMANDS_MAX = 100 };

static const struct {
    const char *verb;
    int of;
    bool idle; /* does nothing for a message */
    void (*take)(struct smtp_machine *m, const char *text, bool more);
} commands[] = {
    {"EHLO", OF_SMTP, true, take_ehlo},  {"HELO", OF_SMTP, true, take_helo},
    {"LHLO", OF_LMTP, true, take_ehlo},  {"MAIL", OF_BOTH, false, take_mail},
    {"RCPT", OF_BOTH, false, take_rcpt}, {"DATA", OF_BOTH, false, take_data},
    {"BDAT", OF_BOTH, false, take_bdat}, {"RSET", OF_BOTH, true, take_rset},
    {"NOOP", OF_BOTH, true, take_noop},  {"VRFY", OF_BOTH, true, take_vrfy},
    {"HELP", OF_BOTH, true, take_help},  {"QUIT", OF_BOTH, false, take_quit},
    {"AUTH", OF_BOTH, true, take_auth},  {"STARTTLS", OF_BOTH, false, take_starttls},
    {"GET", OF_BOTH, false, take_http},  {"POST", OF_BOTH, false, take_http},
    {"PUT", OF_BOTH, false, take_http},  {"CONNECT", OF_BOTH, false, take_http},
    {"HEAD", OF_BOTH, false, take_http}, {"OPTIONS", OF_BOTH, false, take_http},
};

void smtp_take_command(struct smtp_machine *m, char *line, bool more)
{
    size_t length = strcspn(line, " "), end = strlen(line);
    while (end > length && line[end - 1] == ' ') /* RFC 5321 §4.1.1: tolerated */
        line[--end] = '\0';
    const char *text = line + length + strspn(line + length, " ");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strlen(commands[i].verb) != length ||
            strncasecmp(commands[i].verb, line, length) != 0 ||
            !(commands[i].of & (m->terms->lmtp ? OF_LMTP : OF_SMTP)))
            continue;
        if (commands[i].idle && ++m->idle_commands > IDLE_COMMANDS_MAX)
            smtp_cut(m, 421, "4.7.0", "Too many commands without a message",
                     "many commands without a message");
        else
            commands[i].take(m, text, more);
        return;
    }
    smtp_complain(m, 500, "5.5.1", "The command is not known");
}
