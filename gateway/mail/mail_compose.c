#include "gateway/mail/mail_compose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/mail/mail_compose_private.h"
#include "gateway/wall_clock.h"

static const char *const forms[] = {
    [MAIL_FORM_NOTICE] = "notice",
    [MAIL_FORM_SMIME] = "smime",
    [MAIL_FORM_PDF] = "pdf",
    [MAIL_FORM_TIFF] = "tiff",
};

const char *mail_form_text(enum mail_form form)
{
    return forms[form];
}

int mail_form_parse(const char *text, enum mail_form *form)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i], text) == 0) {
            *form = (enum mail_form)i;
            return 0;
        }
    }
    return -EINVAL;
}

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; *at;) {
        at += strspn(at, ", ");
        size_t item = strcspn(at, ", ");
        if (item > 0 && item == length && strncmp(at, name, length) == 0)
            return true;
        at += item;
    }
    return false;
}

enum mail_form mail_form_allowed(enum mail_form wanted, const char *class_name,
                                 const char *attachment_classes)
{
    if (wanted != MAIL_FORM_PDF && wanted != MAIL_FORM_TIFF)
        return wanted;
    return is_listed(attachment_classes, class_name) ? wanted : MAIL_FORM_SMIME;
}

enum mail_form mail_form_lesser(enum mail_form a, enum mail_form b)
{
    return a < b ? a : b;
}

void mail_frame_clear(struct mail_frame *frame)
{
    mail_text_clear(&frame->head);
    mail_text_clear(&frame->tail);
}

/* --- what all of them have --- */

void mail_compose_boundary(const struct mail_origin *origin, char out[MAIL_BOUNDARY_TEXT])
{
    char id[FAX_ID_TEXT];
    fax_id_text(&origin->out, id);
    /* "=_" stands in no encoded body (RFC 2045 §6.7), and the identifier in no mail before this. */
    snprintf(out, MAIL_BOUNDARY_TEXT, "=_%s", id);
}

void mail_compose_head(const struct mail_origin *origin, const char *display, const char *subject,
                       struct mail_text *out)
{
    char date[MAIL_DATE_TEXT], id[FAX_ID_TEXT];
    fax_id_text(&origin->out, id);
    mail_text_date(origin->queued_ms, date);
    mail_text_print(out, "Date: %s\r\n", date);
    mail_text_address_field(out, "From", display, origin->from);
    mail_text_address_field(out, "To", "", origin->to);
    mail_text_field(out, "Subject", subject);
    mail_text_print(out, "Message-ID: <%s@%s>\r\nMIME-Version: 1.0\r\n", id, origin->host);
}

void mail_compose_text_part(const char *body, size_t length, struct mail_text *out)
{
    mail_text_add(out, "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    mail_text_quoted(out, body, length);
}

/* --- received faxes --- */

enum { BODY_TEXT = 2048, SUBJECT_TEXT = 300, FILE_TEXT = 80 };

static void fill_subject(const struct mail_fax_facts *facts, const char *from,
                         char out[SUBJECT_TEXT])
{
    snprintf(out, SUBJECT_TEXT, "%s from %s, %u %s", facts->partial ? "Incomplete fax" : "Fax",
             from[0] ? from : "an unknown number", facts->pages,
             facts->pages == 1 ? "page" : "pages");
}

static void fill_body(const struct mail_fax_facts *facts, const char *from, const char *to,
                      char out[BODY_TEXT])
{
    char time[WALL_CLOCK_TEXT], id[FAX_ID_TEXT];
    fax_id_text(&facts->fax, id);
    wall_clock_text_seconds(facts->received_ms / 1000, time);
    snprintf(
        out, BODY_TEXT,
        "%s\n\nFrom:     %s\nTo:       %s\nTime:     %s\nPages:    %u\nMailbox:  %s\nFax:      "
        "%s\n%s%s%s",
        facts->partial ? "A fax came in part; the call ended before its last page."
                       : "A fax was received.",
        from[0] ? from : "not said", to, time, facts->pages, facts->mailbox, id,
        facts->note && facts->note[0] ? "\n" : "", facts->note ? facts->note : "",
        facts->note && facts->note[0] ? "\n" : "");
}

static const char automatic[] = "Auto-Submitted: auto-generated\r\n";

/* From the text part to where the document's base64 begins; and what stands behind it. */
static void add_parts(const struct mail_fax_facts *facts, bool tiff, struct mail_frame *out)
{
    char boundary[MAIL_BOUNDARY_TEXT], body[BODY_TEXT], file[FILE_TEXT], id[FAX_ID_TEXT];
    mail_compose_boundary(&facts->origin, boundary);
    fill_body(facts, facts->from_number, facts->to_number, body);
    fax_id_text(&facts->fax, id);
    snprintf(file, sizeof file, "fax-%s.%s", id, tiff ? "tiff" : "pdf");
    mail_text_print(&out->head, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n",
                    boundary, boundary);
    mail_compose_text_part(body, strlen(body), &out->head);
    mail_text_print(&out->head, "\r\n--%s\r\nContent-Type: %s", boundary,
                    tiff ? "image/tiff" : "application/pdf");
    mail_text_parameter(&out->head, "name", file);
    mail_text_add(&out->head, "\r\nContent-Transfer-Encoding: base64\r\n"
                              "Content-Disposition: attachment");
    mail_text_parameter(&out->head, "filename", file);
    mail_text_add(&out->head, "\r\n\r\n");
    mail_text_print(&out->tail, "\r\n--%s--\r\n", boundary);
}

static int frame_error(const struct mail_frame *frame)
{
    return frame->head.error ? frame->head.error : frame->tail.error;
}

int mail_compose_attachment(const struct mail_fax_facts *facts, enum mail_form form,
                            struct mail_frame *out)
{
    char subject[SUBJECT_TEXT];
    fill_subject(facts, facts->from_number, subject);
    mail_compose_head(&facts->origin, "Fax gateway", subject, &out->head);
    mail_text_add(&out->head, automatic);
    add_parts(facts, form == MAIL_FORM_TIFF, out);
    return frame_error(out);
}

int mail_compose_inner(const struct mail_fax_facts *facts, struct mail_frame *out)
{
    add_parts(facts, false, out);
    return frame_error(out);
}

int mail_compose_smime(const struct mail_fax_facts *facts, bool authenticated,
                       struct mail_frame *out)
{
    char subject[SUBJECT_TEXT];
    fill_subject(facts, facts->masked_from, subject);
    mail_compose_head(&facts->origin, "Fax gateway", subject, &out->head);
    mail_text_add(&out->head, automatic);
    mail_text_print(&out->head,
                    "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n name=smime.p7m\r\n"
                    "Content-Transfer-Encoding: base64\r\n"
                    "Content-Disposition: attachment; filename=smime.p7m\r\n\r\n",
                    authenticated ? "authEnveloped-data" : "enveloped-data");
    return frame_error(out);
}

int mail_compose_notice(const struct mail_fax_facts *facts, struct mail_text *out)
{
    char subject[SUBJECT_TEXT], body[BODY_TEXT];
    fill_subject(facts, facts->masked_from, subject);
    fill_body(facts, facts->masked_from, facts->masked_to, body);
    mail_compose_head(&facts->origin, "Fax gateway", subject, out);
    mail_text_add(out, automatic);
    mail_compose_text_part(body, strlen(body), out);
    return out->error;
}
