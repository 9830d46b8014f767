/* Whom received faxes are encrypted to (S/MIME). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/db/mail_out_queries.h"
#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_smime.h"
#include "gateway/mail/mail_text.h"

static json_t *certificate_json(const char *address, const char *subject, const char *fingerprint,
                                int64_t not_after_s)
{
    return json_pack("{s:s,s:s,s:s,s:o}", "address", address, "subject", subject, "fingerprint",
                     fingerprint, "expires", api_time(not_after_s * 1000));
}

static void on_certificates(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    if (!api_rows(r, status, "the certificates could not be read"))
        return;
    json_t *list = json_array();
    for (int i = 0; i < db_result_rows(result); i++) {
        struct mail_certificate_row row;
        mail_certificate_row_read(result, i, &row);
        json_array_append_new(
            list, certificate_json(row.address, row.subject, row.fingerprint, row.not_after_s));
    }
    api_answer_json(r, 200, json_pack("{s:o}", "certificates", list));
}

void api_get_mail_certificates(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    int rc = mail_query_certificates(r->control->db, NULL, on_certificates, r);
    if (rc < 0)
        api_answer_error(r, rc, "the certificates could not be read");
}

/* The address of the path in lower case; false after having answered. */
static bool read_address(struct api_request *r, char address[MAIL_ADDRESS_TEXT])
{
    const char *text = http_request_param(r->http, "address");
    bool good = mail_text_is_address(text);
    snprintf(address, MAIL_ADDRESS_TEXT, "%s", text);
    for (char *c = address; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (!good)
        api_answer_problem(r, 422, "address", "The mail address is not valid", NULL);
    return good;
}

static void set_certificate(struct api_request *r, json_t *in)
{
    struct event e;
    struct mail_certificate certificate;
    char address[MAIL_ADDRESS_TEXT], why[200] = "";
    json_t *pem = json_object_get(in, "certificate");
    if (!read_address(r, address))
        return;
    int rc = json_is_string(pem)
                 ? mail_certificate_read(json_string_value(pem), json_string_length(pem),
                                         control_now_ms() / 1000, &certificate, why)
                 : -EINVAL;
    if (rc == -EINVAL) {
        api_answer_problem(r, 422, "certificate", "The certificate cannot be used",
                           why[0] ? why : "'certificate' must be a text in PEM form");
        return;
    }
    if (rc < 0) {
        api_answer_error(r, rc, "the certificate could not be read");
        return;
    }
    event_begin(&e, "mail.certificate_set", r->principal, NULL);
    event_personal(&e, "address", address);
    event_personal(&e, "subject", certificate.subject);
    event_personal(&e, "certificate", certificate.base64);
    event_text(&e, "fingerprint", certificate.fingerprint);
    event_integer(&e, "not_after", certificate.not_after);
    api_change(r, &e, 200,
               certificate_json(address, certificate.subject, certificate.fingerprint,
                                certificate.not_after));
}

void api_put_mail_certificate(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_put_mail_certificate);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL))
        return;
    json_t *in = api_body(r, "MailCertificateNew");
    if (!in)
        return;
    set_certificate(r, in);
    json_decref(in);
}

static void on_found(void *user, int status, const struct db_result *result)
{
    struct api_request *r = user;
    struct mail_certificate_row row;
    struct event e;
    if (!api_rows(r, status, "the certificates could not be read"))
        return;
    if (db_result_rows(result) == 0) {
        api_answer_problem(r, 404, "unknown", "There is no certificate for this address", NULL);
        return;
    }
    mail_certificate_row_read(result, 0, &row);
    event_begin(&e, "mail.certificate_removed", r->principal, NULL);
    event_personal(&e, "address", row.address);
    event_text(&e, "fingerprint", row.fingerprint);
    api_change(r, &e, 204, NULL);
}

void api_delete_mail_certificate(struct http_request *http, void *user)
{
    char address[MAIL_ADDRESS_TEXT];
    struct api_request *r = api_begin_change(http, user, api_delete_mail_certificate);
    if (!r || !api_allow(r, POLICY_ADMIN_MAILBOXES, NULL) || !read_address(r, address))
        return;
    int rc = mail_query_certificates(r->control->db, address, on_found, r);
    if (rc < 0)
        api_answer_error(r, rc, "the certificates could not be read");
}
