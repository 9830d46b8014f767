#include "gateway/audit/drain_project.h"

#include <string.h>

#include "gateway/audit/drain_project_sql.h"

/* Left as it is, since it would get a line for every string. */
/* clang-format off */

/* Principals */

STATEMENT(principal_add,
          "INSERT INTO principals (principal, kind, full_name, created_at, last_node, "
          "last_index) SELECT e.r->>'principal', coalesce(e.r->>'kind', 'person'), "
          OWN("full_name") ", " TIME ", e.n, e.i FROM e ON CONFLICT (principal) DO NOTHING");
STATEMENT(account_add,
          "INSERT INTO local_accounts AS t (uid, principal, last_node, last_index) SELECT "
          "(e.r->>'local_uid')::bigint, e.r->>'principal', e.n, e.i FROM e WHERE "
          "coalesce((e.r->>'local_uid')::bigint, -1) >= 0 ON CONFLICT (uid) DO UPDATE SET "
          "principal = excluded.principal, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE t.last_node <> excluded.last_node OR t.last_index < "
          "excluded.last_index");
STATEMENT(administrator_grant,
          "INSERT INTO grants (\"grant\", principal, role, created_at, last_node, last_index) "
          "SELECT md5(e.n || ':' || e.i)::uuid, e.r->>'principal', 'administrator', " TIME
          ", e.n, e.i FROM e ON CONFLICT (\"grant\") DO NOTHING");
STATEMENT(principal_disable,
          "UPDATE principals t SET disabled = true, " CHANGED " FROM e WHERE t.principal = "
          "e.r->>'principal' AND " NEWER("t"));
STATEMENT(principal_enable,
          "UPDATE principals t SET disabled = false, " CHANGED " FROM e WHERE t.principal = "
          "e.r->>'principal' AND " NEWER("t"));

/* Roles and grants */

STATEMENT(role_add,
          "INSERT INTO roles AS t (role, actions, last_node, last_index) SELECT e.r->>'role', "
          TEXT("actions") ", e.n, e.i FROM e ON CONFLICT (role) DO UPDATE SET actions = "
          "excluded.actions, removed_at = NULL, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE NOT t.builtin AND (t.last_node <> excluded.last_node OR "
          "t.last_index < excluded.last_index)");
STATEMENT(role_remove,
          "UPDATE roles t SET removed_at = " TIME ", " CHANGED " FROM e WHERE t.role = "
          "e.r->>'role' AND NOT t.builtin AND " NEWER("t"));
STATEMENT(grant_add,
          "INSERT INTO grants (\"grant\", principal, role, from_numbers, to_numbers, mailboxes, "
          "expires_at, created_at, last_node, last_index) SELECT (e.r->>'grant')::uuid, "
          "e.r->>'principal', e.r->>'role', " OWN("from_numbers") ", " OWN("to_numbers") ", "
          TEXT("mailboxes") ", micro_time(nullif(" BIG("expires") ", 0) * 1000000), " TIME
          ", e.n, e.i FROM e ON CONFLICT (\"grant\") DO NOTHING");
STATEMENT(grant_revoke,
          "UPDATE grants t SET revoked_at = " TIME ", " CHANGED " FROM e WHERE t.\"grant\" = "
          "(e.r->>'grant')::uuid AND " NEWER("t"));

/* Mailboxes, numbers, trunks */

STATEMENT(mailbox_set,
          "INSERT INTO mailboxes AS t (mailbox, class, retention_days, capture, device, mail_to, mail_form, last_node, last_index) "
          "SELECT e.r->>'mailbox', e.r->>'class', " INT("retention_days") ", " INT("capture")
          " <> 0, " TEXT("device") ", " OWN("mail_to") ", coalesce(e.r->>'mail_form', 'notice'), e.n, e.i FROM e ON CONFLICT (mailbox) DO UPDATE SET class = excluded.class, "
          "retention_days = excluded.retention_days, capture = excluded.capture, device = excluded.device, mail_to = excluded.mail_to, mail_form = excluded.mail_form, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE t.last_node <> excluded.last_node OR t.last_index < "
          "excluded.last_index");
STATEMENT(number_assign,
          "INSERT INTO numbers AS t (number, mailbox, ident, deliver, last_node, last_index) SELECT "
          "e.p->>'number', e.r->>'mailbox', " TEXT("ident") ", coalesce(e.r->>'deliver', 'store'), "
          "e.n, e.i FROM e ON CONFLICT (number) DO UPDATE SET mailbox = excluded.mailbox, ident = "
          "excluded.ident, deliver = excluded.deliver, removed_at "
          "= NULL, last_node = excluded.last_node, last_index = excluded.last_index WHERE "
          "t.last_node <> excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(number_remove,
          "UPDATE numbers t SET removed_at = " TIME ", " CHANGED " FROM e WHERE t.number = "
          "e.p->>'number' AND " NEWER("t"));
STATEMENT(trunk_add,
          "INSERT INTO trunks AS t (trunk, host, port, t38_first, audio_fallback, prefix, "
          "transport, secured, long_by_tcp, express, tls_name, tls_ca, tls_certificate, tls_key, "
          "last_node, last_index) SELECT e.r->>'trunk', e.r->>'host', " INT("port") ", " INT("t38_first") " <> 0, "
          "coalesce((e.r->>'audio_fallback')::integer, 1) <> 0, " TEXT("prefix") ", "
          "coalesce(e.r->>'transport', 'udp'), " INT("secured") " <> 0, " INT("long_by_tcp") " <> 0, " INT("express") " <> 0, "
          TEXT("tls_name") ", " TEXT("tls_ca") ", " TEXT("tls_certificate") ", " TEXT("tls_key")
          ", e.n, e.i FROM e ON CONFLICT (trunk) DO UPDATE SET host = "
          "excluded.host, port = excluded.port, t38_first = excluded.t38_first, "
          "audio_fallback = excluded.audio_fallback, prefix = "
          "excluded.prefix, transport = excluded.transport, secured = excluded.secured, "
          "long_by_tcp = excluded.long_by_tcp, express = excluded.express, tls_name = excluded.tls_name, "
          "tls_ca = excluded.tls_ca, tls_certificate = excluded.tls_certificate, "
          "tls_key = excluded.tls_key, removed_at = NULL, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE t.last_node <> excluded.last_node OR t.last_index < "
          "excluded.last_index");
/* After trunk_add, on the row that it wrote. */
STATEMENT(trunk_routing,
          "UPDATE trunks t SET peers = " TEXT("peers") ", rewrite_out = " TEXT("rewrite_out")
          ", rewrite_in = " TEXT("rewrite_in") ", max_calls = " INT("max_calls")
          ", max_calls_per_second = " INT("max_calls_per_second") ", probe_s = " INT("probe_s")
          ", asserted_identity = coalesce(e.r->>'asserted_identity', 'none'), nat = " INT("nat") " <> 0"
          ", t38 = coalesce((e.r->>'t38')::integer, 1) <> 0 FROM e WHERE t.trunk = e.r->>'trunk' AND t.last_node = e.n AND t.last_index = e.i");
/* Of what it does not name nothing changes. */
STATEMENT(trunk_terms,
          "UPDATE trunks t SET asserted_identity = coalesce(e.r->>'asserted_identity', "
          "t.asserted_identity), nat = coalesce((e.r->>'nat')::integer <> 0, t.nat), " CHANGED
          " FROM e WHERE t.trunk = e.r->>'trunk' AND " NEWER("t"));
STATEMENT(route_add,
          "INSERT INTO routes AS t (route, trunk, prefix, class, hours, priority, cost, last_node, "
          "last_index) SELECT e.r->>'route', " TEXT("trunk") ", " TEXT("prefix") ", " TEXT("class")
          ", " TEXT("hours") ", " INT("priority") ", " INT("cost") ", e.n, e.i FROM e ON CONFLICT "
          "(route) DO UPDATE SET trunk = excluded.trunk, prefix = excluded.prefix, class = "
          "excluded.class, hours = excluded.hours, priority = excluded.priority, cost = "
          "excluded.cost, removed_at = NULL, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE t.last_node <> excluded.last_node OR t.last_index < "
          "excluded.last_index");
STATEMENT(route_remove,
          "UPDATE routes t SET removed_at = " TIME ", " CHANGED " FROM e WHERE t.route = "
          "e.r->>'route' AND " NEWER("t"));
STATEMENT(trunk_principal,
          "INSERT INTO principals AS t (principal, kind, created_at, last_node, last_index) "
          "SELECT 'trunk:' || (e.r->>'trunk'), 'trunk', " TIME ", e.n, e.i FROM e ON CONFLICT "
          "(principal) DO UPDATE SET disabled = false, last_node = excluded.last_node, "
          "last_index = excluded.last_index WHERE t.last_node <> excluded.last_node OR "
          "t.last_index < excluded.last_index");
STATEMENT(trunk_remove,
          "UPDATE trunks t SET removed_at = " TIME ", " CHANGED " FROM e WHERE t.trunk = "
          "e.r->>'trunk' AND " NEWER("t"));
STATEMENT(trunk_principal_disable,
          "UPDATE principals t SET disabled = true, " CHANGED " FROM e WHERE t.principal = "
          "'trunk:' || (e.r->>'trunk') AND " NEWER("t"));

/* Devices */

STATEMENT(device_add,
          "INSERT INTO devices AS t (device, extension, user_name, realm, secret, calls, tls_name, nat, "
          "last_node, last_index) SELECT e.r->>'device', " OWN("extension") ", " TEXT("user") ", "
          TEXT("realm") ", " TEXT("secret") ", coalesce(e.r->>'calls', 'store'), "
          TEXT("tls_name") ", " INT("nat") " <> 0, e.n, e.i FROM e ON CONFLICT (device) DO UPDATE SET "
          "extension = excluded.extension, user_name = excluded.user_name, realm = "
          "excluded.realm, secret = excluded.secret, calls = excluded.calls, tls_name = "
          "excluded.tls_name, nat = excluded.nat, removed_at = NULL, last_node = "
          "excluded.last_node, last_index = excluded.last_index WHERE t.last_node <> "
          "excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(device_change,
          "UPDATE devices t SET user_name = " TEXT("user") ", realm = " TEXT("realm")
          ", secret = " TEXT("secret") ", " CHANGED " FROM e WHERE t.device = e.r->>'device' AND "
          NEWER("t"));
STATEMENT(device_terms,
          "UPDATE devices t SET calls = " TEXT("calls") ", tls_name = " TEXT("tls_name") ", nat = " INT("nat") " <> 0, "
          CHANGED " FROM e WHERE t.device = e.r->>'device' AND " NEWER("t"));
STATEMENT(device_principal,
          "INSERT INTO principals AS t (principal, kind, created_at, last_node, last_index) "
          "SELECT 'device:' || (e.r->>'device'), 'device', " TIME ", e.n, e.i FROM e ON CONFLICT "
          "(principal) DO UPDATE SET disabled = false, last_node = excluded.last_node, "
          "last_index = excluded.last_index WHERE t.last_node <> excluded.last_node OR "
          "t.last_index < excluded.last_index");
STATEMENT(device_remove,
          "UPDATE devices t SET removed_at = " TIME ", secret = '', " CHANGED
          " FROM e WHERE t.device = e.r->>'device' AND " NEWER("t"));
STATEMENT(device_principal_disable,
          "UPDATE principals t SET disabled = true, " CHANGED " FROM e WHERE t.principal = "
          "'device:' || (e.r->>'device') AND " NEWER("t"));
STATEMENT(device_principal_enable,
          "UPDATE principals t SET disabled = false, " CHANGED " FROM e WHERE t.principal = "
          "'device:' || (e.r->>'device') AND " NEWER("t"));
/* Who registered by the certificate of before does not stay. */
STATEMENT(device_terms_bindings,
          "UPDATE device_bindings t SET gone_at = " TIME ", " CHANGED " FROM e WHERE t.device = "
          "e.r->>'device' AND " INT("certificate") " <> 0 AND t.gone_at IS NULL AND " NEWER("t"));
STATEMENT(binding_add,
          "INSERT INTO device_bindings AS t (device, contact, address, transport, expires, "
          "registered_at, last_node, last_index) SELECT e.r->>'device', " OWN("contact") ", "
          OWN("peer") ", " TEXT("transport") ", " INT("expires") ", " TIME ", e.n, e.i FROM e "
          "ON CONFLICT (device, contact) DO UPDATE SET address = excluded.address, transport = "
          "excluded.transport, expires = excluded.expires, registered_at = "
          "excluded.registered_at, gone_at = NULL, last_node = excluded.last_node, last_index = "
          "excluded.last_index WHERE t.last_node <> excluded.last_node OR t.last_index < "
          "excluded.last_index");
STATEMENT(binding_remove,
          "UPDATE device_bindings t SET gone_at = " TIME ", " CHANGED " FROM e WHERE t.device = "
          "e.r->>'device' AND t.contact = " OWN("contact") " AND " NEWER("t"));
STATEMENT(bindings_remove,
          "UPDATE device_bindings t SET gone_at = " TIME ", " CHANGED " FROM e WHERE t.device = "
          "e.r->>'device' AND t.gone_at IS NULL AND " NEWER("t"));

/* Credentials of principals */

STATEMENT(credential_set,
          "INSERT INTO credentials AS t (user_name, principal, sealed, last_node, last_index) SELECT "
          OWN("user") ", " TEXT("principal") ", " TEXT("sealed") ", e.n, e.i FROM e ON CONFLICT "
          "(user_name) DO UPDATE SET principal = excluded.principal, sealed = excluded.sealed, "
          "revoked_at = NULL, last_node = excluded.last_node, last_index = excluded.last_index WHERE "
          "t.last_node <> excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(credential_revoke,
          "UPDATE credentials t SET revoked_at = " TIME ", sealed = '', " CHANGED " FROM e WHERE "
          "t.user_name = " OWN("user") " AND t.revoked_at IS NULL AND " NEWER("t"));

/* Credentials of trunks and registrations with them */

STATEMENT(trunk_credential_set,
          "INSERT INTO trunk_credentials AS t (trunk, realm, auth_user, sealed, last_node, "
          "last_index) SELECT e.r->>'trunk', e.r->>'realm', " OWN("user") ", e.r->>'sealed', "
          "e.n, e.i FROM e ON CONFLICT (trunk, realm) DO UPDATE SET auth_user = "
          "excluded.auth_user, sealed = excluded.sealed, removed_at = NULL, last_node = "
          "excluded.last_node, last_index = excluded.last_index WHERE t.last_node <> "
          "excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(trunk_credential_remove,
          "UPDATE trunk_credentials t SET removed_at = " TIME ", auth_user = '', sealed = '', "
          CHANGED " FROM e WHERE t.trunk = e.r->>'trunk' AND coalesce(e.r->>'realm', t.realm) = "
          "t.realm AND t.removed_at IS NULL AND " NEWER("t"));
STATEMENT(trunk_registration_set,
          "INSERT INTO trunk_registrations AS t (trunk, auth_user, domain, expires, last_node, "
          "last_index) SELECT e.r->>'trunk', " OWN("user") ", " TEXT("domain") ", "
          INT("expires") ", e.n, e.i FROM e ON CONFLICT (trunk) DO UPDATE SET auth_user = "
          "excluded.auth_user, domain = excluded.domain, expires = excluded.expires, removed_at "
          "= NULL, last_node = excluded.last_node, last_index = excluded.last_index WHERE "
          "t.last_node <> excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(trunk_registration_remove,
          "UPDATE trunk_registrations t SET removed_at = " TIME ", auth_user = '', " CHANGED
          " FROM e WHERE t.trunk = e.r->>'trunk' AND t.removed_at IS NULL AND " NEWER("t"));

/* Faxes */

STATEMENT(fax_submit,
          "INSERT INTO faxes (fax, direction, state, from_number, to_number, mailbox, class, "
          "pages, principal, idempotency_key, kek, document, node, created_at, mail, mail_recipient, "
          "priority, next_attempt_at, last_node, last_index) SELECT " FAX ", 'out', 'queued', " OWN("from") ", " OWN("to") ", "
          TEXT("mailbox") ", " TEXT("class") ", " INT("pages") ", " TEXT("principal") ", "
          TEXT("idempotency_key") ", " TEXT("kek") ", " TEXT("document") ", e.n, " TIME
          ", nullif(" TEXT("mail") ", '')::uuid, " INT("mail_recipient") ", " INT("priority")
          ", micro_time(nullif(" BIG("not_before") ", 0) * 1000000), e.n, e.i FROM e "
          "ON CONFLICT (fax) DO NOTHING");
STATEMENT(submission_add,
          "INSERT INTO submissions (principal, idempotency_key, fax) SELECT e.r->>'principal', "
          "e.r->>'idempotency_key', " FAX " FROM e WHERE " TEXT("idempotency_key")
          " <> '' ON CONFLICT (principal, idempotency_key) DO NOTHING");
STATEMENT(fax_offer,
          "INSERT INTO faxes (fax, direction, state, from_number, to_number, mailbox, class, "
          "trunk, call_id, kek, bridged, node, created_at, last_node, last_index) SELECT " FAX
          ", 'in', 'receiving', " OWN("from") ", " OWN("to") ", " TEXT("mailbox") ", "
          TEXT("class") ", " TEXT("trunk") ", " TEXT("call_id") ", " TEXT("kek") ", "
          INT("bridged") " <> 0, e.n, " TIME ", e.n, e.i FROM e ON CONFLICT (fax) DO NOTHING");
STATEMENT(fax_complete,
          "UPDATE faxes t SET state = e.r->>'state', reason = " TEXT("reason") ", pages = CASE "
          "t.direction WHEN 'in' THEN " INT("pages") " ELSE t.pages END, completed_at = " TIME
          ", disposal_at = micro_time(nullif(" BIG("disposal") ", 0) * 1000000), forward = "
          TEXT("forward") ", mail_due = " TEXT("mail_due") ", " CHANGED
          " FROM e WHERE t.fax = " FAX " AND " NEWER("t"));
/* The received fax and the one that is made of it, whose pages are the same. */
STATEMENT(fax_forward,
          "INSERT INTO faxes (fax, direction, state, from_number, to_number, mailbox, class, "
          "pages, principal, document, node, created_at, source, source_attempt, last_node, "
          "last_index) SELECT " FAX ", 'out', 'queued', " OWN("from") ", " OWN("to") ", "
          TEXT("mailbox") ", " TEXT("class") ", " INT("pages") ", " TEXT("principal") ", '', e.n, "
          TIME ", (e.r->>'source')::uuid, " INT("source_attempt")
          ", e.n, e.i FROM e ON CONFLICT (fax) DO NOTHING");
STATEMENT(fax_forward_pages,
          "INSERT INTO pages (fax, stream, attempt, page, width, rows, x_dpi, y_dpi, coding, "
          "octets, \"offset\", length, digest, last_node, last_index) SELECT " FAX
          ", 'document', 0, p.page, p.width, p.rows, p.x_dpi, p.y_dpi, p.coding, p.octets, "
          "p.\"offset\", p.length, p.digest, e.n, e.i FROM e JOIN pages p ON p.fax = "
          "(e.r->>'source')::uuid AND p.stream = 'received' AND p.attempt = "
          INT("source_attempt") " ON CONFLICT (fax, stream, attempt, page) DO NOTHING");
STATEMENT(fax_forward_done,
          "UPDATE faxes t SET forward = '', " CHANGED " FROM e WHERE t.fax = "
          "(e.r->>'source')::uuid AND " NEWER("t"));
STATEMENT(fax_report_done,
          "UPDATE faxes t SET forward = '', " CHANGED " FROM e WHERE t.fax = " FAX
          " AND " NEWER("t"));
STATEMENT(fax_requeue,
          "UPDATE faxes t SET state = 'queued', reason = " TEXT("reason") ", next_attempt_at = "
          "micro_time(" BIG("next_attempt") " * 1000000), next_max_rate = " INT("max_rate")
          ", next_ecm = " INT("ecm") ", " CHANGED " FROM e WHERE t.fax = " FAX " AND " NEWER("t"));
STATEMENT(fax_dispose,
          "UPDATE faxes t SET disposed_at = " TIME ", " CHANGED " FROM e WHERE t.fax = " FAX
          " AND " NEWER("t"));

/* Attempts. An inbound fax has no attempt.started: its row is made by what comes first. */

STATEMENT(attempt_start,
          "INSERT INTO attempts (fax, attempt, trunk, call_id, started_at, last_node, "
          "last_index) SELECT " FAX ", " INT("attempt") ", " TEXT("trunk") ", " TEXT("call_id")
          ", " TIME ", e.n, e.i FROM e ON CONFLICT (fax, attempt) DO NOTHING");
STATEMENT(fax_sending,
          "UPDATE faxes t SET state = CASE t.direction WHEN 'out' THEN 'sending' ELSE t.state "
          "END, trunk = " TEXT("trunk") ", call_id = " TEXT("call_id") ", attempts = "
          "greatest(t.attempts, " INT("attempt") "), " CHANGED " FROM e WHERE t.fax = " FAX
          " AND " NEWER("t"));
STATEMENT(attempt_reroute,
          "UPDATE attempts t SET trunk = " TEXT("trunk") ", " CHANGED " FROM e WHERE t.fax = " FAX
          " AND t.attempt = " INT("attempt") " AND " NEWER("t"));
STATEMENT(fax_reroute,
          "UPDATE faxes t SET trunk = " TEXT("trunk") ", " CHANGED " FROM e WHERE t.fax = " FAX
          " AND " NEWER("t"));
STATEMENT(attempt_media,
          "INSERT INTO attempts AS t (fax, attempt, trunk, call_id, media_started_at, last_node, "
          "last_index) SELECT " FAX ", " INT("attempt") ", f.trunk, f.call_id, " TIME
          ", e.n, e.i FROM e JOIN faxes f ON f.fax = " FAX " ON CONFLICT (fax, attempt) DO "
          "UPDATE SET media_started_at = excluded.media_started_at, last_node = "
          "excluded.last_node, last_index = excluded.last_index WHERE t.last_node <> "
          "excluded.last_node OR t.last_index < excluded.last_index");
STATEMENT(attempt_end,
          "INSERT INTO attempts AS t (fax, attempt, trunk, call_id, ended_at, outcome, sip_code, "
          "t30_result, text, rate, modem, media, ecm, retransmissions, peer_ident, pages, seconds, "
          "signalling, protection, express, last_node, last_index) SELECT " FAX ", " INT("attempt") ", f.trunk, f.call_id, " TIME
          ", " TEXT("outcome") ", " INT("sip_code") ", " INT("t30_result") ", " TEXT("text") ", "
          INT("rate") ", " TEXT("modem") ", " TEXT("media") ", " INT("ecm") ", " INT("retransmissions") ", "
          OWN("peer_ident") ", " INT("pages") ", " INT("seconds") ", " TEXT("signalling") ", "
          TEXT("protection") ", " INT("express") " <> 0, e.n, e.i "
          "FROM e JOIN faxes f ON f.fax = " FAX " ON CONFLICT (fax, attempt) DO UPDATE SET "
          "ended_at = excluded.ended_at, outcome = excluded.outcome, "
          "sip_code = excluded.sip_code, t30_result = excluded.t30_result, "
          "text = excluded.text, rate = excluded.rate, modem = excluded.modem, "
          "media = excluded.media, "
          "ecm = excluded.ecm, retransmissions = excluded.retransmissions, "
          "peer_ident = excluded.peer_ident, pages = excluded.pages, "
          "seconds = excluded.seconds, signalling = excluded.signalling, "
          "protection = excluded.protection, express = excluded.express, last_node = excluded.last_node, "
          "last_index = excluded.last_index "
          "WHERE t.last_node <> excluded.last_node OR t.last_index < excluded.last_index");

/* Pages */

STATEMENT(page_submit,
          "INSERT INTO pages (fax, stream, attempt, page, width, rows, x_dpi, y_dpi, coding, "
          "octets, \"offset\", length, digest, last_node, last_index) SELECT " FAX
          ", 'document', 0, " INT("page") ", " INT("width") ", " INT("rows") ", " INT("x_dpi")
          ", " INT("y_dpi") ", " INT("coding") ", " BIG("octets") ", " BIG("offset") ", "
          BIG("length") ", " TEXT("digest") ", e.n, e.i FROM e ON CONFLICT (fax, stream, "
          "attempt, page) DO NOTHING");
STATEMENT(page_receive,
          "INSERT INTO pages (fax, stream, attempt, page, width, rows, x_dpi, y_dpi, coding, "
          "octets, \"offset\", length, digest, last_node, last_index) SELECT " FAX
          ", 'received', " INT("attempt") ", " INT("page") ", " INT("width") ", " INT("rows") ", "
          INT("x_dpi") ", " INT("y_dpi") ", " INT("coding") ", " BIG("octets") ", "
          BIG("offset") ", " BIG("length") ", " TEXT("digest")
          ", e.n, e.i FROM e ON CONFLICT (fax, stream, attempt, page) DO NOTHING");
STATEMENT(fax_page_count,
          "UPDATE faxes t SET pages = greatest(t.pages, " INT("page") "), " CHANGED
          " FROM e WHERE t.fax = " FAX " AND " NEWER("t"));
STATEMENT(page_sent,
          "UPDATE pages t SET confirmed_at = " TIME ", " CHANGED " FROM e WHERE t.fax = " FAX
          " AND t.stream = 'document' AND t.page = " INT("page") " AND " NEWER("t"));
STATEMENT(page_confirmed,
          "UPDATE pages t SET confirmed_at = " TIME ", " CHANGED " FROM e WHERE t.fax = " FAX
          " AND t.stream = 'received' AND t.attempt = " INT("attempt") " AND t.page = "
          INT("page") " AND " NEWER("t"));
STATEMENT(fax_confirmed,
          "UPDATE faxes t SET pages_confirmed = greatest(t.pages_confirmed, " INT("page") "), "
          CHANGED " FROM e WHERE t.fax = " FAX " AND " NEWER("t"));

/* Bridged calls */

STATEMENT(bridge_start,
          "INSERT INTO bridges (bridge, caller, target, from_number, to_number, mailbox, call_id, "
          "node, started_at, last_node, last_index) SELECT " FAX ", " TEXT("caller") ", "
          TEXT("target") ", " OWN("from") ", " OWN("to") ", " TEXT("mailbox") ", " TEXT("call_id")
          ", e.n, " TIME ", e.n, e.i FROM e ON CONFLICT (bridge) DO NOTHING");
STATEMENT(bridge_reroute,
          "UPDATE bridges t SET target = " TEXT("target") ", " CHANGED " FROM e WHERE t.bridge = "
          FAX " AND " NEWER("t"));
STATEMENT(bridge_end,
          "UPDATE bridges t SET state = " TEXT("state") ", reason = " TEXT("reason") ", sip_code = "
          INT("sip_code") ", pages = " INT("pages") ", rate = " INT("rate") ", ecm = " INT("ecm")
          ", caller_media = " TEXT("caller_media") ", called_media = " TEXT("called_media")
          ", seconds = " INT("seconds") ", ended_at = " TIME ", " CHANGED " FROM e WHERE t.bridge = "
          FAX " AND " NEWER("t"));

STATEMENT(checkpoint_add,
          "INSERT INTO checkpoints (node, size, root, note, time, index) SELECT e.n, "
          "(e.r->>'size')::bigint, e.r->>'root', e.r->>'note', " TIME ", e.i FROM e ON CONFLICT "
          "(node, size, index) DO NOTHING");

/* clang-format on */

static const struct projection projections[] = {
    {"admin.initialised", {&principal_add, &account_add, &administrator_grant}, ONE_OF_A_FAX},
    {"attempt.ended", {&attempt_end}, ONE_OF_A_FAX},
    {"attempt.rerouted", {&attempt_reroute, &fax_reroute}, ONE_OF_A_FAX},
    {"attempt.started", {&attempt_start, &fax_sending}, ONE_OF_A_FAX},
    {"audit.checkpoint", {&checkpoint_add}, ONE_OF_A_FAX},
    {"bridge.ended", {&bridge_end}, ONE_OF_A_FAX},
    {"bridge.rerouted", {&bridge_reroute}, ONE_OF_A_FAX},
    {"bridge.started", {&bridge_start}, ONE_OF_A_FAX},
    {"credential.revoked", {&credential_revoke}, ONE_OF_A_FAX},
    {"credential.set", {&credential_set}, ONE_OF_A_FAX},
    {"device.changed", {&device_change, &bindings_remove}, ONE_OF_A_FAX},
    {"device.created", {&device_add, &device_principal}, ONE_OF_A_FAX},
    {"device.disabled", {&device_principal_disable, &bindings_remove}, ONE_OF_A_FAX},
    {"device.enabled", {&device_principal_enable}, ONE_OF_A_FAX},
    {"device.expired", {&binding_remove}, ONE_OF_A_FAX},
    {"device.registered", {&binding_add}, ONE_OF_A_FAX},
    {"device.removed", {&device_remove, &device_principal_disable, &bindings_remove}, ONE_OF_A_FAX},
    {"device.terms_set", {&device_terms, &device_terms_bindings}, ONE_OF_A_FAX},
    {"fax.completed", {&fax_complete}, ONE_OF_A_FAX},
    {"fax.disposed", {&fax_dispose}, ONE_OF_A_FAX},
    {"fax.forwarded", {&fax_forward, &fax_forward_pages, &fax_forward_done}, BETWEEN_FAXES},
    {"fax.offered", {&fax_offer}, ONE_OF_A_FAX},
    {"fax.reported", {&fax_report_done}, ONE_OF_A_FAX},
    {"fax.requeued", {&fax_requeue}, ONE_OF_A_FAX},
    {"fax.submitted", {&fax_submit, &submission_add}, ONE_OF_A_FAX},
    {"grant.created", {&grant_add}, ONE_OF_A_FAX},
    {"grant.revoked", {&grant_revoke}, ONE_OF_A_FAX},
    {"mailbox.changed", {&mailbox_set}, ONE_OF_A_FAX},
    {"mailbox.created", {&mailbox_set}, ONE_OF_A_FAX},
    {"media.started", {&attempt_media}, ONE_OF_A_FAX},
    {"number.assigned", {&number_assign}, ONE_OF_A_FAX},
    {"number.removed", {&number_remove}, ONE_OF_A_FAX},
    {"page.confirmed", {&page_confirmed, &fax_confirmed}, ONE_OF_A_FAX},
    {"page.received", {&page_receive, &fax_page_count}, ONE_OF_A_FAX},
    {"page.sent", {&page_sent, &fax_confirmed}, ONE_OF_A_FAX},
    {"page.submitted", {&page_submit}, MANY_OF_A_FAX},
    {"principal.created", {&principal_add, &account_add}, ONE_OF_A_FAX},
    {"principal.disabled", {&principal_disable}, ONE_OF_A_FAX},
    {"principal.enabled", {&principal_enable}, ONE_OF_A_FAX},
    {"role.changed", {&role_add}, ONE_OF_A_FAX},
    {"role.created", {&role_add}, ONE_OF_A_FAX},
    {"role.removed", {&role_remove}, ONE_OF_A_FAX},
    {"route.created", {&route_add}, ONE_OF_A_FAX},
    {"route.removed", {&route_remove}, ONE_OF_A_FAX},
    {"trunk.changed", {&trunk_add, &trunk_routing}, ONE_OF_A_FAX},
    {"trunk.created", {&trunk_add, &trunk_routing, &trunk_principal}, ONE_OF_A_FAX},
    {"trunk.credential_removed", {&trunk_credential_remove}, ONE_OF_A_FAX},
    {"trunk.credential_set", {&trunk_credential_set}, ONE_OF_A_FAX},
    {"trunk.identity_set", {&trunk_terms}, ONE_OF_A_FAX}, /* of version 0.1 */
    {"trunk.registration_removed", {&trunk_registration_remove}, ONE_OF_A_FAX},
    {"trunk.registration_set", {&trunk_registration_set}, ONE_OF_A_FAX},
    {"trunk.removed",
     {&trunk_remove, &trunk_principal_disable, &trunk_credential_remove,
      &trunk_registration_remove},
     ONE_OF_A_FAX},
    {"trunk.terms_set", {&trunk_terms}, ONE_OF_A_FAX},
};

const struct projection *projection_find(const char *event)
{
    for (size_t i = 0; i < sizeof(projections) / sizeof(*projections); i++)
        if (strcmp(projections[i].event, event) == 0)
            return &projections[i];
    return projection_find_mail(event);
}
