#include <stdio.h>
#include <string.h>

#include "gateway/mail/mail_compose_private.h"
#include "policy/utf8.h"

enum { BODY_TEXT = 4096, HEAD_LINE_MOST = 900 };

static const char *action_text(enum mail_report_action action)
{
    return action == MAIL_REPORT_DELIVERED ? "delivered"
           : action == MAIL_REPORT_DELAYED ? "delayed"
                                           : "failed";
}

static const char *subject_of(enum mail_report_action action)
{
    return action == MAIL_REPORT_DELIVERED ? "Your fax was delivered"
           : action == MAIL_REPORT_DELAYED ? "Your fax is delayed"
                                           : "Your fax was not delivered";
}

/* One line of a body: a value from outside may not begin another. */
static void one_line(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    utf8_clean(text);
}

static void add_human(const struct mail_report_facts *facts, struct mail_text *out)
{
    const struct mail_report *report = facts->report;
    char verdict[sizeof report->verdict], subject[sizeof report->head.subject],
        address[sizeof report->address];
    char body[BODY_TEXT], date[MAIL_DATE_TEXT], id[FAX_ID_TEXT] = "none", lack[120] = "";
    snprintf(verdict, sizeof verdict, "%s", report->verdict);
    snprintf(subject, sizeof subject, "%s", report->head.subject);
    snprintf(address, sizeof address, "%s", report->address);
    one_line(verdict);
    one_line(subject);
    one_line(address);
    mail_text_date(report->arrived_ms, date);
    if (report->has_fax)
        fax_id_text(&report->fax, id);
    if (report->unreported > 0)
        snprintf(lack, sizeof lack,
                 "\nThere were too many reports to you in an hour: %u before this one were not "
                 "sent.\n",
                 report->unreported);
    int length = snprintf(body, sizeof body,
                          "%s\n%s\nYour message:     %s\nCame:             %s\nTo:               "
                          "%s\nPages confirmed:  %u\nFax:              %s\n\nThis is the fax "
                          "gateway at %s.\n",
                          verdict, lack, subject[0] ? subject : "(no subject)", date, address,
                          report->pages, id, facts->origin.host);
    mail_compose_text_part(body, length > 0 ? strlen(body) : 0, out);
}

/* "rfc822;a@b" as RFC 3461 §4.2 carries it, into type and address. */
static void add_original(const struct mail_report *report, struct mail_text *out)
{
    char type[20];
    size_t length = strcspn(report->orcpt, ";");
    if (length == 0 || length >= sizeof type || report->orcpt[length] != ';' ||
        strspn(report->orcpt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") <
            length)
        return;
    snprintf(type, sizeof type, "%.*s", (int)length, report->orcpt);
    mail_text_status_field(out, "Original-Recipient", type, report->orcpt + length + 1);
}

static bool is_ascii(const char *text)
{
    while ((unsigned char)*text - 1u < 0x7F)
        text++;
    return *text == '\0';
}

/* RFC 3464 §2.2 and §2.3 */
static void add_status(const struct mail_report_facts *facts, struct mail_text *out)
{
    const struct mail_report *report = facts->report;
    char date[MAIL_DATE_TEXT];
    mail_text_add(out, "Content-Type: message/delivery-status\r\n\r\n");
    if (report->envid[0])
        mail_text_status_field(out, "Original-Envelope-Id", NULL, report->envid);
    mail_text_status_field(out, "Reporting-MTA", "dns", facts->origin.host);
    if (report->arrived_ms > 0) {
        mail_text_date(report->arrived_ms, date);
        mail_text_status_field(out, "Arrival-Date", NULL, date);
    }
    mail_text_add(out, "\r\n");
    add_original(report, out);
    /* There is no registered type for telephone numbers: the address is what the sender wrote. */
    mail_text_status_field(out, "Final-Recipient", is_ascii(report->address) ? "rfc822" : "utf-8",
                           report->address);
    mail_text_status_field(out, "Action", NULL, action_text(report->action));
    mail_text_status_field(out, "Status", NULL, report->status[0] ? report->status : "5.0.0");
    if (facts->diagnostic_type)
        mail_text_status_field(out, "Diagnostic-Code", facts->diagnostic_type, facts->diagnostic);
    if (report->pages > 0)
        mail_text_print(out, "X-Fax-Pages: %u\r\n", report->pages);
}

/* The head up to the first empty line, in lines that end with LF. */
static void add_message_head(const struct mail_report_facts *facts, struct mail_text *out)
{
    struct mail_text lines = {0};
    size_t length = facts->head_length < MAIL_HEAD_MOST ? facts->head_length : MAIL_HEAD_MOST;
    size_t begin = 0;
    while (begin < length) {
        const char *line = facts->head + begin;
        const char *end = memchr(line, '\n', length - begin);
        size_t whole = end ? (size_t)(end - line) : length - begin;
        size_t shown = whole > 0 && line[whole - 1] == '\r' ? whole - 1 : whole;
        if (shown == 0)
            break;
        mail_text_add_octets(&lines, line, shown < HEAD_LINE_MOST ? shown : HEAD_LINE_MOST);
        mail_text_add(&lines, "\n");
        begin += whole + 1;
    }
    mail_text_add(out, "Content-Type: text/rfc822-headers; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    if (lines.error)
        out->error = lines.error;
    else
        mail_text_quoted(out, lines.octets ? lines.octets : "", lines.length);
    mail_text_clear(&lines);
}

/* "<...>" in printable ASCII. */
static bool is_message_id(const char *text)
{
    size_t length = strlen(text);
    for (const char *c = text; *c; c++)
        if (*c < 0x21 || *c > 0x7E)
            return false;
    return length > 2 && text[0] == '<' && text[length - 1] == '>';
}

int mail_compose_report(const struct mail_report_facts *facts, struct mail_text *out)
{
    char boundary[MAIL_BOUNDARY_TEXT];
    mail_compose_boundary(&facts->origin, boundary);
    mail_compose_head(&facts->origin, "Fax gateway", subject_of(facts->report->action), out);
    mail_text_add(out, "Auto-Submitted: auto-replied\r\n");
    if (is_message_id(facts->report->head.message_id))
        mail_text_print(out, "In-Reply-To: %s\r\nReferences: %s\r\n",
                        facts->report->head.message_id, facts->report->head.message_id);
    mail_text_print(out,
                    "Content-Type: multipart/report; report-type=delivery-status;\r\n "
                    "boundary=\"%s\"\r\n\r\n--%s\r\n",
                    boundary, boundary);
    add_human(facts, out);
    mail_text_print(out, "\r\n--%s\r\n", boundary);
    add_status(facts, out);
    if (facts->head) {
        mail_text_print(out, "\r\n--%s\r\n", boundary);
        add_message_head(facts, out);
    }
    mail_text_print(out, "\r\n--%s--\r\n", boundary);
    return out->error;
}
