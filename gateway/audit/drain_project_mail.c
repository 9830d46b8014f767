#include <string.h>

#include "gateway/audit/drain_project_sql.h"

/* Left as it is, since it would get a line for every string. */
/* clang-format off */

/* Mail out. The records of a mail are filed under what it is about. */

STATEMENT(mail_queue,
          "INSERT INTO mail_outbox (out, kind, about, fax, recipient, action, form, to_address, "
          "address, orcpt, envid, status, verdict, subject, message_id, author, author_name, date, "
          "arrived_ms, pages, unreported, node, "
          "queued_at, next_at, expires_at, last_node, last_index) SELECT x.o::uuid, "
          "e.r->>'kind', " FAX ", nullif(" TEXT("of_fax") ", '')::uuid, " INT("recipient") ", "
          TEXT("action") ", " TEXT("form") ", x.a, " OWN("address") ", " OWN("orcpt") ", "
          OWN("envid") ", " TEXT("status") ", " OWN("verdict") ", " OWN("subject") ", "
          OWN("message_id") ", " OWN("author") ", " OWN("author_name") ", " TEXT("date") ", "
          BIG("arrived_ms") ", " INT("pages") ", " INT("unreported") ", e.n, " TIME ", " TIME ", "
          "micro_time(" BIG("expires") " * 1000000), e.n, e.i FROM e, "
          "unnest(string_to_array(" TEXT("out") ", ','), CASE e.r->>'kind' WHEN 'report' THEN "
          "ARRAY[" OWN("to") "] ELSE string_to_array(" OWN("to") ", ',') END) AS x(o, a) "
          "ON CONFLICT (out) DO NOTHING");
STATEMENT(mail_report_done,
          "UPDATE mail_recipients t SET report = '', " CHANGED " FROM e WHERE t.mail = " FAX
          " AND e.r->>'kind' = 'report' AND t.recipient = " INT("recipient") " AND " NEWER("t"));
STATEMENT(mail_due_done,
          "UPDATE faxes t SET mail_due = '', " CHANGED " FROM e WHERE t.fax = " FAX
          " AND e.r->>'kind' IS DISTINCT FROM 'report' AND " NEWER("t"));
STATEMENT(mail_defer,
          "UPDATE mail_outbox t SET tries = " INT("tries") ", answer = " OWN("answer")
          ", next_at = micro_time(" BIG("next_ms") " * 1000), " CHANGED
          " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_sent_set,
          "UPDATE mail_outbox t SET state = 'sent', tries = " INT("tries") ", answer = "
          OWN("answer") ", form = " TEXT("form") ", next_at = NULL, ended_at = " TIME ", " CHANGED
          " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_fail,
          "UPDATE mail_outbox t SET state = 'failed', tries = " INT("tries") ", answer = "
          OWN("answer") ", next_at = NULL, ended_at = " TIME ", " CHANGED
          " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_drop,
          "UPDATE mail_outbox t SET state = 'dropped', next_at = NULL, ended_at = " TIME ", "
          CHANGED " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_retry,
          "UPDATE mail_outbox t SET state = 'queued', next_at = " TIME ", ended_at = NULL, "
          "expires_at = micro_time(" BIG("expires") " * 1000000), " CHANGED
          " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_bounce,
          "UPDATE mail_outbox t SET bounced_at = " TIME ", answer = " OWN("why") ", " CHANGED
          " FROM e WHERE t.out = (e.r->>'out')::uuid AND " NEWER("t"));
STATEMENT(mail_return_key_set,
          "INSERT INTO mail_return_keys (node, sealed, last_node, last_index) SELECT e.n, "
          "e.r->>'sealed', e.n, e.i FROM e ON CONFLICT (node) DO NOTHING");
STATEMENT(mail_certificate_set,
          "INSERT INTO mail_certificates AS t (address, certificate, subject, fingerprint, "
          "not_after, set_at, last_node, last_index) SELECT " OWN("address") ", "
          OWN("certificate") ", " OWN("subject") ", " TEXT("fingerprint") ", " BIG("not_after")
          ", " TIME ", e.n, e.i FROM e ON CONFLICT (address) DO UPDATE SET certificate = "
          "excluded.certificate, subject = excluded.subject, fingerprint = excluded.fingerprint, "
          "not_after = excluded.not_after, set_at = excluded.set_at, removed_at = NULL, last_node "
          "= excluded.last_node, last_index = excluded.last_index WHERE t.last_node <> "
          "excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(mail_certificate_remove,
          "UPDATE mail_certificates t SET removed_at = " TIME ", certificate = '', subject = '', "
          CHANGED " FROM e WHERE t.address = " OWN("address") " AND " NEWER("t"));
/* Messages. A recipient's record comes before that of its message. */

STATEMENT(mail_recipient_add,
          "INSERT INTO mail_recipients (mail, recipient, address, orcpt, number, name, notify, class, "
          "from_number, y_dpi, cover, priority, not_before, last_node, last_index) SELECT " FAX ", "
          INT("recipient") ", " OWN("address") ", " OWN("orcpt") ", " OWN("number") ", " OWN("name") ", "
          INT("notify") ", " TEXT("class") ", " OWN("from_number") ", " INT("y_dpi") ", "
          INT("cover") ", " INT("priority") ", " BIG("not_before")
          ", e.n, e.i FROM e ON CONFLICT (mail, recipient) DO NOTHING");
STATEMENT(mail_accept,
          "INSERT INTO mails (mail, from_address, envid, return_full, login, relay, secured, lmtp, "
          "peer, host, octets, recipients, kek, mark, node, accepted_at, last_node, last_index) SELECT "
          FAX ", " OWN("from_address") ", " OWN("envid") ", " INT("return_full") " <> 0, "
          TEXT("login") ", " INT("relay") " <> 0, " INT("secured") " <> 0, " INT("lmtp")
          " <> 0, " OWN("peer") ", " OWN("host") ", " BIG("octets") ", " INT("recipients") ", "
          TEXT("kek") ", " TEXT("mark") ", e.n, " TIME ", e.n, e.i FROM e ON CONFLICT (mail) DO NOTHING");
/* Said twice, when a crash came between: what was said first counts. */
STATEMENT(mail_identify,
          "UPDATE mails t SET principal = " TEXT("principal") ", identified_by = "
          TEXT("identified_by") ", author = " OWN("author") ", author_name = " OWN("author_name")
          ", subject = " OWN("subject") ", message_id = " OWN("message_id") ", date = "
          TEXT("date") ", automatic = " INT("automatic") " <> 0, class = " TEXT("class")
          ", from_number = " OWN("from_number") ", y_dpi = " INT("y_dpi") ", cover = "
          INT("cover") ", priority = " INT("priority") ", not_before = " BIG("not_before")
          ", signature = " TEXT("signature") ", refusal = " TEXT("refusal") ", identified_index = e.i, " CHANGED
          " FROM e WHERE t.mail = " FAX " AND t.identified_index IS NULL AND " NEWER("t"));
STATEMENT(mail_recipient_end,
          "UPDATE mail_recipients t SET state = " TEXT("state") ", status = " TEXT("status")
          ", reason = " TEXT("reason") ", pages = " INT("pages") ", report = " TEXT("report")
          ", ended_at = " TIME ", " CHANGED " FROM e WHERE t.mail = " FAX " AND t.recipient = "
          INT("recipient") " AND t.ended_at IS NULL AND " NEWER("t"));
STATEMENT(mail_end,
          "UPDATE mails t SET ended_at = coalesce(t.ended_at, " TIME "), " CHANGED
          " FROM e WHERE t.mail = " FAX " AND " NEWER("t"));
/* What the message said goes with it. */
STATEMENT(mail_destroy,
          "UPDATE mails t SET destroyed_at = " TIME ", author_name = '', subject = '', "
          "message_id = '', " CHANGED " FROM e WHERE t.mail = " FAX " AND " NEWER("t"));
STATEMENT(mail_sender_add,
          "INSERT INTO mail_senders AS t (address, principal, number, last_node, last_index) SELECT "
          OWN("address") ", e.r->>'principal', " OWN("number") ", e.n, e.i FROM e ON CONFLICT "
          "(address) DO UPDATE SET principal = excluded.principal, number = excluded.number, "
          "removed_at = NULL, last_node = excluded.last_node, last_index = excluded.last_index "
          "WHERE t.last_node <> excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(mail_sender_remove,
          "UPDATE mail_senders t SET removed_at = " TIME ", " CHANGED " FROM e WHERE t.address = "
          OWN("address") " AND " NEWER("t"));

/* clang-format on */

static const struct projection projections[] = {
    {"mail.accepted", {&mail_accept}, ONE_OF_A_FAX},
    {"mail.bounced", {&mail_bounce}, ONE_OF_A_FAX},
    {"mail.certificate_removed", {&mail_certificate_remove}, ONE_OF_A_FAX},
    {"mail.certificate_set", {&mail_certificate_set}, ONE_OF_A_FAX},
    {"mail.deferred", {&mail_defer}, ONE_OF_A_FAX},
    {"mail.destroyed", {&mail_destroy}, ONE_OF_A_FAX},
    {"mail.dropped", {&mail_drop}, ONE_OF_A_FAX},
    {"mail.ended", {&mail_end}, ONE_OF_A_FAX},
    {"mail.failed", {&mail_fail}, ONE_OF_A_FAX},
    {"mail.identified", {&mail_identify}, ONE_OF_A_FAX},
    {"mail.not_due", {&mail_due_done}, ONE_OF_A_FAX},
    {"mail.queued", {&mail_queue, &mail_due_done, &mail_report_done}, ONE_OF_A_FAX},
    {"mail.recipient", {&mail_recipient_add}, MANY_OF_A_FAX},
    {"mail.recipient_ended", {&mail_recipient_end}, MANY_OF_A_FAX},
    {"mail.retried", {&mail_retry}, ONE_OF_A_FAX},
    {"mail.return_key", {&mail_return_key_set}, ONE_OF_A_FAX},
    {"mail.sender_added", {&mail_sender_add}, ONE_OF_A_FAX},
    {"mail.sender_removed", {&mail_sender_remove}, ONE_OF_A_FAX},
    {"mail.sent", {&mail_sent_set}, ONE_OF_A_FAX},
};

const struct projection *projection_find_mail(const char *event)
{
    for (size_t i = 0; i < sizeof(projections) / sizeof(*projections); i++)
        if (strcmp(projections[i].event, event) == 0)
            return &projections[i];
    return NULL;
}
