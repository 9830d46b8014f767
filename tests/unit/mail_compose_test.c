#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "gateway/mail/mail_compose.h"
#include "gateway/mail/mail_content.h"
#include "gateway/render/sealed_memfd.h"

static const struct mail_origin origin = {
    .host = "gw.example.test",
    .from = "fax@example.test",
    .to = "anna@example.test",
    .out = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .queued_ms = INT64_C(1795330000123),
};

static struct mail_report report_of(void)
{
    struct mail_report report = {
        .recipient = 1,
        .action = MAIL_REPORT_FAILED,
        .to = "anna@example.test",
        .address = "+4930123@fax.example.test",
        .orcpt = "rfc822;+4930123@fax.example.test",
        .envid = "QQ314159",
        .status = "5.1.1",
        .verdict = "The number is not in service.",
        .head = {.subject = "Offer", .message_id = "<1@example.test>"},
        .arrived_ms = INT64_C(1795330000123),
        .pages = 0,
    };
    return report;
}

static void has(const struct mail_text *text, const char *piece)
{
    if (!text->error && !strstr(text->octets, piece))
        fail_msg("'%s' is not in:\n%s", piece, text->octets);
}

static void has_not(const struct mail_text *text, const char *piece)
{
    if (!text->error && strstr(text->octets, piece))
        fail_msg("'%s' is in:\n%s", piece, text->octets);
}

static void reports_say_what_rfc_3464_wants(void **state)
{
    (void)state;
    struct mail_report report = report_of();
    struct mail_report_facts facts = {.origin = origin,
                                      .report = &report,
                                      .diagnostic_type = "X-SIP",
                                      .diagnostic = "404 Not Found",
                                      .head = "Subject: Offer\r\n folded\r\n\r\nbody",
                                      .head_length = 30};
    struct mail_text text = {0};
    int rc = mail_compose_report(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has(&text, "\r\nAuto-Submitted: auto-replied\r\n");
    has(&text, "\r\nIn-Reply-To: <1@example.test>\r\n");
    has(&text, "multipart/report; report-type=delivery-status");
    has(&text, "\r\n\r\nThe number is not in service.\r\n");
    has(&text, "\r\nOriginal-Envelope-Id: QQ314159\r\nReporting-MTA: dns; gw.example.test\r\n"
               "Arrival-Date: Sun, 22 Nov 2026 06:46:40 +0000\r\n\r\n"
               "Original-Recipient: rfc822; +4930123@fax.example.test\r\n"
               "Final-Recipient: rfc822; +4930123@fax.example.test\r\n"
               "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: X-SIP; 404 Not Found\r\n");
    has(&text, "\r\n\r\nSubject: Offer\r\n folded\r\n\r\n--");
    has_not(&text, "body");
    mail_text_clear(&text);
}

static void nothing_from_outside_becomes_a_field(void **state)
{
    (void)state;
    struct mail_report report = report_of();
    struct mail_report_facts facts = {.origin = origin, .report = &report};
    struct mail_text text = {0};
    static const char evil[] = "x\r\nAction: delivered\r\n\r\nB";
    snprintf(report.envid, sizeof report.envid, "%s", evil);
    snprintf(report.orcpt, sizeof report.orcpt, "rfc822;%s", evil);
    snprintf(report.address, sizeof report.address, "%s", evil);
    snprintf(report.verdict, sizeof report.verdict, "%s", evil);
    snprintf(report.head.subject, sizeof report.head.subject, "%s", evil);
    snprintf(report.head.message_id, sizeof report.head.message_id, "<%s>", evil);
    int rc = mail_compose_report(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has_not(&text, "\nAction: delivered");
    has_not(&text, "\nB");
    has_not(&text, "In-Reply-To");
    mail_text_clear(&text);
    report = report_of();
    snprintf(report.orcpt, sizeof report.orcpt, "no type");
    rc = mail_compose_report(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has_not(&text, "Original-Recipient");
    mail_text_clear(&text);
}

static void a_report_says_how_many_went_missing(void **state)
{
    (void)state;
    struct mail_report report = report_of();
    struct mail_report_facts facts = {.origin = origin, .report = &report};
    struct mail_text text = {0};
    int rc = mail_compose_report(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has_not(&text, "too many reports");
    mail_text_clear(&text);
    report.unreported = UINT32_MAX;
    rc = mail_compose_report(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has(&text, "too many reports to you in an hour: 4294967295 before");
    mail_text_clear(&text);
}

static struct mail_fax_facts fax_of(void)
{
    return (struct mail_fax_facts){
        .origin = origin,
        .mailbox = "claims",
        .from_number = "+4930111111",
        .to_number = "+4930222222",
        .masked_from = "*******1111",
        .masked_to = "*******2222",
        .received_ms = INT64_C(1795330000123),
        .pages = 2,
        .note = "",
    };
}

static void notices_show_no_number(void **state)
{
    (void)state;
    struct mail_fax_facts facts = fax_of();
    struct mail_text text = {0};
    facts.note = "Because of \xC3\xA4.";
    int rc = mail_compose_notice(&facts, &text);
    assert_true(rc == 0 || text.error == -ENOMEM);
    has(&text, "Subject: Fax from *******1111, 2 pages\r\n");
    has(&text, "Auto-Submitted: auto-generated\r\n");
    has(&text, "Because of =C3=A4.");
    has_not(&text, "+4930");
    mail_text_clear(&text);
    struct mail_frame frame = {0};
    rc = mail_compose_smime(&facts, true, &frame);
    has(&frame.head, "smime-type=authEnveloped-data");
    has_not(&frame.head, "+4930");
    assert_true(rc == 0 || rc == -ENOMEM);
    mail_frame_clear(&frame);
}

/* The whole at once, and octet by octet. */
static void content_is_read_in_any_pieces(void **state)
{
    (void)state;
    uint8_t document[1000];
    struct mail_fax_facts facts = fax_of();
    struct mail_text expected = {0};
    for (size_t i = 0; i < sizeof document; i++)
        document[i] = (uint8_t)(i * 7);
    for (size_t length = 0; length < sizeof document; length += 111) {
        struct mail_content content = {.document = -1};
        char *whole = NULL;
        if (mail_compose_attachment(&facts, MAIL_FORM_PDF, &content.frame) == 0)
            content.document = sealed_memfd_new("test", document, length);
        content.octets = length;
        if (content.document >= 0) {
            size_t total = (size_t)mail_content_length(&content), at = 0;
            whole = malloc(total + 1);
            mail_text_add(&expected, content.frame.head.octets);
            mail_text_base64(&expected, document, length);
            mail_text_add(&expected, content.frame.tail.octets);
            for (size_t step = length % 2 ? 1 : 97; whole && at < total; at += step) {
                int64_t got = mail_content_read(&content, whole + at, step);
                assert_int_equal(got, step < total - at ? step : total - at);
            }
            char more;
            assert_true(!whole || mail_content_read(&content, &more, 1) == 0);
            if (whole && !expected.error) {
                assert_int_equal(expected.length, total);
                assert_memory_equal(whole, expected.octets, total);
            }
        }
        free(whole);
        mail_text_clear(&expected);
        mail_content_clear(&content);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_say_what_rfc_3464_wants),
        cmocka_unit_test(nothing_from_outside_becomes_a_field),
        cmocka_unit_test(a_report_says_how_many_went_missing),
        cmocka_unit_test(notices_show_no_number),
        cmocka_unit_test(content_is_read_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
